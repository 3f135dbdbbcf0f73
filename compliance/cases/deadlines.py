"""How long a case may wait in each state: what is late is a fold of cases and a clock."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from msgspec import Struct

from compliance.cases.states import Case, State

DAY_S: Final = 86_400
NANOS_PER_S: Final = 1_000_000_000


class Deadlines(Struct, frozen=True, forbid_unknown_fields=True):
    """Seconds in a state. Own values."""

    new_s: int = DAY_S
    """Until somebody has it."""
    working_s: int = 10 * DAY_S
    """Until a disposition is proposed."""
    proposed_s: int = 2 * DAY_S
    """Until another has checked it."""
    report_s: int = DAY_S
    """From a true positive's closing until its report is submitted."""


class Late(NamedTuple):
    """A case that waits too long: in which state, and since when it is late, ns UTC."""

    case: int
    state: State
    due: int
    owner: str


def due(case: Case, deadlines: Deadlines) -> int | None:
    """When a case has waited long enough, ns UTC; None if nothing is to be done."""
    if case.state is State.CLOSED and (not case.reportable or case.reported):
        return None
    seconds = {
        State.NEW: deadlines.new_s,
        State.WORKING: deadlines.working_s,
        State.PROPOSED: deadlines.proposed_s,
        State.CLOSED: deadlines.report_s,
    }[case.state]
    return case.since + seconds * NANOS_PER_S


def late(cases: Iterable[Case], deadlines: Deadlines, now: int) -> list[Late]:
    """What is late at `now`, ns UTC, the longest first."""
    found = []
    for case in cases:
        at = due(case, deadlines)
        if at is not None and now > at:
            found.append(Late(case.id, case.state, at, case.owner))
    return sorted(found, key=lambda row: (row.due, row.case))
