"""The answer of `fixgate statements`."""

import argparse

import msgspec

from custody.settlement.cut import EVERYTHING, Cut, parse_cut
from custody.settlement.reader import read_period
from custody.settlement.statements import (
    Netting,
    Statement,
    Writer,
    netting_csv,
    statement_csv,
)
from custody.store.reading import read_reference
from engine.model.errors import OperatorError
from gateway.custody_commands.books import opened_books


def answer(args: argparse.Namespace) -> int:
    """Print what was asked for. Raises OperatorError, LedgerDamaged."""
    start = parse_cut(args.start)
    end = EVERYTHING if args.end is None else parse_cut(args.end)
    _check_order(start, end)
    with opened_books(args) as books:
        period = read_period(books.database, start, end)
        writer = Writer(period, read_reference(books.database), books.decimals)
    made = writer.netting() if args.net else writer.statement(args.account)
    print(_shown(made, args), end="")
    return 0


def _check_order(start: Cut, end: Cut) -> None:
    both_records = start.record >= 0 and end.record >= 0
    both_times = start.time >= 0 and end.time >= 0
    if (both_records and end.record < start.record) or (both_times and end.time < start.time):
        raise OperatorError("--to is before --from: a period ends after it begins")


def _shown(made: Statement | Netting, args: argparse.Namespace) -> str:
    if args.json:
        return msgspec.json.encode(made).decode() + "\n"
    if isinstance(made, Netting):
        return netting_csv(made) if args.csv else "\n".join(netting_lines(made)) + "\n"
    return statement_csv(made) if args.csv else "\n".join(statement_lines(made)) + "\n"


def statement_lines(made: Statement) -> list[str]:
    """A statement, for people."""
    lines = [
        f"account {made.account} of {made.member}, batches {made.opened.seq + 1} to"
        f" {made.closed.seq} of the ledger, which ends with {made.closed.digest}"
    ]
    for asset in made.assets:
        lines.append(f"{asset.asset}")
        lines.append(f"  {'opening balance':16} {asset.opening:>40}")
        lines += [
            f"  {line.kind:16} {'+' + line.received:>40} {'-' + line.paid:>30}"
            for line in asset.lines
        ]
        lines.append(f"  {'closing balance':16} {asset.closing:>40}")
        if asset.held != "0":
            lines.append(f"  {'of that held':16} {asset.held:>40}")
        if asset.owed != "0":
            lines.append(f"  {'owed to us':16} {asset.owed:>40}")
    return lines


def netting_lines(made: Netting) -> list[str]:
    """Net obligations, for people."""
    lines = [
        f"trading in batches {made.opened.seq + 1} to {made.closed.seq} of the ledger, which ends"
        f" with {made.closed.digest}; + is to be received, - to be delivered"
    ]
    for line in made.lines:
        sign = "" if line.net.startswith("-") else "+"
        lines.append(f"  {line.party or '(venue)':16} {line.asset:6} {sign + line.net:>40}")
    return lines
