"""Replay: the same venue from the records alone, or a refusal that names the record."""

from pathlib import Path

import pytest

from engine.journal.files import MARK_NAME
from engine.model.commands import Deposit
from engine.model.errors import JournalDamaged
from engine.model.events import CommandRefused
from engine.replay import ReplayResult, join_parts, replay, replay_folder
from engine.sequencer import Sequencer
from tests.journal.support import T0, open_writer
from tests.journal.venue import CountingVenue


def state(venue: CountingVenue) -> tuple:
    return venue.total, venue.day_end, venue.mass_pending, venue.slices, venue.seen


def trade(sequencer: Sequencer, until: int) -> None:
    """Ordinary commands, a mass operation, a large one, and some days."""
    while sequencer.last_number < until:
        n = sequencer.last_number
        reference = {3: "mass-4", 9: "large-150"}.get(n % 20, "coins")
        if sequencer.mass_due:
            sequencer.continue_mass(T0 + n * 10**13)
        else:
            sequencer.submit(Deposit(1, 1, n + 2, reference), T0 + n * 10**13)
        if n % 3 == 0:
            sequencer.commit()
    sequencer.commit()


@pytest.fixture
def live(tmp_path: Path):
    sequencer = Sequencer(CountingVenue(), open_writer(tmp_path), bytes)
    trade(sequencer, 100)
    yield sequencer
    sequencer.writer.close()


def test_a_replay_gives_the_same_venue(live, tmp_path: Path):
    venue = CountingVenue()
    result = replay(live.writer.records(), venue)
    assert result == ReplayResult(live.last_number + 1, live.last_number, live.last_time)
    assert state(venue) == state(live.venue)
    live.writer.close()
    again = CountingVenue()
    writer = open_writer(tmp_path)
    assert replay(writer.records(), again) == result
    assert state(again) == state(live.venue)
    trade(Sequencer(again, writer, bytes, result.time), 150)
    writer.close()
    third = CountingVenue()
    assert replay_folder(tmp_path, third).last >= 150
    assert state(third) == state(again)


def test_a_folder_is_replayed_while_it_is_written_up_to_the_mark(live, tmp_path: Path):
    live.submit(Deposit(1, 1, 1, "not durable"), T0)
    durable = live.durable
    result = replay_folder(tmp_path, CountingVenue())
    assert (result.records, result.last) == (durable + 1, durable)


def test_a_folder_without_a_mark_is_replayed_as_far_as_it_is_whole(live, tmp_path: Path):
    live.writer.close()
    (tmp_path / MARK_NAME).unlink()
    venue = CountingVenue()
    assert replay_folder(tmp_path, venue).last == live.last_number
    assert state(venue) == state(live.venue)


def test_an_empty_folder_replays_to_nothing(tmp_path: Path):
    assert replay_folder(tmp_path, CountingVenue()) == ReplayResult(0, -1, 0)


def test_replay_up_to_a_record_leaves_out_a_command_that_goes_on_beyond_it(live, tmp_path):
    parts = next(r for r in live.writer.records() if r.parts > 1)
    first, last = parts.number, parts.number + parts.parts - 1
    assert last > first
    for at, end in (
        (first - 1, first - 1),
        (first, first - 1),
        (last - 1, first - 1),
        (last, last),
    ):
        assert replay_folder(tmp_path, CountingVenue(), at=at).last == end
        assert replay(live.writer.records(), CountingVenue(), at=at).last == end


def test_a_venue_that_does_something_else_is_refused_by_record(live):
    class OtherVenue(CountingVenue):
        def deposit(self, command, number):
            events = super().deposit(command, number)
            return [*events, CommandRefused("new")] if number == 17 else events

    with pytest.raises(JournalDamaged, match=r"record 17 replays differently from event 2 on"):
        replay(live.writer.records(), OtherVenue())
    assert replay(live.writer.records(), OtherVenue(), verify=False).last == live.last_number


def test_records_with_a_hole_or_out_of_place_are_refused(live):
    records = list(live.writer.records())
    with pytest.raises(JournalDamaged, match="record 5 is missing"):
        replay(records[:5] + records[6:], CountingVenue())
    part = next(r for r in records if r.part == 1)
    with pytest.raises(JournalDamaged, match=f"record {part.number} is part 1"):
        list(join_parts(records[part.number :]))
