"""What custody asks before coins leave: is all told that the travel rule wants told?

The message of a withdrawal is composed of what people have agreed on, and written down before it
counts. To another provider it has to be sent as well, before the coins are (Regulation (EU)
2023/1113, Article 14(4)): no transport does that here, so a person says that it was.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Final

from compliance.travel.events import Composed
from compliance.travel.provider import Provider
from compliance.travel.rule import (
    Incomplete,
    Transfer,
    customer_of,
    message_of,
    unsent,
)
from custody.policy.intents import Withdrawal
from custody.screening import Screening, ScreeningFailed, Verdict
from engine.model.clock import Clock
from gateway.screening.aside import Aside
from gateway.travel.books import Books

CUSTODY: Final = "custody"
"""Who composes."""


class TravelScreening:
    """Screening by the travel rule of what `first` has cleared: who is on a list is nobody's
    message."""

    def __init__(
        self,
        us: Provider,
        books: Callable[[], Books],
        members: Mapping[str, str],
        source: str,
        clock: Clock,
        log: Callable[[str], None],
        first: Screening,
    ) -> None:
        """books: opens what is known, once there is a journal. members: by account. source: the
        address that pays."""
        self._us = us
        self._open = books
        self._books: Books | None = None
        self._members = members
        self._source = source
        self._clock = clock
        self._first = first
        self._aside = Aside(
            log, "the travel rule's data is not there, and what leaves waits for it",
            "the travel rule's data is there again",
        )  # fmt: skip

    async def deposit(self, account: int, asset: str, source: str, amount: int) -> Verdict:
        """See Screening. What comes is not asked about here."""
        return await self._first.deposit(account, asset, source, amount)

    async def withdrawal(self, account: int, intent: Withdrawal) -> Verdict:
        """See Screening. Raises ScreeningFailed, with what is missing."""
        verdict = await self._first.withdrawal(account, intent)
        if verdict != Verdict.CLEAR:
            return verdict
        try:
            await self._aside.ask(lambda: self._told(intent))
        except Incomplete as error:
            raise ScreeningFailed(f"travel rule: {error}") from None
        return Verdict.CLEAR

    def _told(self, intent: Withdrawal) -> None:
        """Returns once nothing is missing. Raises Incomplete."""
        books = self._current()
        member = self._members.get(intent.account)
        if member is None:
            raise Incomplete(f"{intent.account} is no account of the configuration")
        transfer = Transfer(intent.id, intent.account, member, self._source, intent.destination)
        customer = customer_of(books.kyc.customers.values(), member)
        now = self._clock.now()
        message, sends = message_of(self._us, customer, books.travel, transfer, now)
        digest = sha256(message).hexdigest()
        composed = Composed(
            now, CUSTODY, intent.id, intent.account, intent.asset, str(intent.amount),
            intent.destination, sends, message, digest,
        )  # fmt: skip
        books.travel.compose(composed)
        if sends and not books.travel.told[intent.id].sent:
            raise unsent(intent.id, digest)

    def _current(self) -> Books:
        if self._books is None:
            self._books = self._open()
        self._books.look()
        return self._books
