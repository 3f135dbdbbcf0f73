"""What the detectors of monitoring are told: money of an owner came, is to leave, or did not leave.

Amounts are minor units of their asset. Values are minor units of the reporting asset, rounded down
once, at the prices of the movement's own time; NO_VALUE where there is no price.
"""

from typing import Final, Union

from msgspec import Struct, field

from compliance.surveillance.windows import Series
from engine.model.clock import NANOS_PER_DAY
from engine.model.ids import NOBODY

LOOK_BACK: Final = 30 * NANOS_PER_DAY
"""How long a movement is remembered: no window of a rule is longer."""

DAYS: Final = 40
"""Days of which sums are kept, with the running one: a month, and what comes once a month is in it
though it be some days late."""

MAX_MOVES: Final = 256
"""Movements of an owner that are remembered, the last ones: twice what a busy firm has in a week,
some 50 KiB."""

MAX_FAILED: Final = 64
"""Withdrawals of an owner that came to nothing, the last ones: more than anybody has in a week."""

SILENCE: Final = 30 * NANOS_PER_DAY
"""After so long without money or a trade an owner's next one begins anew: see Customer.since."""

NO_VALUE: Final = -1
"""Of an asset without a way to the reporting asset."""


class Move(Struct, frozen=True, array_like=True, gc=False):
    """Money that came (inward), or that was set aside to leave.

    value: see above. traded: value that its owner has traded since the movement before it.
    """

    time: int
    record: int
    member: int
    asset: int
    amount: int
    inward: bool
    value: int
    traded: int
    reference: str


class Failure(Struct, frozen=True, array_like=True, gc=False):
    """A withdrawal that came to nothing: given back, or refused because the account is frozen."""

    time: int
    record: int
    member: int
    reference: str


class Customer(Struct):
    """One owner: what monitoring remembers of it.

    first: when it had money here first, ns UTC, -1 for never; opened: that was an opening balance
    of the configuration. last: when it moved money or traded last. since: when it began to, after
    `silence` ns of neither; 0 for an owner without a silence so far.
    """

    owner: int
    moves: list[Move] = []
    failed: list[Failure] = []
    first: int = -1
    opened: bool = False
    last: int = -1
    since: int = -1
    silence: int = 0
    counts: Series = field(default_factory=lambda: Series(NANOS_PER_DAY, DAYS))
    """By day: movements that happened, credited or settled."""
    values: Series = field(default_factory=lambda: Series(NANOS_PER_DAY, DAYS))
    """By day: their values."""
    traded: dict[int, int] = {}
    """By instrument: lots x ticks traded since the last movement."""
    carried: int = 0
    """Value traded before a movement that was the last one and did not happen."""

    def active(self, time: int) -> None:
        """It does something now."""
        if self.last < 0:
            self.since = time
        elif time - self.last >= SILENCE:
            self.since, self.silence = time, time - self.last
        self.last = time

    def recent(self, since: int) -> list[Move]:
        """Its movements from `since` on, ns UTC, in order."""
        moves = self.moves
        k = len(moves)
        while k and moves[k - 1].time >= since:
            k -= 1
        return moves[k:]


class Nothing(Struct):
    """The state of a detector: what it needs to know the customers remember."""


class Moved(Struct, frozen=True, gc=False):
    """A movement: the last one of its customer."""

    move: Move
    customer: Customer


class Settled(Struct, frozen=True, gc=False):
    """A withdrawal has left."""

    member: int
    customer: Customer


class Failed(Struct, frozen=True, gc=False):
    """A withdrawal came to nothing: the last one of its customer."""

    failure: Failure
    customer: Customer


Fact = Union[Moved, Settled, Failed]  # noqa: UP007 - as the model writes its unions


class Step(Struct, gc=False, eq=False):
    """What record `record` did to money. unit: minor units of one whole reporting asset, 0 if there
    is none at this venue; code: its name."""

    record: int
    time: int
    unit: int
    code: str
    facts: list[Fact]
    instrument: int = NOBODY

    def words(self, value: int) -> str:
        """A value for people, whole units, the rest cut."""
        return f"{value // self.unit} {self.code}"


def total(moves: list[Move]) -> int:
    """What movements are worth, those without a price left out."""
    return sum(move.value for move in moves if move.value > 0)


def records_of(moves: list[Move]) -> tuple[int, ...]:
    """Where they are in the journal."""
    return tuple(move.record for move in moves)


def members_of(moves: list[Move]) -> tuple[int, ...]:
    """Whose they are."""
    return tuple(sorted({move.member for move in moves}))
