"""A line to a node: JSON-RPC over HTTP, throttled, bounded, and never said twice.

web3's AsyncHTTPProvider says most requests again by itself when a connection breaks,
eth_sendRawTransaction among them; makes a connection for each; reads answers of any length; and
writes its URL, which may hold a key, into its log. Here it does none of these.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Final, TypeVar, cast
from urllib.parse import urlsplit

import msgspec
from aiohttp import ClientError, ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from asyncio_throttle.throttler import Throttler
from typing_extensions import override
from web3 import AsyncHTTPProvider
from web3.types import RPCEndpoint, RPCResponse

from custody.chains.node import NodeFailed
from custody.chains.wire import Envelope, Malformed, read
from engine.model.errors import OperatorError
from engine.secret import SecretText

T = TypeVar("T")

SMALL_ANSWER: Final = 1024 * 1024
"""Longest answer to a question about one thing, bytes: a header or a receipt has some 2 KiB, a
receipt full of logs some hundred."""

BLOCK_ANSWER: Final = 256 * 1024 * 1024
"""Longest answer about all of a block, bytes. The receipts of a block of 100 million gas that is
full of the cheapest logs have 120 MiB: who pays for such a block must not stop deposits."""

MAX_WAITING: Final = 256
"""Questions that wait for their turn at an endpoint: more means that it is asked more than it may
answer."""

BROADCASTS_PER_SECOND: Final = 5
"""Broadcasts and what belongs to them: kept free of the polling, which takes all it gets."""

CONNECTIONS: Final = 8
"""Connections for questions at the same time."""

KEEP_ALIVE_SECONDS: Final = 4
"""How long a connection is kept without a question: shorter than any node or proxy keeps it, so
that a question is not sent into a line that is being closed."""

CHUNK: Final = 65_536
"""Bytes of an answer that are read at once."""

MAX_ERROR_TEXT: Final = 200
"""Characters of a node's error text that are kept."""

CALL_DEPTH: Final = 1_024
"""Calls within calls, at most: the EVM's own limit."""

JSON_DEPTH: Final = 4 * CALL_DEPTH
"""Brackets within brackets in an answer: a trace has two for each call within a call. Python's own
limit of 1,000 would let anybody stop deposits by a transaction of 500 calls within calls."""


class RpcError(NodeFailed):
    """The node answered with an error. code: of JSON-RPC. text: its own words, shortened."""

    def __init__(self, name: str, method: str, code: int, text: str) -> None:
        super().__init__(f"{name}: {method}: {text} ({code})")
        self.code = code
        self.text = text


class Endpoint:
    """One node, by its address.

    url: http or https; it is in no log and in no error, because it may hold a key. name: what the
    node is called instead. per_second: questions, at most; broadcasts have a rate of their own.
    timeout_ms: for one question, from its turn to the whole of the answer.
    """

    def __init__(self, url: str, name: str, per_second: int, timeout_ms: int) -> None:
        assert per_second > 0
        assert timeout_ms > 0
        url = SecretText(url)
        self.name = name
        self._secrets = _secrets(url, name)
        self._reads = _Line(url.reveal(), timeout_ms, keep_alive=True)
        self._broadcasts = _Line(url.reveal(), timeout_ms, keep_alive=False)
        self._read_turns = Throttler(rate_limit=per_second)
        self._broadcast_turns = Throttler(rate_limit=BROADCASTS_PER_SECOND)
        self._waiting = 0

    async def ask(
        self,
        method: str,
        params: Sequence[object],
        shape: type[T],
        limit: int = SMALL_ANSWER,
        *,
        urgent: bool = False,
    ) -> T:
        """The answer to a question that is asked once. limit: of its length, bytes. urgent: it
        belongs to a broadcast, and waits for no other questions. Raises NodeFailed."""
        raw = await self._fetch(method, params, limit, urgent=urgent)
        return self._read(method, raw, shape)

    async def look(
        self, method: str, params: Sequence[object], shape: type[T], limit: int = SMALL_ANSWER
    ) -> T | None:
        """As `ask`, of something that there may not be."""
        raw = await self._fetch(method, params, limit)
        return None if bytes(raw) == b"null" else self._read(method, raw, shape)

    async def close(self) -> None:
        """End all connections."""
        await self._reads.disconnect()
        await self._broadcasts.disconnect()

    async def _fetch(
        self, method: str, params: Sequence[object], limit: int, *, urgent: bool = False
    ) -> msgspec.Raw:
        line = self._broadcasts if urgent else self._reads
        await self._turn(self._broadcast_turns if urgent else self._read_turns)
        try:
            answer = await line.make_request(RPCEndpoint(method), params, limit)
        except _ErrorAnswered as error:
            text = self._clean(error.text)
            raise RpcError(self.name, method, error.code, text) from None
        except TimeoutError:
            raise NodeFailed(f"{self.name}: {method}: no answer in time") from None
        except (Malformed, _Unanswered) as error:
            raise NodeFailed(f"{self.name}: {method}: {self._clean(str(error))}") from None
        except (ClientError, OSError, ValueError) as error:
            # Their texts have the address in them.
            raise NodeFailed(f"{self.name}: {method}: {type(error).__name__}") from None
        return cast("dict[str, msgspec.Raw]", answer)["result"]

    def _read(self, method: str, raw: msgspec.Raw, shape: type[T]) -> T:
        try:
            with _deep():
                return read(raw, shape)
        except Malformed as error:
            raise NodeFailed(f"{self.name}: {method}: {self._clean(str(error))}") from None

    async def _turn(self, turns: Throttler) -> None:
        if self._waiting >= MAX_WAITING:
            raise NodeFailed(f"{self.name}: {self._waiting} questions wait already")
        self._waiting += 1
        try:
            await turns.acquire()  # type: ignore[no-untyped-call]
        finally:
            self._waiting -= 1

    def _clean(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "...")
        shown = "".join(c if c.isprintable() else " " for c in text)
        return shown[:MAX_ERROR_TEXT]


class _Unanswered(Exception):
    """No answer that can be read; the text says why."""


class _ErrorAnswered(Exception):
    """An error is the answer."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text


class _Line(AsyncHTTPProvider):
    """A provider of web3's whose requests go out once, and whose answers have a limit."""

    def __init__(self, url: str, timeout_ms: int, *, keep_alive: bool) -> None:
        super().__init__(url, exception_retry_configuration=None)
        self._timeout = ClientTimeout(total=timedelta(milliseconds=timeout_ms).total_seconds())
        self._keep_alive = keep_alive
        self._session: ClientSession | None = None

    @override
    async def make_request(
        self, method: RPCEndpoint, params: object, limit: int = SMALL_ANSWER
    ) -> RPCResponse:
        """The answer, its result not yet read. Raises what its caller knows."""
        request = self.form_request(method, params)
        body = await self._exchange(self.encode_rpc_dict(request), limit)
        with _deep():
            envelope = read(body, Envelope)
        if envelope.error is not None and envelope.id in (None, request["id"]):
            # The answer to a request that could not be read has no id.
            raise _ErrorAnswered(envelope.error.code, envelope.error.message)
        if envelope.id != request["id"]:
            raise _Unanswered("the answer to another question")
        return cast("RPCResponse", {"result": envelope.result})

    @override
    async def disconnect(self) -> None:
        """End the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, request: bytes, limit: int) -> bytes:
        """What the node answers with status 200. A redirection is not followed: the request would
        go out twice."""
        assert self.endpoint_uri is not None
        async with self._open().post(
            self.endpoint_uri, data=request, allow_redirects=False
        ) as response:
            if response.status != 200:
                raise _Unanswered(f"HTTP status {response.status}")
            body = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK):
                body += chunk
                if len(body) > limit:
                    raise _Unanswered(f"an answer of more than {limit} bytes")
            return bytes(body)

    def _open(self) -> ClientSession:
        if self._session is None:
            if self._keep_alive:
                connector = TCPConnector(limit=CONNECTIONS, keepalive_timeout=KEEP_ALIVE_SECONDS)
            else:
                connector = TCPConnector(limit=CONNECTIONS, force_close=True)
            self._session = ClientSession(
                connector=connector,
                timeout=self._timeout,
                cookie_jar=DummyCookieJar(),
                # A compressed answer could be many times as long as what was read.
                headers={"Content-Type": "application/json", "Accept-Encoding": "identity"},
                auto_decompress=False,
            )
        return self._session


def _secrets(url: SecretText, name: str) -> list[str]:
    """What of the URL must not be shown. Raises OperatorError if it is none."""
    if (pieces := _pieces(url)) is None:
        raise OperatorError(
            f"the URL of node {name} is none: write http://HOST:PORT or https://HOST"
        )
    # Short ones are words that any text may have, as `v3`.
    return sorted({p for p in pieces if p and len(p) >= 6}, key=len, reverse=True)


def _pieces(url: SecretText) -> list[str | None] | None:
    """All parts of a URL; None if it is none."""
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
            return None
    except ValueError:
        return None
    pieces = [url, parts.netloc, parts.username, parts.password, parts.query]
    return pieces + parts.path.split("/")


@contextmanager
def _deep() -> Iterator[None]:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, JSON_DEPTH))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
