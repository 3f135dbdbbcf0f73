"""Who is on a sanctions list, and which list it was. Pure."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Final

from msgspec import Struct

from engine.model.errors import FixgateError

MAX_LISTED: Final = 200_000
"""Entries of one list: ten times as many as OFAC's largest one has."""

MAX_NAMES: Final = 500
"""Names of one entry; the longest list of aliases in OFAC's has fewer than 100."""

MAX_NAME: Final = 350
"""Longest name, characters: OFAC's own (SDN_Name, its data specification)."""


class ListMalformed(FixgateError):
    """What an operator supplied is no such list. A list that cannot be read whole screens nobody:
    a part of it would clear those whom the rest names."""


class Listed(Struct, frozen=True):
    """A person, an entity, a vessel or an aircraft. number: the list's own, ent_num of OFAC's.
    names: the first one is the list's main one. programs: why, in the list's words. wallets: as
    (currency, address), both as the list writes them."""

    number: int
    kind: str
    programs: str
    names: tuple[str, ...]
    wallets: tuple[tuple[str, str], ...] = ()


class SanctionsList(Struct, frozen=True):
    """All of one. source: what it is called. version: SHA-256 in hex over all of its files, which
    a verdict names, so that it can be looked at again years later."""

    source: str
    version: str
    entries: tuple[Listed, ...]


def version_of(files: Iterable[tuple[str, bytes]]) -> str:
    """The version of a list by its files, each by its name: the names and lengths are in it, so
    that no byte can wander from one into the next."""
    digest = sha256()
    for name, data in sorted(files):
        digest.update(f"{name}\n{len(data)}\n".encode())
        digest.update(data)
    return digest.hexdigest()
