"""Copies of session indexes, what a restore makes of them, and a mirror whose disk fails."""

import errno
import os
from random import Random

import pytest
import trio

from engine.journal.disk import RealDisk
from engine.journal.files import read_mark
from engine.model.errors import OperatorError
from gateway.fix.index import BODY, HOLE, REPORT
from gateway.flow.index_file import SKIP_NUMBERS, FileIndex, highest_named
from gateway.mirror import service
from gateway.mirror.folder import open_mirror
from gateway.mirror.indexes import IndexMirror, restore_indexes
from gateway.mirror.service import Mirror
from tests.journal.support import T0, open_writer, payloads

SKIP = 1_000
BOOT = b"b" * 16


def open_index(folder, comp_id="A.1", boot=BOOT):
    return FileIndex.open(folder, comp_id, log=lambda _: None, boot_id=boot)


class Session:
    """A session's index under random work, and what every number stood for."""

    def __init__(self, folder, seed):
        self.folder = folder
        self.random = Random(seed)
        self.index = open_index(folder)
        self.contents = {}
        self.record = 0

    def work(self):
        index, random = self.index, self.random
        match random.choice(["reports"] * 4 + ["admin", "body", "in", "reset", "save", "again"]):
            case "reports":
                batch = []
                for _ in range(random.randint(1, 30)):
                    self.record += random.randint(1, 3)
                    batch.append((self.record, random.randint(1, 4), b"", b""))
                live = random.random() < 0.7
                first = index.append_reports(batch, T0, live=live, poss_resend=False)
                for k, (record, part, _, _) in enumerate(batch):
                    self.contents[first + k] = (record, part)
                if live:
                    index.mark_sent(first, first + len(batch) - 1)
            case "admin":
                self.contents[index.append_admin(T0, live=True)] = None
            case "body":
                body = random.randbytes(random.randint(1, 60)).replace(b"\x01", b"")
                self.contents[index.append_body(b"3", body, T0, live=True)] = body
            case "in":
                index.next_in += 1
            case "reset" if random.random() < 0.2:
                index.reset(T0, self.record, 2)
                index.sync()
                self.contents.clear()
                for chunk in index.chunks(1, index.next_out - 1):
                    for entry in chunk:
                        number = len(self.contents) + 1
                        self.contents[number] = (entry[0], entry[4]) if entry[5] == REPORT else None
            case "save":
                index.save()
            case "again":
                if random.random() < 0.5:
                    index.close()
                else:  # as by kill -9
                    index.save()
                    os.close(index._storage._files.fd)
                    os.close(index._storage._files.bodies)
                self.index = open_index(self.folder)


@pytest.mark.parametrize("seed", range(12))
def test_a_restored_index_uses_no_number_again_and_knows_the_old_ones(tmp_path, seed):
    source, mirror = tmp_path / "sessions", tmp_path / "mirror"
    mirror.mkdir()
    session = Session(source / "core", seed)
    copies = IndexMirror(source, mirror, RealDisk())
    random = Random(seed)
    for turn in range(150):
        session.work()
        if random.random() < 0.2:
            copies.step()
        if random.random() < 0.05:
            copies = IndexMirror(source, mirror, RealDisk())  # the mirror was killed
        if turn % 30 == 29:
            copies.step()
            behind = random.randrange(3)
            for _ in range(behind):
                session.work()
            last = session.record - random.choice([0, 0, 5, 40])
            check_restored(tmp_path, session, mirror, last, exact=not behind)
    session.index.close()


def check_restored(tmp_path, session, mirror, last, *, exact):
    target = tmp_path / f"restored{session.index.next_out}-{last}-{exact}"
    assert restore_indexes(mirror, target, last, SKIP) == 1
    assert highest_named(target, boot_id=BOOT) <= last
    again = open_index(target / "core")
    assert again.power_lost
    assert again.named <= last
    if again.generation == session.index.generation:
        assert again.next_out > session.index.next_out + SKIP_NUMBERS
        assert again.next_in <= session.index.next_in
        number = 0
        for chunk in again.chunks(1, again.next_out - 1):
            for entry in chunk:
                number += 1
                check_entry(again, entry, session.contents.get(number), last)
    else:
        assert not exact
    if exact and last >= session.record:
        assert again.last_report == session.index.last_report
    again.close()


def check_entry(index, entry, content, last):
    if entry[5] == REPORT:
        assert (entry[0], entry[4]) == content
        assert entry[0] <= last
    elif entry[5] == BODY:
        assert index.body(entry) == (b"3", content)
    elif entry[5] == HOLE:
        assert content is None or isinstance(content, bytes) or content[0] >= 0


def test_an_index_that_a_later_generation_replaced_goes_only_when_that_is_copied(tmp_path):
    source, mirror = tmp_path / "sessions", tmp_path / "mirror"
    mirror.mkdir()
    index = open_index(source)
    index.append_admin(T0, live=True)
    copies = IndexMirror(source, mirror, RealDisk())
    copies.step()
    assert [p.name for p in mirror.glob("*.idx")] == ["A%2E1.1.idx"]
    index.reset(T0, 7, 2)
    copies.step()
    assert [p.name for p in mirror.glob("*.idx")] == ["A%2E1.1.idx"], "it may yet be undone"
    index.sync()
    copies.step()
    assert [p.name for p in mirror.glob("*.idx")] == ["A%2E1.2.idx"]
    index.close()


# --- the process ----------------------------------------------------------------------------------


class HandClock:
    def __init__(self):
        self.time = 0

    def now(self):
        return T0 + self.time

    def monotonic(self):
        return self.time


class MoodyDisk(RealDisk):
    """A disk that fails while it has an error."""

    error = 0

    def pwrite(self, fd, data, offset):
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return super().pwrite(fd, data, offset)


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC])
@pytest.mark.trio
async def test_a_mirror_whose_disk_fails_waits_and_catches_up(tmp_path, error):
    writer = open_writer(tmp_path / "data" / "journal")
    writer.append(payloads(0, 5))
    writer.sync()
    clock, disk, lines = HandClock(), MoodyDisk(), []
    mirror = Mirror(tmp_path / "data", tmp_path / "mirror", clock, lines.append, disk)
    await mirror.open()
    assert await mirror.step() is False
    assert (mirror.last, mirror.records_behind, mirror.ms_behind) == (4, 0, 0)
    disk.error = error
    writer.append(payloads(5, 3))
    writer.sync()
    clock.time += 2_000_000_000
    for _ in range(3):
        assert await mirror.step() is False
    assert os.strerror(error) in mirror.trouble
    assert (mirror.last, mirror.records_behind, mirror.ms_behind) == (4, 3, 2_000)
    assert len(lines) == 2, "the same trouble is told once"
    assert "on the data folder's own disk" in lines[0]
    assert "the venue trades on" in lines[1]
    disk.error = 0
    await mirror.step()
    assert (mirror.last, mirror.records_behind, mirror.trouble) == (7, 0, "")
    assert read_mark(tmp_path / "mirror" / "journal").number == 7
    assert lines[2:] == ["the mirror follows again"]
    writer.close()


@pytest.mark.trio
async def test_waits_grow_and_the_end_is_awaited_only_while_the_disk_works(
    tmp_path, autojump_clock, monkeypatch
):
    async def here(work):  # the test's clock would jump while a thread works
        await trio.lowlevel.checkpoint()
        return work()

    monkeypatch.setattr(service, "_aside", here)
    writer = open_writer(tmp_path / "data" / "journal")
    writer.append(payloads(0, 5))
    writer.sync()
    disk, lines, stop = MoodyDisk(), [], trio.Event()
    disk.error = errno.EIO
    mirror = Mirror(tmp_path / "data", tmp_path / "mirror", HandClock(), lines.append, disk)
    await mirror.open()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mirror.run, stop)
        await trio.sleep(1_000)
        assert mirror._wait == service.RETRY_MAX_SECONDS
        disk.error = 0
        await trio.sleep(100)
        assert mirror.last == 4
        writer.append(payloads(5, 2))
        writer.sync()
        stop.set()
    assert mirror.last == 6
    writer.close()


def test_a_missing_disk_is_not_taken_for_an_empty_one(tmp_path):
    with pytest.raises(OperatorError, match="is a disk missing"):
        open_mirror(tmp_path / "mnt" / "mirror")
