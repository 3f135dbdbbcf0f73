"""The HTTP side of metrics by trio's own clock; a whole venue's is in tests/system."""

import socket

import pytest
import trio

from gateway.flow.small_http import EXCHANGE_SECONDS
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
