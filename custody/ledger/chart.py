"""The chart of accounts: which there are, by the names that reports show.

| account, per asset | kind | may not |
|---|---|---|
| client/ID | liability | be overdrawn; what is pending of it is held |
| fees/trading | revenue | |
| house/opening | equity: what accounts were given before there was a chain | |
"""

from typing import NamedTuple

from custody.ledger.accounts import Guard, Kind


class Place(NamedTuple):
    """What an account of the chart is opened as: see Ledger.open."""

    name: str
    kind: Kind
    guard: Guard = Guard.NONE


def client(asset: str, account: int) -> Place:
    """What the venue owes an account of a member. account: its id in the journal."""
    return Place(f"{asset}/client/{account}", Kind.LIABILITY, Guard.DEBITS)


def trading_fees(asset: str) -> Place:
    """What members paid for trades."""
    return Place(f"{asset}/fees/trading", Kind.REVENUE)


def opening(asset: str) -> Place:
    """The other side of opening entries."""
    return Place(f"{asset}/house/opening", Kind.EQUITY)
