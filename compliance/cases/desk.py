"""What people and alerts ask of cases: decided on here, kept by a store, folded again at a start.

A decision looks at the cases as they are, makes events, has them stored, and only then believes
them. The store refuses what was decided on an older picture than its own.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from compliance.cases.events import (
    MAX_TEXT,
    REASONS,
    AlertAdded,
    CaseAssigned,
    CaseClosed,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    Disposition,
    DispositionProposed,
    DispositionReturned,
    NoteAdded,
    StorApproved,
    StorDrafted,
    StorSubmitted,
)
from compliance.cases.states import ALLOWED, Case, State, Stor, Subject, opened, subject_of
from compliance.surveillance.alerts import Alert

SYSTEM: Final = "surveillance"
"""The principal of what happens by itself."""

MAX_ALERTS: Final = 1_000
"""Alerts of a case: the next one opens another, so that a case stays readable."""

MAX_RECORDS: Final = 1_000
"""Records that a note may name."""


class CaseRefused(ValueError):
    """It may not be done, or not by this principal, or not now: the text says why."""


class CaseStore(Protocol):
    """Where the events are kept, in order; what is appended is on disk when it returns."""

    def read(self, after: int) -> Iterable[CaseEvent]:
        """The events behind the first `after` ones, in the order in which they were appended."""
        ...

    def append(self, after: int, event: CaseEvent) -> None:
        """Keep an event behind the first `after` ones. Raises CaseRefused if there are others."""
        ...


class CaseDesk:
    """All cases. `now` is an argument everywhere, ns UTC."""

    def __init__(self, store: CaseStore) -> None:
        self.cases: dict[int, Case] = {}
        self._store = store
        self._count = 0
        self._newest: dict[Subject, int] = {}
        """The newest case about a subject."""
        self._case_of: dict[Alert, int] = {}
        self.look()

    def look(self) -> None:
        """Take in what others have appended since."""
        for event in self._store.read(self._count):
            self._take(event)

    @property
    def open_cases(self) -> int:
        """Cases that are not closed."""
        return sum(case.state is not State.CLOSED for case in list(self.cases.values()))

    def has(self, alert: Alert) -> bool:
        """Whether an alert is in a case."""
        return alert in self._case_of

    # --- alerts -------------------------------------------------------------------------------

    def alert(self, alert: Alert, now: int) -> Case:
        """The case of an alert: one that is open about its subject, else a new one.

        The same alert once more changes nothing, so that surveillance may be run again.
        """
        known = self._case_of.get(alert)
        if known is not None:
            return self.cases[known]
        newest = self._newest.get(subject_of(alert), 0)
        found = self.cases.get(newest)
        if found is not None and found.state is not State.CLOSED and len(found.alerts) < MAX_ALERTS:
            self._do(AlertAdded(found.id, now, SYSTEM, alert))
            return found
        number = len(self.cases) + 1
        self._do(CaseOpened(number, now, SYSTEM, alert, newest))
        return self.cases[number]

    # --- people -------------------------------------------------------------------------------

    def assign(self, case: int, owner: str, by: str, now: int) -> None:
        """Give a case to somebody, or take it."""
        _named(owner)
        self._do(CaseAssigned(case, now, by, owner))

    def note(self, case: int, text: str, by: str, now: int, records: tuple[int, ...] = ()) -> None:
        """Add a note. There is no way to change or to take back one."""
        if len(records) > MAX_RECORDS or any(number < 0 for number in records):
            raise CaseRefused(f"a note names at most {MAX_RECORDS} records, each 0 or more")
        self._do(NoteAdded(case, now, by, _text(text), tuple(sorted(set(records)))))

    def propose(
        self, case: int, disposition: Disposition, reason: str, text: str, by: str, now: int
    ) -> None:
        """Say what comes out of a case: only its owner does."""
        if by != self._case(case).owner:
            raise CaseRefused(f"case {case} is not {by}'s")
        if reason not in REASONS[disposition]:
            known = ", ".join(sorted(REASONS[disposition]))
            raise CaseRefused(f"{reason!r} is no reason for {disposition}: it is one of {known}")
        self._do(DispositionProposed(case, now, by, disposition, reason, _text(text)))

    def close(self, case: int, by: str, now: int) -> None:
        """Agree with the proposal: nobody who made it."""
        self._other(case, by)
        self._do(CaseClosed(case, now, by))

    def send_back(self, case: int, text: str, by: str, now: int) -> None:
        """Want more than the proposal says."""
        self._other(case, by)
        self._do(DispositionReturned(case, now, by, _text(text)))

    def reopen(self, case: int, text: str, by: str, now: int) -> None:
        """Open a closed case again; it goes back to its owner."""
        self._do(CaseReopened(case, now, by, _text(text)))

    # --- reports ------------------------------------------------------------------------------

    def draft_stor(self, case: int, document: bytes, by: str, now: int) -> Stor:
        """A report of a case that is closed as a true positive: its next version."""
        found = self._case(case)
        if found.state is State.CLOSED and not found.reportable:
            raise CaseRefused(f"case {case} is no true positive: there is nothing to report")
        self._do(StorDrafted(case, now, by, len(found.stors) + 1, document))
        return found.stors[-1]

    def approve_stor(self, case: int, version: int, by: str, now: int) -> None:
        """Approve the newest version: nobody who drafted it."""
        stor = self._stor(case, version)
        if stor.approved_by:
            raise CaseRefused(f"version {version} is approved")
        if by == stor.drafted_by:
            raise CaseRefused("who drafted a report does not approve it")
        self._do(StorApproved(case, now, by, version))

    def submit_stor(self, case: int, version: int, reference: str, by: str, now: int) -> None:
        """Write down that the newest version is with the authority, under its reference."""
        stor = self._stor(case, version)
        if not stor.approved_by:
            raise CaseRefused(f"version {version} is not approved")
        if stor.reference:
            raise CaseRefused(f"version {version} was submitted as {stor.reference}")
        self._do(StorSubmitted(case, now, by, version, _named(reference)))

    # --- below --------------------------------------------------------------------------------

    def _case(self, number: int) -> Case:
        case = self.cases.get(number)
        if case is None:
            raise CaseRefused(f"there is no case {number}")
        return case

    def _other(self, number: int, by: str) -> None:
        if by == self._case(number).maker:
            raise CaseRefused(f"{by} made the proposal: another one has to check it")

    def _stor(self, number: int, version: int) -> Stor:
        case = self._case(number)
        if not case.stors or version != len(case.stors):
            raise CaseRefused(f"case {number} has {len(case.stors)} versions; the last one counts")
        return case.stors[-1]

    def _do(self, event: CaseEvent) -> None:
        """Store an event that is allowed now, then believe it. Raises CaseRefused."""
        _named(event.by)
        if not isinstance(event, CaseOpened):
            case = self._case(event.case)
            if case.state not in ALLOWED[type(event)]:
                raise CaseRefused(f"case {case.id} is {case.state}: not now")
            if event.at < case.history[-1].at:
                raise CaseRefused("the clock is behind what has happened to this case")
        self._store.append(self._count, event)
        self._take(event)

    def _take(self, event: CaseEvent) -> None:
        self._count += 1
        if isinstance(event, CaseOpened):
            assert event.case == len(self.cases) + 1, "cases are numbered without holes"
            self.cases[event.case] = opened(event)
            self._newest[subject_of(event.alert)] = event.case
        else:
            self.cases[event.case].take(event)
        if isinstance(event, CaseOpened | AlertAdded):
            self._case_of[event.alert] = event.case


def _text(text: str) -> str:
    if not text.strip() or len(text) > MAX_TEXT:
        raise CaseRefused(f"a text has 1 to {MAX_TEXT} characters")
    return text


def _named(principal: str) -> str:
    if not principal.strip():
        raise CaseRefused("somebody has to be named")
    return principal
