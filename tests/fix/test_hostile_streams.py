"""A hundred thousand broken streams: our own errors, bounded memory, bounded steps, or nothing."""

import random
import time

import pytest

from gateway.fix.codec import MAX_PENDING, Framer
from gateway.fix.decoder import MAX_CANDIDATES, MAX_SHAPES, Decoder
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.errors import PeerError
from gateway.fix.index import MemoryStorage, SessionIndex
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.fix.steps import Answer, Disconnect, LogonStep, ResendStep
from gateway.fix.timestamps import parse_utc
from tests.fix.mutations import SEEDS, mutated
from tests.fix.pipes import full_decoder, venue_dictionary, wire
from tests.support.progress import progress

STREAMS_PER_SEED = 12_500
SLOWEST_NS = 50_000_000
"""Processor time of one message, ns, through decoder and session."""

SENT_TEXT = "20260301-12:00:00.000"
SENT = parse_utc(SENT_TEXT.encode())
SETTINGS = SessionSettings(comp_id=b"ACME-OE1")


class Tally:
    """What became of the messages of one seed."""

    def __init__(self):
        self.good = self.rejected = self.garbled = self.logons = 0
        self.reasons = set()
        self.ends = set()
        self.messages = 0
        self.slow = set()


class Member:
    """A session that takes every message, and begins anew when it has ended: every other time
    with a good Logon, after which number 2 is due, which nearly all seeds have."""

    def __init__(self, tally):
        self.tally = tally
        self.session = None
        self.sessions = 0
        self.now = self.mono = SENT
        self.clock = StillClock()
        body = f"35=A|49=ACME-OE1|56=FIXGATE|34=1|52={SENT_TEXT}|98=0|108=30|"
        self.logon = full_decoder().decode(wire(body))

    def receive(self, message):
        """Whatever the session says has to be done is done."""
        self.mono += 1_000
        if self.session is None:
            self.sessions += 1
            self.session = Session(SETTINGS, SessionIndex(MemoryStorage()))
            self.session.connect(self.now, self.mono)
            if self.sessions % 2:
                self.perform(self.session.receive(self.logon, self.now, self.mono))
        self.perform(self.session.receive(message, self.now, self.mono))

    def perform(self, steps):
        session = self.session
        for step in steps:
            match step:
                case Answer():
                    session.transmit(step, self.now)
                    session.settled()
                case LogonStep():
                    self.tally.logons += 1
                    self.perform(session.accept_logon(self.now, self.mono, -1))
                case ResendStep():
                    for _ in session.resend(step, never, self.clock):
                        pass
                case Disconnect():
                    self.tally.ends.add(step.reason)
                    session.disconnect(step.reason)
                    self.session = None


class StillClock:
    """It is always the moment at which the seeds were sent."""

    def now(self):
        return SENT

    monotonic = now


def never(record, k):
    raise AssertionError("there are no reports")


def run(seed: int, streams: int) -> Tally:
    chance = random.Random(seed)
    decoder = Decoder(venue_dictionary())
    tally = Tally()
    member = Member(tally)
    framer = Framer()
    for number in range(streams):
        if number % 50 == 0:
            framer = Framer()  # else one announced length would swallow the rest of the test
        stream = mutated(chance, chance.choice(SEEDS))
        if number % 5 == 0:
            stream += chance.choice(SEEDS)
        cut = chance.randrange(len(stream) + 1)
        garbled = framer.garbled
        for raw in framer.feed(stream[:cut]) + framer.feed(stream[cut:]):
            began = time.thread_time_ns()
            examine(decoder, raw, tally, member)
            if time.thread_time_ns() - began > SLOWEST_NS:
                tally.slow.add(tally.messages)
            tally.messages += 1
        tally.garbled += framer.garbled - garbled
        assert framer.pending <= MAX_PENDING
    assert decoder.shapes <= MAX_SHAPES * len(venue_dictionary().messages)
    assert len(decoder._candidates) <= MAX_CANDIDATES
    return tally


def run_quickly(seed: int, streams: int) -> Tally:
    """The same, and no message is slow. One that is takes its time in each run of a seed; what a
    machine does beside its work hits another one each time."""
    tally = run(seed, streams)
    slow = tally.slow
    while slow:
        again = run(seed, streams).slow
        assert not slow & again
        slow = again
    return tally


def examine(decoder: Decoder, raw: bytes, tally: Tally, member: Member) -> None:
    """Whatever the message is, everything that can be asked of it has an answer."""
    message = decoder.decode(raw)
    if message.error is None:
        tally.good += 1
        assert message.seq >= 0
        assert len(message.group(453)) == int(message.get(453, b"0"))
    else:
        tally.rejected += 1
        assert type(message.error) is PeerError
        assert message.error.__traceback__ is None
        tally.reasons.add(message.error.reason)
    assert message.raw is raw
    assert type(message.msg_type) is bytes
    assert all(type(value) is bytes for _, value in message.pairs())
    assert message.group(453) is not None
    member.receive(message)


@pytest.mark.parametrize("seed", range(8))
def test_broken_streams_raise_nothing_but_our_own_errors(seed):
    tally = run_quickly(seed, STREAMS_PER_SEED)
    assert tally.good > STREAMS_PER_SEED // 10
    assert tally.rejected > STREAMS_PER_SEED // 4
    assert tally.garbled > STREAMS_PER_SEED // 4
    assert tally.reasons >= {0, 1, 2, 4, 5, 6, 11, 13, 14, 15, 16, 17}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(100, 110))
def test_300_000_broken_streams_raise_nothing_but_our_own_errors(seed):
    check_many(seed, 30_000)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(200, 220))
def test_a_million_broken_streams_raise_nothing_but_our_own_errors(seed):
    progress(f"broken streams: part {seed - 199} of 20")
    check_many(seed, 50_000)


def check_many(seed, streams):
    tally = run_quickly(seed, streams)
    assert tally.good
    assert tally.rejected
    assert tally.garbled
    assert tally.logons > 10
    assert tally.ends >= {
        DisconnectReason.COMP_ID,
        DisconnectReason.SENDING_TIME,
        DisconnectReason.SEQ_MISSING,
        DisconnectReason.LOGOUT,
        DisconnectReason.UNKNOWN_COMP_ID,
        DisconnectReason.FIRST_MESSAGE_NOT_LOGON,
    }
