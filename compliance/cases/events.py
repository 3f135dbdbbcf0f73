"""What happens to cases, as versioned structs: only ever appended, to a case or to its end.

`at` is ns UTC, `by` the opaque id of a principal: never a name. Tags are never reused and fields
only appended, with a default, so that old cases stay readable.
"""

from enum import StrEnum
from typing import Final, Union

import msgspec
from msgspec import Struct

from compliance.surveillance.alerts import Alert


class Disposition(StrEnum):
    """What came out of a case."""

    TRUE_POSITIVE = "true_positive"
    FALSE_POSITIVE = "false_positive"
    UNCLEAR = "unclear"


REASONS: Final[dict[Disposition, frozenset[str]]] = {
    Disposition.TRUE_POSITIVE: frozenset({
        "manipulation", "attempt", "insider_dealing",
        "money_laundering", "terrorist_financing", "fraud", "sanctions_evasion",
    }),
    Disposition.FALSE_POSITIVE: frozenset({
        "market_making", "legitimate_strategy", "accident", "rule_too_wide", "wrong_data",
        "own_funds", "usual_for_customer",
    }),
    Disposition.UNCLEAR: frozenset({"evidence_too_thin", "no_answer"}),
}  # fmt: skip
"""Codes that go with a disposition: what the rules are calibrated by."""

MAX_TEXT: Final = 20_000
"""Characters of a note or a narrative: some ten pages."""


class _Event(Struct, frozen=True, array_like=True):
    """case counts from 1."""

    case: int
    at: int
    by: str


class CaseOpened(_Event, frozen=True, array_like=True, tag=1):
    """By an alert. before: a closed case about the same subject, 0 for none."""

    alert: Alert
    before: int = 0


class AlertAdded(_Event, frozen=True, array_like=True, tag=2):
    """Another alert about the same subject, while the case is open."""

    alert: Alert


class CaseAssigned(_Event, frozen=True, array_like=True, tag=3):
    """owner has it from now on."""

    owner: str


class NoteAdded(_Event, frozen=True, array_like=True, tag=4):
    """A note, and journal records that it rests on."""

    text: str
    records: tuple[int, ...] = ()


class DispositionProposed(_Event, frozen=True, array_like=True, tag=5):
    """The owner has made up its mind: the maker."""

    disposition: Disposition
    reason: str
    text: str


class DispositionReturned(_Event, frozen=True, array_like=True, tag=6):
    """The checker wants more."""

    text: str


class CaseClosed(_Event, frozen=True, array_like=True, tag=7):
    """The checker agrees: nobody who has made the proposal."""


class CaseReopened(_Event, frozen=True, array_like=True, tag=8):
    """Something has come to light."""

    text: str


class StorDrafted(_Event, frozen=True, array_like=True, tag=9):
    """A report to the authority, as JSON; version counts from 1 in its case."""

    version: int
    document: bytes


class StorApproved(_Event, frozen=True, array_like=True, tag=10):
    """By nobody who has drafted that version."""

    version: int


class StorSubmitted(_Event, frozen=True, array_like=True, tag=11):
    """It is with the authority, under its reference."""

    version: int
    reference: str


CaseEvent = Union[  # noqa: UP007 - msgspec wants the union as a value
    CaseOpened,
    AlertAdded,
    CaseAssigned,
    NoteAdded,
    DispositionProposed,
    DispositionReturned,
    CaseClosed,
    CaseReopened,
    StorDrafted,
    StorApproved,
    StorSubmitted,
]

encode_event = msgspec.msgpack.Encoder().encode
decode_event = msgspec.msgpack.Decoder(CaseEvent).decode
