"""What reconciling tells people. Amounts are texts of whole numbers: JSON has 53 bits.

Units are the ledger's: of each asset the smaller of the venue's minor and the chain's atomic unit.
"""

from typing import Final

import msgspec
from msgspec import Struct


class Difference(Struct, frozen=True):
    """What ledger and engine have different. what: whose, and of what; units of the ledger."""

    what: str
    ledger: str
    engine: str


class EngineLook(Struct, frozen=True):
    """Ledger beside engine, after record `record` of the journal and batch `seq` of the ledger.

    compared: balances; holds: withdrawals that are held. records: how many were compared one by
    one, 0: only the last state. differences: the first ones.
    """

    record: int
    seq: int
    digest: str
    state_hash: str
    compared: int
    holds: int
    records: int
    differences: tuple[Difference, ...]

    @property
    def agree(self) -> bool:
        """Whether both have the same."""
        return not self.differences


class AssetLook(Struct, frozen=True):
    """An asset in the books and on the chain.

    ledger: at all addresses, by the books. in_flight: what the chain has beyond them because it is
    under way, and known. on_chain: what the nodes agree on; where they do not, nothing. clients:
    what members have, held money included. arriving: final deposits that nobody has yet. leaving:
    paid on the chain, still members' at the venue. opening: what wallets had at first, less
    what accounts were given without coins. suspense: differences that nobody has explained.
    shortfall: what is owed and not there.
    """

    code: str
    ledger: str
    in_flight: str
    on_chain: str
    clients: str
    arriving: str
    leaving: str
    opening: str
    suspense: str
    shortfall: str


class Break(Struct, frozen=True):
    """A difference that nothing explains. amount: on the chain beyond the books, below 0 if less.
    since: ns UTC. block: the last one that it was found at."""

    asset: str
    address: str
    amount: str
    since: int
    block: int


class Undecided(Struct, frozen=True):
    """An address that could not be compared, and why."""

    asset: str
    address: str
    why: str


class Holding(Struct, frozen=True):
    """What an address has. amount: atomic units of the chain."""

    asset: str
    address: str
    amount: str


class ChainLook(Struct, frozen=True):
    """Books beside chain, at one final block that has been looked through. looked: ns UTC.

    record, seq: of journal and ledger, when the look began. holdings: all addresses that have
    something. mismatched: differences that deposits explain which a person has to judge.
    """

    block: int
    hash: str
    time: int
    looked: int
    record: int
    seq: int
    compared: int
    assets: tuple[AssetLook, ...]
    breaks: tuple[Break, ...]
    undecided: tuple[Undecided, ...]
    mismatched: tuple[Break, ...]
    holdings: tuple[Holding, ...]


MAX_SHOWN: Final = 1_000
"""Entries of a list in a report: what is more is counted, not listed."""

encode = msgspec.json.Encoder().encode
decode_look = msgspec.json.Decoder(ChainLook).decode
