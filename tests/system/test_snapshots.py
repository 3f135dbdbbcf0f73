"""A venue that makes snapshots while it trades, and starts from them, however it was stopped."""

import os
import re

from engine.journal.snapshot import snapshot_number
from engine.journal.snapshot_files import list_snapshots
from tests.support.journal import Journal
from tests.support.venue import CONFIG, wait_until

BUY = 1
EVERY = 40
"""Records between two snapshots, in these tests."""

RECOVERED = re.compile(r"recovered (\d+) records in [0-9.]+ s, from the snapshot of record (\d+)")


def snapshots(venue):
    return [snapshot_number(path.name) for path in list_snapshots(venue.data / "snapshots")]


def newest(venue):
    """Record of the newest snapshot, -1 for none."""
    return max(snapshots(venue), default=-1)


def recoveries(venue):
    """(records replayed, snapshot) of each start of core since the last start of the venue."""
    return [(int(count), int(number)) for count, number in RECOVERED.findall(venue.stderr)]


def test_a_core_that_dies_comes_back_from_a_snapshot_and_owes_nothing(new_venue, tmp_path, dial):
    config = tmp_path / "often.yaml"
    text = (CONFIG / "bench.yaml").read_text()
    config.write_text(text.replace("venue:\n", f"venue:\n  snapshot_records: {EVERY}\n", 1))
    venue = new_venue(config, only="core,dropcopy,snapshot").start()
    acme, copy = dial(venue, "BENCH-OE1"), dial(venue, "BENCH-DC1")
    acme.logon()
    copy.logon()
    count = 0

    def trade():
        nonlocal count
        for _ in range(2 * EVERY):
            count += 1
            acme.order(f"a{count}", BUY, "0.001", f"{50_000 - count}.00")
        acme.sync()

    trade()
    wait_until(lambda: newest(venue) >= EVERY, 10, "a first snapshot")
    before = newest(venue)
    trade()
    wait_until(lambda: newest(venue) > before, 20, "another one")
    nice = {name: os.getpriority(os.PRIO_PROCESS, venue.pid(name)) for name in venue.pids()}
    assert nice["snapshot"] > nice["dropcopy"] >= nice["core"]
    killed = venue.kill_one("core")
    acme.expect_closed()
    acme.reconnect()
    assert venue.pid("core") != killed
    replayed, number = recoveries(venue)[-1]
    assert number in snapshots(venue)
    assert replayed < 3 * EVERY
    assert acme.status("a1", BUY).has({39: "0", 151: "0.001"})

    venue.kill_one("dropcopy")
    trade()
    copy.drop()
    copy.reconnect()
    venue.kill_all()
    venue.start()
    assert len(recoveries(venue)) == 1
    acme.reconnect()
    for name in ("a1", f"a{count}"):
        assert acme.status(name, BUY).has({39: "0", 151: "0.001"})
    trade()
    code, seconds = venue.stop()
    assert (code, seconds < 5) == (0, True), venue.describe()
    end = venue.replay()
    assert newest(venue) == end["last"], "a clean stop leaves nothing to replay"
    assert len(snapshots(venue)) == 2
    assert end["open_orders"] == count

    venue.start()
    assert recoveries(venue) == [(0, end["last"])]
    acme.reconnect()
    copy.drop()
    copy.reconnect()
    assert copy.exec_ids() == acme.exec_ids()
    assert acme.exec_ids() == [name for name, _, _ in Journal(venue.data).of_session(acme.comp_id)]


def test_without_the_snapshot_process_a_venue_starts_as_before(new_venue, dial):
    venue = new_venue(only="core,dropcopy")
    venue.start()
    acme = dial(venue, "BENCH-OE1")
    acme.logon()
    acme.order("a", BUY, "1", "50000.00")
    acme.expect("8", "150=0")
    assert sorted(venue.pids()) == ["core", "dropcopy"]
    venue.kill_all()
    venue.start()
    assert not (venue.data / "snapshots").exists()
    acme.reconnect()
    assert acme.status("a", BUY).has({39: "0"})
