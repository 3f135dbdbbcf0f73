"""A log whose disk fails, whose process is killed, and whose machine loses power, at every call.

Whatever happens: what the published checkpoint names is whole and of the journal, no size ever has
two checkpoints, and the next run publishes every record there is.
"""

import errno
import os
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from compliance.audit import builder as builder_module
from compliance.audit.key_file import make_keys, read_keys
from compliance.audit.keys import open_checkpoint
from compliance.audit.tile_store import CHECKPOINT_NAME, LogFolder
from tests.audit.support import KEYS, ORIGIN, Source, check, open_log
from tests.simulation.disk import FATES, Killed, Machine, PowerLost, ProcessDisk

FOLDER = Path("/audit")

TURNS = (3, 250, 2, 1, 1, 300, 200, 6, 5)
"""Records of each turn: over the end of a tile, just to it, past several, and within one."""

CALLS = frozenset({
    "make_folder", "pwrite", "truncate", "sync_data", "sync_folder", "rename", "unlink",
    "remove_folder",
})  # fmt: skip


class AuditDisk(ProcessDisk):
    """A simulated disk on which every call may fail that changes something."""

    def _or_fail(self, kind):
        if self._fails(kind):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def make_folder(self, folder):
        self._or_fail("make_folder")
        super().make_folder(folder)

    def rename(self, old, new):
        self._or_fail("rename")
        super().rename(old, new)

    def unlink(self, path):
        self._or_fail("unlink")
        super().unlink(path)

    def remove_folder(self, folder):
        self._or_fail("remove_folder")
        super().remove_folder(folder)


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    made = Source(tmp_path_factory.mktemp("journal"))
    made.grow(sum(TURNS))
    yield made
    made.close()


class Storage:
    """A simulated machine with one audit log on it, and all checkpoints that anybody could see."""

    def __init__(self, source, seed=1):
        self.source = source
        self.machine = Machine(Random(seed), Counter())
        self.seen = {}

    def disk(self):
        return AuditDisk(self.machine, lambda: None, self._look)

    def _look(self):
        file = self.machine.folder(FOLDER).names[CHECKPOINT_NAME]
        note = bytes(file.cache)
        checkpoint = open_checkpoint(note, KEYS.verifiers).checkpoint
        assert self.seen.setdefault(checkpoint.size, note) == note, "two checkpoints of a size"
        assert checkpoint.root == self.source.root(checkpoint.size)

    def run(self, disk, monkeypatch):
        """Build the log in its turns, from wherever it is."""
        log = open_log(self.source, FOLDER, disk)
        try:
            for count in TURNS:
                monkeypatch.setattr(builder_module, "TURN_RECORDS", count)
                log.turn()
            while log.turn():
                pass
        finally:
            log.close()

    def check(self):
        """What is on the disk now; its size."""
        return check(LogFolder(FOLDER, self.disk()), self.source)

    def finish(self, monkeypatch):
        """The next run finds nothing wrong, publishes all there is, and all of it is on disk."""
        before = self.check()
        assert before in (0, *self.seen)
        self.run(self.disk(), monkeypatch)
        assert self.check() == len(self.source.entries)
        self.machine.lose_power("drop")
        assert self.check() == len(self.source.entries)


@pytest.fixture(scope="module")
def calls(source):
    """How many calls of each kind an undisturbed run takes."""
    counted = Counter()

    class Counting(AuditDisk):
        def _call(self, kind):
            counted[kind] += 1

    storage = Storage(source)
    with pytest.MonkeyPatch.context() as patch:
        storage.run(Counting(storage.machine, lambda: None, storage._look), patch)
    assert set(storage.seen) == {sum(TURNS[: k + 1]) for k in range(len(TURNS))}
    assert all(counted[kind] for kind in CALLS - {"truncate"}), counted
    return counted


def strided(stride):
    proof = pytest.param(1, id="every call", marks=pytest.mark.proof)
    return pytest.mark.parametrize("stride", [pytest.param(stride, id=f"every {stride}th"), proof])


@strided(7)
def test_a_kill_at_any_call_leaves_a_whole_log(source, calls, monkeypatch, stride):
    for n in range(0, calls.total(), stride):
        storage = Storage(source, n)
        disk = storage.disk()
        disk.end(Killed, CALLS, n)
        with pytest.raises(Killed):
            storage.run(disk, monkeypatch)
        disk.kill()
        assert storage.check() == max(storage.seen, default=0)
        storage.finish(monkeypatch)


@strided(5)
def test_a_loss_of_power_at_any_call_leaves_a_whole_log(source, calls, monkeypatch, stride):
    for n in range(0, calls.total(), stride):
        storage = Storage(source, n)
        disk = storage.disk()
        disk.end(PowerLost, CALLS, n)
        with pytest.raises(PowerLost):
            storage.run(disk, monkeypatch)
        disk.kill()
        storage.machine.lose_power(FATES[n % len(FATES)])
        size = storage.check()
        assert size in (0, *sorted(storage.seen)[-2:])
        storage.finish(monkeypatch)


@strided(7)
def test_a_kill_of_the_run_after_a_loss_of_power_leaves_a_whole_log(
    source, calls, monkeypatch, stride
):
    """The one that publishes what was prepared, and writes again what was not synced."""
    for n in range(0, calls.total(), stride):
        storage = Storage(source, n)
        for error, at in ((PowerLost, n), (PowerLost, n % 11), (Killed, n % 7)):
            disk = storage.disk()
            disk.end(error, CALLS, at)
            with suppress(error):
                storage.run(disk, monkeypatch)
            disk.kill()
            if error is PowerLost:
                storage.machine.lose_power(FATES[n % len(FATES)])
            storage.check()
        storage.finish(monkeypatch)


@pytest.mark.parametrize("kind", sorted(CALLS - {"truncate"}))
def test_an_error_of_any_call_leaves_a_whole_log(source, calls, monkeypatch, kind):
    """EIO, and a write that is cut short: the run ends, and the next one, in a process that may be
    the same, trusts nothing that was not synced."""
    for n in range(0, calls[kind], 1 + calls[kind] // 40):
        storage = Storage(source, n)
        disk = storage.disk()
        disk.fail(frozenset({kind}), n)
        try:
            storage.run(disk, monkeypatch)
        except OSError:
            storage.check()
        assert disk.failed
        storage.finish(monkeypatch)


def test_a_full_disk_leaves_a_whole_log_and_is_no_end(source, calls, monkeypatch):
    for room in range(0, 120_000, 3_000):
        storage = Storage(source, room)
        storage.machine.capacity = room
        with pytest.raises(OSError, match=r"No space|bytes were written"):
            storage.run(storage.disk(), monkeypatch)
        storage.check()
        storage.machine.capacity = 1 << 40
        storage.finish(monkeypatch)


# --- keys -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [Killed, PowerLost])
def test_a_key_file_is_whole_or_not_there(error):
    path = Path("/keys/log.key")
    for n in range(20):
        machine = Machine(Random(n), Counter())
        disk = AuditDisk(machine, lambda: None, lambda: None)
        disk.end(error, CALLS, n)
        with suppress(error):
            make_keys(path, ORIGIN, Random(n).randbytes, disk)
        disk.kill()
        if error is PowerLost:
            machine.lose_power(FATES[n % len(FATES)])
        again = AuditDisk(machine, lambda: None, lambda: None)
        if path.parent in machine.folders and path.name in again.names(path.parent):
            assert len(read_keys(path, ORIGIN, again).signers) == 2
        else:
            make_keys(path, ORIGIN, Random(n).randbytes, again)
            machine.lose_power("drop")
            assert len(read_keys(path, ORIGIN, again).signers) == 2
