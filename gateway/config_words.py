"""What is wrong with a text of the configuration, in words: a pattern says it to nobody."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

_MATCHING: Final = "Expected `str` matching regex "
"""How msgspec begins what it says of a text; the repr of the pattern follows."""


def in_words(text: str, shape: type) -> str:
    """msgspec's text about a value of `shape`, with the description of the pattern instead of it,
    where it has one."""
    if not text.startswith(_MATCHING):
        return text
    pattern = text.removeprefix(_MATCHING)
    for node in _nodes(msgspec.json.schema(shape)):
        if "description" in node and repr(node.get("pattern")) == pattern:
            return f"expected {node['description']}"
    return text


def _nodes(tree: object) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for node in tree:
            yield from _nodes(node)
