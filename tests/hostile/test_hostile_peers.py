"""A pool of bad peers, and a crowd of silent ones, beside members who just want to trade."""

import contextlib

import pytest

from tests.hostile.fix_behaviours import BEHAVIOURS
from tests.hostile.ordeal import Ordeal


def order_entry(venue):
    return [venue.order_entry]


def hostile_peers(stack, folder, peers, **words):
    return Ordeal(stack, folder, "peers", "--speak", "fix", ports=order_entry, peers=peers, **words)


def hostility(folder, seconds):
    with contextlib.ExitStack() as stack:
        ordeal = hostile_peers(stack, folder, 200).run(seconds)
        ordeal.check_log()
        done = {name for told in ordeal.told for name in told["connections"]}
        assert done == {behaviour.__name__ for behaviour in BEHAVIOURS}
        assert len(done) >= 20
        ordeal.check_memory()
        ordeal.check_latency()


def silence(folder, seconds):
    with contextlib.ExitStack() as stack:
        ordeal = Ordeal(stack, folder, "crowd", ports=order_entry, peers=5_000).run(seconds)
        ordeal.check_log()
        assert min(told["connections"]["silent"] for told in ordeal.told) >= 4_000
        ordeal.check_memory()
        ordeal.check_latency()


def test_sixty_hostile_peers_for_some_seconds_end_no_process_and_no_honest_session(tmp_path):
    with contextlib.ExitStack() as stack:
        ordeal = hostile_peers(stack, tmp_path, 60, round_seconds=4)
        ordeal.round("hostile", 1)
        ordeal.check_log()
        assert sum(ordeal.told[0]["connections"].values()) > 60


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_two_hundred_hostile_peers_for_a_minute_hurt_nobody(tmp_path):
    hostility(tmp_path, 60)


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(400)
def test_five_thousand_silent_connections_for_a_minute_hurt_nobody(tmp_path):
    silence(tmp_path, 60)


@pytest.mark.soak
@pytest.mark.timeout(2_000)
def test_two_hundred_hostile_peers_for_ten_minutes_hurt_nobody(tmp_path):
    hostility(tmp_path, 600)


@pytest.mark.soak
@pytest.mark.timeout(2_000)
def test_five_thousand_silent_connections_for_ten_minutes_hurt_nobody(tmp_path):
    silence(tmp_path, 600)
