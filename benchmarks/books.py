"""How long it takes to reconcile, to write statements and to prove reserves, in JSON lines.

    .venv/bin/python -m benchmarks.books [--records N] [--members N]

The journal is benchmarks.ledger's, of so many records, without snapshots: the longest way. What is
timed of each is one call; the ledger is SQLite in a fresh folder.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from benchmarks.ledger import build
from custody.poster import LedgerPoster
from custody.reconciling.engine_books import compare_with_engine
from custody.reconciling.every_record import compare_every_record
from custody.reserves.tree import CHANCE_BYTES, Moment, SumTree
from custody.reserves.verify import verify
from custody.settlement.cut import Cut
from custody.settlement.reader import read_period
from custody.store.database import open_database

RECORDS = 100_000
MEMBERS = 10_000


def timed(what, call):
    """Call, print how long it took, and give back what it gave."""
    began, cpu = time.perf_counter(), time.process_time()
    made = call()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(
        json.dumps({"what": what, "seconds": round(seconds, 2), "cpu": round(cpu, 2)}), flush=True
    )
    return made


def main() -> None:
    """Measure all."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--members", type=int, default=MEMBERS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fg-books-") as name:
        folder = Path(name)
        journal, snapshots = folder / "journal", folder / "snapshots"
        build(journal, args.records // 2)
        database = open_database(f"sqlite:///{folder}/ledger.db")
        poster = LedgerPoster(journal, database)
        while poster.step():
            pass
        poster.close()
        look = timed(
            f"the last state of {args.records} records",
            lambda: compare_with_engine(journal, snapshots, database, {}, print),
        )
        every = timed(
            f"each of {args.records} records",
            lambda: compare_every_record(journal, database, {}),
        )
        assert (look.agree, every.agree) == (True, True)
        period = timed(
            f"the statements of {args.records} records",
            lambda: read_period(database, Cut(record=args.records // 2), Cut()),
        )
        assert period.moved
        database.dispose()
    balances = {f"M{k}": (k + 1) * 10**15 + k for k in range(args.members)}
    moment = Moment(0, 1, "00" * 32, 0)
    tree = timed(
        f"a tree of {args.members} members",
        lambda: SumTree("ETH", 18, moment, balances, bytes(CHANCE_BYTES)),
    )
    proof = timed("a proof", lambda: tree.proof("M0"))
    assert timed("its check", lambda: verify(proof)) == balances["M0"]


if __name__ == "__main__":
    main()
