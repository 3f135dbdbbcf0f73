"""A folder of snapshots: written in small pieces, renamed into place, the last two kept."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from engine.journal.disk import REAL_DISK, Disk
from engine.journal.segment import SegmentIndex
from engine.journal.snapshot import (
    SNAPSHOT_HEADER_BYTES,
    ChunkEncoder,
    SnapshotHeader,
    decode_chunks,
    decode_index,
    decode_snapshot_header,
    encode_index,
    encode_snapshot_header,
    snapshot_name,
    snapshot_number,
)
from engine.model.errors import SnapshotDamaged

KEPT_SNAPSHOTS: Final = 2
"""Snapshots that are kept, files: one more than is needed, should it be damaged."""

PIECE_BYTES: Final = 512 * 1024
"""Written and synced at a time, bytes: some 2 ms of the disk, which the journal needs, too."""

READ_BYTES: Final = 1024 * 1024
"""One read of a snapshot, bytes."""

TEMPORARY: Final = ".tmp"


class SnapshotFile:
    """A snapshot on disk whose header is sound."""

    def __init__(self, path: Path, disk: Disk = REAL_DISK) -> None:
        """Raises SnapshotDamaged."""
        self.path = path
        self._disk = disk
        with self._reading() as file:
            self.header = decode_snapshot_header(file.read(SNAPSHOT_HEADER_BYTES))
        if path.name != snapshot_name(self.header.place.number):
            raise SnapshotDamaged(f"{path.name} is the snapshot of another record")

    def chunks(self) -> Iterator[bytes]:
        """All chunks, each checked, the indexes first. Raises SnapshotDamaged, naming the file."""
        with self._reading() as file:
            file.read(SNAPSHOT_HEADER_BYTES)
            yield from decode_chunks(self.header, file.read)

    def parts(self) -> tuple[dict[int, SegmentIndex], Iterator[bytes]]:
        """The segment indexes by first record, and the chunks of the state. SnapshotDamaged."""
        chunks = self.chunks()
        indexes = {}
        for _ in range(self.header.indexes):
            chunk = next(chunks, None)
            if chunk is None:
                raise SnapshotDamaged(f"{self.path.name}: indexes are missing")
            index = decode_index(chunk)
            indexes[index.first] = index
        return indexes, chunks

    @contextlib.contextmanager
    def _reading(self) -> Iterator["_Sequential"]:
        """The file from its beginning. Raises SnapshotDamaged, naming it, for all that is wrong."""
        try:
            fd = self._disk.open(self.path, os.O_RDONLY)
            try:
                yield _Sequential(self._disk, fd)
            finally:
                self._disk.close(fd)
        except OSError as error:
            raise SnapshotDamaged(f"{self.path.name} cannot be read: {error}") from error
        except SnapshotDamaged as error:
            raise SnapshotDamaged(f"{self.path.name}: {error}") from error


class _Sequential:
    """A file read from its beginning, READ_BYTES at a time."""

    __slots__ = ("_at", "_data", "_disk", "_end", "_fd")

    def __init__(self, disk: Disk, fd: int) -> None:
        self._disk = disk
        self._fd = fd
        self._data = b""
        self._at = self._end = 0  # in the data; of the data in the file

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end of the file."""
        lacking = size - (len(self._data) - self._at)
        if lacking > 0:
            more = self._disk.pread(self._fd, max(lacking, READ_BYTES), self._end)
            self._end += len(more)
            self._data, self._at = self._data[self._at :] + more, 0
        self._at += size
        return self._data[self._at - size : self._at]


def list_snapshots(folder: Path, disk: Disk = REAL_DISK) -> list[Path]:
    """The snapshots in `folder`, newest first, sound or not; none if there is no folder."""
    try:
        names = disk.names(folder)
    except FileNotFoundError:
        return []
    found = [name for name in names if snapshot_number(name) is not None]
    return [folder / name for name in sorted(found, reverse=True)]


def named_by_snapshots(folder: Path, disk: Disk = REAL_DISK) -> int:
    """The highest record that a snapshot saw on disk, -1 for none: the journal must have it."""
    named = -1
    for path in list_snapshots(folder, disk):
        try:
            header = SnapshotFile(path, disk).header
        except SnapshotDamaged:
            continue
        if header.synced:
            named = max(named, header.place.number)
    return named


def write_snapshot(
    folder: Path,
    disk: Disk,
    header: SnapshotHeader,
    indexes: Iterable[SegmentIndex],
    state: Iterable[bytes],
) -> Iterator[int]:
    """Write a snapshot and remove the oldest ones; yields the bytes of each piece that is on disk.

    The caller may pause at each piece. Each is synced by itself: much unwritten data at once would
    hold up the journal's own syncs. Abandoned half-way, or at an OSError, it leaves nothing but a
    temporary file that nobody reads. header: without size, indexes and crc.
    """
    name = snapshot_name(header.place.number)
    temporary = folder / (name + TEMPORARY)
    try:
        yield from _write_pieces(temporary, disk, header, indexes, state)
        disk.rename(temporary, folder / name)
    except OSError:
        with contextlib.suppress(OSError):
            disk.unlink(temporary)  # a full disk needs its room
        raise
    disk.sync_folder(folder)
    here = folder / name
    older = [path for path in list_snapshots(folder, disk) if path < here]
    kept = {here, *older[: KEPT_SNAPSHOTS - 1]}
    for path in list_snapshots(folder, disk):
        if path not in kept:  # older ones, and those of records that the journal has not
            disk.unlink(path)


def _write_pieces(
    path: Path,
    disk: Disk,
    header: SnapshotHeader,
    indexes: Iterable[SegmentIndex],
    state: Iterable[bytes],
) -> Iterator[int]:
    fd = disk.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        encoder = ChunkEncoder()
        offset = SNAPSHOT_HEADER_BYTES
        chunks = [encoder.add(encode_index(index)) for index in indexes]
        count = len(chunks)
        size = sum(map(len, chunks))
        for payload in state:
            chunks.append(encoder.add(payload))
            size += len(chunks[-1])
            if size >= PIECE_BYTES:
                _write(disk, fd, b"".join(chunks), offset)
                disk.sync_data(fd)
                yield size
                offset += size
                chunks, size = [], 0
        _write(disk, fd, b"".join(chunks), offset)
        whole = header._replace(size=encoder.size, indexes=count, crc=encoder.crc)
        _write(disk, fd, encode_snapshot_header(whole), 0)
        disk.sync_data(fd)
        yield size
    finally:
        disk.close(fd)


def remove_unfinished(folder: Path, disk: Disk) -> None:
    """Remove what writers left that were stopped half-way."""
    for name in disk.names(folder):
        if name.endswith(TEMPORARY):
            disk.unlink(folder / name)


def _write(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    written = disk.pwrite(fd, data, offset)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes were written")
