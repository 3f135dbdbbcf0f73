"""Every truncation and every flipped bit: the exact prefix, or a refusal; never less than durable.

The journal here is one of synced batches, so that a later frame or the mark knows of almost all.
"""

from random import Random

import pytest

from engine.journal.frame import frame_hash
from engine.journal.mark import Mark
from engine.journal.recovery import recover
from engine.journal.segment import SEGMENT_HEADER_BYTES
from engine.model.errors import JournalDamaged
from tests.journal.support import Image, Journal, parts_flags

FRAMES = 200
SAMPLE = 5_000


def build() -> Journal:
    """200 frames in two segments: batches of 1 to 12, one with a command of five parts."""
    journal = Journal(room=512)
    sizes = Random(11)
    while journal.encoder.number < FRAMES:
        if journal.encoder.number >= 120 and len(journal.segments) == 1:
            journal.append(5, parts_flags(5))
            journal.new_segment()
        else:
            journal.append(min(sizes.randint(1, 12), FRAMES - journal.encoder.number))
        journal.sync()
    return journal


JOURNAL = build()
AT, _, END = JOURNAL.places[-1]
MARK = Mark(1, JOURNAL.last, JOURNAL.segments[AT].first, END, synced=True)
CLEAN = [bytes(segment.data) for segment in JOURNAL.segments]
KNOWN_OF = recover(JOURNAL.segments, None).known
"""What the frames alone say was durable."""


def check(damaged: list[bytes], mark: Mark | None, durable: int) -> str:
    """The promise, for one damaged journal: returns what happened."""
    images = [
        Image(clean.first, bytearray(data))
        for clean, data in zip(JOURNAL.segments, damaged, strict=True)
    ]
    try:
        kept = recover(images, mark)
    except JournalDamaged:
        return "refused"
    assert kept.last >= durable, "a record known durable was dropped in silence"
    if kept.last < 0:
        return "empty"
    at, begin, end = JOURNAL.places[kept.last]
    for k in range(at):
        prefix = JOURNAL.places[max(n for n in range(kept.last + 1) if JOURNAL.places[n][0] == k)]
        assert damaged[k][: prefix[2]] == CLEAN[k][: prefix[2]]
    assert damaged[at][:end] == CLEAN[at][:end]
    assert kept.chain == frame_hash(CLEAN[at][begin:end])
    assert kept.offset in (end, SEGMENT_HEADER_BYTES)
    return "whole" if kept.last == JOURNAL.last else "prefix"


def truncated(size: int) -> list[bytes]:
    return [*CLEAN[:-1], CLEAN[-1][:size]]


@pytest.mark.parametrize("marked", [True, False])
def test_every_truncation_of_the_last_4_kib(marked):
    seen = set()
    size = len(CLEAN[-1])
    for cut in range(size - 4_096, size + 1):
        # What was cut away cannot testify: without a mark only the frames left do.
        left = [n for n, (at, _, end) in enumerate(JOURNAL.places) if at < AT or end <= cut]
        outcome = check(truncated(cut), MARK if marked else None, MARK.number if marked else -1)
        seen.add(outcome)
        if outcome != "refused":
            assert recover_last(truncated(cut)) == left[-1]
    assert seen == ({"whole", "refused"} if marked else {"whole", "prefix"})


def recover_last(damaged: list[bytes]) -> int:
    images = [
        Image(clean.first, bytearray(data))
        for clean, data in zip(JOURNAL.segments, damaged, strict=True)
    ]
    return recover(images, None).last


def flips() -> list[tuple[int, int, int]]:
    """(segment, byte, bit) of every bit of headers, frames and the zeros after them."""
    return [
        (k, at, bit) for k, data in enumerate(CLEAN) for at in range(len(data)) for bit in range(8)
    ]


def flip(k: int, at: int, bit: int) -> list[bytes]:
    data = bytearray(CLEAN[k])
    data[at] ^= 1 << bit
    return [bytes(data) if n == k else clean for n, clean in enumerate(CLEAN)]


def damaged_record(k: int, at: int) -> int | None:
    for n, (segment, begin, end) in enumerate(JOURNAL.places):
        if segment == k and begin <= at < end:
            return n
    return None


def check_flips(cases: list[tuple[int, int, int]], every: int = 1) -> set[str]:
    seen = set()
    for n, (k, at, bit) in enumerate(cases):
        damaged = flip(k, at, bit)
        outcome = check(damaged, MARK, MARK.number)
        hit = damaged_record(k, at)
        assert (outcome == "refused") == (hit is not None or at < SEGMENT_HEADER_BYTES or k == 0)
        if n % every:
            continue
        # Without the mark, what the later frames know of is still never dropped.
        known = KNOWN_OF if hit is None or hit <= KNOWN_OF else hit - 1
        seen.add(check(damaged, None, min(known, KNOWN_OF)))
    return seen


def test_single_bit_flips_of_200_frames_sampled():
    cases = Random(7).sample(flips(), SAMPLE)
    assert check_flips(cases) >= {"refused", "whole"}


def test_every_bit_of_the_last_unknown_batch():
    """Where only the mark knows: the frames after the last durable mark that a frame holds."""
    cases = [
        (AT, at, bit)
        for n in range(KNOWN_OF + 1, FRAMES)
        for at in range(JOURNAL.places[n][1], JOURNAL.places[n][2], 3)
        for bit in range(8)
    ]
    assert check_flips(cases) == {"prefix"}


@pytest.mark.proof
@pytest.mark.parametrize("eighth", range(8))
def test_every_single_bit_flip_of_200_frames(eighth):
    """Every bit with the mark; without it, every bit of each eighth byte."""
    assert check_flips(flips()[eighth::8], every=8) >= {"refused", "whole"}
