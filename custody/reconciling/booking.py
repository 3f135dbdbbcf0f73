"""Carries out the booking of breaks that nobody can explain any more: what they come to is the
house's, and they end."""

from typing import Any

from sqlalchemy import Row

from custody.decisions.progress import Endings
from custody.part import Means, Part
from custody.policy.intents import Approval, BookBreak, Decidable
from custody.reconciling.breaks import Breaks


class Booking(Part):
    """custody.decisions.progress.Carrier of BookBreak."""

    def __init__(
        self,
        means: Means,
        breaks: Breaks,
        endings: Endings,
    ) -> None:
        super().__init__(means)
        self._breaks = breaks
        self._endings = endings

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
