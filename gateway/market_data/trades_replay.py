"""An instrument's trades behind one of them, from the journal: for who was away for long."""

from collections.abc import Sequence

from engine.market.book import Trade
from engine.market.feed import TapeTrade
from engine.model.enums import TAKER
from engine.model.events import OrderFilled
from engine.model.record import Record
from engine.model.refdata import Instrument
from engine.replay import join_parts
from gateway.market_data.wording import Wording
from gateway.stream.answers import frame


class TradesReplay:
    """Renders the trades after `match`, from records that begin where TradeIndex.before says."""

    def __init__(self, instrument: Instrument, match: int) -> None:
        self._instrument = instrument.id
        self._words = Wording(instrument)
        self._match = match
        self._prev = 0
        self._rest: list[Record] = []

    def render(self, records: Sequence[Record]) -> bytes:
        """The frames of the trades in the next records; of a command that is not whole yet, with
        those that follow."""
        frames: list[bytes] = []
        batch = [*self._rest, *records]
        done = -1
        for whole in join_parts(batch):
            done = whole.last
            for event in whole.events:
                if (
                    not isinstance(event, OrderFilled)
                    or event.liquidity != TAKER
                    or event.instrument != self._instrument
                ):
                    continue
                if event.match > self._match:
                    trade = Trade(event.match, event.last_price, event.last_qty, event.side)
                    found = TapeTrade(whole.last, whole.time, trade)
                    frames.append(frame(self._words.trade(found, self._prev)))
                self._prev = event.match
        self._rest = [record for record in batch if record.number > done]
        return b"".join(frames)
