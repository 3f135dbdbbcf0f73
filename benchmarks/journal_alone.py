"""The journal alone: append + sync at three batch sizes, and recovery. One JSON line.

    .venv/bin/python benchmarks/journal_alone.py [--records N] [--folder DIR]

Payloads are encoded records of an accepted order (the usual case). records/s of append + sync are
of real fdatasync calls on the folder's disk; `append_us` is the time of append alone, per record,
at batch 300. recover is scan + CRCs + chain of all records; decode is reading them as Records.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from engine.journal.files import SegmentFile, list_segments  # noqa: E402
from engine.journal.recovery import recover  # noqa: E402
from engine.journal.writer import JournalWriter  # noqa: E402
from engine.model.commands import NewOrder, Origin  # noqa: E402
from engine.model.events import OrderAccepted  # noqa: E402
from engine.model.record import Record, encode_record  # noqa: E402

T0 = 1_767_600_000_000_000_000


def payload(number: int) -> bytes:
    """The record of a limit order that was accepted."""
    cl_ord_id = b"ORDER-%08d" % number
    origin = Origin(3, number + 2, T0 + number, 1, ((3, b"TRADER1"),), ((528, b"P"),))
    command = NewOrder(origin, cl_ord_id, 1, 1, 1, 2, 1, 1_000_000, 6_000_000)
    event = OrderAccepted(
        1, 3, number, number, cl_ord_id, 1, 1, 1, 2, 1, 1_000_000, 6_000_000, 0, 0, 1_000_000, 0
    )
    return encode_record(Record(number, T0 + number, bytes(16), command, (event,)))


def write(folder: Path, batch: int, total: int) -> tuple[float, float]:
    """Records/s of append + sync, and us per record of append alone."""
    writer = JournalWriter.open(folder, log=lambda _: None)
    payloads = [payload(n) for n in range(batch)]
    appending = 0.0
    begin = time.perf_counter()
    for _ in range(total // batch):
        at = time.perf_counter()
        writer.append(payloads)
        appending += time.perf_counter() - at
        writer.sync()
        if writer.prepare_due:
            writer.prepare_next()
    seconds = time.perf_counter() - begin
    writer.close()
    return total // batch * batch / seconds, appending / total * 1e6


def fill(folder: Path, total: int) -> None:
    """A journal of `total` records with their own numbers."""
    writer = JournalWriter.open(folder, durability="os", log=lambda _: None)
    for first in range(0, total, 1_000):
        writer.append([payload(n) for n in range(first, min(total, first + 1_000))])
        writer.sync()
    writer.close()


def main() -> None:
    """Run all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=1_000_000, help="for recovery")
    parser.add_argument("--folder", type=Path, default=None, help="on the disk to be measured")
    options = parser.parse_args()
    figures: dict[str, int | float] = {"payload_bytes": len(payload(1_000))}
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        for batch, total in ((1, 3_000), (16, 16_000), (300, 150_000)):
            rate, append_us = write(Path(name) / f"batch{batch}", batch, total)
            figures[f"append_sync_batch_{batch}_per_s"] = round(rate)
            figures[f"append_us_batch_{batch}"] = round(append_us, 2)
        folder = Path(name) / "recovery"
        fill(folder, options.records)
        begin = time.perf_counter()
        kept = recover([SegmentFile(folder, first) for first in list_segments(folder)], None)
        seconds = time.perf_counter() - begin
        assert kept.last == options.records - 1
        figures["recover_records"] = options.records
        figures["recover_seconds"] = round(seconds, 2)
        figures["recover_per_s"] = round(options.records / seconds)
        writer = JournalWriter.open(folder, log=lambda _: None)
        begin = time.perf_counter()
        count = sum(1 for _ in writer.records())
        seconds = time.perf_counter() - begin
        writer.close()
        assert count == options.records
        figures["decode_per_s"] = round(count / seconds)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
