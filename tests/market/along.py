"""Random trading, with the public books folded from it."""

from collections.abc import Iterator

import pytest

from engine.core import mass
from engine.core.venue import Venue
from engine.market.book import BookUpdate, MarketFold
from engine.model.events import Event
from tests.engine.streams import (
    RANDOM_BALANCES,
    START,
    RandomTrader,
    bootstrap_commands,
    due,
)


def trading(
    seed: int, count: int, mass_slice: int = 500
) -> Iterator[tuple[Venue, MarketFold, list[BookUpdate]]]:
    """After each command of a random stream: the venue, the fold, and what the command did."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mass, "MASS_SLICE", mass_slice)
        venue, fold = Venue(), MarketFold()
        for number, (command, time) in enumerate(_commands(venue, seed, count)):
            yield venue, fold, fold.apply(venue.apply(command, number, time))


def commands(seed: int, count: int) -> Iterator[tuple[int, list[Event]]]:
    """Time and events of each command of a random stream."""
    venue = Venue()
    for number, (command, time) in enumerate(_commands(venue, seed, count)):
        yield time, venue.apply(command, number, time)


def _commands(venue: Venue, seed: int, count: int) -> Iterator[tuple[object, int]]:
    time = START
    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        yield command, time
    trader = RandomTrader(seed, holds=seed % 2 == 1)
    for _ in range(count):
        time += trader.wait()
        while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
            yield command, time
        yield trader.command(), time
