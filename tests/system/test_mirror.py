"""A venue with a mirror: lost and made again, a mirror that is killed, refused, out of room."""

import json
import random
import shutil
import threading
import time

import pytest

from engine.journal.files import read_mark
from tests.support.fix_client import ConnectionEnded, FixClient
from tests.support.journal import EXEC_TYPES, OTHER_REPORTS, Journal
from tests.support.traders import Trader
from tests.support.venue import CONFIG, fixgate, replay, wait_until

SESSIONS = ("BENCH-OE1", "BENCH2-OE1", "BENCH-OE2", "BENCH2-OE2")


def mirrored(venue):
    """Number of the last record that the mirror has, -1 for none."""
    mark = read_mark(venue.mirror / "journal")
    return mark.number if mark else -1


def durable(venue):
    return read_mark(venue.data / "journal").number


def level(venue):
    """Wait until the mirror has everything."""
    wait_until(lambda: mirrored(venue) == durable(venue) >= 0, 20, "the mirror is level")


def restore(mirror, data, *options):
    """`fixgate restore`; what it says."""
    result = fixgate("restore", "--from", mirror, "--data", data, "--json", *options)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def traders():
    """Makes traders; their sockets are closed after the test."""
    made = []

    def make(venue, seed, *, window):
        rng = random.Random(seed)
        for comp_id in SESSIONS:
            mind = random.Random(rng.getrandbits(64))
            made.append(Trader(FixClient(comp_id, venue.order_entry), mind, window=window))
        for trader in made:
            trader.reconnect()
        return made

    yield make
    for trader in made:
        trader.client.drop()


def trade_for(traders, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for trader in traders:
            trader.trade()


def trade_until_mirrored(venue, traders, record):
    """Trade on until the mirror has a record."""
    end = time.monotonic() + 30
    while mirrored(venue) < record:
        assert time.monotonic() < end, venue.describe()
        trade_for(traders, 0.05)


def forget_lost(client, last):
    """What a member does that is told from which record on its ExecIDs are void."""
    client.reports = {
        name: report for name, report in client.reports.items() if int(name.split("-")[0]) <= last
    }
    client._last_record = (last, 1 << 16)
    client._number_of.clear()  # what the mirror's index had not yet comes again with PossResend


def lose_and_restore(new_venue, dial, traders, tmp_path, *, seed, seconds, window):
    venue = new_venue(only="core", mirror=tmp_path / "mirror").start()
    members = traders(venue, seed, window=window)
    trade_until_mirrored(venue, members, durable(venue))
    trade_for(members, seconds / 2)
    venue.kill_one("mirror")  # in mid copy; the supervisor starts it again
    trade_until_mirrored(venue, members, durable(venue))
    killer = threading.Timer(seconds / 2, venue.kill_all)
    killer.start()
    with pytest.raises(ConnectionEnded):
        trade_for(members, 60)
    killer.join()
    for trader in members:
        trader.read_to_the_end()
        trader.client.drop()
    lost_copy = shutil.copytree(venue.mirror, tmp_path / "as-found")

    again = new_venue(only="core,dropcopy")
    figures = restore(venue.mirror, again.data)
    last = figures["last"]
    assert figures["state_hash"] == replay(venue.data, at=last)["state_hash"]
    assert figures["records"] == last + 1 > 100
    assert last <= durable(venue)
    assert replay(lost_copy)["state_hash"] == figures["state_hash"]

    again.start()
    for trader in members:
        client = trader.client
        client.port, used = again.order_entry, client.next_in
        forget_lost(client, last)
        trader.reconnect()
        assert client.next_in > used + 100_000
    trade_for(members, 1)
    for trader in members:
        trader.client.sync()
    copy = dial(again, "BENCH-DC1").reconnect()
    reports = Journal(again.data).of_member("BENCH")
    got = copy.delivered_reports()
    assert [int(m[1181]) for m in got] == list(range(1, len(reports) + 1))
    names = [name if kind in EXEC_TYPES else OTHER_REPORTS[kind] for name, kind, _ in reports]
    assert [m[17] if m[35] == "8" else m[35] for m in got] == names
    assert any(int(m[20001]) <= last for m in got)
    assert any(int(m[20001]) > last for m in got)
    code, _ = again.stop()
    assert code == 0
    return durable(venue) - last


def test_a_lost_venue_is_made_again_from_its_mirror(new_venue, dial, traders, tmp_path):
    lose_and_restore(new_venue, dial, traders, tmp_path, seed=20264, seconds=1, window=20)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2))
def test_a_venue_lost_under_heavy_load_is_made_again(new_venue, dial, traders, tmp_path, seed):
    lost = lose_and_restore(new_venue, dial, traders, tmp_path, seed=seed, seconds=8, window=400)
    print(f"{lost} records lost")


@pytest.mark.proof
def test_a_clean_stop_leaves_nothing_behind_and_a_restart_goes_on(new_venue, dial, tmp_path):
    venue = new_venue(mirror=tmp_path / "mirror").start()
    member = dial(venue, "BENCH-OE1").reconnect()
    for k in range(50):
        member.order(f"a{k}", 1, "0.01", "100.00")
    member.sync()
    assert venue.stop()[0] == 0
    assert mirrored(venue) == durable(venue)
    venue.start()
    member.reconnect()
    member.order("b", 1, "0.01", "100.00")
    member.expect("8", "150=0|11=b")
    level(venue)
    assert venue.stop()[0] == 0
    assert replay(venue.mirror) == venue.replay()


def refused_to_run(data, words):
    result = fixgate("run", "--config", CONFIG / "bench.yaml", "--data", data)
    assert result.returncode == 1
    assert words in result.stderr


@pytest.mark.proof
def test_folders_that_cannot_be_the_mirror_are_refused(new_venue, tmp_path):
    venue = new_venue(mirror=tmp_path / "mirror").start()
    second = new_venue(mirror=venue.mirror)
    second.spawn()
    assert second.process.wait(30) == 1
    assert "mirror" in second.stderr
    assert "in use" in second.stderr
    level(venue)
    assert venue.stop()[0] == 0
    second.spawn()
    assert second.process.wait(30) == 1
    assert "another" in second.stderr
    second.mirror = venue.data
    second.spawn()
    assert second.process.wait(30) == 1
    assert "not empty and no mirror" in second.stderr
    refused_to_run(venue.mirror, "is a mirror")


@pytest.mark.proof
def test_restore_refuses_what_it_must(new_venue, tmp_path):
    venue = new_venue(mirror=tmp_path / "mirror").start()
    level(venue)

    def refused(mirror, data, words):
        result = fixgate("restore", "--from", mirror, "--data", data)
        assert result.returncode == 1, result.stdout
        assert words in result.stderr

    refused(venue.mirror, tmp_path / "new", "is in use")
    venue.kill_all()
    refused(venue.data, tmp_path / "new", "is not a mirror")
    refused(venue.mirror, venue.data, "is not empty")
    restore(venue.mirror, tmp_path / "new", "--skip", "5")
    refused(venue.mirror, tmp_path / "new", "is not empty")
    (tmp_path / "new" / "restoring").touch()
    refused_to_run(tmp_path / "new", "was not completed")
