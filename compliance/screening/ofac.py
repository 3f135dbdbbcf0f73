"""OFAC's lists as OFAC publishes them: sdn.csv (or cons_prim.csv), alt.csv, sdn_comments.csv. Pure.

The files have no header; `-0-` is nothing; a line that is a single substitute character (0x1A) ends
some of them. Columns: OFAC's data specification (dat_spec.txt, 2023-09). An alias or a remark that
belongs to nobody on the list is a mistake in how the files were put together, and is refused.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from typing import Final

from compliance.screening.listed import (
    MAX_LISTED,
    MAX_NAME,
    MAX_NAMES,
    Listed,
    ListMalformed,
    SanctionsList,
    version_of,
)

PRIMARY: Final = "sdn.csv"
ALIASES: Final = "alt.csv"
COMMENTS: Final = "sdn_comments.csv"
"""What of a remark is over 1,000 characters. Digital currency addresses are often there."""

FILES: Final = (PRIMARY, ALIASES, COMMENTS)
NEEDED: Final = (PRIMARY, ALIASES)

MAX_FILE_BYTES: Final = 64 * 2**20
"""Largest file, bytes; OFAC's largest has some 5 MiB."""

MAX_FIELD: Final = 20_000
"""Longest field, characters: a remark with all that its entry has of wallets."""

_NOTHING: Final = "-0-"
_END: Final = "\x1a"
_PRIMARY_COLUMNS: Final = 12
_ALIAS_COLUMNS: Final = 5
_COMMENT_COLUMNS: Final = 2
_MAX_NUMBER: Final = 2**31 - 1
_MAX_DIGITS: Final = 10

_WALLET: Final = re.compile(r"Digital Currency Address\s*-\s*([A-Z0-9]{2,12})\s+([^\s;]{8,256})")
"""FAQ 563: a currency's code and an address of up to 256 characters."""


def read_ofac(source: str, files: Mapping[str, bytes]) -> SanctionsList:
    """The list of its files, by name. source: what it is to be called. Raises ListMalformed."""
    for name in NEEDED:
        if name not in files:
            raise ListMalformed(f"{source}: {name} is missing")
    aliases = _aliases(files[ALIASES])
    comments = _comments(files.get(COMMENTS, b""))
    entries: dict[int, Listed] = {}
    for where, row in _rows(PRIMARY, files[PRIMARY], _PRIMARY_COLUMNS):
        number = _number(where, row[0])
        if number in entries:
            raise ListMalformed(f"{where}: entry {number} is there twice")
        if len(entries) >= MAX_LISTED:
            raise ListMalformed(f"{where}: more than {MAX_LISTED} entries")
        names = (_name(where, row[1]), *aliases.pop(number, ()))
        remarks = row[11] + comments.pop(number, "")
        wallets = tuple(dict.fromkeys(_WALLET.findall(remarks)))
        entries[number] = Listed(number, row[2] or "entity", row[3], names, wallets)
    if not entries:
        raise ListMalformed(f"{source}: nobody is on it")
    for name, rest in ((ALIASES, aliases), (COMMENTS, comments)):
        if rest:
            raise ListMalformed(f"{name}: entry {min(rest)} is not in {PRIMARY}")
    there = [(name, files[name]) for name in FILES if name in files]
    return SanctionsList(source, version_of(there), tuple(entries.values()))


def _aliases(data: bytes) -> dict[int, list[str]]:
    """Other names, by entry."""
    found: dict[int, list[str]] = {}
    for where, row in _rows(ALIASES, data, _ALIAS_COLUMNS):
        names = found.setdefault(_number(where, row[0]), [])
        if len(names) >= MAX_NAMES - 1:
            raise ListMalformed(f"{where}: more than {MAX_NAMES} names")
        names.append(_name(where, row[3]))
    return found


def _comments(data: bytes) -> dict[int, str]:
    """What goes on where a remark ends, by entry."""
    found: dict[int, str] = {}
    for where, row in _rows(COMMENTS, data, _COMMENT_COLUMNS):
        number = _number(where, row[0])
        found[number] = found.get(number, "") + row[1]
    return found


def _rows(name: str, data: bytes, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Rows, each with where it is. What is nothing is empty."""
    if len(data) > MAX_FILE_BYTES:
        raise ListMalformed(f"{name}: {len(data)} bytes; at most {MAX_FILE_BYTES}")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # what older copies are in; each byte is a character
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            where = f"{name}, line {reader.line_num}"
            if not row or row == [_END]:
                continue
            if len(row) != columns:
                raise ListMalformed(f"{where}: {len(row)} columns, not {columns}")
            if any(len(field) > MAX_FIELD for field in row):
                raise ListMalformed(f"{where}: a field of more than {MAX_FIELD} characters")
            yield where, ["" if field.strip() == _NOTHING else field.strip() for field in row]
    except csv.Error as error:
        raise ListMalformed(f"{name}, line {reader.line_num}: {error}") from None


def _number(where: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS):
        raise ListMalformed(f"{where}: {text[:20]!r} is no entry's number")
    number = int(text)
    if number > _MAX_NUMBER:
        raise ListMalformed(f"{where}: {text} is no entry's number")
    return number


def _name(where: str, text: str) -> str:
    if not text or len(text) > MAX_NAME:
        raise ListMalformed(f"{where}: a name has 1 to {MAX_NAME} characters")
    return text
