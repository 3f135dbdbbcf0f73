"""What the bots do: one quotes around a wandering price, the other takes from the book.

Prices are integers of ticks and wander by a seeded generator, so a demo is the same each day.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import trio

from engine.model.clock import Clock
from engine.model.refdata import Instrument
from gateway.bots.client import BotClient
from gateway.config import BotConfig

LEVELS: Final = 5
"""Quotes on each side of a book."""

QUOTE_SECONDS: Final = 0.6
"""Time between two turns of the maker over one instrument, seconds."""

TAKE_SECONDS: Final = 0.35
"""Mean time between two orders of the taker, seconds."""

WANDER: Final = 0.02
"""How far from its reference a demo price may wander, as a share of it."""

RECONNECT_SECONDS: Final = 1.0


@dataclass(slots=True)
class _Market:
    """A bot's idea of one instrument. mid in ticks."""

    instrument: Instrument
    mid: int

    @property
    def step(self) -> int:
        """Distance of two quotes, ticks: 2 basis points."""
        return max(1, self.instrument.reference_price // 5_000)

    def wander(self, rng: random.Random) -> None:
        reference = self.instrument.reference_price
        self.mid += rng.randint(-2, 2) * max(1, self.step // 2)
        low, high = int(reference * (1 - WANDER)), int(reference * (1 + WANDER))
        self.mid = min(max(self.mid, low), high)


class Bot:
    """One demo trader. instruments are those of the configuration."""

    def __init__(
        self,
        config: BotConfig,
        venue: str,
        address: tuple[str, int],
        instruments: list[Instrument],
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        self.config = config
        self._venue = venue
        self._address = address
        self._clock = clock
        self._log = log
        self._rng = random.Random(config.comp_id)  # noqa: S311 - a demo's prices are no secret
        self._markets = [_Market(i, i.reference_price) for i in instruments]
        self._ids = self._cl_ord_ids()

    def _cl_ord_ids(self) -> Iterator[str]:
        """Names that no earlier run has used: they start with the time of this one."""
        start = self._clock.now() // 1_000_000
        k = 0
        while True:
            k += 1
            yield f"{self.config.kind[0]}{start:x}-{k}"

    async def run(self) -> None:
        """Trade for ever, over a new connection whenever the last one ended."""
        while True:
            try:
                stream = await trio.open_tcp_stream(*self._address)
                async with stream:
                    await self._trade(
                        BotClient(stream, self.config.comp_id, self._venue, self._clock)
                    )
            except* (OSError, trio.BrokenResourceError):
                self._log(f"{self.config.comp_id}: no connection; trying again")
            await trio.sleep(RECONNECT_SECONDS)

    async def _trade(self, client: BotClient) -> None:
        await client.logon(self.config.password)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(client.heartbeat)
            async for fields in client.messages():
                if fields.get(35) == "A":
                    turn = self._quote if self.config.kind == "maker" else self._take
                    nursery.start_soon(turn, client)
            nursery.cancel_scope.cancel()

    async def _quote(self, client: BotClient) -> None:
        """The maker: cancel the last quotes of an instrument, then place new ones."""
        await client.send("q", [(11, next(self._ids)), (530, "7")])
        while True:
            for market in self._markets:
                await trio.sleep(QUOTE_SECONDS / len(self._markets))
                market.wander(self._rng)
                symbol = market.instrument.symbol
                await client.send("q", [(11, next(self._ids)), (530, "1"), (55, symbol)])
                for level in range(1, LEVELS + 1):
                    for side, sign in (("1", -1), ("2", 1)):
                        price = market.mid + sign * level * market.step
                        await self._order(client, market, side, self._size(market), price, "0")

    async def _take(self, client: BotClient) -> None:
        """The taker: now and then an order that trades with whatever is there."""
        while True:
            await trio.sleep(self._rng.expovariate(1 / TAKE_SECONDS))
            market = self._rng.choice(self._markets)
            side = self._rng.choice("12")
            reference = market.instrument.reference_price
            reach = int(reference * (1 + 2 * WANDER if side == "1" else 1 - 2 * WANDER))
            await self._order(client, market, side, self._size(market), reach, "3")

    def _size(self, market: _Market) -> int:
        """Lots of an order: about a two-hundredth of what a unit of the base asset is worth."""
        unit: int = 10**market.instrument.qty_places // market.instrument.lot_units
        return max(1, unit * self._rng.randint(5, 150) // 100)

    async def _order(
        self, client: BotClient, market: _Market, side: str, lots: int, ticks: int, tif: str
    ) -> None:
        instrument = market.instrument
        await client.send(
            "D",
            [
                (11, next(self._ids)),
                (55, instrument.symbol),
                (54, side),
                (38, instrument.format_qty(lots).decode()),
                (40, "2"),
                (44, instrument.format_price(ticks).decode()),
                (59, tif),
            ],
        )
