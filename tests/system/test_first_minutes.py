"""The first minutes with the venue, and its processes' lives: start, kill, stop, start again."""

import os
import shutil
import signal
import socket
from pathlib import Path

import pytest

from tests.support.journal import Journal
from tests.support.venue import Venue, fixgate, is_running, replay, wait_until

BUY, SELL = 1, 2


def trades(data):
    """How many fills the journal has, read while the venue runs."""
    journal = Journal(data)
    return sum(kind == "OrderFilled" for _, kind, _ in journal.reports)


@pytest.fixture
def demo(new_venue):
    """The demo venue, just started."""
    return new_venue("demo.yaml").start()


def test_the_demo_comes_up_trades_and_stops(demo, dial):
    first_line, *others = demo.stdout.splitlines()
    assert first_line.startswith("fixgate ready")
    assert others == []
    said = demo.stderr
    for word in (f"127.0.0.1:{demo.order_entry}", f"127.0.0.1:{demo.drop_copy}", "ACME-OE1"):
        assert word in said, "standard error says how to connect"
    assert f"SocketConnectPort={demo.order_entry}" in said
    everybody = [
        *("bots", "compliance", "core", "custody", "dropcopy", "history", "marketdata", "signer"),
        "snapshot",
    ]
    wait_until(lambda: sorted(demo.pids()) == everybody, 5, "pid files")

    wait_until(lambda: trades(demo.data), 20, "the bots trade")
    acme = dial(demo, "ACME-OE1")
    acme.logon()
    acme.order("first-1", BUY, "0.001", "61000.00", tif="3")
    acme.expect("8", "150=0|11=first-1")
    before = demo.replay()
    assert before["records"] == before["last"] + 1 > 0

    code, seconds = demo.stop()
    assert (code, seconds < 5) == (0, True), (code, seconds, demo.describe())
    assert demo.stdout.splitlines() == [first_line], "nothing follows the ready line"
    assert acme.expect("5", timeout=1)
    acme.expect_closed()
    assert demo.pids() == {}
    after = demo.replay()
    assert after["records"] >= before["records"]
    assert replay(demo.data, PYTHONHASHSEED="1") == replay(demo.data, PYTHONHASHSEED="0") == after


def test_orders_survive_a_clean_stop_and_a_second_start_owes_nothing(new_venue, dial):
    venue = new_venue(only="core").start()
    acme = dial(venue, "BENCH-OE1")
    acme.logon()
    acme.order("a", BUY, "1", "50000.00")
    acme.expect("8", "150=0")
    venue.stop()
    stopped = venue.replay()
    assert stopped["open_orders"] == 1
    venue.start()
    assert "configuration records written" not in venue.stderr
    assert venue.replay()["records"] == stopped["records"] + 1, "only the start itself"
    acme.reconnect()
    assert acme.status("a", BUY).has({39: "0", 151: "1"})


def test_a_second_instance_on_the_same_data_is_refused(new_venue, tmp_path, dial):
    first = new_venue(only="core").start()
    second = Venue(first.data.parent / "other", only="core")
    try:
        second.data = first.data  # its logs go elsewhere
        second.starts = 100
        second.spawn()
        assert second.process.wait(15) == 1
        assert second.stdout == ""
        assert "--data" in second.stderr, "it says what to do"
        assert str(first.data) in second.stderr
    finally:
        second.data = tmp_path / "other"
        second.close()
    acme = dial(first, "BENCH-OE1")
    acme.logon()
    acme.sync()


@pytest.mark.parametrize("port", [9878, 9100], ids=["order entry", "metrics"])
def test_a_taken_port_is_named_with_what_to_do(new_venue, port):
    venue = new_venue()
    with socket.create_server(("127.0.0.1", port + venue.offset)):
        venue.spawn()
        assert venue.process.wait(15) == 1
    assert f"cannot listen on 127.0.0.1:{port + venue.offset}: Address already" in venue.stderr
    assert "--port-offset" in venue.stderr


def test_replay_needs_the_data_folder_and_nothing_else(new_venue, tmp_path):
    config = tmp_path / "mine.yaml"
    shutil.copy(Path("config/demo.yaml").absolute(), config)
    venue = new_venue(config, only="core,bots").start()
    wait_until(lambda: trades(venue.data), 15, "the bots trade")
    venue.stop()
    told = venue.replay()
    config.unlink()
    moved = tmp_path / "elsewhere"
    shutil.copytree(venue.data / "journal", moved / "journal")
    (moved / "journal" / "lock").unlink(missing_ok=True)
    assert replay(moved) == told
    half = told["last"] // 2
    result = fixgate("replay", "--data", moved, "--at", half, "--json")
    assert result.returncode == 0, result.stderr


# --- the processes --------------------------------------------------------------------------


def test_children_end_when_their_supervisor_is_killed(new_venue):
    venue = new_venue("demo.yaml").start()
    wait_until(lambda: len(venue.pids()) == 9, 5, "every child has its pid file")
    children = venue.pids()
    os.kill(venue.process.pid, signal.SIGKILL)
    venue.process.wait(5)
    wait_until(lambda: not any(map(is_running, children.values())), 5, "the children end")
    venue.start()  # and nothing stands in the way of the next start


def test_a_killed_drop_copy_is_started_again_and_misses_nothing(new_venue, dial):
    venue = new_venue(only="core,dropcopy").start()
    acme = dial(venue, "BENCH-OE1")
    copy = dial(venue, "BENCH-DC1")
    acme.logon()
    copy.logon()
    acme.order("a", BUY, "1", "50000.00")
    copy.expect("8", "11=a|150=0")
    killed = venue.kill_one("dropcopy")
    acme.order("b", BUY, "1", "50000.00")
    acme.expect("8", "11=b|150=0")
    copy.expect_closed()
    copy.reconnect()
    assert venue.pid("dropcopy") != killed
    wait_until(lambda: "dropcopy ended" in venue.stderr, 1, "the operator is told")
    acme.order("c", BUY, "1", "50000.00")
    acme.expect("8", "11=c|150=0")
    while copy.delivered[-1][11] != "c":
        copy.expect("8")
    assert [m[11] for m in copy.delivered] == ["a", "b", "c"]
    assert copy.exec_ids() == acme.exec_ids()


def test_a_killed_core_is_started_again_and_takes_orders(new_venue, dial):
    venue = new_venue(only="core,dropcopy").start()
    acme = dial(venue, "BENCH-OE1")
    copy = dial(venue, "BENCH-DC1")
    acme.logon()
    copy.logon()
    acme.order("a", BUY, "1", "50000.00")
    acme.expect("8", "11=a|150=0")
    killed = venue.kill_one("core")
    acme.expect_closed()
    acme.reconnect()
    assert venue.pid("core") != killed
    assert acme.status("a", BUY).has({39: "0", 151: "1"})
    acme.order("b", BUY, "1", "50000.00")
    acme.expect("8", "11=b|150=0")
    copy.expect("8", "11=b|150=0")  # over the connection that the drop copy kept
    assert copy.exec_ids() == acme.exec_ids()
    assert venue.stdout.count("fixgate ready") == 1


@pytest.mark.parametrize(
    "name",
    [
        "core",
        "marketdata",
        *(
            pytest.param(k, marks=pytest.mark.proof)
            for k in ("dropcopy", "snapshot", "history", "bots")
        ),
    ],
)
def test_a_child_that_is_killed_again_and_again_comes_back(new_venue, name, dial):
    venue = new_venue("demo.yaml", only=f"core,dropcopy,{name}").start()
    wait_until(lambda: name in venue.pids(), 5, "it has its pid file")
    for _ in range(3):
        killed = venue.kill_one(name)
        wait_until(lambda pid=killed: venue.pid(name) != pid, 10, f"{name} is started again")
    dial(venue, "ACME-OE1").reconnect()
    dial(venue, "ACME-DC1").reconnect()
    code, seconds = venue.stop()
    assert (code, seconds < 5) == (0, True), (code, seconds, venue.describe())


def test_sigterm_while_members_trade_ends_within_five_seconds(new_venue, dial):
    venue = new_venue(only="core").start()
    acme, boreas = (dial(venue, f"{m}-OE1") for m in ("BENCH", "BENCH2"))
    acme.logon()
    boreas.logon()
    for k in range(200):
        acme.order(f"a{k}", BUY, "1", "50000.00")
        boreas.order(f"b{k}", SELL, "1", "50000.00")
    code, seconds = venue.stop()
    assert (code, seconds < 5) == (0, True), (code, seconds, venue.describe())
    for client in (acme, boreas):
        last_words = [message[35] for message in client.expect_closed()]
        assert last_words.count("5") == 1, "a Logout; behind it what was on its way, answered"
    venue.start()
    journal = Journal(venue.data)
    for client in (acme, boreas):
        client.reconnect()
        assert client.exec_ids() == [name for name, _, _ in journal.of_session(client.comp_id)]
