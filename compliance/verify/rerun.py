"""The matching again: the engine, given the commands, has to cause the events that are recorded.

This finds a changed record, not a wrong engine: for that see compliance.verify.priority and
compliance.verify.sums, which share nothing with it. Memory: the venue's own, which knows ClOrdIDs
for a day.
"""

from typing import Final

from compliance.verify.findings import TAMPERED, Failed
from compliance.verify.priority import Queues
from compliance.verify.records import Step
from compliance.verify.sums import Balances
from engine.core.book import BookSide
from engine.core.venue import Venue
from engine.model.enums import BUY, SELL
from engine.model.events import Event, OrderEvent
from engine.model.record import encode_parts

MAX_SHARED: Final = 50_000
"""Numbers that are kept to be shared, some 6 MiB; then all are forgotten."""


class Rerun:
    """An engine beside the records. older: records that an older release has written, which are
    the same field by field and have fewer of them."""

    def __init__(self) -> None:
        self.venue = Venue()
        self.commands = 0
        self.older = 0
        self._shared: dict[int, int] = {}

    def take(self, step: Step) -> None:
        """Apply one command again. Raises Failed."""
        events = self.venue.apply(step.command, step.first, step.time)
        if tuple(events) != step.events:
            raise Failed(TAMPERED, _difference(step, events), step.where)
        salt = step.records[0].salt
        again = encode_parts(step.first, step.time, salt, step.command, events)
        if tuple(payload for _, payload in again) != step.payloads:
            if tuple(record for record, _ in again) != step.records:
                raise Failed(TAMPERED, "its parts are others than this release makes", step.where)
            self.older += len(again)
        self.commands += 1
        self._share(step)

    def _share(self, step: Step) -> None:
        """Let equal quantities, prices and values of orders be one object: the venue remembers all
        orders of a day, and this is a quarter of what they take."""
        orders, shared = self.venue.state.orders, self._shared
        if len(shared) >= MAX_SHARED:
            shared.clear()
        for event in step.events:
            if isinstance(event, OrderEvent):
                order = orders.get(event.order_id)
                if order is not None:
                    order.qty = shared.setdefault(order.qty, order.qty)
                    order.price = shared.setdefault(order.price, order.price)
                    order.cum = shared.setdefault(order.cum, order.cum)
                    order.cum_value = shared.setdefault(order.cum_value, order.cum_value)

    def end(self) -> str:
        """What is to be said. Raises Failed if the state contradicts itself."""
        self.venue.check()
        text = (
            f"{self.commands:,} commands cause the events that are recorded; "
            f"state {self.venue.state_hash()}"
        )
        if self.older:
            text += f"; {self.older:,} records of an older release were compared field by field"
        return text

    def queues(self) -> Queues:
        """All books: by instrument and side, (price, [(order, open lots)]) from the best on."""
        found: Queues = {}
        for market in self.venue.state.markets.values():
            for side, book in ((BUY, market.book.bids), (SELL, market.book.asks)):
                if book.levels:
                    found[market.id, side] = _levels(book)
        return found

    def balances(self) -> Balances:
        """By account and asset, what is available and held together; those that are not 0."""
        return {
            (account.id, asset): balance.available + balance.held
            for account in self.venue.state.accounts.values()
            for asset, balance in account.balances.items()
            if balance.available or balance.held
        }


def _levels(book: BookSide) -> list[tuple[int, list[tuple[int, int]]]]:
    return [
        (key * book.sign, [(order.id, order.qty - order.cum) for order in level.orders.values()])
        for key, level in book.levels.items()
    ]


def _difference(step: Step, events: list[Event]) -> str:
    """Where the recorded events and those of now part."""
    pairs = enumerate(zip(step.events, events, strict=False), 1)
    k = next((k for k, (then, now) in pairs if then != now), min(len(step.events), len(events)) + 1)
    then = step.events[k - 1] if k <= len(step.events) else "nothing"
    now = events[k - 1] if k <= len(events) else "nothing"
    return f"event {k} is {then!r}, and the command causes {now!r}"
