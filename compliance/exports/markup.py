"""Rows as XML 1.0: a mapping's names are elements, in its order. Pure."""

import re
from typing import Final

from compliance.exports.kind import Row

CONTENT: Final = ""
"""The name, in a mapping, of what an element holds beside its attributes."""

ATTRIBUTE: Final = "@"
"""Before the name of an attribute."""

_NO_XML: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 has not, not even escaped, and those that readers change or drop."""

_ESCAPES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_ESCAPED: Final = re.compile('[&<>"]')

Value = str | bool | int | Row | list[Row] | list[str]


def plain(text: str) -> str:
    """Text with what XML cannot hold spelled out."""
    return _NO_XML.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def element(name: str, value: Value) -> str:
    """An element; of a list one for each thing in it."""
    match value:
        case list():
            return "".join(element(name, each) for each in value)
        case dict():
            attributes = "".join(
                f' {key[1:]}="{_text(held)}"'
                for key, held in value.items()
                if key.startswith(ATTRIBUTE)
            )
            return f"<{name}{attributes}>{_inside(value)}</{name}>"
        case _:
            return f"<{name}>{_text(value)}</{name}>"


def comment(text: str) -> str:
    """A comment, which is for whoever reads it and no part of the document."""
    return f"<!-- {re.sub('-(?=-)', '- ', plain(text))} -->"


def _inside(row: Row) -> str:
    return "".join(
        _text(value) if key == CONTENT else element(key, value)
        for key, value in row.items()
        if not key.startswith(ATTRIBUTE)
    )


def _text(value: str | bool | int) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], plain(str(value)))
