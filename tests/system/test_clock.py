"""A wall clock that jumps under a running venue, with libfaketime in all its processes."""

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.fix_client import ConnectionEnded
from tests.support.journal import Journal
from tests.support.needs import needs

LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
HOUR = 3_600


@pytest.fixture
def faketime(tmp_path):
    """Sets the wall clock of processes that run in its environment; no other clock of theirs."""
    needs("libfaketime: apt-get install faketime", there=LIBRARIES)
    return FakeTime(tmp_path / "faketime")


class FakeTime:
    """The wall clock of some processes, in seconds ahead of the real one."""

    def __init__(self, path):
        self._path = path
        self.set(0)
        self.environment = {
            "LD_PRELOAD": str(LIBRARIES[0]),
            "FAKETIME_TIMESTAMP_FILE": str(path),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def set(self, seconds):
        temporary = self._path.with_suffix(".new")
        temporary.write_text(f"{seconds:+}\n")
        temporary.replace(self._path)


def seconds_off(message):
    """How far a message's SendingTime(52) is from this process's own clock."""
    stamp = datetime.strptime(message[52], "%Y%m%d-%H:%M:%S.%f").replace(tzinfo=UTC)
    return abs(stamp.timestamp() - time.clock_gettime(time.CLOCK_REALTIME))


@pytest.mark.proof
def test_sessions_stay_up_while_the_wall_clock_jumps(new_venue, dial, faketime):
    venue = new_venue(environment=faketime.environment).start()
    member, copy = dial(venue, "BENCH-OE1"), dial(venue, "BENCH-DC1")
    member.logon(heartbeat=1)
    copy.logon()
    for number, jump in enumerate((HOUR, -HOUR, 86_400, 0)):
        faketime.set(jump)
        for k in range(3):
            member.order(f"o{number}-{k}", 1, "0.01", "100.00")
            assert seconds_off(member.expect("8", f"150=0|11=o{number}-{k}")) < 5
            assert seconds_off(member.expect("0", timeout=5)) < 5, "heartbeats come evenly"
            copy.sync()
    assert venue.stderr.count("core: the wall clock is 3600.0 s ahead of the venue's time") == 1
    assert [m[11] for m in copy.delivered_reports()] == [
        f"o{number}-{k}" for number in range(4) for k in range(3)
    ]
    faketime.set(-HOUR)
    venue.kill_one("core")
    member.expect_closed()
    member.reconnect().order("after", 1, "0.01", "100.00")
    assert seconds_off(member.expect("8", "150=0|11=after")) < 5, "core keeps the venue's time"
    times = [record["time"] for record in Journal(venue.data).records]
    assert times == sorted(times)
    code, _ = venue.stop()
    assert code == 0
    faketime.set(HOUR)
    venue.start()
    with pytest.raises(ConnectionEnded, match=r"SendingTime\(52\)"):
        member.connect().logon()  # a restart takes the wall clock over, right or wrong
