"""The states of a case, and the case itself as a fold of its events.

    NEW ──assign──▶ WORKING ──propose──▶ PROPOSED ──close──▶ CLOSED
                      ▲  ▲                  │                  │
                      │  └──────return──────┘                  │
                      └────────────────reopen──────────────────┘

An alert that comes while a disposition is proposed sends the case back to WORKING: what the maker
had seen was not all. A report to the authority (STOR) is drafted of a case that is closed as a true
positive, approved by another, and submitted; after a reopening it stays what it was.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from compliance.cases.events import (
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
from compliance.surveillance.alerts import Alert


class State(StrEnum):
    """Where a case is."""

    NEW = "new"
    WORKING = "working"
    PROPOSED = "proposed"
    CLOSED = "closed"


ALLOWED: Final[dict[type, frozenset[State]]] = {
    AlertAdded: frozenset({State.NEW, State.WORKING, State.PROPOSED}),
    CaseAssigned: frozenset({State.NEW, State.WORKING}),
    NoteAdded: frozenset(State),
    DispositionProposed: frozenset({State.WORKING}),
    DispositionReturned: frozenset({State.PROPOSED}),
    CaseClosed: frozenset({State.PROPOSED}),
    CaseReopened: frozenset({State.CLOSED}),
    StorDrafted: frozenset({State.CLOSED}),
    StorApproved: frozenset({State.CLOSED}),
    StorSubmitted: frozenset({State.CLOSED}),
}
"""In which states an event may come; CaseOpened comes before any."""

Subject = tuple[str, int, tuple[int, ...]]
"""What a case is about: the alert's kind, its instrument, its members."""


def subject_of(alert: Alert) -> Subject:
    """What an alert is about."""
    return alert.kind, alert.instrument, alert.members


@dataclass(slots=True)
class Stor:
    """A report's version, and how far it is. drafted_by, approved_by: principals."""

    version: int
    document: bytes
    drafted_by: str
    approved_by: str = ""
    reference: str = ""


@dataclass(slots=True)
class Case:
    """One case. since: when it came into its state, ns UTC. maker: who has proposed its last
    disposition, checker: who has agreed. history: all its events."""

    id: int
    alerts: list[Alert]
    opened: int
    before: int = 0
    state: State = State.NEW
    since: int = 0
    owner: str = ""
    maker: str = ""
    checker: str = ""
    disposition: Disposition | None = None
    reason: str = ""
    notes: list[NoteAdded] = field(default_factory=list)
    stors: list[Stor] = field(default_factory=list)
    history: list[CaseEvent] = field(default_factory=list)

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return subject_of(self.alerts[0])

    @property
    def reportable(self) -> bool:
        """It is closed as a true positive: the authority has to know of it."""
        return self.state is State.CLOSED and self.disposition is Disposition.TRUE_POSITIVE

    @property
    def reported(self) -> bool:
        """The authority has a report of it."""
        return any(stor.reference for stor in self.stors)

    @property
    def evidence(self) -> tuple[int, ...]:
        """The journal's records that its alerts and notes rest on, ascending."""
        found = {number for alert in self.alerts for number in alert.records}
        found.update(number for note in self.notes for number in note.records)
        return tuple(sorted(found))

    def take(self, event: CaseEvent) -> None:
        """The next event of this case; it must be allowed."""
        assert event.case == self.id
        assert event.at >= self.history[-1].at
        assert self.state in ALLOWED[type(event)]
        self.history.append(event)
        match event:
            case AlertAdded():
                self.alerts.append(event.alert)
                if self.state is State.PROPOSED:
                    self._to(State.WORKING, event.at)
            case CaseAssigned():
                self.owner = event.owner
                self._to(State.WORKING, event.at)
            case NoteAdded():
                self.notes.append(event)
            case DispositionProposed():
                self.maker, self.disposition = event.by, event.disposition
                self.reason = event.reason
                self._to(State.PROPOSED, event.at)
            case DispositionReturned() | CaseReopened():
                self.disposition, self.reason, self.checker = None, "", ""
                self._to(State.WORKING, event.at)
            case CaseClosed():
                self.checker = event.by
                self._to(State.CLOSED, event.at)
            case StorDrafted():
                self.stors.append(Stor(event.version, event.document, event.by))
            case StorApproved():
                self.stors[event.version - 1].approved_by = event.by
            case StorSubmitted():
                self.stors[event.version - 1].reference = event.reference
            case CaseOpened():
                raise AssertionError("a case is opened once")

    def _to(self, state: State, at: int) -> None:
        if state is not self.state:
            self.since = at
        self.state = state


def opened(event: CaseOpened) -> Case:
    """A case at its first event."""
    return Case(event.case, [event.alert], event.at, event.before, since=event.at, history=[event])
