"""A core that dies under load with a million records behind it takes Logons again in seconds."""

import random
import time

import pytest

from benchmarks.recovery import build
from engine.journal.snapshot_files import list_snapshots, snapshot_number
from tests.support.traders import Trader
from tests.support.venue import wait_until

RECORDS = 1_000_000
SECONDS = 10


def newest_snapshot(venue):
    """The last record that a snapshot has, -1 for none."""
    found = list_snapshots(venue.data / "snapshots")
    return snapshot_number(found[0].name) if found else -1


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_core_that_dies_under_load_takes_logons_again_within_ten_seconds(new_venue, dial):
    venue = new_venue()
    build(venue.data, RECORDS, 100_000)
    venue.spawn()
    wait_until(lambda: "fixgate ready" in venue.stdout, 300, "a first start: a full replay")
    wait_until(lambda: newest_snapshot(venue) > RECORDS - 150_000, 300, "a recent snapshot")
    trader = Trader(dial(venue, "BENCH-OE16"), random.Random(1), window=100)
    trader.reconnect()
    took = []
    for _ in range(3):
        for _ in range(300):
            trader.trade()
        venue.kill_one("core")
        began = time.monotonic()
        trader.read_to_the_end()
        trader.client.drop()
        trader.reconnect()
        took.append(time.monotonic() - began)
    print(took)
    assert max(took) <= SECONDS
    assert venue.stderr.count("from the snapshot of record") == 3
