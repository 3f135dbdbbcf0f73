"""What the venue decided on custody's commands, as its journal says.

A command may reach the venue several times, or none. So nothing is believed but the journal: the
first answer on a reference stands, apart from a deposit that was refused, which is tried again.
"""

from collections.abc import Iterator
from enum import StrEnum

from msgspec import Struct

from engine.model.commands import (
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReverseDeposit,
    SettleWithdrawal,
)
from engine.model.events import CommandRefused
from engine.replay import Whole


class Step(StrEnum):
    """What was asked of the venue."""

    CREDIT = "credit"
    REVERSE = "reverse"
    HOLD = "hold"
    RELEASE = "release"
    SETTLE = "settle"


class Answer(Struct, frozen=True):
    """taken: whether the venue did it; if not, text says why."""

    reference: str
    step: Step
    record: int
    taken: bool
    text: str = ""


_STEPS = {
    Deposit: Step.CREDIT,
    ReverseDeposit: Step.REVERSE,
    HoldWithdrawal: Step.HOLD,
    ReleaseWithdrawal: Step.RELEASE,
    SettleWithdrawal: Step.SETTLE,
}

MAX_TEXT = 500
"""Longest text that is kept of a refusal, characters."""


def answers_in(whole: Whole) -> Iterator[Answer]:
    """The answer in a command's record, if it is one of custody's."""
    command = whole.command
    match command:
        case (
            Deposit()
            | ReverseDeposit()
            | HoldWithdrawal()
            | ReleaseWithdrawal()
            | SettleWithdrawal()
        ):
            refusals = [e.text for e in whole.events if isinstance(e, CommandRefused)]
            yield Answer(
                command.reference,
                _STEPS[type(command)],
                whole.first,
                not refusals,
                "; ".join(refusals)[:MAX_TEXT],
            )
        case _:
            pass
