"""Whole messages out of a byte stream, however it was cut, and nothing else."""

import random

import pytest
import simplefix

from gateway.fix.codec import MAX_BODY, MAX_PENDING, TRAILERS, Framer, checksum, encode
from tests.fix.pipes import ORDER, fix, soh, wire

LOGON = fix("A", "98=0|108=30|95=10|96=a|10=123|b|")
NEW_ORDER = fix("D", ORDER)
HEARTBEAT = fix("0", "")
BAD_SUM = HEARTBEAT[:-4] + b"%03d\x01" % ((int(HEARTBEAT[-4:-1]) + 1) % 256)
BAD_LENGTH = HEARTBEAT.replace(b"\x019=", b"\x019=1")

# name: (stream, the messages in it, how many times bytes had to be skipped)
STREAMS = {
    "one": (HEARTBEAT, [HEARTBEAT], 0),
    "three in one segment": (LOGON + NEW_ORDER + HEARTBEAT, [LOGON, NEW_ORDER, HEARTBEAT], 0),
    "half a message": (NEW_ORDER + HEARTBEAT[:-3], [NEW_ORDER], 0),
    "noise before": (b"GET / HTTP/1.1\r\n\r\n" + HEARTBEAT, [HEARTBEAT], 1),
    "noise that begins like a message": (b"8=FI8=F" + HEARTBEAT, [HEARTBEAT], 1),
    "wrong checksum": (BAD_SUM + HEARTBEAT, [HEARTBEAT], 1),
    "two wrong checksums": (BAD_SUM + BAD_SUM + HEARTBEAT, [HEARTBEAT], 2),
    "wrong length": (BAD_LENGTH + NEW_ORDER * 10, [NEW_ORDER] * 10, 1),
    "length too short": (wire("35=0|").replace(b"9=5", b"9=4") + HEARTBEAT, [HEARTBEAT], 1),
    "length of nine digits": (
        soh("8=FIX.4.4|9=999999999|35=0|10=000|") + HEARTBEAT,
        [HEARTBEAT],
        1,
    ),
    "length of ten digits": (soh("8=FIX.4.4|9=0000000005|35=0|") + HEARTBEAT, [HEARTBEAT], 1),
    "negative length": (soh("8=FIX.4.4|9=-5|35=0|10=000|") + HEARTBEAT, [HEARTBEAT], 1),
    "no length": (soh("8=FIX.4.4|35=0|10=000|") + HEARTBEAT, [HEARTBEAT], 1),
    "MsgType not third": (soh("8=FIX.4.4|9=5|49=A|10=000|") + HEARTBEAT, [HEARTBEAT], 1),
    "endless BeginString": (b"8=FIX" + b"4" * 100 + HEARTBEAT, [HEARTBEAT], 1),
    "checksum of two digits": (wire("35=0|")[:-3] + b"\x01" + HEARTBEAT, [HEARTBEAT], 1),
    "last SOH missing": (HEARTBEAT[:-1] + NEW_ORDER, [NEW_ORDER], 1),
    "cut off, then another": (NEW_ORDER[:-20] + HEARTBEAT * 3, [HEARTBEAT] * 3, 1),
    "other version": (encode(b"FIXT.1.1", b"35=0\x01"), [encode(b"FIXT.1.1", b"35=0\x01")], 0),
}


def all_of(slices):
    framer = Framer()
    found = []
    for piece in slices:
        found += framer.feed(piece)
        assert framer.pending <= MAX_PENDING
    return found, framer.garbled


@pytest.mark.parametrize("name", STREAMS)
def test_stream_gives_the_same_messages_however_it_is_cut(name):
    stream, messages, garbled = STREAMS[name]
    assert all_of([stream]) == (messages, garbled)
    assert all_of([stream[i : i + 1] for i in range(len(stream))]) == (messages, garbled)
    for cut in range(len(stream)):
        assert all_of([stream[:cut], stream[cut:]]) == (messages, garbled)


def test_random_streams_give_the_same_messages_however_they_are_cut():
    chance = random.Random(44)
    pieces = [stream for stream, _, _ in STREAMS.values()]
    for _ in range(200):
        stream = b"".join(chance.choices(pieces, k=6))
        whole = all_of([stream])
        cuts = sorted(chance.choices(range(len(stream)), k=chance.randrange(1, 40)))
        slices = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
        assert all_of(slices) == whole


def test_data_that_looks_like_a_trailer_does_not_end_a_message():
    assert b"\x0110=123\x01" in LOGON[:-8]
    assert all_of([LOGON]) == ([LOGON], 0)


def test_longest_message_passes_and_a_byte_more_is_garbled():
    body = b"35=0\x0158=" + b"x" * (MAX_BODY - 9) + b"\x01"
    assert len(body) == MAX_BODY
    longest = encode(b"FIX.4.4", body)
    assert all_of([longest + HEARTBEAT]) == ([longest, HEARTBEAT], 0)
    longer = encode(b"FIX.4.4", body[:-1] + b"x\x01")
    assert all_of([longer + HEARTBEAT]) == ([HEARTBEAT], 1)


def test_peer_that_never_sends_what_it_announced_can_be_given_up():
    framer = Framer()
    assert framer.feed(soh("8=FIX.4.4|9=5000|35=0|") + HEARTBEAT) == []
    assert framer.resync() == [HEARTBEAT]
    assert framer.garbled == 1
    assert framer.pending == 0
    assert framer.feed(NEW_ORDER) == [NEW_ORDER]
    assert framer.resync() == []
    assert framer.garbled == 1


@pytest.mark.parametrize(
    "stream",
    [
        b"8=FIX" * 60_000,
        b"8=FIX.4.4\x019=" * 20_000,
        b"8=FIX.4.4\x019=65000\x0135=" * 12_000,
        b"8=FIX.4.4\x019=65536\x0135=0\x01" + b"\x0110=000\x01" * 30_000,
        b"\x00" * 300_000,
        b"8" * 300_000,
        b"\x01" * 300_000,
    ],
    ids=["begins", "heads", "waiting heads", "trailers", "zeros", "eights", "SOHs"],
)
def test_hostile_stream_byte_by_byte_costs_linear_time_and_bounded_memory(stream):
    steps = CountedSteps()
    framer = steps.framer
    for at in range(len(stream)):
        assert framer.feed(stream[at : at + 1]) == []
        assert framer.pending <= MAX_PENDING
    # Each byte may be looked at a few times, never once per byte that came before it.
    assert steps.scans <= 2 * len(stream)


def test_many_heads_that_lead_to_one_trailer_are_summed_once():
    """The claimed ends of 2,000 heads coincide: quadratic if each were summed."""
    heads = 2_000
    tail = b"58=" + b"x" * 1000 + b"\x01"
    stream = b""
    for _ in range(heads):
        stream = b"8=FIX.4.4\x019=%05d\x0135=" % (len(stream) + len(tail) + 3) + stream
    stream += tail + b"10=000\x01"
    messages, garbled = all_of([stream])
    assert messages == []
    assert garbled == 1


class CountedSteps:
    """A framer that counts how often it looks at its buffer."""

    def __init__(self):
        self.scans = 0
        counter = self

        class Counted(Framer):
            __slots__ = ()

            def _scan(self, data, messages):
                counter.scans += 1
                return super()._scan(data, messages)

        self.framer = Counted()


def test_checksum_is_the_sum_of_the_bytes():
    chance = random.Random(10)
    for size in [*range(600), 65_536]:
        data = chance.randbytes(size)
        assert checksum(data) == sum(data) % 256
    for size in (255, 256, 257, 512, 70_000):
        assert checksum(b"\xff" * size) == 255 * size % 256
    assert [int(trailer[3:6]) for trailer in TRAILERS] == list(range(256))


def test_encode_is_what_simplefix_encodes():
    chance = random.Random(9)
    for _ in range(500):
        other = simplefix.FixMessage()
        other.append_pair(8, b"FIX.4.4")
        other.append_pair(35, chance.choice(["D", "8", "AE"]))
        body = b"35=" + other.get(35) + b"\x01"
        for _ in range(chance.randrange(1, 30)):
            tag = chance.randrange(11, 9999)
            value = chance.randbytes(chance.randrange(1, 50)).replace(b"\x01", b"?")
            if tag == 35:
                continue
            other.append_pair(tag, value)
            body += b"%d=%b\x01" % (tag, value)
        assert encode(b"FIX.4.4", body) == other.encode()


def test_framer_finds_what_simplefix_parses():
    parser = simplefix.FixParser()
    stream = NEW_ORDER + HEARTBEAT + LOGON[:50]
    parser.append_buffer(stream)
    framed = Framer().feed(stream)
    for raw in framed:
        assert parser.get_message().encode() == raw
    assert parser.get_message() is None
    assert len(framed) == 2


def test_nothing_is_slow_about_long_messages():
    """A thousand reads of 64 bytes into one message look at its head and its end, not between."""
    steps = CountedSteps()
    longest = encode(b"FIX.4.4", b"35=0\x0158=" + b"x" * 64_000 + b"\x01")
    found = []
    for at in range(0, len(longest), 64):
        found += steps.framer.feed(longest[at : at + 64])
    assert found == [longest]
    assert steps.scans <= 3
