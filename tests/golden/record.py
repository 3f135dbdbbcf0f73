"""Records a golden journal: what a release wrote, for every later one to replay.

    python -m tests.golden.record NAME

Writes tests/golden/NAME.tar.xz and NAME.json. Done once for a release, and never again: a journal
of ten years ago is replayed by the code of its day plus whatever has come since.
"""

import hashlib
import json
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

from engine.core.venue import Venue
from engine.journal.writer import JournalWriter
from engine.model.record import encode_parts
from engine.replay import replay_folder
from tests.engine.streams import RANDOM_BALANCES, START, Step, bootstrap_commands, random_commands
from tests.support.render_journal import reports

HERE = Path(__file__).parent
COMMANDS = 4_000
SEED = 1
SEGMENT_BYTES = 1024 * 1024
SALT = bytes(16)


def figures(folder: Path) -> dict[str, int | str]:
    """What a replay of the journal gives, and what its reports say on the wire."""
    venue = Venue()
    result = replay_folder(folder, venue)
    said = hashlib.sha256("\n".join(reports(folder)).encode()).hexdigest()
    return {
        "records": result.records,
        "time": result.time,
        "open_orders": venue.open_orders(),
        "state_hash": venue.state_hash(),
        "reports": said,
    }


def steps() -> Iterator[Step]:
    """A venue's configuration, then trading."""
    for number, command in enumerate(bootstrap_commands(balances=RANDOM_BALANCES)):
        yield command, number, START
    yield from random_commands(SEED, COMMANDS)


def write(folder: Path) -> None:
    """The journal."""
    venue = Venue()
    writer = JournalWriter.open(folder, segment_bytes=SEGMENT_BYTES, log=print)
    for command, number, time in steps():
        parts = encode_parts(number, time, SALT, command, venue.apply(command, number, time))
        assert len(parts) == 1, "the stream's own numbers leave no room for parts"
        writer.append([payload for _, payload in parts])
        if number % 50 == 0:
            writer.sync()
    writer.close()


def main(name: str) -> None:
    """Write both files."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "journal"
        write(folder)
        with tarfile.open(HERE / f"{name}.tar.xz", "x:xz") as archive:
            archive.add(folder, "journal")
        golden = figures(folder)
    (HERE / f"{name}.json").write_text(json.dumps(golden, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
