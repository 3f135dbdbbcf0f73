"""What compliance says of a deposit or a withdrawal. Whoever does not answer in time has not said
yes: what was asked about waits."""

import asyncio
from collections.abc import Awaitable, Iterable
from enum import StrEnum
from typing import Final, Protocol

from custody.policy.intents import Withdrawal
from engine.model.errors import FixgateError

HOOK_SECONDS: Final = 5
"""Longest wait for a verdict; then it is UNKNOWN, and asked for again."""


class Verdict(StrEnum):
    """CLEAR: go on. HIT: a person decides. UNKNOWN: wait, and ask again."""

    CLEAR = "clear"
    HIT = "hit"
    UNKNOWN = "unknown"


class ScreeningFailed(FixgateError):
    """Whoever screens could not, or misses something: nothing is known. The text says why to people
    who wait for it."""


class Screening(Protocol):
    """What is asked before money moves. May be slow, may fail: see `verdict_of`."""

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """Of coins that came. amount: atomic units."""
        ...

    async def withdrawal(self, account: int, intent: Withdrawal) -> Verdict:
        """Of coins that are to leave, the travel rule's data included. account: its id in the
        journal."""
        ...


async def verdict_of(asked: Awaitable[Verdict]) -> tuple[Verdict, str]:
    """The verdict, or UNKNOWN and why if there is none in time: never CLEAR by silence."""
    try:
        async with asyncio.timeout(HOOK_SECONDS):
            return await asked, ""
    except TimeoutError:
        return Verdict.UNKNOWN, f"screening has not answered in {HOOK_SECONDS} s"
    except (OSError, ScreeningFailed) as error:
        return Verdict.UNKNOWN, str(error)


class ListScreening:
    """Screening by a list of addresses that nothing may come from or go to."""

    def __init__(self, forbidden: Iterable[str]) -> None:
        self._forbidden = frozenset(forbidden)

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """See Screening."""
        return Verdict.HIT if source in self._forbidden else Verdict.CLEAR

    async def withdrawal(self, account: int, intent: Withdrawal) -> Verdict:
        """See Screening."""
        return Verdict.HIT if intent.destination in self._forbidden else Verdict.CLEAR
