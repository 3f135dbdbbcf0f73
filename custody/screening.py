"""What compliance says of a deposit or a withdrawal. Whoever does not answer in time has not said
yes: what was asked about waits."""

import asyncio
from collections.abc import Awaitable, Iterable
from enum import StrEnum
from typing import Final, Protocol

from engine.model.errors import FixgateError

HOOK_SECONDS: Final = 5
"""Longest wait for a verdict; then it is UNKNOWN, and asked for again."""


class Verdict(StrEnum):
    """CLEAR: go on. HIT: a person decides. UNKNOWN: wait, and ask again."""

    CLEAR = "clear"
    HIT = "hit"
    UNKNOWN = "unknown"


class ScreeningFailed(FixgateError):
    """Whoever screens could not: nothing is known."""


class Screening(Protocol):
    """What is asked before money moves. May be slow, may fail: see `verdict_of`."""

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """Of coins that came. amount: atomic units."""
        ...

    async def withdrawal(self, account: int, asset: str, destination: str, amount: int) -> Verdict:
        """Of coins that are to leave, the travel rule's data included. amount: atomic units."""
        ...


async def verdict_of(asked: Awaitable[Verdict]) -> Verdict:
    """The verdict, or UNKNOWN if there is none in time: never CLEAR by silence."""
    try:
        async with asyncio.timeout(HOOK_SECONDS):
            return await asked
    except (TimeoutError, OSError, ScreeningFailed):
        return Verdict.UNKNOWN


class ListScreening:
    """Screening by a list of addresses that nothing may come from or go to."""

    def __init__(self, forbidden: Iterable[str]) -> None:
        self._forbidden = frozenset(forbidden)

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """See Screening."""
        return Verdict.HIT if source in self._forbidden else Verdict.CLEAR

    async def withdrawal(self, account: int, asset: str, destination: str, amount: int) -> Verdict:
        """See Screening."""
        return Verdict.HIT if destination in self._forbidden else Verdict.CLEAR
