"""Wallet addresses of those who are on sanctions lists: looked up whole, before any name. Pure."""

from collections.abc import Sequence
from typing import Final

from compliance.screening.listed import Listed, SanctionsList
from compliance.screening.verdict import EQUAL, MAX_MATCHES, Match, Verdict

EXACT: Final = "exact"
"""The algorithm, as verdicts name it."""


class Wallets:
    """The addresses of some lists."""

    def __init__(self, lists: Sequence[SanctionsList]) -> None:
        self._versions = tuple((one.source, one.version) for one in lists)
        self._found: dict[str, list[tuple[str, Listed]]] = {}
        for one in lists:
            for entry in one.entries:
                for _, address in entry.wallets:
                    self._found.setdefault(_plain(address), []).append((one.source, entry))

    def __len__(self) -> int:
        return len(self._found)

    def screen(self, address: str) -> Verdict:
        """Whether an address is on a list, whatever its currency: one key has the same address on
        many chains."""
        found = self._found.get(_plain(address), [])
        matches = tuple(Match(source, e.number, e.names[0], EQUAL) for source, e in found)
        return Verdict(EXACT, EQUAL, self._versions, matches[:MAX_MATCHES])


def _plain(address: str) -> str:
    """An address as it is looked up: in hex there is no case, and Bech32 in capitals is the same
    in small letters (BIP-173). In Base58 every letter's case counts."""
    is_hex = address[:2].lower() == "0x"
    return address.lower() if is_hex or address == address.upper() else address
