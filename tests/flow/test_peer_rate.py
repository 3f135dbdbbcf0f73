"""Requests of each peer: a burst, then some a second, and nobody pays for another."""

from gateway.flow import peer_rate
from gateway.flow.peer_rate import PeerRate

SECOND = 1_000_000_000


def test_each_peer_has_a_burst_and_a_rate_of_its_own():
    now = [0]
    rate = PeerRate(2, 3, lambda: now[0])
    assert [rate.take("a") for _ in range(4)] == [True, True, True, False]
    assert rate.take("b")
    now[0] = SECOND // 2
    assert [rate.take("a") for _ in range(2)] == [True, False]


def test_so_many_peers_are_remembered(monkeypatch):
    monkeypatch.setattr(peer_rate, "MAX_PEERS", 2)
    rate = PeerRate(1, 1, lambda: 0)
    assert rate.take("a")
    assert rate.take("b")
    assert not rate.take("a")
    assert rate.take("c"), "b was here longest ago"
    assert not rate.take("a")
    assert rate.take("b")
