"""Resends: slices of bounded time, whatever stands behind the numbers, and no range twice."""

from collections.abc import Iterator
from itertools import cycle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import CHUNK_ENTRIES, MAX_SEQ_NUM
from gateway.fix.out_of_order import OUT_OF_ORDER_BYTES
from gateway.fix.resend import MAX_WAITING, SLICE_NS, Replays
from gateway.fix.steps import ResendStep
from tests.fix_session.desk import Desk, Journal, at, fields, shown


class SlowJournal(Journal):
    """A journal whose reading takes time: `costs` in ns, one per look; a cost below 0 is a look
    that does not get there yet."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk | None = None
        self.costs: Iterator[int] = cycle([0])

    def render(self, record: int, k: int) -> tuple[bytes, bytes] | None:
        cost = next(self.costs)
        self.desk.mono += abs(cost)
        return super().render(record, k) if cost >= 0 else None


def slow_desk() -> Desk:
    journal = SlowJournal()
    journal.desk = Desk(journal=journal)
    journal.desk.logon()
    journal.desk.said.clear()
    return journal.desk


KINDS = st.lists(st.sampled_from(["report", "reports", "heartbeat", "reject"]), max_size=12)


@given(
    KINDS,
    st.lists(st.integers(-300_000, 300_000), min_size=1, max_size=30),
    st.integers(1, 20),
    st.integers(0, 20),
)
@settings(max_examples=200, deadline=None)
def test_a_slice_ends_with_the_entry_that_uses_up_its_time_and_the_bytes_are_the_same(
    kinds: list[str], costs: list[int], begin: int, end: int
) -> None:
    desk = slow_desk()
    for kind in kinds:
        if kind == "heartbeat":
            desk.send("35=1|112=t|")
        elif kind == "reject":
            desk.send("35=D|11=a|")
        else:
            desk.report(100 if kind == "reports" else 1)
    desk.said.clear()
    desk.leave(b"".join(desk.resend(ResendStep(begin, end))))
    in_one_go = [shown(raw) for raw in desk.said]
    desk.said.clear()
    desk.journal.costs = cycle([*costs, 0])
    slices = desk.resend(ResendStep(begin, end))
    while True:
        started = desk.mono
        data = next(slices, None)
        if data is None:
            break
        assert desk.mono - started <= SLICE_NS + max(map(abs, costs))
        desk.leave(data)
    assert [shown(raw) for raw in desk.said] == in_one_go


def test_a_slow_journal_gives_small_slices_and_a_fast_one_a_chunk() -> None:
    desk = slow_desk()
    desk.report(CHUNK_ENTRIES * 2)
    desk.said.clear()
    sizes = []
    for cost in (0, SLICE_NS // 10, SLICE_NS * 3):
        desk.journal.costs = cycle([cost])
        desk.leave(next(desk.resend(ResendStep(2, 0))))
        sizes.append(len(desk.tags()))
    assert sizes == [CHUNK_ENTRIES, 10, 1]


def test_a_look_that_takes_long_ends_a_slice_without_a_message() -> None:
    desk = slow_desk()
    desk.report(3)
    desk.said.clear()
    desk.journal.costs = iter([-1, -1, 5, -1, 5, 5])
    assert [len(fields(data)) > 0 for data in desk.resend(ResendStep(2, 0))] == [
        False,
        False,
        True,
        True,
    ]


def test_what_a_slice_did_not_reach_is_still_owed_after_a_reset() -> None:
    """Only what left is marked as sent: the rest of its chunk follows a Logon with 141=Y."""
    desk = slow_desk()
    desk.lost()
    desk.report(30)
    desk.logon()
    desk.said.clear()
    desk.journal.costs = cycle([SLICE_NS // 10])
    desk.leave(next(desk.resend(ResendStep(2, 31))))
    assert len(desk.tags()) == 10
    desk.lost()
    desk.journal.costs = cycle([0])
    desk.logon("141=Y|")
    assert [tags[37] for tags in desk.tags()[1:]] == [b"%d" % n for n in range(10, 30)]


# --- which requests are answered --------------------------------------------------------------


def running(desk: Desk, first: str, slices: int) -> tuple[list[ResendStep], Iterator[bytes]]:
    """A request whose replay has made that many slices of ten numbers."""
    desk.journal.costs = cycle([SLICE_NS // 10])
    step = asked(desk, first)
    assert len(step) == 1
    replay = desk.resend(step[0])
    for _ in range(slices):
        desk.leave(next(replay))
    return step, replay


def asked(desk: Desk, text: str) -> list[ResendStep]:
    message = desk.decoder.decode(desk.frame(f"35=2|{text}"))
    return desk.session.receive(message, desk.now, desk.mono)


@pytest.mark.parametrize(
    ("request_", "served"),
    [
        ("7=2|16=0|", False),  # the same
        ("7=22|16=0|", False),  # all that is to come
        ("7=22|16=22|", False),
        ("7=60|16=70|", False),
        ("7=101|16=101|", False),
        ("7=21|16=0|", True),  # 21 has left
        ("7=21|16=30|", True),
        ("7=2|16=5|", True),
        ("7=1|16=0|", True),
    ],
)
def test_what_is_still_to_come_in_a_running_replay_is_not_answered_twice(
    request_: str, served: bool
) -> None:
    desk = slow_desk()
    desk.report(100)
    desk.said.clear()
    _, replay = running(desk, "7=2|16=0|", 2)
    assert [int(tags[34]) for tags in desk.tags()] == list(range(2, 22))
    steps = asked(desk, request_)
    assert bool(steps) is served
    desk.journal.costs = cycle([0])
    for data in replay:
        desk.leave(data)
    assert [int(tags[34]) for tags in desk.tags()] == list(range(22, 102))
    desk.perform(steps)
    assert asked(desk, request_), "once it is complete, any range is answered again"


def test_a_replay_for_789_counts_as_running_too() -> None:
    journal = SlowJournal()
    desk = journal.desk = Desk(journal=journal, send_next_expected_msg_seq_num=True)
    desk.logon("789=1|")
    desk.report(100)
    desk.lost()
    desk.authenticates = False
    desk.connect()
    desk.send("35=A|98=0|108=30|789=2|")
    steps = desk.session.accept_logon(desk.now, desk.mono, 99)
    desk.leave(desk.session.transmit(steps[0], desk.now))
    desk.said.clear()
    journal.costs = cycle([SLICE_NS])
    replay = desk.resend(steps[1])
    desk.leave(next(replay))
    assert asked(desk, "7=50|16=0|") == []


def test_a_replay_that_has_sent_its_last_bytes_answers_nothing_more() -> None:
    """It may rest before it knows that it is complete; who has it all may ask again meanwhile."""
    desk = slow_desk()
    desk.report(3)
    desk.said.clear()
    _, replay = running(desk, "7=2|16=4|", 1)
    (again,) = asked(desk, "7=2|16=4|")
    assert list(replay) == []
    desk.journal.costs = cycle([0])
    desk.perform([again])
    assert [int(tags[34]) for tags in desk.tags()] == [2, 3, 4, 2, 3, 4]


def test_a_reset_inside_a_session_forgets_the_replay_that_it_ends() -> None:
    desk = slow_desk()
    desk.report(100)
    running(desk, "7=1|16=0|", 1)
    desk.said.clear()
    desk.journal.costs = cycle([0])
    desk.logon("34=1|141=Y|", connect=False)
    desk.said.clear()
    desk.send("35=2|7=1|16=0|")
    desk.hears("35=4|34=1|43=Y|122=20260921-14:13:20.000|36=2|123=Y|")


def test_a_request_that_a_reset_has_overtaken_is_void() -> None:
    """Its numbers are another generation's; the same numbers are other messages now."""
    desk = slow_desk()
    desk.report(100)
    waiting = asked(desk, "7=5|16=0|")
    desk.logon("34=1|141=Y|", connect=False)
    desk.report(100)
    desk.said.clear()
    desk.perform(waiting)
    desk.hears_nothing()


def test_no_gap_fill_goes_past_a_number_that_another_request_begins_with() -> None:
    """Who expects 4 ignores a GapFill 34=2, 36=6 as too low, and has what he asked for never."""
    desk = slow_desk()
    for _ in range(4):
        desk.send("35=1|112=t|")
    desk.report()
    (first,) = asked(desk, "7=2|16=0|")
    replay = desk.resend(first)
    assert asked(desk, "7=4|16=0|") == []
    desk.said.clear()
    desk.leave(b"".join(replay))
    sent = [(tags[34], tags[35], tags.get(36)) for tags in desk.tags()]
    assert sent == [(b"2", b"4", b"4"), (b"4", b"4", b"6"), (b"6", b"8", None)]


def test_requests_beyond_the_limit_are_answered_together() -> None:
    """An engine that asks for each missing number by itself gets all of them."""
    desk = slow_desk()
    desk.report(100)
    desk.said.clear()
    _, replay = running(desk, "7=2|16=20|", 1)
    steps = [step for n in range(30, 90) for step in asked(desk, f"7={n}|16={n}|")]
    assert len(steps) == MAX_WAITING
    desk.journal.costs = cycle([0])
    desk.leave(b"".join(replay))
    desk.perform(steps)
    assert [int(tags[34]) for tags in desk.tags()] == [*range(2, 21), *range(30, 90)]


class Oracle:
    """Every request remembered, and every number that left after it."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, int, set[int]]] = []

    def asked(self, begin: int, end: int) -> None:
        self.requests.append((begin, end, set()))

    def left(self, number: int) -> None:
        for begin, end, got in self.requests:
            if begin <= number <= end:
                got.add(number)


LAST = 12
RANGES = st.tuples(st.integers(1, LAST), st.integers(0, LAST)).filter(
    lambda pair: not pair[1] or pair[0] <= pair[1]
)


@given(st.lists(st.one_of(RANGES, st.integers(1, 9)), max_size=60), st.booleans())
@settings(max_examples=300, deadline=None)
def test_every_number_that_is_asked_for_leaves_afterwards(
    script: list[tuple[int, int] | int], same_numbers: bool
) -> None:
    """But for a request that repeats the running one: of that only the rest is still to come."""
    replays, oracle = Replays(), Oracle()
    steps: list[tuple[int, int, int]] = []
    place: list[int] = []  # next and last number of the running replay
    ranges: list[tuple[int, int]] = []  # as asked, of the running one

    def advance(count: int) -> None:
        for _ in range(count):
            if not place and steps:
                number, begin, end = steps.pop(0)
                first, last = replays.start(number, begin, end, MAX_SEQ_NUM)
                ranges[:] = [(first, last)]
                place[:] = [first, min(last, LAST)]
            if place:
                oracle.left(place[0])
                replays.handed_over(place[0])
                place[0] += 1
                if place[0] > place[1]:
                    replays.served()
                    place.clear()
                    ranges.clear()

    for number, act in enumerate(script):
        if isinstance(act, int):
            advance(act)
            continue
        begin, end = act
        if (begin, end or MAX_SEQ_NUM) not in ranges:
            oracle.asked(begin, end or LAST)
        key = 7 if same_numbers else number
        if replays.ask(key, begin, end, LAST):
            steps.append((key, begin, end))
        assert len(steps) <= MAX_WAITING
    advance(LAST * (MAX_WAITING + 2))
    assert not steps
    for begin, end, got in oracle.requests:
        assert got == set(range(begin, end + 1))


def test_a_request_of_the_future_is_rejected_in_its_place() -> None:
    """Also behind a running replay: its Reject must not overtake the live messages that wait."""
    desk = slow_desk()
    desk.report(100)
    running(desk, "7=2|16=0|", 1)
    desk.said.clear()
    desk.report()
    desk.perform(asked(desk, "7=103|16=0|"))
    assert [(tags[34], tags[35]) for tags in desk.tags()] == [(b"102", b"8"), (b"103", b"3")]


# --- our own gap ------------------------------------------------------------------------------


def test_large_messages_behind_a_gap_are_bounded_in_bytes_and_come_again() -> None:
    desk = Desk()
    desk.logon()
    desk.said.clear()
    filler = "x" * 60_000
    last = 2 + OUT_OF_ORDER_BYTES // 60_000 + 5
    for number in range(3, last + 1):
        desk.order(f"o{number}", f"34={number}|58={filler}|")
    kept = sum(len(message.raw) for message in desk.session._queue.values())
    assert OUT_OF_ORDER_BYTES - 70_000 < kept <= OUT_OF_ORDER_BYTES
    assert len(desk.session._queue) < last - 2
    desk.hears("35=2|34=2|7=2|16=0|")
    for number in range(2, last + 1):
        desk.order(f"o{number}", f"34={number}|43=Y|122={at(desk)}|58={filler}|")
    assert desk.order_ids() == [f"o{n}" for n in range(2, last + 1)]
    assert not desk.session._queue
    assert desk.session._queue._bytes == 0
    desk.lost(DisconnectReason.PEER_CLOSED)
