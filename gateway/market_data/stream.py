"""The market over WebSocket: who has subscribed to what, and when each is sent its messages."""

from collections.abc import Callable
from typing import Final

from engine.market.candles import INTERVALS
from engine.market.feed import MarketUpdate
from engine.market_reader import MarketReader
from engine.model.clock import Clock
from engine.model.refdata import Instrument
from engine.replay import Whole
from gateway.market_data.offered import DEPTHS, INTERVALS_MS, STATISTICS_MS
from gateway.market_data.schedule import NANOS_PER_MS, Schedule, Subject
from gateway.market_data.topics import (
    BookTopic,
    CandlesTopic,
    OrdersTopic,
    TickerTopic,
    Topic,
    TopicKey,
    TradesTopic,
)
from gateway.market_data.trades_replay import TradesReplay
from gateway.market_data.wording import Wording
from gateway.stream.answers import (
    ErrorCode,
    Refused,
    decoded,
    error,
    frame,
    subscribed,
    unsubscribed,
)
from gateway.stream.client import StreamClient
from gateway.stream.replay import Replay, Replays
from gateway.stream.requests import Authenticate, Request, Subscribe, Unsubscribe
from gateway.stream.tokens import Tokens

FASTEST_MS: Final = {"ticker": STATISTICS_MS, "candles": STATISTICS_MS}
"""What an interval of 0 means where every change by itself would help nobody."""

SUBSCRIPTIONS: Final = 256
"""Subscriptions of one connection: some 40 instruments with all their channels."""


class _Subject(Subject[bytes]):
    """A topic of the stream and its subscribers."""

    def __init__(self, topic: Topic, interval: int) -> None:
        super().__init__(topic, interval)
        self.topic = topic


class MarketStream:
    """The StreamService of the market, told by its reader."""

    def __init__(
        self, market: MarketReader, tokens: Tokens, clock: Clock, replays: Replays
    ) -> None:
        self._market = market
        self._tokens = tokens
        self._clock = clock
        self._replays = replays
        self._replaying: dict[tuple[StreamClient, TopicKey], Replay] = {}
        """Subscribers that are on their way: their topic does not know them yet."""
        self.schedule: Schedule[bytes] = Schedule(clock)
        self._subjects: dict[TopicKey, _Subject] = {}
        self._by_instrument: dict[int, dict[TopicKey, _Subject]] = {}
        self._clients: dict[StreamClient, dict[TopicKey, None]] = {}
        self._instruments: dict[StreamClient, None] = {}
        """Subscribers of the list of instruments."""

    # --- StreamService ------------------------------------------------------------------------

    def authorize(self, token: str) -> str | None:
        """The market is for every member."""
        return self._tokens.owner(token)

    def opened(self, client: StreamClient) -> None:
        """A client is there."""
        self._clients[client] = {}

    def closed(self, client: StreamClient) -> None:
        """It is gone, and with it the topics that nobody else listens to."""
        for key in self._clients.pop(client):
            self._leave(client, key)
        self._instruments.pop(client, None)

    def received(self, client: StreamClient, text: str) -> None:
        """A message of a client, answered at once."""
        ident = None
        try:
            request = decoded(text)
            ident = request.id
            self._take(client, request)
        except Refused as refused:
            client.send(error(ident, refused))

    def _take(self, client: StreamClient, request: Request) -> None:
        match request:
            case Subscribe(channel="instruments"):
                self._list(client, request)
            case Unsubscribe(channel="instruments"):
                if client not in self._instruments:
                    raise Refused(ErrorCode.NOT_SUBSCRIBED, "not subscribed to instruments")
                del self._instruments[client]
                client.send(unsubscribed(request))
            case Subscribe():
                self._subscribe(client, request)
            case Unsubscribe():
                self._unsubscribe(client, request)
            case Authenticate():
                raise Refused(ErrorCode.MALFORMED, "the connection has shown its token already")

    # --- subscriptions ------------------------------------------------------------------------

    def _subscribe(self, client: StreamClient, request: Subscribe) -> None:
        keys = self._keys(request)
        mine = self._clients[client]
        for key in keys:
            if key in mine:
                raise Refused(ErrorCode.ALREADY_SUBSCRIBED, f"subscribed to {key.symbol} already")
        if len(mine) + len(keys) > SUBSCRIPTIONS:
            raise Refused(ErrorCode.TOO_MANY, f"at most {SUBSCRIPTIONS} subscriptions")
        if request.resume_from is not None and request.symbol is None:
            raise Refused(ErrorCode.UNKNOWN_SEQUENCE, "resume_from needs a symbol")
        if request.resume_from is None:
            shown = [self._joined(client, key).topic.whole() for key in keys]
            client.send(subscribed(request) + b"".join(shown))
        else:
            self._resume(client, request, keys[0], request.resume_from)
        for key in keys:
            mine[key] = None

    def _joined(self, client: StreamClient, key: TopicKey) -> _Subject:
        """The subject of a key, with one more subscriber; the others have all that there is."""
        subject = self._subject(key)
        subject.tell()
        subject.clients[client] = None
        return subject

    def _resume(self, client: StreamClient, request: Subscribe, key: TopicKey, seq: int) -> None:
        subject = self._joined(client, key)
        try:
            missed = subject.topic.missed(seq)
        except Refused:
            self._leave(client, key)
            raise
        if missed is not None:
            client.send(subscribed(request, resumed=True) + missed)
        elif key.channel == "trades":
            self._leave(client, key)
            client.send(subscribed(request, resumed=True))
            self._replay_trades(client, key, seq)
        else:
            client.send(subscribed(request) + subject.topic.whole())

    def _replay_trades(self, client: StreamClient, key: TopicKey, match: int) -> None:
        instrument = self._instrument(key.symbol)
        rendering = TradesReplay(instrument, match)

        def join() -> None:
            del self._replaying[client, key]
            self._joined(client, key)

        replay = Replay(
            client,
            self._market.market.feed(instrument.id).trades.before(match),
            rendering.render,
            lambda: self._market.last_read,
            join,
        )
        self._replaying[client, key] = replay
        self._replays.start(replay)

    def _instrument(self, symbol: str) -> Instrument:
        return next(i for i in self._market.refdata.instruments.values() if i.symbol == symbol)

    def _unsubscribe(self, client: StreamClient, request: Unsubscribe) -> None:
        keys = self._keys(request)
        mine = self._clients[client]
        for key in keys:
            if key not in mine:
                raise Refused(ErrorCode.NOT_SUBSCRIBED, f"not subscribed to {key.symbol}")
        for key in keys:
            del mine[key]
            self._leave(client, key)
        client.send(unsubscribed(request))

    def _keys(self, request: Subscribe | Unsubscribe) -> list[TopicKey]:
        """The topics that a request is about. Raises Refused."""
        channel = request.channel
        make = _CHANNELS.get(channel)
        if make is None:
            some = ", ".join([*_CHANNELS, "instruments"])
            raise Refused(ErrorCode.UNKNOWN_CHANNEL, f"no channel {channel}; there are {some}")
        _check(request)
        symbols = [i.symbol for i in self._market.refdata.instruments.values()]
        if request.symbol is not None:
            if request.symbol not in symbols:
                raise Refused(ErrorCode.UNKNOWN_SYMBOL, f"no instrument {request.symbol}")
            symbols = [request.symbol]
        return [
            TopicKey(channel, symbol, request.depth, request.interval_ms, request.interval)
            for symbol in symbols
        ]

    def _subject(self, key: TopicKey) -> _Subject:
        found = self._subjects.get(key)
        if found is None:
            instrument = self._instrument(key.symbol)
            topic = _CHANNELS[key.channel](self._market, instrument, key)
            interval = key.interval_ms or FASTEST_MS.get(key.channel, 0)
            found = self._subjects[key] = _Subject(topic, interval * NANOS_PER_MS)
            self.schedule.subjects[found] = None
            self._by_instrument.setdefault(instrument.id, {})[key] = found
        return found

    def _leave(self, client: StreamClient, key: TopicKey) -> None:
        replay = self._replaying.pop((client, key), None)
        if replay is not None:
            replay.cancel()
            return
        subject = self._subjects[key]
        subject.leave(client)
        if not subject.clients:
            del self._subjects[key]
            self.schedule.forget(subject)
            for subjects in self._by_instrument.values():
                subjects.pop(key, None)

    # --- instruments --------------------------------------------------------------------------

    def _list(self, client: StreamClient, request: Subscribe) -> None:
        if client in self._instruments:
            raise Refused(ErrorCode.ALREADY_SUBSCRIBED, "subscribed to instruments already")
        if request.symbol is not None or request.resume_from is not None:
            raise Refused(ErrorCode.NOT_OFFERED, "instruments are listed all together, and anew")
        self._instruments[client] = None
        shown = [self._report(i) for i in self._market.refdata.instruments.values()]
        client.send(subscribed(request) + b"".join(shown))

    def _report(self, instrument: Instrument) -> bytes:
        market = self._market
        halted = market.market.halted(instrument.id)
        return frame(Wording(instrument).status(halted, market.last_read, market.time))

    # --- MarketListener -----------------------------------------------------------------------

    def defined(self, instrument: Instrument) -> None:
        """An instrument is new, or was defined anew."""
        self._show(instrument)

    def halted(self, instrument: Instrument, whole: Whole) -> None:
        """An instrument is halted or open again."""
        self._show(instrument)

    def _show(self, instrument: Instrument) -> None:
        if self._instruments:
            report = self._report(instrument)
            for client in self._instruments:
                client.send(report)

    def update(self, update: MarketUpdate) -> None:
        """What a command has done to an instrument."""
        subjects = self._by_instrument.get(update.change.instrument, {}).values()
        for subject in subjects:
            subject.topic.update(update)
        self.schedule.touch(subjects)

    def turn_over(self) -> None:
        """Tell what is due; what is conflated may have to wait."""
        self.schedule.turn_over()


def _check(request: Subscribe | Unsubscribe) -> None:
    """Whether the channel has what is asked for. Raises Refused."""
    channel = request.channel
    if isinstance(request, Subscribe) and request.filter is not None:
        raise Refused(ErrorCode.NOT_OFFERED, "only reports have a filter")
    if request.depth is not None and (channel != "book" or request.depth not in DEPTHS):
        raise Refused(ErrorCode.NOT_OFFERED, f"depth is one of {DEPTHS}, of the channel book")
    conflatable = channel in ("book", *FASTEST_MS)
    if request.interval_ms and (not conflatable or request.interval_ms not in INTERVALS_MS):
        raise Refused(
            ErrorCode.NOT_OFFERED,
            f"interval_ms is one of {INTERVALS_MS}, of the channels book, ticker and candles",
        )
    if (request.interval in INTERVALS) != (channel == "candles") or (
        request.interval is not None and channel != "candles"
    ):
        raise Refused(
            ErrorCode.NOT_OFFERED, f"candles, and only they, have an interval, one of {INTERVALS} s"
        )


def _book(market: MarketReader, instrument: Instrument, key: TopicKey) -> Topic:
    feed = market.market.feed(instrument.id)
    return BookTopic(instrument, feed, key.depth, key.interval_ms)


def _orders(market: MarketReader, instrument: Instrument, key: TopicKey) -> Topic:
    return OrdersTopic(instrument, market.market.feed(instrument.id))


def _trades(market: MarketReader, instrument: Instrument, key: TopicKey) -> Topic:
    return TradesTopic(instrument, market.market.feed(instrument.id))


def _candles(market: MarketReader, instrument: Instrument, key: TopicKey) -> Topic:
    assert key.interval is not None
    return CandlesTopic(instrument, market.market.feed(instrument.id), key.interval, market)


def _ticker(market: MarketReader, instrument: Instrument, key: TopicKey) -> Topic:
    return TickerTopic(instrument, market.market.feed(instrument.id), market)


_CHANNELS: Final[dict[str, Callable[[MarketReader, Instrument, TopicKey], Topic]]] = {
    "book": _book,
    "orders": _orders,
    "trades": _trades,
    "candles": _candles,
    "ticker": _ticker,
}
