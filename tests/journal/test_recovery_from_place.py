"""A scan from a place that is known decides as one from record 0, whatever lies after it."""

from random import Random

import pytest

from engine.journal.frame import frame_hash, read_frame
from engine.journal.mark import Mark
from engine.journal.place import Place, Start
from engine.journal.recovery import recover
from engine.model.errors import JournalDamaged
from tests.journal.support import Image, Journal, parts_flags


def build() -> Journal:
    """Some 250 records in five segments and two epochs, in synced batches, with groups of parts
    and a batch at the end that is not synced."""
    journal, random = Journal(room=700), Random(5)
    for segment in range(5):
        if segment:
            journal.new_segment()
        if segment == 3:
            journal.new_epoch()
        for _ in range(8):
            count = random.randint(1, 9)
            if random.random() < 0.3 and count > 1:
                journal.append(count, parts_flags(count))
            else:
                journal.append(count)
            journal.sync()
    journal.append(4)
    return journal


JOURNAL = build()
CLEAN = recover(JOURNAL.segments, None)
MARK = Mark(2, JOURNAL.durable, 0, 0, synced=True)


def start_at(number: int) -> Start:
    at, begin, end = JOURNAL.places[number]
    segment = JOURNAL.segments[at]
    frame = read_frame(bytes(segment.data), begin)
    assert frame is not None
    chain = frame_hash(bytes(segment.data[begin:end]))
    place = Place(number, segment.first, begin, end, chain, frame.epoch, frame.durable)
    return Start(place, recover(JOURNAL.segments, None).indexes)


def outcome(segments, mark, named, start):
    try:
        kept = recover(segments, mark, named, start)
    except JournalDamaged as error:
        return str(error)
    offsets = {first: list(index.offsets) for first, index in kept.indexes.items()}
    return (
        kept.last,
        kept.epoch,
        kept.chain,
        kept.offset,
        kept.known,
        kept.segments,
        kept.dropped,
        kept.cut,
        offsets,
    )


def whole_commands() -> list[int]:
    """The records after which a snapshot may be: the last parts."""
    found = []
    for number, (at, begin, _) in enumerate(JOURNAL.places):
        frame = read_frame(bytes(JOURNAL.segments[at].data), begin)
        if frame is not None and not frame.flags & 1:
            found.append(number)
    return found


@pytest.mark.parametrize("mark", [None, MARK])
def test_an_undamaged_journal_is_kept_alike_from_every_record(mark):
    expected = outcome(JOURNAL.segments, mark, -1, None)
    for number in whole_commands():
        assert outcome(JOURNAL.segments, mark, -1, start_at(number)) == expected


def damaged(random: Random, number: int) -> list[Image]:
    """The journal with something wrong after record `number`."""
    at, _, end = JOURNAL.places[number]
    images = [Image(s.first, bytearray(s.data)) for s in JOURNAL.segments]
    for _ in range(random.choice([1, 1, 2])):
        which = random.randrange(at, len(images))
        begin = end if which == at else 0
        data = images[which].data
        place = random.randrange(begin, len(data))
        kind = random.random()
        if kind < 0.5:
            data[place] ^= 1 << random.randrange(8)
        elif kind < 0.8:
            stop = random.choice([len(data), min(len(data), place + 300)])
            data[place:stop] = bytes(stop - place)
        else:
            data[place : place + 40] = random.randbytes(len(data[place : place + 40]))
    if random.random() < 0.15 and at < len(images) - 1:
        del images[random.randrange(at + 1, len(images))]
    return images


def test_damage_after_the_place_is_judged_as_by_a_whole_scan():
    random = Random(9)
    numbers = whole_commands()
    kinds = set()
    for _ in range(600):
        number = random.choice(numbers)
        images = damaged(random, number)
        mark = random.choice([None, None, MARK])
        named = random.choice([-1, -1, number, JOURNAL.last])
        expected = outcome(images, mark, named, None)
        assert outcome(images, mark, named, start_at(number)) == expected
        kinds.add("refused" if isinstance(expected, str) else "kept" if not expected[7] else "cut")
    assert kinds == {"refused", "kept", "cut"}
