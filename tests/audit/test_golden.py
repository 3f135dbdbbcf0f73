"""The tree over a past release's journal has the root it had then.

Whoever holds a checkpoint of then can be shown the same records today, whatever records have become
since.
"""

import tarfile

import pytest

from compliance.audit.merkle import Frontier, leaf_hash
from compliance.audit.tile_store import LogFolder
from engine.journal.files import open_reader
from tests.audit.support import check, open_log
from tests.golden.record import HERE
from tests.golden.test_golden import RELEASES

ROOTS = {
    "0.1.0-2026-11-23": "afda7311d31641106dd894f408c75090c7d4687ce9b9804c271a775fcf044f52",
}


class Golden:
    def __init__(self, folder):
        self.folder = folder
        reader = open_reader(folder)
        self.entries = reader.follow(-1).poll_payloads(10**6)
        reader.close()


@pytest.mark.parametrize("release", RELEASES)
def test_a_past_releases_journal_gives_the_root_that_was_signed_then(release, tmp_path):
    with tarfile.open(HERE / f"{release}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    golden = Golden(tmp_path / "journal")
    assert Frontier(map(leaf_hash, golden.entries)).root().hex() == ROOTS[release]
    log = open_log(golden, tmp_path / "audit")
    while log.turn():
        pass
    log.close()
    assert check(LogFolder(tmp_path / "audit"), golden) == len(golden.entries)
