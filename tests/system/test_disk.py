"""A core whose disk fails or is full: what it does to members, and what is there afterwards."""

import errno
import os
import random
import sys
import time

import pytest

from tests.support.failing_disk import arm
from tests.support.fix_client import ConnectionEnded, FixClient
from tests.support.journal import EXEC_TYPES, Journal
from tests.support.small_disk import small_disk
from tests.support.traders import Trader
from tests.support.venue import CONFIG, ROOT, fixgate, wait_until

PROGRAM = [sys.executable, "-m", "tests.support.failing_disk"]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}

FAULTS = [
    ("sync_data", 3, errno.EIO),
    ("pwrite", 4, errno.EIO),
    ("pwrite", 0, errno.ENOSPC),
    ("allocate", 0, errno.EIO),
    ("rename", 0, errno.EIO),
    ("sync_folder", 0, errno.EIO),
]


@pytest.fixture
def small_segments(tmp_path):
    """The bench configuration with segments of 1 MiB, so that a load fills some."""
    text = (CONFIG / "bench.yaml").read_text()
    config = tmp_path / "small.yaml"
    config.write_text(text.replace("segment_mib: 64", "segment_mib: 1"))
    return config


@pytest.fixture
def traders():
    """Makes two traders; their sockets are closed after the test."""
    made = []

    def make(venue, seed):
        for comp_id in ("BENCH-OE1", "BENCH2-OE1"):
            mind = random.Random(seed)
            made.append(Trader(FixClient(comp_id, venue.order_entry), mind, window=40))
        for trader in made:
            trader.reconnect()
        return made

    yield make
    for trader in made:
        trader.client.drop()


def trade_until_the_end(traders, seconds):
    """Trade until core ends the connections."""
    end = time.monotonic() + seconds
    try:
        while time.monotonic() < end:
            for trader in traders:
                trader.trade()
        raise AssertionError(f"core did not halt in {seconds} s")
    except ConnectionEnded:
        for trader in traders:
            trader.read_to_the_end()
            trader.client.drop()


def halts_once(venue, traders, fault):
    kind, after, number = fault
    killed = venue.pid("core")
    arm(venue.data, kind, after, number)
    trade_until_the_end(traders, 60)
    wait_until(lambda: venue.pid("core") != killed, 20, "core is started again")
    acked = {name for trader in traders for name in trader.client.reports}
    for trader in traders:
        trader.reconnect()
    assert os.strerror(number) in venue.stderr
    assert "core ended with 1; starting it again" in venue.stderr
    journal = Journal(venue.data)
    names = {name for name, kind, _ in journal.reports if kind in EXEC_TYPES}
    assert len(acked) > 10
    assert acked <= names, "what was acknowledged before the error is there after it"
    return journal


def test_the_first_failed_sync_halts_core_and_loses_nothing(new_venue, small_segments, traders):
    venue = new_venue(small_segments, only="core", program=PROGRAM, environment=ENVIRONMENT).start()
    journal = halts_once(venue, traders(venue, 1), FAULTS[0])
    assert journal.starts == 2
    assert venue.stop()[0] == 0


@pytest.mark.proof
def test_every_kind_of_disk_error_halts_core_and_loses_nothing(new_venue, small_segments, traders):
    venue = new_venue(small_segments, only="core", program=PROGRAM, environment=ENVIRONMENT).start()
    members = traders(venue, 2)
    for number, fault in enumerate(FAULTS, 2):
        journal = halts_once(venue, members, fault)
        assert journal.starts == number, fault
    assert venue.stop()[0] == 0


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def full_soon(tmp_path):
    """The data folder of the test's first venue, on a file system of 10 MiB."""
    with small_disk(tmp_path / "data0", 10 << 20) as folder:
        yield folder


@pytest.mark.proof
def test_a_full_disk_refuses_orders_takes_cancels_and_recovers(
    full_soon, new_venue, small_segments, dial
):
    venue = new_venue(small_segments).start()
    assert venue.data == full_soon
    member = dial(venue, "BENCH-OE1").reconnect()
    accepted, refused = [], []
    while not refused:
        sent = [f"o{len(accepted) + k}" for k in range(50)]
        for name in sent:
            member.order(name, 1, "0.01", "100.00")
        for name in sent:
            report = member.expect("8", f"11={name}")
            (accepted if report[150] == "0" else refused).append(name)
        assert len(accepted) < 200_000
    assert (report[150], report[39], report[103]) == ("8", "8", "99")
    assert "no room" in report[58]
    free = os.statvfs(full_soon)
    assert free.f_bavail * free.f_frsize < 1 << 20
    for name in accepted[:20]:
        member.cancel(f"c{name}", name, 1)
        assert member.expect("8", f"11=c{name}")[150] == "4"
    open_orders = len(accepted) - 20
    venue.kill_all()
    assert venue.replay()["open_orders"] == open_orders
    venue.start()
    member.reconnect()
    member.order("still-full", 1, "0.01", "100.00")
    assert member.expect("8", "11=still-full")[103] == "99"
    assert venue.stop()[0] == 0


def test_a_second_venue_on_a_folder_is_refused_and_told_who_holds_it(new_venue, dial):
    venue = new_venue(only="core").start()
    options = ("--config", venue.config, "--data", venue.data, "--port-offset", venue.offset)
    second = fixgate("run", *options)
    assert second.returncode == 1
    holder = f"another fixgate (process {venue.process.pid}) runs on {venue.data}"
    assert holder in second.stderr
    member = dial(venue, "BENCH-OE1").reconnect()
    member.order("a", 1, "0.01", "100.00")
    member.expect("8", "150=0|11=a")
