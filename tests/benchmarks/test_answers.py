"""Answers are counted once each, wherever the reads happen to split them."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import answers
from benchmarks.answers import AnswerCounter, LoadFailed
from benchmarks.messages import frame


def report(exec_type, text=b""):
    return frame(
        b"35=8\x0149=FIXGATE\x0134=7\x0117=1-1\x01150=%b\x0139=0\x01%b" % (exec_type, text)
    )


NEW, CANCELED, REPLACED, TRADE = (report(kind) for kind in (b"0", b"4", b"5", b"F"))
HEARTBEAT = frame(b"35=0\x0149=FIXGATE\x0134=8\x01")
TEST_REQUEST = frame(b"35=1\x0149=FIXGATE\x0134=8\x01112=T\x01")
EXPECTED = {NEW: 1, CANCELED: 1, REPLACED: 1, TRADE: 0, HEARTBEAT: 0, TEST_REQUEST: 0}


def counted(stream, cuts):
    counter = AnswerCounter()
    acks = 0
    edges = [0, *sorted(cuts), len(stream)]
    for start, stop in pairwise(edges):
        acks += counter.feed(stream[start:stop])
    assert acks == counter.acks
    return counter


def test_every_cut_of_three_reports_counts_three():
    stream = NEW + CANCELED + NEW
    for cut in range(len(stream) + 1):
        assert counted(stream, [cut]).acks == 3


def test_byte_by_byte():
    stream = NEW + TRADE + REPLACED + HEARTBEAT + CANCELED
    counter = counted(stream, range(len(stream)))
    assert (counter.acks, counter.fills, counter.reports) == (3, 1, 4)
    assert counter.bytes_in == len(stream)


@settings(deadline=None)
@given(st.lists(st.sampled_from(list(EXPECTED)), max_size=60), st.data())
def test_any_stream_in_any_cuts(kinds, data):
    stream = b"".join(kinds)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=40))
    counter = counted(stream, cuts)
    assert counter.acks == sum(EXPECTED[kind] for kind in kinds)
    assert counter.fills == kinds.count(TRADE)
    assert counter.bytes_in == len(stream)


def test_a_message_counts_when_its_last_byte_is_there():
    counter = AnswerCounter()
    assert counter.feed(NEW[:-1]) == 0
    assert counter.feed(NEW[-1:]) == 1


@pytest.mark.parametrize(
    "refusal",
    [
        report(b"8", b"58=150=0\x01"),
        report(b"C"),
        frame(b"35=9\x0134=2\x0111=A\x0141=B\x01102=1\x01434=1\x01"),
        frame(b"35=3\x0134=2\x0145=2\x01373=5\x01"),
        frame(b"35=j\x0134=2\x0145=2\x01380=3\x01"),
        frame(b"35=5\x0134=2\x0158=bye\x01"),
        frame(b"35=2\x0134=2\x017=1\x0116=0\x01"),
    ],
)
def test_a_refusal_ends_the_run_and_is_shown(refusal):
    shown = refusal.replace(b"\x01", b"|").decode()
    with pytest.raises(LoadFailed, match="no load asks for") as failed:
        AnswerCounter().feed(NEW + NEW + refusal + NEW)
    assert shown in str(failed.value)


def test_a_text_that_looks_like_an_acknowledgement_is_none():
    counter = AnswerCounter()
    counter.feed(report(b"F", b"58=was 150=0 before\x01"))
    assert (counter.acks, counter.fills) == (0, 1)


def test_more_than_a_buffer_of_reports(monkeypatch):
    monkeypatch.setattr(answers, "BUFFER_BYTES", 300)
    counter = AnswerCounter()
    assert counter.feed(NEW * 100) == 100


def test_a_message_that_fills_the_buffer_is_our_mistake(monkeypatch):
    monkeypatch.setattr(answers, "BUFFER_BYTES", 64)
    with pytest.raises(AssertionError):
        AnswerCounter().feed(b"8=FIX.4.4\x01" + b"x" * 100)
