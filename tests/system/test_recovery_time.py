"""A core that dies under load with a million records behind it takes Logons again in seconds."""

import random
import time

import pytest

from benchmarks.recovery import build, snapshot
from tests.support.traders import Trader
from tests.support.venue import wait_until

RECORDS = 1_000_000
TAIL = 150_000
"""Records since the last snapshot: more than a running venue lets there be."""

SECONDS = 10


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_core_that_dies_under_load_takes_logons_again_within_ten_seconds(new_venue, dial):
    venue = new_venue(only="core")  # its readers have read a million records before that
    build(venue.data, RECORDS, 100_000)
    snapshot(venue.data, RECORDS - TAIL)
    venue.spawn()
    wait_until(lambda: "fixgate ready" in venue.stdout, 60, "a first start")
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
    assert venue.stderr.count("from the snapshot of record") == 4
