"""Each row of the decision table of engine.journal.recovery, with its neighbours."""

import re

import pytest

from engine.journal.frame import CONTINUES, GENESIS, HEADER_BYTES, MORE, frame_hash
from engine.journal.mark import Mark
from engine.journal.recovery import Recovery, recover
from engine.journal.segment import SEGMENT_HEADER_BYTES
from engine.model.errors import JournalDamaged
from tests.journal.support import Journal, parts_flags


def mark_at(journal: Journal, number: int, *, synced: bool = True) -> Mark:
    at, _, end = journal.places[number]
    return Mark(journal.epoch, number, journal.segments[at].first, end, synced)


def kept(journal: Journal, mark: Mark | None = None, named: int = -1) -> Recovery:
    """Recover, and check that what is kept is exactly the records up to `last`."""
    result = recover(journal.segments, mark, named)
    if result.last >= 0:
        at, begin, end = journal.places[result.last]
        chain = frame_hash(bytes(journal.segments[at].data[begin:end]))
        if result.segments[-1] == journal.segments[at].first:
            assert result.offset == end
        else:
            assert result.offset == SEGMENT_HEADER_BYTES
        assert result.chain == chain
    else:
        assert result.chain == GENESIS
    assert result.segments + result.dropped == [s.first for s in journal.segments]
    return result


def refusal(journal: Journal, mark: Mark | None = None, named: int = -1) -> str:
    before = [bytes(segment.data) for segment in journal.segments]
    with pytest.raises(JournalDamaged) as caught:
        recover(journal.segments, mark, named)
    assert before == [bytes(segment.data) for segment in journal.segments]
    return str(caught.value)


def place(journal: Journal, number: int) -> str:
    at, begin, _ = journal.places[number]
    return f"{journal.segments[at].name} .*at offset {begin}:"


def test_a_folder_without_segments_is_a_new_journal():
    result = recover([], None)
    assert (result.last, result.epoch, result.chain) == (-1, 0, GENESIS)
    assert result.segments == []


def test_a_folder_without_segments_is_refused_if_a_cursor_names_a_record():
    with pytest.raises(JournalDamaged, match="cursor names record 4"):
        recover([], None, named=4)


def test_a_folder_without_segments_is_refused_if_the_mark_names_a_record():
    with pytest.raises(JournalDamaged, match="mark says that record 0"):
        recover([], Mark(1, 0, 0, 200, synced=True))


def test_row_1_all_is_kept_when_zeros_follow_the_last_frame():
    journal = Journal().batches(3, 1, 2)
    result = kept(journal, mark_at(journal, 5), named=5)
    assert result.last == 5
    assert result.cut is None
    assert result.known == 5


def test_row_1_known_is_what_the_frames_say_when_there_is_no_mark():
    journal = Journal().batches(3, 1, 2)
    assert kept(journal).known == 3


def test_row_2_refused_when_the_mark_names_more_than_there_is():
    journal = Journal().batches(3, 2)
    mark = mark_at(journal, 4)
    journal.zero(4)
    assert "mark says that record 4" in refusal(journal, mark)


def test_row_2_refused_when_a_cursor_names_more_than_there_is():
    journal = Journal().batches(3, 2)
    assert "record 5 is lost" in refusal(journal, named=5)


def test_row_3_a_bad_frame_below_a_later_frames_durable_mark_is_damage():
    journal = Journal().batches(3, 3, 3)
    journal.flip(4, HEADER_BYTES + 3)
    text = refusal(journal)
    assert re.search(place(journal, 4), text)
    assert "a later frame says that record 5 was" in text


def test_row_3_also_when_the_later_frame_is_in_a_later_segment():
    journal = Journal().batches(3, 2)
    journal.new_segment()
    journal.batches(2, 2)
    journal.flip(2, 20)
    assert re.search(place(journal, 2), refusal(journal))


def test_row_3_a_hole_before_a_later_segment_whose_frames_say_it_was_durable():
    journal = Journal().batches(3, 2)
    journal.new_segment()
    journal.batches(2)
    journal.zero(4)
    assert "record 4 is missing before" in refusal(journal)


def test_row_3_a_whole_segment_that_is_gone_is_damage():
    journal = Journal().batches(3)
    for _ in range(2):
        journal.new_segment()
        journal.batches(2)
    del journal.segments[1]
    assert "record 3 is missing before" in refusal(journal)


def test_row_4_a_bad_frame_in_the_last_batch_below_the_mark_is_damage():
    journal = Journal().batches(3, 3)
    mark = mark_at(journal, 5)
    journal.flip(4, 60)
    assert "mark says that record 5 was on disk" in refusal(journal, mark)


@pytest.mark.parametrize("named", [4, 5])
def test_row_4_a_bad_frame_at_or_below_a_named_record_is_damage(named):
    journal = Journal().batches(3, 3)
    journal.flip(4, 60)
    assert f"names record {named}" in refusal(journal, named=named)


def test_row_5_a_bad_frame_above_everything_durable_is_cut():
    journal = Journal().batches(3)
    journal.append(4)
    journal.flip(4, 60)
    result = kept(journal, mark_at(journal, 2), named=3)
    assert result.last == 3
    assert result.cut is not None
    assert (result.cut.number, result.cut.offset) == (4, journal.places[4][1])
    assert "2 whole frames lie after it" in result.cut.reason


@pytest.mark.parametrize("part", ["header", "payload", "both"])
def test_row_5_a_frame_whose_page_never_came_is_cut(part):
    journal = Journal().batches(3)
    journal.append(3)
    begin, size = {"header": (0, 56), "payload": (56, None), "both": (0, None)}[part]
    journal.zero(3, begin, size)
    assert kept(journal, mark_at(journal, 2)).last == 2


def test_row_5_a_mark_that_was_not_synced_proves_nothing():
    journal = Journal().batches(3)
    journal.append(3)
    mark = mark_at(journal, 5, synced=False)
    journal.flip(4, 60)
    assert kept(journal, mark).last == 3


def test_row_5_a_cut_in_the_last_but_one_segment_drops_the_last():
    journal = Journal().batches(3)
    journal.append(2)
    journal.new_segment()
    journal.append(3)
    journal.flip(4, 60)
    result = kept(journal, mark_at(journal, 2))
    assert result.last == 3
    assert result.dropped == [5]


def test_row_5_a_hole_before_a_segment_of_unsynced_frames_is_cut():
    journal = Journal().batches(3)
    journal.append(2)
    journal.new_segment()
    journal.append(3)
    journal.zero(4)
    result = kept(journal, mark_at(journal, 2))
    assert (result.last, result.dropped) == (3, [5])


def test_row_5_a_frame_that_does_not_name_the_one_before_is_bad():
    journal = Journal().batches(2)
    journal.encoder.chain = bytes(range(16))
    journal.append(1)
    assert kept(journal).last == 1


def test_row_5_a_lower_epoch_than_the_frame_before_is_bad():
    journal = Journal(epoch=5).batches(2)
    journal.encoder.epoch = 4
    journal.append(1)
    result = kept(journal)
    assert (result.last, result.epoch) == (1, 5)


def test_a_later_epoch_is_fine_and_the_highest_one_is_told():
    journal = Journal().batches(2)
    journal.new_epoch()
    journal.batches(2)
    result = kept(journal)
    assert (result.last, result.epoch) == (3, 2)


def test_the_epoch_of_the_mark_counts_when_no_frame_was_written_in_it():
    journal = Journal().batches(2)
    assert kept(journal, mark_at(journal, 1)._replace(epoch=7)).epoch == 7


def test_row_5_garbage_in_the_unused_rest_is_cut_and_logged():
    journal = Journal().batches(3)
    journal.segments[0].data[-1] = 1
    result = kept(journal, mark_at(journal, 2))
    assert result.last == 2
    assert result.cut is not None


@pytest.mark.parametrize("written", [1, 2, 3])
def test_row_6_an_incomplete_group_of_parts_is_cut_whole(written):
    journal = Journal().batches(3)
    journal.append(written, parts_flags(4)[:written])
    result = kept(journal, mark_at(journal, 2))
    assert result.last == 2
    assert result.cut is not None
    assert "parts of record 3 are not complete" in result.cut.reason


def test_row_6_a_complete_group_is_kept():
    journal = Journal().batches(3)
    journal.append(4, parts_flags(4))
    assert kept(journal).last == 6


def test_row_6_a_group_with_a_bad_part_is_cut_whole_across_segments():
    journal = Journal().batches(3)
    journal.append(2, parts_flags(4)[:2])
    journal.new_segment()
    journal.append(2, parts_flags(4)[2:])
    journal.flip(6, 60)
    result = kept(journal, mark_at(journal, 2))
    assert (result.last, result.dropped) == (2, [5])


def test_row_6_a_group_that_is_named_is_not_cut():
    journal = Journal().batches(3)
    journal.append(4, parts_flags(4))
    journal.zero(6)
    assert "names record 3" in refusal(journal, named=3)
    assert kept(journal, named=2).last == 2


def test_row_6_a_group_below_the_mark_is_not_cut():
    journal = Journal().batches(3)
    journal.append(4, parts_flags(4))
    mark = mark_at(journal, 6)
    journal.zero(6)
    assert "mark says" in refusal(journal, mark)


@pytest.mark.parametrize("flags", [[CONTINUES], [MORE, 0], [MORE, MORE]])
def test_part_flags_that_do_not_continue_each_other_are_bad(flags):
    journal = Journal().batches(3)
    journal.append(len(flags), flags)
    assert kept(journal).last == 2


@pytest.mark.parametrize("at", [0, 1])
def test_row_7_a_named_segment_without_sound_header_is_damage(at):
    journal = Journal().batches(3)
    journal.new_segment()
    journal.append(1)
    journal.segments[at].data[20] ^= 1
    text = refusal(journal)
    assert f"{journal.segments[at].name} is damaged at offset 0" in text


def test_row_7_a_segment_under_another_ones_name_is_damage():
    journal = Journal().batches(3)
    journal.new_segment()
    journal.batches(1)
    journal.segments[1].first = 4
    assert "offset 0" in refusal(journal)


def test_row_8_a_segment_of_a_later_format_says_so(monkeypatch):
    monkeypatch.setattr("engine.journal.segment._FORMAT", 2)
    journal = Journal().batches(3)
    monkeypatch.undo()
    assert "later release" in refusal(journal)


def test_row_9_a_journal_whose_first_segment_is_gone_is_refused():
    journal = Journal().batches(3)
    journal.new_segment()
    journal.batches(3)
    del journal.segments[0]
    assert "begins at record 3" in refusal(journal)


def test_row_10_a_segment_that_overlaps_the_one_before_is_damage():
    journal = Journal().batches(3)
    other = Journal().batches(2)
    other.new_segment()
    journal.segments.append(other.segments[1])
    assert "does not continue" in refusal(journal)


def test_row_10_a_segment_of_another_journal_is_damage():
    journal = Journal().batches(3)
    journal.encoder.chain = bytes(range(16))
    journal.new_segment()
    journal.batches(1)
    assert "does not continue" in refusal(journal)


def test_row_11_an_empty_last_segment_is_the_tail():
    journal = Journal().batches(3)
    journal.new_segment()
    result = kept(journal, mark_at(journal, 2))
    assert (result.last, result.segments, result.offset) == (2, [0, 3], SEGMENT_HEADER_BYTES)
    assert result.cut is None


def test_row_11_an_empty_first_segment_is_an_empty_journal():
    result = kept(Journal())
    assert (result.last, result.segments) == (-1, [0])


def test_a_last_segment_that_is_shorter_than_its_size_is_no_damage_by_itself():
    journal = Journal().batches(3)
    del journal.segments[0].data[journal.places[2][2] :]
    assert kept(journal, mark_at(journal, 2)).cut is None


def test_the_index_ends_where_the_cut_is():
    journal = Journal().batches(*[51] * 10)
    journal.append(3, parts_flags(4)[:3])
    result = kept(journal)
    assert (result.last, journal.last) == (509, 512)
    assert list(result.indexes[0].offsets) == [journal.places[n][1] for n in (0, 256)]
    assert result.indexes[0].due == 512
