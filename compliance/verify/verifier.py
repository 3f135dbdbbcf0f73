"""All checks of a data folder, of a copy of its `journal` and `audit`, or of an evidence file:
offline, read-only.

First whether the data are what was signed, then whether they mean what they say: what was not
signed is not looked into any further. Works on a folder that a venue is writing to, too.
"""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from compliance.audit.tile_store import CHECKPOINT_NAME
from compliance.audit.tiles import HashTree
from compliance.verify.checkpoints import (
    Held,
    Trust,
    check_earlier,
    check_newest,
    check_quorum,
    hold,
    kinds,
)
from compliance.verify.entries import BundleEntries, JournalEntries, Source
from compliance.verify.evidence_file import EvidenceFile
from compliance.verify.evidence_layout import Records
from compliance.verify.exports import (
    ExportFiles,
    FolderExport,
    OpenedExport,
    derive,
    open_export,
)
from compliance.verify.findings import INCOMPLETE, Failed, Report
from compliance.verify.log_files import BUNDLE_FOLDER, TILE_FOLDER, FolderLog, LogFiles
from compliance.verify.meaning import MEANING, RECORDS, check_meaning
from compliance.verify.part import Part, TileHashes
from compliance.verify.tree import BUNDLES, TILES, Progress, TreeCheck, TreeFindings

EVIDENCE: Final = "evidence"
CHECKPOINT: Final = "checkpoint"
NEWEST: Final = "newest"
EARLIER: Final = "earlier"
COSIGNED: Final = "cosigned"
MEMBERS: Final = "members"
KEYS: Final = "keys"
WITNESSES: Final = "witnesses"
EXPORT: Final = "export"
RANGE: Final = "range"
ENTRIES: Final = "entries"
ROOT: Final = "root"

ALWAYS_UNCHECKED: Final = (
    "how the journal was written: epochs, flags and durable numbers of its frames, its durable "
    "mark, what lies behind the last signed record; none of it is signed",
    "everything else in the data folder: snapshots, indexes of sessions, ledger, history",
)


class Question(Struct, frozen=True):
    """What an auditor has, and wants to know.

    place: the folder of the data, or an evidence file. newest: a checkpoint from outside, the
    newest that anybody has seen. earlier: older ones, by their names. span: the first and last
    record asked for. exports: folders of exports. release: the one that runs, which can make again
    what it has made.
    """

    place: Path | EvidenceFile
    trust: Trust
    newest: bytes | None = None
    earlier: tuple[tuple[str, bytes], ...] = ()
    span: tuple[int, int] | None = None
    exports: tuple[Path, ...] = ()
    release: str = ""


class Verifier:
    """Answers one question."""

    def __init__(self, question: Question, progress: Progress) -> None:
        self._question = question
        self._progress = progress
        self._evidence: EvidenceFile | None = None
        self._journal: Path | None = None
        self._log: LogFiles
        if isinstance(question.place, EvidenceFile):
            self._evidence = self._log = question.place
        else:
            folder = question.place
            self._journal, self._log = folder / "journal", FolderLog(folder / "audit")
        self._pending: list[Held] = []
        """Checkpoints of the auditor's, whose roots the entries have to give."""
        self._exports: list[OpenedExport] = []
        self._newest_held: Held | None = None
        self._cosigned_held: Held | None = None
        self.report = Report()
        self.base: Held | None = None
        """The checkpoint that all else is compared with."""

    def run(self) -> Report:
        """Do all checks. Raises OSError."""
        report = self.report
        if not self._readable():
            return report
        base = self.base = self._checkpoints()
        if base is None:
            rest = (WITNESSES, RANGE, ENTRIES, ROOT, TILES, BUNDLES, *MEANING)
            unopened = (name for name, _ in self._handed_exports())
            report.not_done((*rest, *unopened), "there is no checkpoint to compare anything with")
            return report
        self._belonging(base)
        self._witnesses(self._witnessed(base))
        self._range(base.checkpoint.size)
        if self._evidence is not None and self._evidence.part is not None:
            self._part(base, self._evidence, self._evidence.part)
            return report
        source = self._source(base.checkpoint.size)
        exports = [export.name for export in self._exports]
        if source is None:
            report.failed(ENTRIES, Failed(INCOMPLETE, "there is neither a journal nor a bundle"))
            report.not_done((ROOT, TILES, BUNDLES, *MEANING, *exports), "there are no entries")
            return report
        found = self._tree(base, source)
        if found.entries is None and found.roots[base.name] is None:
            check_meaning(source, report, self._progress)
            self._derive(found, source)
        else:
            report.not_done((*MEANING, *exports), "the entries are not what was signed")
        self._leave_out(found, source)
        return report

    # --- the evidence file --------------------------------------------------------------------

    def _readable(self) -> bool:
        """Whether what was handed in can be looked into: a folder always."""
        if self._evidence is None:
            return True
        report = self.report
        try:
            report.ok(EVIDENCE, f"{self._evidence.scan():,} members, nothing between or after them")
        except Failed as failure:
            report.failed(EVIDENCE, failure)
            rest = (CHECKPOINT, NEWEST, WITNESSES, RANGE, ENTRIES, ROOT, TILES, BUNDLES, *MEANING)
            report.not_done(rest, "the evidence file cannot be read to its end")
            return False
        return True

    def _belonging(self, base: Held) -> None:
        """What belongs into an evidence file is in it, and nothing else."""
        evidence = self._evidence
        if evidence is None:
            return
        known, checkpoint = self._question.trust.log, base.checkpoint
        self._look(MEMBERS, partial(evidence.check_members, checkpoint.size))
        self._look(KEYS, partial(evidence.check_keys, known, checkpoint.origin))

    def _look(self, check: str, look: Callable[[], str]) -> bool:
        """Do a check that says what it has found; whether it is ok."""
        try:
            self.report.ok(check, look())
        except Failed as failure:
            self.report.failed(check, failure)
            return False
        return True

    def _handed_exports(self) -> list[tuple[str, ExportFiles]]:
        """All exports, by their names in the report."""
        folders = self._question.exports
        found: list[tuple[str, ExportFiles]] = [
            (f"{EXPORT} {folder.absolute().name}", FolderExport(folder)) for folder in folders
        ]
        if self._evidence is not None:
            inside = self._evidence.exports()
            found += ((f"{EXPORT} {number} of the evidence", files) for number, files in inside)
        return found

    # --- checkpoints --------------------------------------------------------------------------

    def _checkpoints(self) -> Held | None:
        """The checkpoint to go by: the folder's, and where there is no log the newest one."""
        question, report = self._question, self.report
        own = self._own()
        newest = None
        if question.newest is None:
            report.not_done((NEWEST,), "no checkpoint from outside was given (--checkpoint)")
        else:
            newest = self._newest_held = self._hold(NEWEST, question.newest)
        base = own
        if own is None and not self._log.there():
            base = newest
        if newest is not None:
            self._newest(own, newest, base)
        if base is not None:
            cosigned = None if self._evidence is None else self._evidence.cosigned()
            if cosigned is not None:
                self._cosigned_held = self._earlier(base, COSIGNED, cosigned)
            for name, note in question.earlier:
                self._earlier(base, f"{EARLIER} {name}", note)
            for check, files in self._handed_exports():
                self._open(base, check, files)
        return base

    def _own(self) -> Held | None:
        """The folder's checkpoint."""
        note = self._log.checkpoint()
        if note is not None:
            own = self._hold(CHECKPOINT, note)
            if own is not None:
                self.report.ok(CHECKPOINT, _told(own))
            return own
        if self._log.there():
            self.report.failed(CHECKPOINT, Failed(INCOMPLETE, "it is not there", CHECKPOINT_NAME))
        else:
            self.report.not_done((CHECKPOINT,), "there is no audit log in the folder")
        return None

    def _hold(self, check: str, note: bytes) -> Held | None:
        try:
            return hold(check, note, self._question.trust)
        except Failed as failure:
            self.report.failed(check, failure)
            return None

    def _newest(self, own: Held | None, newest: Held, base: Held | None) -> None:
        report = self.report
        if own is None:
            if base is None:
                report.not_done((NEWEST,), "there is nothing to compare it with")
            else:
                report.ok(NEWEST, _told(newest))
            return
        try:
            check_newest(own, newest)
        except Failed as failure:
            report.failed(NEWEST, failure)
            return
        if newest.checkpoint.size == own.checkpoint.size:
            report.ok(NEWEST, "it is the one that is there")
        else:
            self._pending.append(newest)

    def _earlier(self, base: Held, check: str, note: bytes) -> Held | None:
        """A checkpoint whose root the entries have to give; None if it is no good."""
        held = self._hold(check, note)
        if held is None:
            return None
        try:
            check_earlier(base, held)
        except Failed as failure:
            self.report.failed(check, failure)
            return None
        self._pending.append(held)
        return held

    def _open(self, base: Held, check: str, files: ExportFiles) -> None:
        """An export whose checkpoint lies within what is verified here."""
        try:
            export = open_export(check, files, self._question.trust, self._question.release)
            check_earlier(base, export.held)
        except Failed as failure:
            self.report.failed(check, failure)
        else:
            self._exports.append(export)

    def _witnessed(self, base: Held) -> Held:
        """The checkpoint that witnesses are looked for on: the one from outside, else the folder's;
        with an evidence file that of theirs which is in it, if it has more of them. The log asks
        witnesses a moment after it publishes."""
        held = self._newest_held or base
        cosigned = self._cosigned_held
        if cosigned is not None and len(cosigned.witnesses) > len(held.witnesses):
            return cosigned
        return held

    def _witnesses(self, held: Held) -> None:
        """Whether enough have cosigned it."""
        trust, report = self._question.trust, self.report
        if not trust.quorum:
            report.not_done((WITNESSES,), "none were asked for (--witness, --quorum)")
            return
        try:
            told = check_quorum(held, trust)
            report.ok(WITNESSES, f"{told}, of {held.checkpoint.size:,} records")
        except Failed as failure:
            report.failed(WITNESSES, failure)

    def _range(self, size: int) -> None:
        """The range asked for lies in the tree. That nothing of it is missing the root shows."""
        span, report = self._question.span, self.report
        part = None if self._evidence is None else self._evidence.part
        if part is not None and (span is None or not part.begin <= span[0] <= span[1] < part.end):
            text = f"the file has records {part.begin} to {part.end - 1} alone (--from, --to)"
            report.failed(RANGE, Failed(INCOMPLETE, text))
        elif span is None:
            report.not_done((RANGE,), "none was asked for (--from, --to): all records were")
        elif span[1] >= size:
            failure = Failed(INCOMPLETE, f"{size} records are signed", f"record {span[1]}")
            report.failed(RANGE, failure)
        else:
            report.ok(RANGE, f"records {span[0]} to {span[1]} are among the {size} that are signed")

    def _part(self, base: Held, log: EvidenceFile, records: Records) -> None:
        """A range of records, in a tree whose other entries are there as hashes."""
        report, size = self.report, base.checkpoint.size
        check = TreeCheck(size, self._points(base), log, HashTree())
        found = check.run(TileHashes(log, size), self._progress)
        self._settle_roots(base, found)
        wrong = found.entries or found.files.get(TILES)
        tiles = f"{found.counts[TILES]:,} files are one tree"
        part = Part(log, size, records)
        good = report.settle(TILES, wrong, tiles) and found.roots[base.name] is None
        for name, look in ((BUNDLES, part.check_bundles), (RECORDS, part.check_records)):
            if good:
                good = self._look(name, look)
            else:
                report.not_done((name,), "what it is compared with is not what was signed")
        exports = (export.name for export in self._exports)
        left = (check for check in MEANING if check != RECORDS)
        report.not_done((ENTRIES, *left, *exports), "it takes all records from 0 on")
        self._leave_out_trust()

    # --- entries and tree ---------------------------------------------------------------------

    def _source(self, size: int) -> Source | None:
        """The journal, and where there is none the log's bundles."""
        if self._journal is not None and self._journal.is_dir():
            return JournalEntries(self._journal, size)
        if self._log.has(BUNDLE_FOLDER) or not size:
            return BundleEntries(self._log, size)
        return None

    def _tree(self, base: Held, source: Source) -> TreeFindings:
        tiles = self._log.has(TILE_FOLDER)
        size = base.checkpoint.size
        check = TreeCheck(size, self._points(base), self._log if tiles else None)
        found = check.run(source, self._progress)
        report = self.report
        where = "the journal" if isinstance(source, JournalEntries) else "the bundles"
        report.settle(ENTRIES, found.entries, f"{found.size:,}, out of {where}")
        self._settle_roots(base, found)
        for kind in (TILES, BUNDLES):
            self._files(kind, found, tiles=tiles)
        return found

    def _points(self, base: Held) -> dict[int, list[Held]]:
        """The checkpoints whose roots the entries have to give, by size."""
        points: dict[int, list[Held]] = defaultdict(list)
        for held in (base, *self._pending, *(export.held for export in self._exports)):
            points[held.checkpoint.size].append(held)
        return points

    def _settle_roots(self, base: Held, found: TreeFindings) -> None:
        """Whether the entries give the roots."""
        report = self.report
        for held in (base, *self._pending):
            name = ROOT if held is base else held.name
            if held.name in found.roots:
                of = f"the first {held.checkpoint.size:,} records give the root that is signed"
                report.settle(name, found.roots[held.name], of)
            else:
                report.not_done((name,), "there are not enough entries")

    def _derive(self, found: TreeFindings, source: Source) -> None:
        """Make the exports again whose checkpoints' roots the entries give."""
        for export in self._exports:
            failure = found.roots[export.name]
            said = ""
            if failure is None:
                try:
                    said = derive(export, source)
                except Failed as wrong:
                    failure = wrong
            self.report.settle(export.name, failure, said)

    def _files(self, kind: str, found: TreeFindings, *, tiles: bool) -> None:
        report = self.report
        if not tiles:
            report.not_done((kind,), "there are none")
        elif kind in found.files:
            report.failed(kind, found.files[kind])
        elif found.entries is not None:
            report.not_done((kind,), "there are not enough entries")
        else:
            report.ok(kind, f"{found.counts[kind]:,} files are what the entries give")

    def _leave_out(self, found: TreeFindings, source: Source) -> None:
        """Say what nobody has looked at."""
        unchecked = self.report.unchecked
        if not isinstance(source, JournalEntries):
            unchecked.append("the journal: it is not there, the records are the bundles'")
        elif beyond := source.beyond():
            unchecked.append(f"{beyond:,} records that are newer than the checkpoint")
        if found.later:
            unchecked.append(f"{found.later:,} files of a later tree than the checkpoint's")
        self._leave_out_trust()

    def _leave_out_trust(self) -> None:
        """What nobody has looked at because it was not brought, and what nobody ever looks at."""
        unchecked = self.report.unchecked
        if self._question.newest is None:
            unchecked.append("whether all of it is an older state that was put back (--checkpoint)")
        if not self._question.trust.quorum:
            unchecked.append("whether others are shown another log (--witness, --quorum)")
        unchecked += ALWAYS_UNCHECKED


def _told(held: Held) -> str:
    return f"{held.checkpoint.size:,} records of {held.checkpoint.origin}, signed by {kinds(held)}"
