"""The disk of the simulated machine: page cache, what is really on it, and how both may fail.

What was synced stays. At a loss of power every write that was not synced is kept, dropped or
overwritten with garbage, each 512-byte sector by itself; a change of size is kept or dropped; of
creations, renames and removals in a folder a prefix is kept, as file systems journal names in
order. Only the bytes of a write are ever garbled, not what shares a sector with them: a disk that
damages what it was not asked to write is answered by recovery's refusal, not by the simulator.
After a failed sync the kernel holds the pages for clean: a later sync does nothing for them.
"""

import errno
import itertools
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR = 512
ENDLESS = 1 << 40

KEEP, DROP, GARBAGE, MIXED, TORN = "keep", "drop", "garbage", "mixed", "torn"
FATES = (KEEP, DROP, GARBAGE, MIXED, MIXED, MIXED, TORN, TORN)
"""What becomes of unsynced writes, as often as it is drawn. mixed: each sector by itself; torn:
the first sectors of a file are kept, the others dropped or garbage."""


class PowerLost(BaseException):
    """The machine stops in the middle of a call."""


class Killed(BaseException):
    """The process is killed in the middle of a call."""


@dataclass(slots=True)
class Change:
    """A change of a file that is not synced: bytes at an offset, or (no bytes) a new size."""

    offset: int
    data: bytes | None
    shrinks: bool = False

    def apply(self, to: bytearray) -> None:
        if self.data is not None:
            put(to, self.data, self.offset)
        elif self.shrinks:
            del to[self.offset :]
        elif len(to) < self.offset:
            to.extend(bytes(self.offset - len(to)))

    def survive(self, to: bytearray, fates: Callable[[], str], random: Random) -> None:
        """What a loss of power leaves of it."""
        if self.data is None:
            own = fates()
            if own == KEEP or (own == GARBAGE and random.random() < 0.5):
                self.apply(to)
            return
        at, end = 0, len(self.data)
        while at < end:
            size = min(SECTOR - (self.offset + at) % SECTOR, end - at)
            own = fates()
            if own == KEEP:
                put(to, self.data[at : at + size], self.offset + at)
            elif own == GARBAGE:
                put(to, random.randbytes(size), self.offset + at)
            at += size


def fates_of(fate: str, random: Random) -> Callable[[], str]:
    """What becomes of one sector after the other of a file's unsynced writes."""
    if fate == TORN:
        kept = itertools.repeat(KEEP, random.randrange(8))
        return lambda: next(kept, None) or random.choice((DROP, GARBAGE))
    if fate == MIXED:
        return lambda: random.choice((KEEP, DROP, GARBAGE))
    return lambda: fate


def put(to: bytearray, data: bytes, offset: int) -> None:
    if len(to) < offset:
        to.extend(bytes(offset - len(to)))
    to[offset : offset + len(data)] = data


@dataclass(slots=True, eq=False)
class File:
    """cache is what processes read; durable and the unsynced changes are what a crash leaves."""

    cache: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    holder: object = None
    size: int = 0  # of the cache, as last counted in the disk's use


@dataclass(slots=True)
class Folder:
    """names is what processes see; moves are the states since the last sync of the folder."""

    names: dict[str, File] = field(default_factory=dict)
    durable: dict[str, File] = field(default_factory=dict)
    moves: list[dict[str, File]] = field(default_factory=list)

    def moved(self) -> None:
        self.moves.append(dict(self.names))


class Machine:
    """The storage all processes share. on_write and on_sync tell an observer about file data."""

    def __init__(self, random: Random, tally: Counter) -> None:
        self.random = random
        self.tally = tally
        self.folders: dict[Path, Folder] = {}
        self.boot_id = random.randbytes(16)
        self.capacity = ENDLESS
        self.used = 0
        self.syncs = 0
        self.at_sync: Callable[[int], bool] = lambda _: False
        """Whether the power goes in the sync of this number."""
        self.on_write: Callable[[Path, File, bytes, int], None] = lambda *_: None
        self.on_sync: Callable[[File], None] = lambda _: None

    def folder(self, path: Path) -> Folder:
        found = self.folders.get(path)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(path))
        return found

    def resized(self, file: File) -> None:
        self.used += len(file.cache) - file.size
        file.size = len(file.cache)

    def room_for(self, growth: int) -> bool:
        return growth <= 0 or self.used + growth <= self.capacity

    def lose_power(self, fate: str) -> None:
        """What the disk holds when the machine is up again. All processes must be gone."""
        self.boot_id = self.random.randbytes(16)
        for folder in self.folders.values():
            states = [folder.durable, *folder.moves]
            if fate == KEEP:
                names = states[-1]
            elif fate == DROP:
                names = states[0]
            else:
                names = self.random.choice(states)
            for file in names.values():
                data = bytearray(file.durable)
                fates = fates_of(fate, self.random)
                for change in file.pending:
                    change.survive(data, fates, self.random)
                file.durable, file.cache = data, bytearray(data)
                file.pending.clear()
                file.holder = None
            folder.names, folder.durable = dict(names), dict(names)
            folder.moves.clear()
        self.used = 0
        for folder in self.folders.values():
            for file in folder.names.values():
                file.size = 0
                self.resized(file)


class ProcessDisk:
    """engine.journal.disk.Disk for one process; knows what is to go wrong, and when.

    fail_at: the call of these kinds that fails, counted down; end_at: the call at which the
    process or the machine ends. Dead, it does nothing: what a killed process would still do.
    """

    WRITES = frozenset({"pwrite", "allocate", "truncate"})
    SYNCS = frozenset({"sync_data", "sync_folder"})

    def __init__(
        self, machine: Machine, latency: Callable[[], None], renamed: Callable[[], None]
    ) -> None:
        """latency: time passes, for a sync. renamed: a file has got its name."""
        self.machine = machine
        self.latency = latency
        self.renamed = renamed
        self.dead = False
        self.fds: dict[int, tuple[Path, File]] = {}
        self.next_fd = 3
        self.fail_kinds: frozenset[str] = frozenset()
        self.fail_after = 0
        self.failed = False
        self.end_after = -1
        self.end_with: type[BaseException] = Killed
        self.end_kinds: frozenset[str] = frozenset()

    def fail(self, kinds: frozenset[str], after: int) -> None:
        """Let the call number `after` (from 0) of these kinds fail."""
        self.fail_kinds, self.fail_after = kinds, after

    def end(self, error: type[BaseException], kinds: frozenset[str], after: int) -> None:
        """End in the call number `after` (from 0) of these kinds."""
        self.end_with, self.end_kinds, self.end_after = error, kinds, after

    def _call(self, kind: str) -> None:
        if kind in self.end_kinds:
            self.end_after -= 1
            if self.end_after < 0:
                self.end_kinds = frozenset()
                self.dead = True  # what the process does while it unwinds never happened
                raise self.end_with(kind)

    def _begin_sync(self, kind: str) -> None:
        machine = self.machine
        machine.syncs += 1
        self.latency()
        if machine.at_sync(machine.syncs - 1):
            self.dead = True
            raise PowerLost(kind)

    def _fails(self, kind: str) -> bool:
        if kind not in self.fail_kinds:
            return False
        self.fail_after -= 1
        if self.fail_after >= 0:
            return False
        self.failed = True
        self.machine.tally[f"disk: {kind} fails"] += 1
        return True

    def open(self, path: Path, flags: int) -> int:
        if self.dead:
            return 0
        folder = self.machine.folder(path.parent)
        file = folder.names.get(path.name)
        if file is None:
            if not flags & os.O_CREAT:
                raise FileNotFoundError(errno.ENOENT, "no such file", str(path))
            file = folder.names[path.name] = File()
            folder.moved()
        elif flags & os.O_TRUNC:
            file.cache.clear()
            file.pending.append(Change(0, None, shrinks=True))
            self.machine.resized(file)
        self.next_fd += 1
        self.fds[self.next_fd] = (path, file)
        return self.next_fd

    def pwrite(self, fd: int, data: bytes, offset: int) -> int:
        if self.dead:
            return len(data)
        path, file = self.fds[fd]
        machine = self.machine
        growth = offset + len(data) - len(file.cache)
        written = data
        if self._fails("pwrite"):
            if machine.random.random() < 0.5:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            written = data[: machine.random.randrange(max(1, len(data)))]
        elif not machine.room_for(growth):
            machine.tally["disk: full"] += 1
            self.failed = True
            room = max(0, machine.capacity - machine.used)
            written = data[: len(data) - growth + room] if growth - room < len(data) else b""
            if not written:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        ends = "pwrite" in self.end_kinds and self.end_after == 0
        if not (ends and self.end_with is Killed and machine.random.random() < 0.5):
            put(file.cache, written, offset)
            file.pending.append(Change(offset, bytes(written)))
            if growth > 0:
                machine.resized(file)
            machine.on_write(path, file, written, offset)
        self._call("pwrite")
        return len(written)

    def pread(self, fd: int, size: int, offset: int) -> bytes:
        if self.dead:
            return bytes(size)
        return bytes(self.fds[fd][1].cache[offset : offset + size])

    def size(self, fd: int) -> int:
        return 0 if self.dead else len(self.fds[fd][1].cache)

    def names(self, folder: Path) -> list[str]:
        if self.dead:
            return []
        machine = self.machine
        inner = [path.name for path in machine.folders if path.parent == folder and path != folder]
        if folder not in machine.folders and not inner:
            raise FileNotFoundError(errno.ENOENT, "no such folder", str(folder))
        found = machine.folders.get(folder)
        return [*inner, *(found.names if found else ())]

    def make_folder(self, folder: Path) -> None:
        self._call("make_folder")
        self.machine.folders.setdefault(folder, Folder())

    def lock(self, fd: int) -> None:
        if self.dead:
            return
        file = self.fds[fd][1]
        if file.holder not in (None, self):
            raise BlockingIOError(errno.EAGAIN, "locked")
        file.holder = self

    def sync_data(self, fd: int) -> None:
        if self.dead:
            return
        file = self.fds[fd][1]
        machine = self.machine
        self._begin_sync("sync_data")
        if self._fails("sync_data"):
            for change in file.pending:
                if machine.random.random() < 0.5:
                    change.apply(file.durable)
            file.pending.clear()
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._call("sync_data")
        for change in file.pending:
            change.apply(file.durable)
        file.pending.clear()
        machine.on_sync(file)

    def allocate(self, fd: int, size: int) -> None:
        if self.dead:
            return
        file = self.fds[fd][1]
        growth = size - len(file.cache)
        if self._fails("allocate") or not self.machine.room_for(growth):
            self.failed = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if growth > 0:
            file.cache.extend(bytes(growth))
            file.pending.append(Change(size, None))
            self.machine.resized(file)
        self._call("allocate")

    def truncate(self, fd: int, size: int) -> None:
        if self.dead:
            return
        file = self.fds[fd][1]
        if self._fails("truncate"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        shrinks = size < len(file.cache)
        change = Change(size, None, shrinks)
        change.apply(file.cache)
        file.pending.append(change)
        self.machine.resized(file)
        self._call("truncate")

    def rename(self, old: Path, new: Path) -> None:
        if self.dead:
            return
        folder = self.machine.folder(old.parent)
        self._call("rename")
        assert old.parent == new.parent
        folder.names[new.name] = folder.names.pop(old.name)
        folder.moved()
        self.renamed()

    def unlink(self, path: Path) -> None:
        if self.dead:
            return
        folder = self.machine.folder(path.parent)
        self._call("unlink")
        file = folder.names.pop(path.name)
        self.machine.used -= file.size
        folder.moved()

    def remove_folder(self, folder: Path) -> None:
        if self.dead:
            return
        self._call("remove_folder")
        if self.machine.folder(folder).names:
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY))
        del self.machine.folders[folder]

    def sync_folder(self, folder: Path) -> None:
        if self.dead:
            return
        found = self.machine.folder(folder)
        self._begin_sync("sync_folder")
        if self._fails("sync_folder"):
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self._call("sync_folder")
        found.durable = dict(found.names)
        found.moves.clear()

    def boot_id(self) -> bytes:
        return self.machine.boot_id

    def free_bytes(self, folder: Path) -> int:
        return max(0, self.machine.capacity - self.machine.used)

    def close(self, fd: int) -> None:
        if not self.dead:
            _, file = self.fds.pop(fd)
            if file.holder is self:
                file.holder = None

    def kill(self) -> None:
        """The process is gone; what it wrote stays in the page cache."""
        self.dead = True
        for _, file in self.fds.values():
            if file.holder is self:
                file.holder = None
        self.fds.clear()
