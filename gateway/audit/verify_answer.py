"""What `fixgate verify` does, once all that checks is loaded."""

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

import gateway
from compliance.audit.notes import MAX_NOTE_BYTES
from compliance.audit.text import to_base64
from compliance.verify.checkpoints import Held, Trust, check_trust
from compliance.verify.evidence_file import EvidenceFile
from compliance.verify.findings import WORDS, Report
from compliance.verify.verifier import Question, Verifier
from engine.model.errors import OperatorError
from gateway.audit.key_texts import record_span, verifier_keys
from gateway.progress import Progress


def verify(args: argparse.Namespace) -> int:
    """Check, say what was found, and what was not checked. Raises OperatorError, AuditRefused."""
    for folder in (*args.export, *([args.data] if args.data is not None else ())):
        if not folder.is_dir():
            raise OperatorError(f"there is no folder {folder}")
    trust = Trust(tuple(verifier_keys(args.key)), tuple(verifier_keys(args.witness)), args.quorum)
    check_trust(trust)
    with _place(args) as place:
        return _answer(args, place, trust)


@contextmanager
def _place(args: argparse.Namespace) -> Iterator[Path | EvidenceFile]:
    """The folder, or the file, which is open meanwhile. Raises OperatorError."""
    if args.data is not None:
        yield args.data
        return
    with closing(EvidenceFile(args.evidence)) as evidence:
        yield evidence


def _answer(args: argparse.Namespace, place: Path | EvidenceFile, trust: Trust) -> int:
    question = Question(
        place,
        trust,
        None if args.checkpoint is None else _note(args.checkpoint),
        tuple((path.name, _note(path)) for path in args.since),
        record_span(args.first, args.last),
        tuple(args.export),
        gateway.__version__,
    )
    progress = Progress()
    verifier = Verifier(question, progress.tell)
    try:
        report = verifier.run()
    except OSError as error:
        raise OperatorError(f"cannot read {args.data or args.evidence}: {error}") from error
    finally:
        progress.close()
    if args.json:
        print(json.dumps(_told(report, verifier.base)))
    else:
        _print(report)
    return report.code


def _note(path: Path) -> bytes:
    """A checkpoint's file, as far as one may be long."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_NOTE_BYTES + 1)
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}") from error


def _told(report: Report, base: Held | None) -> dict[str, object]:
    found: dict[str, object] = {"code": report.code, "result": WORDS[report.code]}
    if base is not None:
        found["origin"], found["size"] = base.checkpoint.origin, base.checkpoint.size
        found["root"] = to_base64(base.checkpoint.root)
        found["signed_at"] = base.signed_at or None
    found["checks"] = [msgspec.structs.asdict(outcome) for outcome in report.outcomes]
    found["not_checked"] = report.unchecked
    return found


def _print(report: Report) -> None:
    """A line a check, what was not checked, and the verdict."""
    width = max(len(outcome.check) for outcome in report.outcomes)
    for outcome in report.outcomes:
        where = f"{outcome.where}: " if outcome.where else ""
        print(f"{outcome.check:{width}}  {outcome.result:11}  {where}{outcome.text}")
    for text in report.unchecked:
        print(f"{'':{width}}  not checked  {text}")
    print(f"{WORDS[report.code]} ({report.code})")
    sys.stdout.flush()
