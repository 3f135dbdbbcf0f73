"""Statements and net obligations as people and their programs read them: JSON, CSV.

Amounts are decimal text in the asset's unit, exact.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from custody.settlement.period import Moved, Owner, Period, Standing
from engine.model.errors import OperatorError
from engine.model.money import format_scaled
from engine.model.refdata import ReferenceData

CSV_COLUMNS: Final = ("account", "asset", "line", "received", "paid", "balance", "count")


class Line(Struct, frozen=True):
    """Movements of a kind, summed."""

    kind: str
    received: str
    paid: str
    count: int


class AssetStatement(Struct, frozen=True):
    """opening + sum of the lines = closing; of that `held` is on its way out; `owed` to the
    venue."""

    asset: str
    opening: str
    lines: tuple[Line, ...]
    closing: str
    held: str
    owed: str


class Place(Struct, frozen=True):
    """A place in the ledger: its batch and that one's digest, in hex, and time, ns UTC."""

    seq: int
    digest: str
    time: int


class Statement(Struct, frozen=True):
    """What an account had, what moved, and what it has. opened, closed: the ledger's last batch
    before the period, and in it."""

    account: str
    member: str
    opened: Place
    closed: Place
    assets: tuple[AssetStatement, ...]


class NetLine(Struct, frozen=True):
    """A party's trades in an asset: net = received - paid - fees; below 0 it is to be delivered.
    party: an account; empty for the venue."""

    party: str
    asset: str
    received: str
    paid: str
    fees: str
    net: str


class Netting(Struct, frozen=True):
    """Net obligations of all; of each asset they come to nothing."""

    opened: Place
    closed: Place
    lines: tuple[NetLine, ...]


class Writer:
    """Writes a period down. decimals: of the ledger's units, by asset; of others the venue's."""

    def __init__(self, period: Period, refdata: ReferenceData, decimals: Mapping[str, int]) -> None:
        self._period = period
        self._refdata = refdata
        scales = {asset.code: asset.scale for asset in refdata.assets.values()}
        self._decimals = {**scales, **decimals}
        self.opened = Place(period.first.seq, period.first.digest.hex(), period.first.time)
        self.closed = Place(period.last.seq, period.last.digest.hex(), period.last.time)

    def statement(self, name: str) -> Statement:
        """Of one account. Raises OperatorError if there is none of that name."""
        account = next((a for a in self._refdata.accounts.values() if a.name == name), None)
        if account is None:
            known = ", ".join(sorted(a.name for a in self._refdata.accounts.values())[:20])
            raise OperatorError(f"there is no account {name}; these are: {known}")
        member = self._refdata.members[account.member].name
        period = self._period
        owners = period.opening.keys() | period.closing.keys() | period.moved.keys()
        assets = sorted(asset for number, asset in owners if number == account.id)
        lines = tuple(self._asset((account.id, asset)) for asset in assets)
        return Statement(name, member, self.opened, self.closed, lines)

    def _asset(self, owner: Owner) -> AssetStatement:
        asset = owner[1]
        opening = self._period.opening.get(owner, Standing())
        closing = self._period.closing.get(owner, Standing())
        kinds = sorted(self._period.moved.get(owner, {}).items())
        lines = tuple(self._line(asset, kind, moved) for kind, moved in kinds)
        return AssetStatement(
            asset, self._text(asset, opening.balance), lines, self._text(asset, closing.balance),
            self._text(asset, closing.held), self._text(asset, closing.owed),
        )  # fmt: skip

    def _line(self, asset: str, kind: str, moved: Moved) -> Line:
        received, paid = self._text(asset, moved.received), self._text(asset, moved.paid)
        return Line(kind, received, paid, moved.count)

    def netting(self) -> Netting:
        """Net obligations of all accounts and the venue."""
        names = {account.id: account.name for account in self._refdata.accounts.values()}
        lines = []
        for o in self._period.obligations():
            amounts = (o.received, o.paid, o.fees, o.net)
            texts = (self._text(o.asset, amount) for amount in amounts)
            lines.append(NetLine(names.get(o.account, ""), o.asset, *texts))
        return Netting(self.opened, self.closed, tuple(lines))

    def _text(self, asset: str, units: int) -> str:
        return format_scaled(units, self._decimals[asset]).decode()


def statement_csv(statement: Statement) -> str:
    """A statement as CSV: of each asset its opening balance, a line a kind, its closing one."""
    rows: list[tuple[object, ...]] = []
    for asset in statement.assets:
        head = statement.account, asset.asset
        rows.append((*head, "opening-balance", "", "", asset.opening, ""))
        rows += [(*head, m.kind, m.received, m.paid, "", m.count) for m in asset.lines]
        rows.append((*head, "closing-balance", "", "", asset.closing, ""))
    return _csv(CSV_COLUMNS, rows)


def netting_csv(netting: Netting) -> str:
    """Net obligations as CSV."""
    columns = NetLine.__struct_fields__
    return _csv(columns, ([getattr(line, c) for c in columns] for line in netting.lines))


def _csv(columns: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()
