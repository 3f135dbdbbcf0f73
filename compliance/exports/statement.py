"""Statements: what accounts had, each change of it, and what they have. Pure.

A balance is all that is an account's: what is available and what is held for orders and for
withdrawals on their way. So only what comes, goes or changes hands changes it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from compliance.exports.kind import Column, Kind, Row
from compliance.exports.names import Names, exec_ids
from compliance.exports.times import Period, time_text
from engine.model.commands import Command
from engine.model.enums import BUY
from engine.model.events import (
    Deposited,
    DepositReversed,
    Event,
    OrderFilled,
    WithdrawalSettled,
)
from engine.model.money import format_scaled
from engine.replay import Whole


class Change(NamedTuple):
    """A change of a balance. amount: minor units, below 0 for what goes. what: why. reference: of
    the deposit or withdrawal, or the ExecID(17) of the trade; symbol: of a trade."""

    account: int
    asset: int
    amount: int
    what: str
    reference: str
    symbol: str = ""


_Saved = tuple[list[Command], list[tuple[int, int, int]]]


class Statement:
    """The statements of all members, or of one."""

    def __init__(self, period: Period) -> None:
        self._names = Names()
        self._period = period
        self._balances: dict[tuple[int, int], int] = {}
        """By account and asset, minor units; without those that never had any."""

    def opening(self) -> Iterator[Row]:
        """See Fold."""
        return self._all("opening", self._period.begin)

    def closing(self) -> Iterator[Row]:
        """See Fold. Raises ExportRefused for a member that there is not."""
        self._names.refuse_unknown(self._period.member)
        return self._all("closing", self._period.end)

    def save(self) -> bytes:
        """See Fold."""
        balances = [(*key, amount) for key, amount in self._balances.items()]
        return msgspec.msgpack.encode((self._names.save(), balances))

    def load(self, data: bytes) -> None:
        """See Fold."""
        names, balances = msgspec.msgpack.decode(data, type=_Saved)
        self._names.load(names)
        self._balances = {(account, asset): amount for account, asset, amount in balances}

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        if self._names.take(whole):
            return
        for exec_id, event in zip(exec_ids(whole), whole.events, strict=True):
            for change in self._changes(exec_id, event):
                key = change.account, change.asset
                balance = self._balances.get(key, 0) + change.amount
                assert balance >= 0
                self._balances[key] = balance
                if inside and self._concerns(change.account):
                    yield self._change(exec_id, whole.time, change, balance)

    def _changes(self, exec_id: str, event: Event) -> Iterator[Change]:
        match event:
            case Deposited():
                yield Change(event.account, event.asset, event.amount, "deposit", event.reference)
            case DepositReversed():
                taken, why = -event.taken, "deposit reversed"
                yield Change(event.account, event.asset, taken, why, event.reference)
            case WithdrawalSettled():
                account, asset, reference = event.account, event.asset, event.reference
                yield Change(account, asset, -event.amount, "withdrawal", reference)
                if event.fee:
                    yield Change(account, asset, -event.fee, "withdrawal fee", reference)
            case OrderFilled():
                yield from self._trade(exec_id, event)
            case _:
                pass

    def _trade(self, exec_id: str, event: OrderFilled) -> Iterator[Change]:
        instrument = self._names.refdata.instruments[event.instrument]
        base = event.last_qty * instrument.base_per_lot
        quote = event.last_qty * event.last_price * instrument.quote_per_tick_lot
        sign, what = (1, "bought") if event.side == BUY else (-1, "sold")
        account, symbol = event.account, instrument.symbol
        yield Change(account, instrument.base.id, sign * base, what, exec_id, symbol)
        yield Change(account, instrument.quote.id, -sign * quote, what, exec_id, symbol)
        if event.fee:
            yield Change(account, instrument.quote.id, -event.fee, "fee", exec_id, symbol)

    # --- rows ---------------------------------------------------------------------------------

    def _concerns(self, account: int) -> bool:
        owner = self._names.refdata.accounts[account].member
        return not self._period.member or self._names.member(owner) == self._period.member

    def _all(self, row: str, time: int) -> Iterator[Row]:
        for account in self._names.refdata.accounts:
            if self._concerns(account):
                for asset in self._names.refdata.assets:
                    balance = self._balances.get((account, asset), 0)
                    yield self._row(row, time, account, asset, balance)

    def _row(self, row: str, time: int, account: int, asset: int, balance: int) -> Row:
        known = self._names.refdata
        return {
            "row": row,
            "time": time_text(time),
            "member": self._names.member(known.accounts[account].member),
            "account": known.accounts[account].name,
            "asset": known.assets[asset].code,
            "balance": format_scaled(balance, known.assets[asset].scale).decode(),
        }

    def _change(self, exec_id: str, time: int, change: Change, balance: int) -> Row:
        row = self._row("change", time, change.account, change.asset, balance)
        scale = self._names.refdata.assets[change.asset].scale
        row["amount"] = format_scaled(change.amount, scale).decode()
        row["what"] = change.what
        row["record"] = int(exec_id.partition("-")[0])
        row["reference"] = change.reference
        if change.symbol:
            row["symbol"] = change.symbol
        return row


STATEMENT: Final = Kind(
    "statement",
    1,
    ("csv", "json"),
    Statement,
    (
        Column(("row",)),
        Column(("time",), "time"),
        Column(("member",)),
        Column(("account",)),
        Column(("asset",)),
        Column(("amount",), "decimal"),
        Column(("balance",), "decimal"),
        Column(("what",)),
        Column(("symbol",)),
        Column(("record",), "integer"),
        Column(("reference",)),
    ),
    begin=b'{"statement":[',
    by_member=True,
)
