"""A folder of snapshots: written in small pieces, renamed into place, the last two kept."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from engine.journal.disk import Disk
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

    def __init__(self, path: Path) -> None:
        """Raises SnapshotDamaged."""
        self.path = path
        try:
            with path.open("rb") as file:
                self.header = decode_snapshot_header(file.read(SNAPSHOT_HEADER_BYTES))
        except OSError as error:
            raise SnapshotDamaged(f"{path.name} cannot be read: {error}") from error
        except SnapshotDamaged as error:
            raise SnapshotDamaged(f"{path.name}: {error}") from error
        if path.name != snapshot_name(self.header.place.number):
            raise SnapshotDamaged(f"{path.name} is the snapshot of another record")

    def chunks(self) -> Iterator[bytes]:
        """All chunks, each checked, the indexes first. Raises SnapshotDamaged, naming the file."""
        try:
            with self.path.open("rb", buffering=READ_BYTES) as file:
                file.seek(SNAPSHOT_HEADER_BYTES)
                yield from decode_chunks(self.header, file.read)
        except OSError as error:
            raise SnapshotDamaged(f"{self.path.name} cannot be read: {error}") from error
        except SnapshotDamaged as error:
            raise SnapshotDamaged(f"{self.path.name}: {error}") from error

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


def list_snapshots(folder: Path) -> list[Path]:
    """The snapshots in `folder`, newest first, sound or not; none if there is no folder."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    found = [name for name in names if snapshot_number(name) is not None]
    return [folder / name for name in sorted(found, reverse=True)]


def named_by_snapshots(folder: Path) -> int:
    """The highest record that a snapshot saw on disk, -1 for none: the journal must have it."""
    named = -1
    for path in list_snapshots(folder):
        try:
            header = SnapshotFile(path).header
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
    older = [path for path in list_snapshots(folder) if path < here]
    kept = {here, *older[: KEPT_SNAPSHOTS - 1]}
    for path in list_snapshots(folder):
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
    for path in folder.glob("*" + TEMPORARY):
        disk.unlink(path)


def _write(disk: Disk, fd: int, data: bytes, offset: int) -> None:
    written = disk.pwrite(fd, data, offset)
    if written != len(data):
        raise OSError(f"only {written} of {len(data)} bytes were written")
