"""An export, from the audit log's folder to a folder of its own."""

from collections.abc import Callable, Iterator
from pathlib import Path

from compliance.audit.receipts import published
from compliance.audit.tile_store import LogFolder
from compliance.exports.folder import CHECKPOINT_NAME, MANIFEST_NAME, unfinished
from compliance.exports.kind import Format, Kind
from compliance.exports.manifest import Manifest, encode_manifest, file_name, make_manifest
from compliance.exports.source import SignedRecords
from compliance.exports.times import Period
from compliance.exports.writing import write_export
from engine.journal.disk import REAL_DISK, Disk
from engine.model.record import Record


def export(
    log: LogFolder,
    note: bytes,
    kind: Kind,
    fmt: Format,
    period: Period,
    out: Path,
    exporter: str,
    passing: Callable[[Iterator[Record]], Iterator[Record]] = iter,
    disk: Disk = REAL_DISK,
) -> Manifest:
    """Make folder `out` of what is under the checkpoint in `note`. passing: sees the records go by.

    Raises OperatorError if `out` is there already, ExportRefused if there is no such export,
    AuditRefused if the log's entries are not what was signed, OSError. Then there is no `out`.
    """
    records = SignedRecords(published(note), log.read)
    with unfinished(out, disk) as folder:
        written = folder.write(
            file_name(kind, fmt),
            lambda sink: write_export(kind, fmt, passing(records.records()), period, sink),
        )
        records.check()
        manifest = make_manifest(kind, fmt, period, written, records.checkpoint, exporter)
        folder.write(MANIFEST_NAME, lambda sink: sink.write(encode_manifest(manifest)))
        folder.write(CHECKPOINT_NAME, lambda sink: sink.write(note))
        folder.publish()
    return manifest
