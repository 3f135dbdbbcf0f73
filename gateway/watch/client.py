"""Keeps a picture up to date: connects, listens, and comes back after an end, over trio."""

import os
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import trio

from engine.model.errors import OperatorError
from gateway.connect import MAX_PORT, STREAM_PATH
from gateway.market_data.messages import MarketMessage
from gateway.market_data.offered import DEPTHS
from gateway.stream.requests import Subscribe
from gateway.watch.conversation import Conversation, LinkLost, SymbolUnknown
from gateway.watch.model import MINUTE_SECONDS, OutOfStep, Picture
from gateway.watch.words import clean

BOOK_MS: Final = 100
"""Shortest time between two updates of the book, ms: a person sees no more."""

CONNECT_SECONDS: Final = 5
"""How long the way to an open connection may take, seconds."""

SILENCE_SECONDS: Final = 45
"""Without a word for so long a connection is lost, seconds; the venue pings every 20."""

READ_BYTES: Final = 256 * 1024
"""Most bytes that are read at once."""

WAIT_SECONDS: Final = 0.25
WAIT_MAX_SECONDS: Final = 8.0
"""Wait before the next connection; it doubles until one has shown the whole market."""

NAMED_SYMBOLS: Final = 20
"""Instruments that the answer to an unknown one names."""


class Address(NamedTuple):
    """Where a market stream is."""

    host: str
    port: int

    @property
    def netloc(self) -> str:
        """As in a URL."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """As a person writes it."""
        return f"ws://{self.netloc}"


def parse_address(url: str, port_offset: int) -> Address:
    """The address of `ws://HOST:PORT`, moved by the offset. Raises OperatorError."""
    wrong = OperatorError(f"--url {clean(url)}: it has to be ws://HOST:PORT")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise wrong from None
    if parts.scheme != "ws" or not host or port is None or parts.path not in ("", "/", STREAM_PATH):
        raise wrong
    if not 1 <= port + port_offset <= MAX_PORT:
        raise OperatorError(
            f"--port-offset {port_offset} makes port {port + port_offset}: ports end at {MAX_PORT}"
        )
    return Address(host, port + port_offset)


def offered_depth(depth: int) -> int:
    """The depth to subscribe to, to see so many levels."""
    return next((d for d in DEPTHS if d >= depth), DEPTHS[-1])


def requests(symbol: str, depth: int) -> list[Subscribe]:
    """All that a picture is made of. The instruments come first, to name those that there are."""
    return [
        Subscribe(channel="instruments"),
        Subscribe(channel="book", symbol=symbol, depth=offered_depth(depth), interval_ms=BOOK_MS),
        Subscribe(channel="trades", symbol=symbol),
        Subscribe(channel="candles", symbol=symbol, interval=MINUTE_SECONDS),
        Subscribe(channel="ticker", symbol=symbol),
    ]


class Watcher:
    """Keeps `picture` up to date for ever.

    Each connection begins with the whole: what a picture keeps reaches no further back than what
    the venue shows whoever joins, so nothing is missing after an interruption of any length.
    refusal: what a person has to do; then it has ended. shown: set once the picture was complete.
    """

    def __init__(self, address: Address, token: str, picture: Picture, depth: int) -> None:
        self.picture = picture
        self.refusal: OperatorError | None = None
        self.shown = trio.Event()
        self._address = address
        self._token = token
        self._requests = requests(picture.symbol, depth)
        self._wait = WAIT_SECONDS

    async def run(self) -> None:
        """Until there is a refusal."""
        while self.refusal is None:
            try:
                await self._connection()
            except LinkLost as error:
                await self._lost(str(error))
            except OutOfStep as error:
                await self._lost(f"out of step with the venue: {clean(str(error))}")
            except SymbolUnknown:
                self.refusal = OperatorError(_unknown(self.picture))
            except OperatorError as error:
                self.refusal = error

    async def _lost(self, why: str) -> None:
        if not self.shown.is_set() and not self.picture.instruments:
            self.refusal = OperatorError(
                f"no market stream at {self._address.url}: {why}. Is the venue running? "
                "`fixgate run` prints where it listens; name that with --url or --port-offset"
            )
            return
        self.picture.lost(f"{why}; connecting again")
        await trio.sleep(self._wait)
        self._wait = min(2 * self._wait, WAIT_MAX_SECONDS)

    async def _connection(self) -> None:
        """One connection, to its end. Raises as Conversation.receive, and OutOfStep."""
        self.picture.begin()
        try:
            with trio.fail_after(CONNECT_SECONDS):
                stream = await trio.open_tcp_stream(self._address.host, self._address.port)
        except (OSError, trio.TooSlowError) as error:
            raise LinkLost(_reason(error)) from None
        async with stream:
            await self._listen(stream)

    async def _listen(self, stream: trio.SocketStream) -> None:
        talk = Conversation(self._address.netloc, self._token, self._requests)
        while True:
            silence = SILENCE_SECONDS if self.picture.complete else CONNECT_SECONDS
            try:
                with trio.fail_after(silence):
                    await stream.send_all(talk.take_output())
                    data = await stream.receive_some(READ_BYTES)
            except trio.TooSlowError:
                raise LinkLost(f"no word for {silence} s") from None
            except trio.BrokenResourceError:
                raise LinkLost("the connection broke") from None
            for message in talk.receive(data):
                self._hear(message)

    def _hear(self, message: MarketMessage) -> None:
        self.picture.hear(message)
        if self.picture.complete:
            self._wait = WAIT_SECONDS
            self.shown.set()


def _reason(error: OSError | trio.TooSlowError) -> str:
    """What went wrong, in the system's words: of the first attempt, if there were several."""
    first: BaseException = error
    if isinstance(error.__cause__, BaseExceptionGroup):
        first = error.__cause__.exceptions[0]
    if isinstance(first, trio.TooSlowError):
        return f"no answer in {CONNECT_SECONDS} s"
    if isinstance(first, OSError) and first.errno is not None and first.errno > 0:
        return os.strerror(first.errno).lower()
    return clean(str(first))


def _unknown(picture: Picture) -> str:
    names = [clean(name) for name in sorted(picture.instruments)]
    shown = ", ".join(names[:NAMED_SYMBOLS]) + (" ..." if len(names) > NAMED_SYMBOLS else "")
    there = f"there are {shown}" if names else "there are none yet"
    return f"no instrument {clean(picture.symbol)}; {there}"
