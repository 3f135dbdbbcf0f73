"""Bad clients of both WebSocket streams, beside members who trade and clients who just listen."""

import contextlib

import pytest

from tests.hostile.ordeal import Ordeal
from tests.hostile.stream_behaviours import BEHAVIOURS

HALF_A_HANDSHAKE = "GET /v1/stream HTTP/1.1\r\nHost: venue\r\nUpgrade: websoc"


def streams(venue):
    return [venue.market_data_stream, venue.drop_copy_stream]


def hostile_clients(stack, folder, peers, **words):
    return Ordeal(
        stack,
        folder,
        "peers",
        "--speak",
        "stream",
        ports=streams,
        peers=peers,
        listen=True,
        **words,
    )


def check_honest_listeners(ordeal):
    """Nothing was missing and nobody was cut off; late by at most 2 x the control run + 10 ms."""
    heard = ordeal.heard()
    for name, hostile in heard["hostile"].items():
        control = heard["control"][name]
        assert hostile["ended"] == control["ended"] == 0
        assert min(hostile["messages"], control["messages"]) > 100
        assert hostile["p99_us"] <= 2 * control["p99_us"] + 10_000, (name, heard)


def check(ordeal):
    ordeal.check_log()
    check_honest_listeners(ordeal)
    ordeal.check_memory()
    ordeal.check_latency()


def hostility(folder, seconds):
    with contextlib.ExitStack() as stack:
        ordeal = hostile_clients(stack, folder, 200).run(seconds)
        done = {name for told in ordeal.told for name in told["connections"]}
        assert done == {behaviour.__name__ for behaviour in BEHAVIOURS}
        assert len(done) >= 20
        check(ordeal)


def half_handshakes(folder, seconds):
    with contextlib.ExitStack() as stack:
        words = ("--words", HALF_A_HANDSHAKE)
        ordeal = Ordeal(
            stack, folder, "crowd", *words, ports=streams, peers=2_000, listen=True
        ).run(seconds)
        assert min(told["connections"]["silent"] for told in ordeal.told) >= 1_600
        check(ordeal)


@pytest.mark.proof
def test_sixty_hostile_clients_for_some_seconds_end_no_process_and_no_honest_listener(tmp_path):
    with contextlib.ExitStack() as stack:
        ordeal = hostile_clients(stack, tmp_path, 60, round_seconds=4)
        ordeal.round("hostile", 1)
        ordeal.check_log()
        heard = ordeal.heard()["hostile"]
        assert sum(ordeal.told[0]["connections"].values()) > 60
        assert [listener["ended"] for listener in heard.values()] == [0, 0]
        assert min(listener["messages"] for listener in heard.values()) > 100


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_two_hundred_hostile_clients_for_half_a_minute_hurt_nobody(tmp_path):
    hostility(tmp_path, 30)


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_two_thousand_half_handshakes_for_half_a_minute_hurt_nobody(tmp_path):
    half_handshakes(tmp_path, 30)


@pytest.mark.soak
@pytest.mark.timeout(2_000)
def test_two_hundred_hostile_clients_for_ten_minutes_hurt_nobody(tmp_path):
    hostility(tmp_path, 600)
