"""Who may connect, by address and by what failed before."""

import pytest

from engine.model.clock import NANOS_PER_SECOND
from gateway.config import Limits
from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import (
    MAX_TRACKED,
    NO_SESSION,
    Admission,
    Failures,
    Refusal,
    source_of,
)
from gateway.flow.log_limit import MEMBER_LINES, STRANGER_LINES, LimitedLog
from gateway.flow.waiting_room import WaitingRoom

SECOND = NANOS_PER_SECOND
HERE, THERE, ACME = "192.0.2.1", "192.0.2.2", b"ACME-OE1"


@pytest.mark.parametrize(
    ("peer", "source"),
    [
        ("192.0.2.1:5000", "192.0.2.1"),
        ("::ffff:192.0.2.1:5000", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6:5000", "20010db800010002/64"),
        ("2001:db8:1:2::1:5000", "20010db800010002/64"),
        ("fe80::1%eth0:5000", "fe80000000000000/64"),
        ("somewhere:1", "somewhere"),
    ],
)
def test_a_source_is_what_one_subscriber_holds(peer, source):
    assert source_of(peer) == source


# --- failed Logons --------------------------------------------------------------------------------


def test_five_failures_in_a_minute_block_for_a_minute():
    failures = Failures(5, 60 * SECOND, 60 * SECOND)
    assert [failures.failed(HERE, k * SECOND) for k in range(5)] == [False] * 4 + [True]
    assert failures.blocked(HERE, 5 * SECOND)
    assert not failures.blocked(THERE, 5 * SECOND)
    assert failures.blocked(HERE, 64 * SECOND - 1)
    assert not failures.blocked(HERE, 64 * SECOND)


def test_failures_far_apart_block_nobody():
    failures = Failures(5, 60 * SECOND, 60 * SECOND)
    for k in range(50):
        assert not failures.failed(HERE, k * 16 * SECOND), k


def test_a_failure_while_blocked_does_not_lengthen_the_block():
    failures = Failures(2, 60 * SECOND, 60 * SECOND)
    failures.failed(HERE, 0)
    assert failures.failed(HERE, 0)
    assert not failures.failed(HERE, 30 * SECOND)
    assert not failures.failed(HERE, 59 * SECOND)
    assert not failures.blocked(HERE, 60 * SECOND)


def test_a_full_table_forgets_who_failed_longest_ago():
    failures = Failures(2, 60 * SECOND, 60 * SECOND)
    for k in range(MAX_TRACKED):
        failures.failed(k, 1)
    failures.failed(0, 2)
    failures.failed("another", 3)
    assert len(failures) == MAX_TRACKED
    assert failures.blocked(0, 4), "it failed again, so it is not the oldest"
    failures.failed(1, 5)
    assert not failures.blocked(1, 6), "its first failure was forgotten"


def test_no_limit_remembers_nobody():
    failures = Failures(0, SECOND, SECOND)
    assert not any(failures.failed(HERE, 1) for _ in range(1_000))
    assert len(failures) == 0


def test_a_wrong_password_blocks_the_comp_id_at_that_address_only():
    door = Admission(Limits())
    for _ in range(5):
        door.failed(HERE, ACME, SECOND)
    assert door.blocked(HERE, ACME, SECOND)
    assert not door.blocked(HERE, b"ACME-OE2", SECOND)
    assert not door.blocked(THERE, ACME, SECOND), "a stranger cannot lock a member out"
    assert door.refusal(HERE, SECOND) is None


def test_first_messages_that_name_no_session_block_the_address():
    door = Admission(Limits())
    for _ in range(5):
        door.failed(HERE, NO_SESSION, SECOND)
    assert door.refusal(HERE, SECOND) is Refusal.ADDRESS_BLOCKED
    assert door.blocked(HERE, ACME, SECOND)
    assert door.refusal(THERE, SECOND) is None
    assert door.refusal(HERE, 61 * SECOND) is None


def test_guesses_for_many_comp_ids_block_the_address_too():
    door = Admission(Limits())
    for k in range(20):
        door.failed(HERE, b"ACME-OE%d" % k, SECOND)
    assert door.refusal(HERE, SECOND) is Refusal.ADDRESS_BLOCKED


def test_a_right_password_forgives_the_typing_errors_before_it():
    door = Admission(Limits())
    for _ in range(4):
        door.failed(HERE, ACME, SECOND)
    door.succeeded(HERE, ACME)
    door.failed(HERE, ACME, SECOND)
    assert not door.blocked(HERE, ACME, SECOND)


# --- connections ----------------------------------------------------------------------------------


def test_an_address_has_so_many_connections_and_no_more():
    door = Admission(Limits(connections_per_address=2))
    door.opened(HERE)
    door.opened(HERE)
    assert door.refusal(HERE, 0) is Refusal.ADDRESS_FULL
    assert door.refusal(THERE, 0) is None
    door.closed(HERE)
    assert door.refusal(HERE, 0) is None
    door.closed(HERE)
    assert (door.total, door._open) == (0, {})


class Guest:
    """A visitor that remembers being told to go."""

    def __init__(self, name, gone):
        self.reason = None
        self._name, self._gone = name, gone

    def end(self):
        self._gone.append(self._name)


def test_those_who_speak_keep_half_of_the_places_at_most():
    gone, room = [], WaitingRoom(4)
    for name in "abc":
        speaker = Guest(name, gone)
        room.enter(speaker)
        room.spoke(speaker)
    for name in "123":
        room.enter(Guest(name, gone))
    assert gone == ["a", "1"], "first the share is made even, then the silent ones take turns"


def test_the_oldest_silent_visitor_gives_way_then_the_oldest_of_all():
    gone, room = [], WaitingRoom(3)
    guests = {name: Guest(name, gone) for name in "abcdefg"}
    for name in "abc":
        room.enter(guests[name])
    room.spoke(guests["a"])
    room.enter(guests["d"])
    assert gone == ["b"]
    room.spoke(guests["c"])
    room.spoke(guests["d"])
    room.enter(guests["e"])
    assert gone == ["b", "a"], "all of them speak"
    assert guests["a"].reason is DisconnectReason.GAVE_WAY
    room.leave(guests["c"])
    room.enter(guests["f"])
    assert (gone, len(room)) == (["b", "a"], 3)
    room.clear()
    assert gone == ["b", "a", "e", "f", "d"]
    assert guests["f"].reason is DisconnectReason.SHUTDOWN
    assert not room.make_room()


def test_a_visitor_that_left_is_not_asked_to():
    gone, room = [], WaitingRoom(1)
    guest = Guest("a", gone)
    room.enter(guest)
    room.leave(guest)
    room.spoke(guest)
    assert len(room) == 0
    assert not room.make_room()
    assert gone == []


# --- lines in the log -----------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [STRANGER_LINES, MEMBER_LINES])
def test_a_flood_of_lines_becomes_a_few_lines_and_a_count(limit):
    per_second, at_once = limit
    lines, clock = [], [0]
    log = LimitedLog(lines.append, lambda: clock[0], limit)
    for k in range(1_000):
        log(f"line {k}")
    assert lines == [f"line {k}" for k in range(at_once)]
    log.tick()
    assert len(lines) == at_once
    clock[0] = SECOND
    log.tick()
    assert lines[at_once:] == [f"{1_000 - at_once} more such lines were not written"]
    lines.clear()
    for k in range(1_000):
        log(f"line {k}")
    assert lines == [f"line {k}" for k in range(per_second)]
    clock[0] = 2 * SECOND
    log("another")
    assert lines[per_second:] == [
        f"{1_000 - per_second} more such lines were not written",
        "another",
    ]
    clock[0] = 3 * SECOND
    log.tick()
    assert lines[-1] == "another", "nothing was held back"


def test_two_hundred_members_who_go_and_come_back_at_once_are_all_seen():
    lines = []
    log = LimitedLog(lines.append, lambda: 0, MEMBER_LINES)
    for k in range(200):
        log(f"BENCH-OE{k} disconnected")
        log(f"BENCH-OE{k} logged on")
    assert len(lines) == 400
