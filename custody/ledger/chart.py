"""The chart of accounts: which there are, by the names that reports show.

| account, per asset | kind | may not |
|---|---|---|
| client/ID | liability | be overdrawn; what is pending of it is held |
| client/ID/owed | asset: what a client owes after a deposit that never came | |
| fees/trading, fees/withdrawal | revenue | |
| house/opening | equity: what accounts were given before there was a chain | |
| house/dust | equity: what the venue's units are too coarse for | |
| house/gas, house/loss | expense | |
| house/found | revenue: what the chain has and nobody explains; what returns kept for their gas | |
| chain/ADDRESS | asset: what is at an address | give what it has not |
| deposits/incoming | liability: final on the chain, not credited yet | be credited unseen |
| withdrawals/payable | liability: what is held and may still come back is pending on it | |
| withdrawals/outgoing | asset: gone on the chain, not settled yet | be settled before it is gone |
| suspense/WHY | liability: nobody knows yet whose it is | |
"""

from typing import Final, NamedTuple

from custody.ledger.accounts import Guard, Kind

SUSPENSE_PATH: Final = "/suspense/"
"""What the names of all suspense accounts have in them."""


class Place(NamedTuple):
    """What an account of the chart is opened as: see Ledger.open."""

    name: str
    kind: Kind
    guard: Guard = Guard.NONE


def client(asset: str, account: int) -> Place:
    """What the venue owes an account of a member. account: its id in the journal."""
    return Place(f"{asset}/client/{account}", Kind.LIABILITY, Guard.DEBITS)


def owed(asset: str, account: int) -> Place:
    """What an account of a member owes the venue."""
    return Place(f"{asset}/client/{account}/owed", Kind.ASSET)


def trading_fees(asset: str) -> Place:
    """What members paid for trades."""
    return Place(f"{asset}/fees/trading", Kind.REVENUE)


def withdrawal_fees(asset: str) -> Place:
    """What members paid for withdrawals."""
    return Place(f"{asset}/fees/withdrawal", Kind.REVENUE)


def opening(asset: str) -> Place:
    """The other side of opening entries."""
    return Place(f"{asset}/house/opening", Kind.EQUITY)


def dust(asset: str) -> Place:
    """Parts of the venue's smallest unit that deposits brought."""
    return Place(f"{asset}/house/dust", Kind.EQUITY)


def gas(asset: str) -> Place:
    """What transactions of the venue's own cost. asset: the chain's own coin."""
    return Place(f"{asset}/house/gas", Kind.EXPENSE)


def loss(asset: str) -> Place:
    """What the chain took back, or has not and nobody can explain."""
    return Place(f"{asset}/house/loss", Kind.EXPENSE)


def found(asset: str) -> Place:
    """What the chain has beyond the books and nobody can explain, and what was kept back of returns
    for their gas."""
    return Place(f"{asset}/house/found", Kind.REVENUE)


def chain(asset: str, address: str) -> Place:
    """What is at an address of the venue's. address: `0x` and 40 lower-case hex digits."""
    return Place(f"{asset}/chain/{address}", Kind.ASSET, Guard.CREDITS)


def incoming(asset: str) -> Place:
    """Deposits that are final and not credited yet."""
    return Place(f"{asset}/deposits/incoming", Kind.LIABILITY, Guard.DEBITS)


def payable(asset: str) -> Place:
    """Withdrawals that are held: pending, for nothing stays here."""
    return Place(f"{asset}/withdrawals/payable", Kind.LIABILITY)


def outgoing(asset: str) -> Place:
    """Withdrawals that have gone and are not settled yet: what is settled is credited here."""
    return Place(f"{asset}/withdrawals/outgoing", Kind.ASSET, Guard.CREDITS)


def suspense(asset: str, why: str) -> Place:
    """What waits for a person. why: unattributed, quarantine or break."""
    return Place(f"{asset}/suspense/{why}", Kind.LIABILITY)


def client_of(name: str) -> tuple[int, str] | None:
    """The account's id in the journal, and the asset, of a ledger account `ASSET/client/ID`."""
    asset, _, path = name.partition("/")
    kind, _, number = path.partition("/")
    return (int(number), asset) if kind == "client" and number.isdigit() else None


def address_of(name: str) -> tuple[str, str] | None:
    """The asset, and the address, of a ledger account `ASSET/chain/ADDRESS`."""
    asset, _, path = name.partition("/")
    kind, _, address = path.partition("/")
    return (asset, address) if kind == "chain" else None
