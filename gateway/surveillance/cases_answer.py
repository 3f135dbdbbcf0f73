"""What `fixgate cases` does, once all that it needs is loaded."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from compliance.case_file import CASES_NAME, CaseFile
from compliance.cases.deadlines import Deadlines, due
from compliance.cases.desk import CaseDesk, CaseRefused
from compliance.cases.events import CaseEvent, Disposition
from compliance.cases.states import Case
from compliance.cases.stor import Reporter, build_stor, write_stor
from compliance.event_file import EventsBusy
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData
from gateway.at_the_venue import identity_at, journal_of, names_at
from gateway.custody_commands.common import fields_text, print_json, print_list, utc, visible
from gateway.flow.system_clock import SystemClock, silent
from gateway.small_file import read_small
from gateway.surveillance.names import subject_words
from gateway.turns import by_turns

COLUMNS: Final = {
    "case": "CASE",
    "state": "STATE",
    "kind": "ALERT",
    "instrument": "INSTRUMENT",
    "members": "MEMBERS",
    "alerts": "ALERTS",
    "owner": "OWNER",
    "due": "DUE",
}

MAX_NARRATIVE_BYTES: Final = 1024 * 1024
"""Of a narrative, and of the file about who reports."""


class _Cases:
    """The cases of a data folder, and the names of what they are about."""

    def __init__(self, data: Path) -> None:
        self.clock = SystemClock(silent)
        self.data = data
        self.desk = CaseDesk(CaseFile(data / "compliance" / CASES_NAME, identity_at(data)))

    def one(self, number: int) -> Case:
        if number not in self.desk.cases:
            raise OperatorError(f"there is no case {number}: see `fixgate cases list`")
        return self.desk.cases[number]

    def do(self, act: Callable[[CaseDesk, int], object]) -> None:
        """Decide at this time; once more if somebody else is writing."""
        by_turns(lambda: act(self.desk, self.clock.now()), EventsBusy, self.desk.look)


def answer(args: argparse.Namespace) -> int:
    """One action; the exit code. Raises OperatorError."""
    try:
        cases = _Cases(args.data)
        if args.action == "list":
            return _list(args, cases)
        if args.action == "show":
            return _show(args, cases)
        if args.action == "report":
            return _report(args, cases)
        cases.one(args.case)
        cases.do(ACTS[args.action](args))
    except CaseRefused as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        raise OperatorError(f"the cases cannot be written: {error.strerror}") from None
    return _told(args, cases)


Deed = Callable[[CaseDesk, int], object]


def _propose(args: argparse.Namespace) -> Deed:
    try:
        disposition = Disposition(args.disposition)
    except ValueError:
        raise OperatorError(f"a disposition is one of {', '.join(Disposition)}") from None
    return lambda d, now: d.propose(args.case, disposition, args.reason, args.text, args.who, now)


ACTS: Final[dict[str, Callable[[argparse.Namespace], Deed]]] = {
    "assign": lambda a: lambda d, now: d.assign(a.case, a.to, a.who, now),
    "note": lambda a: lambda d, now: d.note(a.case, a.text, a.who, now, tuple(a.record)),
    "propose": _propose,
    "close": lambda a: lambda d, now: d.close(a.case, a.who, now),
    "return": lambda a: lambda d, now: d.send_back(a.case, a.text, a.who, now),
    "reopen": lambda a: lambda d, now: d.reopen(a.case, a.text, a.who, now),
    "approve_report": lambda a: (
        lambda d, now: d.approve_stor(a.case, len(d.cases[a.case].stors), a.who, now)
    ),
    "submit_report": lambda a: (
        lambda d, now: d.submit_stor(a.case, len(d.cases[a.case].stors), a.reference, a.who, now)
    ),
}


def _told(args: argparse.Namespace, cases: _Cases) -> int:
    case = cases.one(args.case)
    if args.json:
        print_json({"case": case.id, "state": str(case.state)})
    else:
        print(f"case {case.id} is {case.state}")
    return 0


# --- what is shown ----------------------------------------------------------------------------


def _list(args: argparse.Namespace, cases: _Cases) -> int:
    refdata, now = names_at(cases.data), cases.clock.now()
    rows = []
    for case in reversed(cases.desk.cases.values()):
        until = due(case, Deadlines())
        if args.late and (until is None or until > now):
            continue
        rows.append(_row(refdata, case, until))
    return print_list(args, COLUMNS, rows, "no cases")


def _row(refdata: ReferenceData, case: Case, until: int | None) -> dict[str, str]:
    instrument, members = subject_words(refdata, case.alerts[0])
    return {
        "case": str(case.id),
        "state": str(case.state),
        "kind": case.alerts[0].kind,
        "instrument": instrument,
        "members": members,
        "alerts": str(len(case.alerts)),
        "owner": case.owner,
        "due": "" if until is None else utc(until),
    }


def _show(args: argparse.Namespace, cases: _Cases) -> int:
    case = cases.one(args.case)
    row = _row(names_at(cases.data), case, due(case, Deadlines()))
    history = [_happened(event) for event in case.history]
    if args.json:
        alerts = [msgspec.to_builtins(alert) for alert in case.alerts]
        told = {**row, "alerts": alerts, "evidence": list(case.evidence), "history": history}
        print_json(told)
        return 0
    fields = [*row.items(), ("evidence", ", ".join(map(str, case.evidence)))]
    fields += [(utc(int(h["at"])), f"{h['what']} by {h['by']} {h['text']}") for h in history]
    print(fields_text(fields))
    return 0


def _happened(event: CaseEvent) -> dict[str, str]:
    """An event in words: what happened, by whom, and the text that goes with it."""
    said = [getattr(event, name, "") for name in ("disposition", "reason", "owner", "text")]
    alert = getattr(event, "alert", None)
    said += [alert.text] if alert is not None else []
    return {
        "at": str(event.at),
        "what": type(event).__name__,
        "by": event.by,
        "text": visible(" ".join(str(text) for text in said if text)),
    }


# --- reports ----------------------------------------------------------------------------------


def _report(args: argparse.Namespace, cases: _Cases) -> int:
    case = cases.one(args.case)
    told = read_small(args.reporter, MAX_NARRATIVE_BYTES)
    try:
        narrative = read_small(args.narrative, MAX_NARRATIVE_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise OperatorError(f"{args.narrative} is no text: save it as UTF-8") from None
    try:
        reporter = msgspec.yaml.decode(told, type=Reporter)
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{args.reporter}: {error}") from None
    with journal_of(cases.data) as reader:
        times = {a.first_record: reader.read(a.first_record).time for a in case.alerts}
    try:
        document = write_stor(
            build_stor(case, reporter, names_at(cases.data), times, narrative, args.venue)
        )
    except ValueError as error:
        raise OperatorError(str(error)) from None
    cases.do(lambda desk, now: desk.draft_stor(args.case, document, args.who, now))
    if args.out is not None:
        with args.out.open("xb") as file:
            file.write(document)
        return _told(args, cases)
    print(document.decode())
    return 0
