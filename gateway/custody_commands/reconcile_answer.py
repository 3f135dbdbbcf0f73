"""The answer of `fixgate reconcile`."""

import argparse
import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from custody.reconciling.engine_books import compare_with_engine
from custody.reconciling.every_record import compare_every_record
from custody.reconciling.reconciler import last_look
from custody.reconciling.report import ChainLook, EngineLook
from engine.model.clock import NANOS_PER_SECOND
from engine.model.money import format_scaled
from gateway.custody_commands.books import OpenBooks, opened_books
from gateway.custody_commands.place import tell

PROGRESS_RECORDS: Final = 100_000
"""Records between two progress lines on a terminal."""

SHOWN: Final = 20
"""Lines of a list; --json has all."""


def answer(args: argparse.Namespace) -> int:
    """Compare; 1 if anything differs or a break is open. Raises OperatorError, JournalDamaged."""
    with opened_books(args) as books:
        engine = _with_engine(books, every=args.every_record)
        look = last_look(books.database)
    if args.json:
        shown = {"engine": msgspec.to_builtins(engine), "chain": msgspec.to_builtins(look)}
        shown["agree"] = engine.agree and not (look and look.breaks)
        print(json.dumps(shown))
    else:
        print("\n".join([*engine_lines(engine), *chain_lines(look, books.decimals)]))
    return 0 if engine.agree and not (look and look.breaks) else 1


def _with_engine(books: OpenBooks, *, every: bool) -> EngineLook:
    if not every:
        place = (books.journal, books.snapshots, books.database)
        return compare_with_engine(*place, books.decimals, tell)
    terminal = sys.stderr.isatty()
    said = 0

    def progress(record: int) -> None:
        nonlocal said
        if terminal and record - said >= PROGRESS_RECORDS:
            said = record
            print(f"\rcompared {record:,} records", end="", file=sys.stderr)

    look = compare_every_record(books.journal, books.database, books.decimals, progress)
    if said:
        print(file=sys.stderr)
    return look


def engine_lines(look: EngineLook) -> list[str]:
    """Ledger and engine, for people."""
    where = f"record {look.record}, batch {look.seq} of the ledger"
    how = f"{look.compared} balances and {look.holds} held withdrawals"
    if look.records:
        how = f"after each of {look.records} records, {look.compared} balances compared"
    lines = [f"ledger and engine {'agree' if look.agree else 'DIFFER'}: {where}; {how}"]
    lines += [
        f"  {found.what}: ledger {found.ledger}, engine {found.engine}"
        for found in look.differences[:SHOWN]
    ]
    if look.differences:
        lines.append(
            f"  {len(look.differences)} differences. Stop withdrawals, keep both, and replay the"
            " journal into a new database: see docs/custody.md"
        )
    return lines


def chain_lines(look: ChainLook | None, decimals: Mapping[str, int]) -> list[str]:
    """Ledger and chain, for people. decimals: of the ledger's units, by asset."""

    def text(asset: str, units: str) -> str:
        return format_scaled(int(units), decimals[asset]).decode() + f" {asset}"

    if look is None:
        return ["ledger and chain: not compared yet; custody does it while the venue runs"]
    count = f"{look.compared} addresses and assets compared"
    state = "agree" if not look.breaks else f"DIFFER: {len(look.breaks)} open"
    lines = [f"ledger and chain {state}: {count}, {_at(look.looked)}"]
    lines.append(f"  at block {look.block} {look.hash}")
    for asset in look.assets:
        figures = (asset.ledger, asset.in_flight, asset.on_chain, asset.clients)
        books, flying, chain, clients = (text(asset.code, units) for units in figures)
        lines.append(f"  the ledger has {books}, under way are {flying}, the chain has {chain}")
        lines.append(f"  members have {clients}")
        if asset.opening.startswith("-"):
            given = text(asset.code, asset.opening[1:])
            lines.append(f"  {given} of it were given at the opening without coins")
        if asset.suspense != "0":
            lines.append(f"  in suspense, for a person: {text(asset.code, asset.suspense)}")
        if asset.shortfall != "0":
            lines.append(f"  SHORT of {text(asset.code, asset.shortfall)} on the chain")
    lines += [
        f"  BREAK {found.address}: the chain has {text(found.asset, found.amount)} beyond the"
        f" books, since {_at(found.since)} ({_age(look.looked - found.since)})"
        for found in look.breaks[:SHOWN]
    ]
    lines += [f"  not compared: {u.asset} {u.address}: {u.why}" for u in look.undecided[:SHOWN]]
    lines += [
        f"  waits for a person: {m.address}: {text(m.asset, m.amount)} of a mismatched deposit"
        for m in look.mismatched[:SHOWN]
    ]
    return lines


def _at(nanos: int) -> str:
    return datetime.fromtimestamp(nanos // NANOS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _age(nanos: int) -> str:
    hours, seconds = divmod(nanos // NANOS_PER_SECOND, 3_600)
    return f"{hours} h {seconds // 60} min"
