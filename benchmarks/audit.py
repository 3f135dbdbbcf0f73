"""How many records a second the audit log takes in, what a checkpoint of one more record takes, and
how many receipts are made and checked a second; alone on the machine, in JSON lines.

    .venv/bin/python -m benchmarks.audit [--trades N] [--receipts N]

The journal is that of benchmarks.ledger: each two records are a trade. It is read, hashed, written
as tiles and bundles, synced and signed (Ed25519 and ML-DSA-44), as the venue does.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

from benchmarks.ledger import build
from compliance.audit.builder import open_log
from compliance.audit.key_file import LogKeys, make_keys, read_keys
from compliance.audit.receipts import check_receipt, make_receipt, published
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import TileReader
from engine.journal.files import open_reader
from engine.journal.writer import JournalWriter
from engine.model.commands import CoreStarted
from engine.model.record import Record, encode_record
from gateway.flow.system_clock import SystemClock

TRADES = 100_000
RECEIPTS = 5_000
CHECKPOINTS = 50
ORIGIN = "bench.fixgate.example/audit"


def keys_in(folder: Path) -> LogKeys:
    """New keys."""
    make_keys(folder / "log.key", ORIGIN, os.urandom)
    return read_keys(folder / "log.key", ORIGIN)


def append(folder: Path, keys: LogKeys) -> dict[str, object]:
    """The whole journal, into a log that was empty."""
    log = open_log(folder / "journal", folder / "audit", lambda: keys, SystemClock(), print)
    began, cpu = time.perf_counter(), time.process_time()
    while log.turn():
        pass
    seconds = time.perf_counter() - began
    spent = time.process_time() - cpu
    count = log.published
    log.close()
    return {
        "leaves": count,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(spent, 2),
        "leaves_per_s": round(count / seconds),
    }


def checkpoints(folder: Path, keys: LogKeys, count: int) -> dict[str, object]:
    """One more record at a time: from its mark to its published checkpoint."""
    log = open_log(folder / "journal", folder / "audit", lambda: keys, SystemClock(), print)
    reader = open_reader(folder / "journal")
    writer = JournalWriter.open(folder / "journal", log=print)
    times = []
    for _ in range(count):
        last = reader.read(reader.mark().number)
        one = Record(last.number + 1, last.time, bytes(16), CoreStarted(1, "bench"), ())
        writer.append([encode_record(one)])
        writer.sync()
        began = time.perf_counter()
        log.turn()
        times.append(time.perf_counter() - began)
        assert log.published == one.number + 1
    for each in (log, reader, writer):
        each.close()
    times.sort()
    return {
        "checkpoints": count,
        "p50_ms": round(1_000 * times[count // 2], 2),
        "max_ms": round(1_000 * times[-1], 2),
    }


def receipts(folder: Path, keys: LogKeys, count: int) -> dict[str, object]:
    """Receipts of the last trades, with their records, checked by the log's Ed25519 key."""
    log = LogFolder(folder / "audit")
    note = log.checkpoint()
    assert note is not None
    size = published(note).size
    reader = TileReader(size, log.read)
    last = size - CHECKPOINTS
    began = time.perf_counter()
    made = [
        make_receipt(reader, note, f"{number}-1", whole=True)
        for number in range(last - count, last)
    ]
    middle = time.perf_counter()
    for receipt in made:
        check_receipt(receipt, keys.verifiers[:1])
    end = time.perf_counter()
    return {
        "receipts": count,
        "made_per_s": round(count / (middle - began)),
        "checked_per_s": round(count / (end - middle)),
    }


def measure(folder: Path, trades: int, count: int) -> list[dict[str, object]]:
    """All figures, of a journal of so many trades."""
    build(folder / "journal", trades)
    keys = keys_in(folder)
    appended = append(folder, keys)
    published_one = checkpoints(folder, keys, CHECKPOINTS)
    return [appended, published_one, receipts(folder, keys, count)]


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trades", type=int, default=TRADES)
    parser.add_argument("--receipts", type=int, default=RECEIPTS)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fg-audit-") as name:
        for figures in measure(Path(name), args.trades, args.receipts):
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
