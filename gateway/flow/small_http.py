"""HTTP/1.1 for what needs little of it: small requests, few connections, one answer each."""

import socket
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import h11
import trio

from gateway.flow.admission import source_of
from gateway.flow.listener import ACCEPT_RETRY_SECONDS, CONSTRAINED

REQUEST_BYTES: Final = 4 * 1024
"""Largest request head, bytes."""

BODY_BYTES: Final = 64 * 1024
"""Of a body that are read at a time."""

EXCHANGE_SECONDS: Final = 5
"""From connection to the last byte of the answer, seconds."""

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers, body."""


class Post(NamedTuple):
    """A POST: its path without the query, its body, its headers with names in small letters."""

    path: bytes
    body: bytes
    headers: Sequence[tuple[bytes, bytes]]


class SmallHttpServer:
    """Serves what `answer` gives, on a listening socket."""

    def __init__(
        self,
        answer: Callable[[bytes], Answer],
        connections: int,
        post: Callable[[Post], Answer] | None = None,
        body_bytes: int = 0,
        per_peer: int | None = None,
        admit: Callable[[str], bool] = lambda _: True,
    ) -> None:
        """answer: to the GET of a path, without its query. connections: at a time; the next one is
        closed unread. post: to a POST, with a body of at most body_bytes. per_peer: connections at
        a time of one IPv4 address or IPv6 network of 64 bits. admit: whether a request of such a
        peer is answered now, asked before its body is read."""
        self._answer_to = answer
        self._most = connections
        self._post = post
        self._body_bytes = body_bytes
        self._per_peer = connections if per_peer is None else per_peer
        self._admit = admit
        self._connections: Counter[str] = Counter()

    async def serve(self, listener: socket.socket) -> None:
        """Serve for ever."""
        listener.setblocking(False)
        async with trio.open_nursery() as nursery:
            while True:
                await trio.lowlevel.wait_readable(listener.fileno())
                try:
                    sock, address = listener.accept()
                except (BlockingIOError, InterruptedError, ConnectionError):
                    continue
                except OSError as error:
                    if error.errno not in CONSTRAINED:
                        raise
                    await trio.sleep(ACCEPT_RETRY_SECONDS)
                    continue
                peer = source_of(f"{address[0]}:{address[1]}")
                if (
                    self._connections.total() >= self._most
                    or self._connections[peer] >= self._per_peer
                ):
                    sock.close()
                    continue
                self._connections[peer] += 1
                sock.setblocking(False)
                stream = trio.SocketStream(trio.socket.from_stdlib_socket(sock))
                nursery.start_soon(self._exchange, stream, peer)

    async def _exchange(self, stream: trio.SocketStream, peer: str) -> None:
        try:
            with trio.move_on_after(EXCHANGE_SECONDS):
                await self._answer(stream, peer)
        except (trio.BrokenResourceError, h11.LocalProtocolError):
            pass  # it went away in the middle
        finally:
            self._connections -= Counter([peer])  # which forgets a peer that has none
            await trio.aclose_forcefully(stream)

    async def _answer(self, stream: trio.SocketStream, peer: str) -> None:
        http = h11.Connection(h11.SERVER, max_incomplete_event_size=REQUEST_BYTES)
        try:
            request = await _request(stream, http)
            if self._admit(peer):
                status, headers, body = await self._page(request, stream, http)
            else:
                status, headers, body = 429, [("Retry-After", "1")], b"slower: try again\n"
        except h11.RemoteProtocolError as error:
            status, headers, body = error.error_status_hint, [], b"not a request\n"
        headers += [("Content-Length", str(len(body))), ("Connection", "close")]
        data = http.send(h11.Response(status_code=status, headers=headers)) or b""
        data += http.send(h11.Data(data=body)) or b""
        await stream.send_all(data)
        await stream.send_eof()
        while await stream.receive_some(REQUEST_BYTES):
            pass  # closing with unread input would reset what is on its way

    async def _page(
        self, request: h11.Request, stream: trio.SocketStream, http: h11.Connection
    ) -> Answer:
        path = request.target.partition(b"?")[0]
        if request.method == b"GET":
            return self._answer_to(path)
        if request.method == b"POST" and self._post is not None:
            body = await _body(stream, http, self._body_bytes)
            if body is None:
                return 413, [], b"at most %d bytes\n" % self._body_bytes
            return self._post(Post(path, body, list(request.headers)))
        allowed = "GET" if self._post is None else "GET, POST"
        return 405, [("Allow", allowed)], b"only %s\n" % allowed.encode()


async def _body(stream: trio.SocketStream, http: h11.Connection, most: int) -> bytes | None:
    """The request's body; None if it is larger. Raises h11.RemoteProtocolError."""
    body = b""
    while len(body) <= most:
        event = http.next_event()
        if isinstance(event, h11.EndOfMessage):
            return body
        if isinstance(event, h11.Data):
            body += event.data
        elif event is h11.NEED_DATA:
            if http.they_are_waiting_for_100_continue:
                await stream.send_all(
                    http.send(h11.InformationalResponse(status_code=100, headers=[])) or b""
                )
            data = await stream.receive_some(BODY_BYTES)
            if not data:
                raise h11.RemoteProtocolError("ended before its body")
            http.receive_data(data)
    return None


async def _request(stream: trio.SocketStream, http: h11.Connection) -> h11.Request:
    """The request's head; its body is nobody's business. Raises h11.RemoteProtocolError."""
    while True:
        event = http.next_event()
        if isinstance(event, h11.Request):
            return event
        if event is not h11.NEED_DATA:
            raise h11.RemoteProtocolError("no request")
        data = await stream.receive_some(REQUEST_BYTES)
        if not data:
            raise h11.RemoteProtocolError("ended before its request")
        http.receive_data(data)
