"""A hundred thousand broken streams: our own errors, bounded memory, bounded steps, or nothing."""

import random

import pytest

from gateway.fix.codec import MAX_PENDING, Framer
from gateway.fix.decoder import MAX_CANDIDATES, MAX_SHAPES, Decoder
from gateway.fix.errors import PeerError
from tests.fix.mutations import SEEDS, mutated
from tests.fix.pipes import venue_dictionary

STREAMS_PER_SEED = 12_500


class Tally:
    """What became of the messages of one seed."""

    def __init__(self):
        self.good = self.rejected = self.garbled = 0
        self.reasons = set()


def run(seed: int, streams: int) -> Tally:
    chance = random.Random(seed)
    decoder = Decoder(venue_dictionary())
    tally = Tally()
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
            examine(decoder, raw, tally)
        tally.garbled += framer.garbled - garbled
        assert framer.pending <= MAX_PENDING
    assert decoder.shapes <= MAX_SHAPES * len(venue_dictionary().messages)
    assert len(decoder._candidates) <= MAX_CANDIDATES
    return tally


def examine(decoder: Decoder, raw: bytes, tally: Tally) -> None:
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


@pytest.mark.parametrize("seed", range(8))
def test_broken_streams_raise_nothing_but_our_own_errors(seed):
    tally = run(seed, STREAMS_PER_SEED)
    assert tally.good > STREAMS_PER_SEED // 10
    assert tally.rejected > STREAMS_PER_SEED // 4
    assert tally.garbled > STREAMS_PER_SEED // 4
    assert tally.reasons >= {0, 1, 2, 4, 5, 6, 11, 13, 14, 15, 16, 17}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(100, 110))
def test_a_million_broken_streams_raise_nothing_but_our_own_errors(seed):
    tally = run(seed, 100_000)
    assert tally.good
    assert tally.rejected
    assert tally.garbled
