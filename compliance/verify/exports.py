"""Exports: made again out of the records, and compared byte by byte with what the folder has.

A manifest is not signed: it is believed as far as this release, given the records under its
checkpoint, writes the same one. The checkpoint beside it is signed, and the entries have to give
its root. Memory: that of the kind, and one piece of the file.
"""

from collections.abc import Collection, Iterator
from contextlib import closing
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Protocol

import msgspec
from msgspec import Struct

from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.exports.errors import ExportRefused
from compliance.exports.folder import CHECKPOINT_NAME, MANIFEST_NAME
from compliance.exports.kind import Kind
from compliance.exports.kinds import KINDS
from compliance.exports.manifest import (
    Manifest,
    encode_manifest,
    file_name,
    make_manifest,
    parse_manifest,
)
from compliance.exports.writing import Written, write_export
from compliance.verify.checkpoints import Held, Trust, hold
from compliance.verify.entries import Source
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE, Failed
from compliance.verify.records import record_of
from engine.model.errors import JournalDamaged, OperatorError
from engine.model.record import Record

MAX_MANIFEST_BYTES: Final = 64 * 1024
"""Largest manifest, bytes: they have some 1,000."""

PYARROW: Final = "pyarrow"


class ExportFiles(Protocol):
    """The files of an export, wherever they were handed in. Raises OSError."""

    def names(self) -> set[str]:
        """Of all of them."""
        ...

    def open(self, name: str) -> BinaryIO:
        """One that is there, for reading from its beginning."""
        ...


class FolderExport:
    """A folder that `fixgate export` has made. See ExportFiles."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> set[str]:
        """See ExportFiles."""
        return {path.name for path in self._folder.iterdir()}

    def open(self, name: str) -> BinaryIO:
        """See ExportFiles."""
        return (self._folder / name).open("rb")


class OpenedExport(Struct, frozen=True):
    """An export whose manifest and checkpoint can be read. name: in the report."""

    name: str
    files: ExportFiles
    manifest: Manifest
    kind: Kind
    held: Held


def open_export(name: str, files: ExportFiles, trust: Trust, release: str) -> OpenedExport:
    """Read an export. release: the one that runs. Raises Failed, OperatorError, OSError.

    What another release has made only that one can make again.
    """
    names = files.names()
    manifest = _manifest(files, names)
    kind = KINDS.get(manifest.kind)
    if kind is None or kind.version != manifest.kind_version or manifest.exporter != release:
        raise Failed(
            UNREADABLE,
            f"{manifest.kind} of version {manifest.kind_version}, made by {manifest.exporter}: "
            f"this is {release}, run that release",
            MANIFEST_NAME,
        )
    if manifest.format == "parquet" and find_spec(PYARROW) is None:
        raise OperatorError("Parquet needs the extra `history`: pip install 'fixgate[history]'")
    wanted = {MANIFEST_NAME, CHECKPOINT_NAME, file_name(kind, manifest.format)}
    if wanted - names:
        raise Failed(INCOMPLETE, "it is missing", min(wanted - names))
    if names - wanted:
        raise Failed(UNREADABLE, "it is no file of this export", min(names - wanted))
    held = hold(name, _beginning(files, CHECKPOINT_NAME, MAX_NOTE_BYTES), trust)
    if held.checkpoint != manifest.checkpoint():
        raise Failed(TAMPERED, "the checkpoint beside it is another one", MANIFEST_NAME)
    return OpenedExport(name, files, manifest, kind, held)


def derive(export: OpenedExport, source: Source) -> str:
    """Make an export again and compare; what is to be said. Raises Failed, OSError."""
    manifest, kind = export.manifest, export.kind
    name = file_name(kind, manifest.format)
    with export.files.open(name) as file, closing(iter(source)) as entries:
        beside = _Beside(file)
        written = _again(export, _records(entries, manifest.size), beside)
        beside.end(name)
    again = make_manifest(
        kind, manifest.format, manifest.period(), written, export.held.checkpoint, manifest.exporter
    )
    if encode_manifest(again) != encode_manifest(manifest):
        raise Failed(TAMPERED, _difference(manifest, again), MANIFEST_NAME)
    return f"{written.rows:,} rows, {written.bytes:,} bytes, out of {manifest.size:,} records"


def _manifest(files: ExportFiles, names: Collection[str]) -> Manifest:
    if MANIFEST_NAME not in names:
        raise Failed(INCOMPLETE, "it is missing", MANIFEST_NAME)
    try:
        return parse_manifest(_beginning(files, MANIFEST_NAME, MAX_MANIFEST_BYTES))
    except (ExportRefused, UnicodeDecodeError) as error:
        raise Failed(UNREADABLE, str(error), MANIFEST_NAME) from None


def _beginning(files: ExportFiles, name: str, size: int) -> bytes:
    """A file, or as much of a larger one as shows that it is larger."""
    with files.open(name) as file:
        return file.read(size + 1)


def _records(entries: Iterator[bytes], size: int) -> Iterator[Record]:
    return (record_of(n, entry) for n, entry in enumerate(islice(entries, size)))


def _again(export: OpenedExport, records: Iterator[Record], beside: "_Beside") -> Written:
    manifest = export.manifest
    try:
        return write_export(export.kind, manifest.format, records, manifest.period(), beside)
    except ExportRefused as error:
        raise Failed(TAMPERED, str(error), MANIFEST_NAME) from None
    except JournalDamaged as error:
        raise Failed(TAMPERED, str(error)) from None
    except (AssertionError, ArithmeticError, LookupError, ValueError) as error:
        # Records that are signed and contradict each other, which other checks have found, too.
        raise Failed(TAMPERED, f"the records give no such export: {error!r}") from None


class _Beside:
    """Takes what is written, and compares it with a file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._at = 0
        self._differs = -1
        self._cut = False

    def write(self, data: bytes, /) -> None:
        """See engine.journal.sink.Writes."""
        if self._differs >= 0:
            return
        there = self._file.read(len(data))
        if there != data:
            self._cut = data.startswith(there)
            pairs = enumerate(zip(data, there, strict=False))
            k = next((k for k, (ours, theirs) in pairs if ours != theirs), len(there))
            self._differs = self._at + k
        self._at += len(data)

    def end(self, name: str) -> None:
        """All was written. Raises Failed."""
        if self._differs >= 0 and self._cut:
            raise Failed(INCOMPLETE, f"it ends at byte {self._differs}", name)
        if self._differs >= 0 or self._file.read(1):
            at = self._at if self._differs < 0 else self._differs
            raise Failed(TAMPERED, f"from byte {at} on it is not what the records give", name)


def _difference(manifest: Manifest, again: Manifest) -> str:
    """Which field says something else than the records give."""
    then, now = (msgspec.to_builtins(m) for m in (manifest, again))
    name = next((name for name in then if then[name] != now[name]), "missing")
    return f"{name} is {then[name]}, and the records give {now[name]}"
