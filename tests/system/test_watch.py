"""`fixgate watch` as a person uses it: one picture, JSON, a terminal, a feed that is killed."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from contextlib import closing

import pytest

from tests.support.stream_books import Levels
from tests.support.venue import FIXGATE, Venue, fixgate, wait_until

LEAVE_ALTERNATE_SCREEN = b"\x1b[?1049l"
SHOW_CURSOR = b"\x1b[?25h"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo venue, with a market."""
    venue = Venue(
        tmp_path_factory.mktemp("watch") / "data", "demo.yaml", only="core,marketdata,bots"
    )
    with closing(venue):
        venue.start()
        wait_until(lambda: trades(venue), 30, "the bots trade")
        yield venue
    venue.check_logs()


def watch(venue, *args, **environment):
    return fixgate("watch", *args, "--port-offset", venue.offset, **environment)


def trades(venue):
    result = watch(venue, "BTC-USD", "--json")
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["trades"]


class Terminal:
    """`fixgate watch` in a terminal of its own."""

    def __init__(self, *args, lines=40, columns=100):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process = subprocess.Popen(
            [str(FIXGATE), "watch", *map(str, args)],
            stdin=slave,
            stdout=slave,
            stderr=subprocess.PIPE,
            # What runs the tests may set a size that hides the terminal's own.
            env={k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES")}
            | {"TERM": "xterm"},
        )
        os.close(slave)
        self.shown = b""

    def read(self):
        """Whatever it draws within a moment."""
        while select.select([self.master], [], [], 0.05)[0]:
            try:
                self.shown += os.read(self.master, 1 << 16)
            except OSError:  # it has ended
                return

    def shows(self, text):
        """Whether `text` has been drawn since `forget`."""
        self.read()
        return text.encode() in self.shown

    def forget(self):
        self.read()
        self.shown = b""

    def end(self, signum):
        """Its exit code."""
        self.process.send_signal(signum)
        end = time.monotonic() + 10
        while self.process.poll() is None and time.monotonic() < end:
            self.read()
        self.read()
        return self.process.poll()

    def close(self):
        self.process.kill()
        self.process.communicate()
        os.close(self.master)


@pytest.fixture
def terminal():
    opened = []

    def make(*args, **size):
        opened.append(Terminal(*args, **size))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_one_picture_and_one_object(demo):
    result = watch(demo, "BTC-USD", "--once", "--depth", 3, FIXGATE_TOKEN="demo-BOREAS")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("BTC-USD  last ")
    bars = [line for line in lines if "█" in line and not line.startswith("1 min")]
    assert len(bars) == 6, "three bids and three asks"
    assert any("1 min" in line for line in lines)
    assert lines[-1].startswith("live")
    assert "\x1b" not in result.stdout, "no colours where there is no terminal"

    result = watch(demo, "BTC-USD", "--json")
    told = json.loads(result.stdout)
    assert Levels(told).checksum() == told["checksum"]
    assert told["trades"][-1]["match"] > 0
    assert told["candles"][-1]["trades"] > 0
    assert told["ticker"]["trades"] >= len(told["trades"])
    assert told["instrument"]["tick"] == "0.01"


def test_whoever_gets_it_wrong_is_told_what_to_do(demo):
    for args, words in (
        (["BTC-EUR"], "no instrument BTC-EUR; there are BTC-USD, ETH-BTC, ETH-USD"),
        (["BTC-USD", "--token", "nobodys"], "name the token of a member"),
        (["BTC-USD", "--url", "ws://127.0.0.1:9878"], "no market stream"),
        (["BTC-USD", "--url", "ws://127.0.0.1:8079"], "connection refused. Is the venue running?"),
        (["BTC-USD", "--url", "ws://127.0.0.1:9100"], "HTTP 404; look at --url"),
        (["BTC-USD", "--url", "ws://192.0.2.1:1"], "is not this machine: name the token"),
    ):
        result = watch(demo, *args, "--once")
        assert result.returncode == 1, args
        assert result.stdout == ""
        assert words in result.stderr


@pytest.mark.parametrize("name", ["marketdata", "core"])
def test_a_live_screen_goes_on_after_a_kill(demo, terminal, name):
    screen = terminal("BTC-USD", "--port-offset", demo.offset)
    wait_until(lambda: screen.shows("live"), 10, "it is live")
    demo.kill_one(name)
    if name == "marketdata":
        wait_until(lambda: screen.shows("NOT LIVE"), 10, "it says so")
    screen.forget()
    known = trades_later(demo)
    wait_until(lambda: screen.shows(known), 20, "it shows trades of after the kill")
    assert screen.process.poll() is None


def trades_later(venue):
    """The time of day of a trade that comes after now."""
    last = time.strftime("%H:%M:%S", time.gmtime())

    def newest():
        result = watch(venue, "BTC-USD", "--json")
        if result.returncode:
            return None
        told = json.loads(result.stdout)["trades"][-1]["time"][11:19]
        return told if told > last else None

    return wait_until(newest, 30, "the bots trade again")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_terminal_is_as_before(demo, terminal, signum):
    screen = terminal("BTC-USD", "--port-offset", demo.offset)
    wait_until(lambda: screen.shows("live"), 10, "it is live")
    assert screen.end(signum) == 0
    assert screen.shown.endswith(SHOW_CURSOR + LEAVE_ALTERNATE_SCREEN)
    assert screen.process.stderr.read() == b""


def test_a_terminal_that_is_too_small_says_so(demo, terminal):
    screen = terminal("BTC-USD", "--port-offset", demo.offset, lines=6, columns=50)
    wait_until(lambda: screen.shows("are needed"), 10, "it says what is needed")
    assert screen.end(signal.SIGINT) == 0


def test_a_refusal_ends_a_live_screen_with_its_words(demo, terminal):
    screen = terminal("BTC-EUR", "--port-offset", demo.offset)
    wait_until(lambda: screen.process.poll() is not None or screen.read(), 10, "it ends")
    assert screen.process.returncode == 1
    assert b"there are BTC-USD" in screen.process.stderr.read()
    assert screen.shown.endswith(LEAVE_ALTERNATE_SCREEN)
