"""The bench of the feeds: its parsers here, its parts on small counts in the proofs."""

import pytest

from benchmarks import feeds
from benchmarks.listeners import exec_times, frames
from gateway.websocket.frames import text_frame


def test_a_report_came_with_the_chunk_that_ends_it():
    chunks = [(1, b"8=FIX|\x0117=5-"), (2, b"1\x0132=1\x0117=5-2\x01"), (3, b'{"ExecID":"6-1"}')]
    assert exec_times(chunks) == {b"5-1": 2, b"5-2": 2, b"6-1": 3}
    assert exec_times([]) == {}


def test_whole_frames_are_counted():
    data = b"".join(text_frame(b"x" * size) for size in (0, 5, 125, 126, 65_535, 65_536))
    assert frames(data) == 6
    assert frames(data[:-1]) == 5
    assert frames(b"") == 0


@pytest.mark.proof
@pytest.mark.timeout(300)
def test_every_part_of_the_bench_gives_its_figures():
    latency = feeds.latency(200, 2)
    assert latency["fix"]["p50_us"] > 0 < latency["web_socket"]["p50_us"]
    fanout = feeds.fanout(2_000, 5)
    assert fanout["messages"] == 2_000
    assert fanout["deliveries_per_s"] > 0
    assert feeds.idle(50)["dropcopy_kib_each"] < 200
    assert len(feeds.beside_listeners(1, 4, 1, seconds=1)["ratio_each"]) == 1
    replay = feeds.replay(3_000)
    assert {replay[name]["growth_mib"] < 64 for name in list(replay)[1:]} == {True}
