"""An export, from the audit log's folder to a folder of its own; one that was cut goes on.

Now and then the rows are synced and a cursor is kept beside them: what the run knows, and the place
in the log. The next run of the same export goes on there, under the checkpoint that it began with.
A cursor is believed only if the rows that it tells of are there, byte by byte.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from msgspec import Struct

from compliance.audit.checkpoint import Checkpoint
from compliance.audit.receipts import published
from compliance.audit.tile_store import LogFolder
from compliance.exports.folder import (
    CHECKPOINT_NAME,
    CURSOR_NAME,
    MANIFEST_NAME,
    UnfinishedFolder,
    unfinished,
)
from compliance.exports.kind import Format, Kind
from compliance.exports.manifest import Manifest, encode_manifest, file_name, make_manifest
from compliance.exports.source import SignedRecords
from compliance.exports.times import Period
from compliance.exports.writing import RESUMABLE, Cursor, Writing, Written
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.sink import DiskSink, HashedStream
from engine.model.record import Record
from engine.replay import join_parts

CURSOR_RECORDS: Final = 262_144
"""Records between two cursors: some ten seconds of work are lost at most."""

READ_BYTES: Final = 1024 * 1024
"""Bytes of rows that are read at once, to see that they are there."""

Passing = Callable[[Iterator[Record]], Iterator[Record]]


class Request(Struct, frozen=True):
    """What was asked for, and of which release. note: the checkpoint under which it is answered."""

    kind: str
    version: int
    format: str
    period: Period
    exporter: str
    note: bytes


class _Kept(Struct, frozen=True):
    """A cursor in its file. read, peaks: see SignedRecords."""

    request: Request
    cursor: Cursor
    read: int
    peaks: tuple[bytes, ...]


class Asked(NamedTuple):
    """An export that is wanted. exporter: the release that makes it."""

    kind: Kind
    format: Format
    period: Period
    exporter: str

    def request(self, note: bytes) -> Request:
        """The same, to compare with what was asked for before."""
        kind, fmt, period, exporter = self
        return Request(kind.name, kind.version, fmt, period, exporter, note)


def export(
    log: LogFolder,
    note: bytes,
    asked: Asked,
    out: Path,
    passing: Passing = iter,
    disk: Disk = REAL_DISK,
) -> Manifest:
    """Make folder `out` of what is under the checkpoint in `note`, or under the one of the run that
    is gone on with. passing: sees the records go by.

    Raises OperatorError if `out` is there already, ExportRefused if there is no such export,
    AuditRefused if the log's entries are not what was signed, OSError. Then there is no `out`.
    """
    kind, fmt, period, exporter = asked
    with unfinished(out, disk) as folder:
        kept = _kept(folder, asked)
        if kept is None:
            folder.clear()
        note = note if kept is None else kept.request.note
        checkpoint = published(note)
        written = _rows(folder, log, checkpoint, asked, note, kept, passing)
        manifest = make_manifest(kind, fmt, period, written, checkpoint, exporter)
        folder.write(MANIFEST_NAME, encode_manifest(manifest))
        folder.write(CHECKPOINT_NAME, note)
        if folder.read(CURSOR_NAME) is not None:
            folder.remove(CURSOR_NAME)
        folder.publish()
    return manifest


def _kept(folder: UnfinishedFolder, asked: Asked) -> _Kept | None:
    """The cursor of a run of the same export, if there is one."""
    data = folder.read(CURSOR_NAME)
    try:
        kept = None if data is None else msgspec.msgpack.decode(data, type=_Kept)
    except msgspec.DecodeError:
        return None
    if kept is None or asked.request(kept.request.note) != kept.request:
        return None
    return kept


def _rows(
    folder: UnfinishedFolder,
    log: LogFolder,
    checkpoint: Checkpoint,
    asked: Asked,
    note: bytes,
    kept: _Kept | None,
    passing: Passing,
) -> Written:
    """Write the file with the rows; it is on disk, and proved, when this returns."""
    kind, fmt, period, _ = asked
    disk = folder.disk
    with folder.opened(file_name(kind, fmt)) as fd:
        stream = None if kept is None else _gone_on(disk, fd, kept.cursor.written)
        if kept is None or stream is None:
            stream = HashedStream(DiskSink(disk, fd))
            records = SignedRecords(checkpoint, log.read)
            writing = Writing(kind, fmt, period, stream)
        else:
            records = SignedRecords(checkpoint, log.read, kept.read, kept.peaks)
            writing = Writing(kind, fmt, period, stream, kept.cursor)
        disk.truncate(fd, stream.at)
        due = records.read + CURSOR_RECORDS
        for whole in join_parts(passing(records.records())):
            if not writing.take(whole):
                break
            at_end = records.between_bundles and records.read == whole.last + 1
            if at_end and records.read >= due and fmt in RESUMABLE:
                cursor = writing.cursor()
                disk.sync_data(fd)
                found = _Kept(asked.request(note), cursor, records.read, records.peaks)
                folder.write(CURSOR_NAME, msgspec.msgpack.encode(found))
                due = records.read + CURSOR_RECORDS
        records.check()
        return writing.close()


def _gone_on(disk: Disk, fd: int, written: Written) -> HashedStream | None:
    """A file to write on to, behind what was written; None if that is not there."""
    if disk.size(fd) < written.bytes:
        return None
    stream = HashedStream(DiskSink(disk, fd, written.bytes))
    for at in range(0, written.bytes, READ_BYTES):
        stream.passed(disk.pread(fd, min(READ_BYTES, written.bytes - at), at))
    return stream if stream.digest.hexdigest() == written.sha256 else None
