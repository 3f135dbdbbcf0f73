"""The market as the journal tells it, and who is told of each change of it.

One fold serves every transport: FIX and WebSocket see the same updates, with the same RptSeq(83),
in the same turn.
"""

from typing import Protocol

from engine.journal.follow import Follower, JournalReader
from engine.journal.place import Place
from engine.market.feed import MarketFeed, MarketUpdate
from engine.model.commands import Block, Unblock
from engine.model.ids import NOBODY
from engine.model.record import Record
from engine.model.refdata import Instrument, ReferenceData, configuration_key
from engine.replay import Whole, join_parts


class MarketListener(Protocol):
    """A transport of the market's news. None of these may wait or take long."""

    def defined(self, instrument: Instrument) -> None:
        """An instrument is new, or was defined anew."""
        ...

    def update(self, update: MarketUpdate) -> None:
        """What a command has done to an instrument; its book has it already."""
        ...

    def halted(self, instrument: Instrument, whole: Whole) -> None:
        """An instrument is halted or open again, by that command."""
        ...

    def turn_over(self) -> None:
        """All there was to read has been told: time to send."""
        ...


class MarketReader:
    """Follows the journal and folds it. listeners: who is told; add them before the first step."""

    def __init__(
        self, reader: JournalReader, refdata: ReferenceData, market: MarketFeed, after: int
    ) -> None:
        """refdata, market: as of record `after`, -1 for none."""
        self.refdata = refdata
        self.market = market
        self.listeners: list[MarketListener] = []
        self.time = 0
        """Of the last command that was folded, ns UTC, 0 if none was yet."""
        self.reader = reader
        self._follower: Follower = reader.follow(after)
        self._rest: list[Record] = []
        self._done = after
        self._place: Place | None = None

    @property
    def last_read(self) -> int:
        """The last record of the last whole command that was folded, -1 for none."""
        return self._done

    @property
    def behind(self) -> int:
        """Records that are on disk and not folded yet."""
        return self.reader.mark().number - self._done

    @property
    def place(self) -> Place | None:
        """Where the last record lies; None in the middle of a command, and before the first."""
        place = self._place
        return place if place is not None and place.number == self._done else None

    def step(self, limit: int) -> int:
        """Fold the next records, at most `limit`; how many were read. Raises JournalDamaged."""
        records = self._follower.poll(limit)
        if not records:
            return 0
        self._place = self._follower.place
        batch = [*self._rest, *records] if self._rest else records
        for whole in join_parts(batch):
            self._take(whole)
        self._rest = [record for record in batch if record.number > self._done]
        for listener in self.listeners:
            listener.turn_over()
        return len(records)

    def _take(self, whole: Whole) -> None:
        self._done, self.time = whole.last, whole.time
        command = whole.command
        if key := configuration_key(command):
            self.refdata.apply(command)
            if key[0] == "instrument":
                instrument = self.refdata.instruments[int(key[1])]
                for listener in self.listeners:
                    listener.defined(instrument)
        elif isinstance(command, Block | Unblock):
            self._halted(whole)
        for update in self.market.apply(whole.last, whole.time, whole.events, whole.first):
            for listener in self.listeners:
                listener.update(update)

    def _halted(self, whole: Whole) -> None:
        for found in self.market.halt(whole.events):
            for instrument in self.refdata.instruments.values():
                if found in (instrument.id, NOBODY):
                    for listener in self.listeners:
                        listener.halted(instrument, whole)
