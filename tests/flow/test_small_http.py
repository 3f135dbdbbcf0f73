"""The small HTTP server by trio's own clock; a whole venue's is in tests/system."""

import socket
from contextlib import asynccontextmanager, suppress

import pytest
import trio

from gateway.flow.small_http import EXCHANGE_SECONDS, SmallHttpServer
from gateway.metrics_page import metrics_server


@pytest.mark.trio
@pytest.mark.parametrize("said", [b"", b"GET /metrics HTTP/1.1\r\n"], ids=["nothing", "half"])
async def test_a_scraper_that_does_not_finish_its_request_is_closed(said, autojump_clock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(metrics_server(lambda: b"figures").serve, listener)
            async with await trio.open_tcp_stream(*listener.getsockname()) as stream:
                if said:
                    await stream.send_all(said)
                began = trio.current_time()
                assert await _end(stream)
                assert trio.current_time() - began == pytest.approx(EXCHANGE_SECONDS)
            nursery.cancel_scope.cancel()


async def _end(stream):
    """Whether the stream ends, by its end or by a reset, without a byte."""
    try:
        return await stream.receive_some() == b""
    except trio.BrokenResourceError:
        return True


@asynccontextmanager
async def serving(**limits):
    """A server of POSTs; the port, and what it was posted."""
    posted = []

    def post(request):
        posted.append(request)
        return 200, [], b"kept"

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = SmallHttpServer(lambda _: (405, [], b""), 4, post, 10, **limits)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(server.serve, listener)
            yield listener.getsockname()[1], posted
            nursery.cancel_scope.cancel()


async def said(port, data, address="127.0.0.1"):
    """The answer's status; 0 for none."""
    sock = trio.socket.socket()
    await sock.bind((address, 0))
    await sock.connect(("127.0.0.1", port))
    stream = trio.SocketStream(sock)
    answer = b""
    async with stream:
        with suppress(trio.BrokenResourceError):
            await stream.send_all(data)
            while part := await stream.receive_some():
                answer += part
    return int(answer.split()[1]) if answer else 0


def request(body, *headers):
    head = [b"POST /a?b HTTP/1.1", b"Host: h", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(head) + b"\r\n\r\n" + body


@pytest.mark.trio
async def test_a_post_is_path_body_and_headers():
    async with serving() as (port, posted):
        assert await said(port, request(b"body", b"X-Y: z", b"x-y: w")) == 200
        assert await said(port, request(b"b" * 11)) == 413
        chunked = b"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        assert await said(port, chunked + b"b\r\n" + b"b" * 11 + b"\r\n0\r\n\r\n") == 413
        assert await said(port, chunked + b"x\r\n") == 400
        assert await said(port, request(b"") + b"more") == 200
        assert await said(port, b"PUT /a HTTP/1.1\r\nHost: h\r\n\r\n") == 405
        assert await said(port, b"\x16\x03\x01\r\n\r\n") == 400
        assert await said(port, request(b"", b"X: " + b"x" * 20_000)) == 431
    assert [(found.path, found.body) for found in posted] == [(b"/a", b"body"), (b"/a", b"")]
    assert [value for name, value in posted[0].headers if name == b"x-y"] == [b"z", b"w"]


@pytest.mark.trio
async def test_whoever_is_not_admitted_is_answered_before_its_body_is_read():
    asked = []

    def admit(peer):
        asked.append(peer)
        return peer != "127.0.0.2"

    async with serving(admit=admit) as (port, posted):
        head = request(b"body").removesuffix(b"body")
        assert await said(port, head, "127.0.0.2") == 429
        assert await said(port, request(b"body"), "127.0.0.3") == 200
    assert asked == ["127.0.0.2", "127.0.0.3"]
    assert len(posted) == 1


@pytest.mark.trio
async def test_one_peer_that_says_nothing_keeps_no_other_out(autojump_clock):
    async with serving(per_peer=2) as (port, posted):
        silent = [await trio.open_tcp_stream("127.0.0.1", port) for _ in range(2)]
        await trio.sleep(0.1)
        assert await said(port, request(b"")) == 0
        assert await said(port, request(b""), "127.0.0.2") == 200
        await trio.sleep(EXCHANGE_SECONDS)
        assert await said(port, request(b"")) == 200, "its two were closed"
        for stream in silent:
            await stream.aclose()
    assert len(posted) == 2
