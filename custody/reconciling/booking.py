"""Carries out the booking of breaks that nobody can explain any more: what they come to is the
house's, and they end."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Engine, Row

from custody.decisions.progress import Endings
from custody.policy.intents import Approval, BookBreak, Decidable
from custody.reconciling.breaks import Breaks
from custody.store.database import for_reading


class Booking:
    """custody.decisions.progress.Carrier of BookBreak."""

    def __init__(
        self,
        database: Engine,
        breaks: Breaks,
        endings: Endings,
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """reached: see Crediting."""
        self._database = database
        self._reading = for_reading(database)
        self._breaks = breaks
        self._endings = endings
        self._reached = reached

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier: there is another break by now, or none."""
        assert isinstance(intent, BookBreak)
        with self._reading.begin() as connection:
            there = self._breaks.amount(connection, intent.asset, intent.address)
        if there == intent.amount:
            return ""
        return f"the break of {intent.asset} at {intent.address} is {there:+} units now"

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier. What is posted already is not looked at again: a later difference at the
        same place is another break."""
        assert isinstance(intent, BookBreak)
        name, place = f"booked/{intent.id}", (intent.asset, intent.address)
        if not self._breaks.is_booked(name):
            if refusal := self.refusal(row, intent):
                self._endings.fail(row, refusal)
                return
            self._breaks.book(name, intent.asset, intent.amount)
        self._reached("break booked")
        with self._database.begin() as connection:
            if self._endings.done(connection, row):
                self._breaks.end_part(connection, *place, intent.amount)
        self._reached("break ended")
