"""Making an evidence file out of a venue's folder, also while it is written to.

The records come from the journal through its own reader, the tree is made again out of them, and
nothing is handed out whose root is not the one that is signed. So the same checkpoint always makes
the same bytes, wherever the journal lies. Memory: one bundle, and the tree's edge.

Read are `journal`, `audit`, and the exports that are named; nothing else of the data folder is ever
opened, so that what is elsewhere (keys, passwords, the vault, screenings) cannot get in.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import Struct

from compliance.audit.keys import VerifierKey
from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.audit.tile_store import COSIGNED_NAME
from compliance.audit.tiles import TILE_WIDTH, File, GrowingTree
from compliance.verify.checkpoints import Held, Trust, check_earlier, hold
from compliance.verify.entries import BundleEntries, JournalEntries, Source
from compliance.verify.evidence_layout import (
    CHECKPOINT,
    CONTENTS,
    COSIGNED,
    END,
    HEAD,
    KEYS,
    LOG_FOLDER,
    MAX_EXPORTS,
    MAX_MEMBER_BYTES,
    Records,
    contents_of,
    export_name,
    header,
    is_listed,
    log_paths,
    padding,
    whole_bundles,
)
from compliance.verify.exports import FolderExport, open_export
from compliance.verify.findings import TAMPERED, Failed
from compliance.verify.log_files import FolderLog
from engine.journal.sink import Writes
from engine.model.errors import OperatorError

COPY_BYTES: Final = 1024 * 1024
"""Of an export's file that are held at a time."""


class Wanted(Struct, frozen=True):
    """What goes into an evidence file. folder: of the venue's data; keys: the log's public keys;
    exports: folders; release: the one that runs; span: the first and last record, None for all."""

    folder: Path
    keys: tuple[VerifierKey, ...]
    exports: tuple[Path, ...]
    release: str
    span: tuple[int, int] | None = None


class Made(Struct, frozen=True):
    """What is in one. first, last: of the records that are in, -1 for none. cosigned: how many
    records the witnesses' checkpoint is of, -1 for none."""

    origin: str
    size: int
    first: int
    last: int
    cosigned: int
    exports: int
    members: int
    bytes: int


def make_evidence(wanted: Wanted, file: Writes, progress: Callable[[str, int], None]) -> Made:
    """Write it. Raises OperatorError where the folder is not what was signed, OSError."""
    try:
        return _Making(wanted, file).run(progress)
    except Failed as failure:
        raise OperatorError(
            f"{failure}. No evidence is made of what is not as it was signed: `fixgate verify "
            "--data` says more of it, and a copy of the folder is the evidence then"
        ) from None


class _Making:
    """One run."""

    def __init__(self, wanted: Wanted, file: Writes) -> None:
        self._wanted = wanted
        self._file = file
        self._trust = Trust(wanted.keys)
        self._log = FolderLog(wanted.folder / "audit")
        self._members = 0
        self._bytes = 0

    def run(self, progress: Callable[[str, int], None]) -> Made:
        """Raises Failed, OperatorError, OSError."""
        cosigned = self._log.read(COSIGNED_NAME)  # before the checkpoint: it is never newer
        note = self._log.checkpoint()
        if note is None:
            raise OperatorError(
                f"there is no audit log in {self._wanted.folder}: is `compliance` configured?"
            )
        base = hold("checkpoint", note, self._trust)
        exports = self._open_exports(base)
        keys = "".join(f"{key.line}\n" for key in self._wanted.keys).encode()
        listed = {CHECKPOINT: note, KEYS: keys}
        cosigned_size = -1
        if cosigned is not None:
            held = hold(COSIGNED_NAME, cosigned, self._trust)
            check_earlier(base, held)
            listed[COSIGNED], cosigned_size = cosigned, held.checkpoint.size
        for name, (files, source) in exports.items():
            if is_listed(name):
                listed[name] = _small(files, source)
        size = base.checkpoint.size
        records = self._records(size)
        self._put(CONTENTS, contents_of(size, records, listed))
        for name in HEAD:
            if name in listed:
                self._put(name, listed[name])
        self._tree(base, records, progress)
        for name, (files, source) in exports.items():
            if is_listed(name):
                self._put(name, listed[name])
            else:
                self._copy(name, files, source)
        self._write(END)
        return Made(
            base.checkpoint.origin, size, records.begin if size else -1, records.end - 1,
            cosigned_size, len(self._wanted.exports), self._members,
            self._bytes,
        )  # fmt: skip

    def _open_exports(self, base: Held) -> dict[str, tuple[FolderExport, str]]:
        """Where each file of the exports asked for comes from, by its name here, in order. Their
        checkpoints lie within the log's."""
        folders = self._wanted.exports
        if folders and self._wanted.span is not None:
            raise OperatorError("an export is checked with all records: leave out --from and --to")
        if len(folders) > MAX_EXPORTS:
            raise OperatorError(f"an evidence file takes {MAX_EXPORTS} exports: make several")
        found = {}
        for number, folder in enumerate(folders, 1):
            files = FolderExport(folder)
            opened = open_export(str(folder), files, self._trust, self._wanted.release)
            check_earlier(base, opened.held)
            for name in sorted(files.names()):
                found[export_name(number, name)] = files, name
        return found

    # --- tree ---------------------------------------------------------------------------------

    def _records(self, size: int) -> Records:
        """Those that go in. Raises OperatorError."""
        span = self._wanted.span
        if span is None:
            return Records(0, size)
        if span[1] >= size:
            raise OperatorError(f"{size} records are signed, from 0 on: there is no {span[1]} yet")
        return whole_bundles(size, span[0], span[1] + 1)

    def _tree(self, base: Held, records: Records, progress: Callable[[str, int], None]) -> None:
        """The tiles and bundles as they fill. Raises Failed if the records give another root."""
        paths = set(log_paths(base.checkpoint.size, records))
        size = base.checkpoint.size
        tree = GrowingTree()
        with closing(iter(self._source(size))) as entries:
            while some := list(islice(entries, TILE_WIDTH)):
                tree.extend(some)
                self._put_all(tree.full_files(), paths)
                progress("written", tree.size)
        self._put_all(tree.files(), paths)
        if tree.size != size or tree.root() != base.checkpoint.root:
            raise Failed(TAMPERED, f"the first {size} records give another root", base.name)

    def _source(self, size: int) -> Source:
        journal = self._wanted.folder / "journal"
        if journal.is_dir():
            return JournalEntries(journal, size)
        return BundleEntries(self._log, size)

    def _put_all(self, files: Sequence[File], paths: Collection[str]) -> None:
        for file in files:
            if file.path in paths:
                self._put(LOG_FOLDER + file.path, file.data)

    # --- members ------------------------------------------------------------------------------

    def _put(self, name: str, data: bytes) -> None:
        self._begin(name, len(data))
        self._write(data)
        self._write(bytes(padding(len(data))))

    def _copy(self, name: str, files: FolderExport, source: str) -> None:
        """A file, piece by piece; as long as it was at the beginning."""
        with files.open(source) as file:
            size = file.seek(0, 2)
            file.seek(0)
            if size > MAX_MEMBER_BYTES:
                raise OperatorError(f"{source} is larger than 8 GiB: export a shorter period")
            self._begin(name, size)
            left = size
            for piece in _pieces(file.read, size):
                self._write(piece)
                left -= len(piece)
            if left:
                raise OperatorError(f"{source} has been cut meanwhile: run this again")
            self._write(bytes(padding(size)))

    def _begin(self, name: str, size: int) -> None:
        self._write(header(name, size))
        self._members += 1

    def _write(self, data: bytes) -> None:
        self._file.write(data)
        self._bytes += len(data)


def _small(files: FolderExport, name: str) -> bytes:
    """A manifest or a checkpoint: open_export has refused larger ones."""
    with files.open(name) as file:
        return file.read(MAX_NOTE_BYTES)


def _pieces(read: Callable[[int], bytes], size: int) -> Iterator[bytes]:
    while size and (piece := read(min(size, COPY_BYTES))):
        size -= len(piece)
        yield piece
