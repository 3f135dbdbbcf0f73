"""Readers: by number, by range, following a live writer across segments and restarts."""

from pathlib import Path
from random import Random

import pytest

from engine.journal.files import (
    MARK_NAME,
    MAX_OPEN_SEGMENTS,
    DiskFiles,
    list_segments,
    open_reader,
    open_survey,
    read_mark,
)
from engine.journal.follow import READ_BYTES, JournalReader
from engine.journal.segment import INDEX_STRIDE, segment_name
from engine.model.errors import JournalDamaged
from engine.model.record import decode_record
from tests.journal.support import open_writer, payloads, record


def filler(number: int) -> int:
    """Sizes from 0 to 13,000, so that segments and reads end anywhere."""
    return number * 7_919 % 13_001


def expected(first: int, last: int) -> list:
    return [record(n, filler(n)) for n in range(first, last + 1)]


def write(writer, count: int) -> None:
    for n in range(writer.next_number, writer.next_number + count):
        writer.append(payloads(n, 1, filler(n)))
    writer.sync()


@pytest.fixture
def long_journal(tmp_path: Path) -> Path:
    """700 records in some 18 segments, and 2,000 small ones after them."""
    writer = open_writer(tmp_path)
    write(writer, 700)
    writer.append(payloads(700, 2_000))
    writer.sync()
    writer.close()
    assert len(list_segments(tmp_path)) > MAX_OPEN_SEGMENTS
    return tmp_path


def whole(folder: Path) -> list:
    return expected(0, 699) + [record(n) for n in range(700, 2_700)]


def test_records_in_order_are_those_that_were_written(long_journal: Path):
    reader = open_reader(long_journal)
    assert list(reader.records(0, 2_699)) == whole(long_journal)
    assert list(reader.records(690, 1_500)) == whole(long_journal)[690:1_501]
    assert list(reader.records(5, 5)) == [whole(long_journal)[5]]
    assert list(reader.records(5, 4)) == []
    reader.close()


@pytest.mark.parametrize("shared", [True, False])
def test_reading_by_number_in_any_order_equals_reading_in_order(long_journal: Path, shared):
    writer = open_writer(long_journal)
    reader = writer.reader() if shared else open_reader(long_journal)
    numbers = [n for n in range(2_700) if n % 7 == 0 or n > 2_690 or n in (699, 700, 701)]
    Random(3).shuffle(numbers)
    records = whole(long_journal)
    for number in numbers:
        assert reader.read(number) == records[number]
    for number in sorted(numbers):
        assert reader.read(number) == records[number]
    reader.close()
    writer.close()


def test_a_reader_holds_few_files_open(long_journal: Path):
    files = DiskFiles(long_journal)
    reader = JournalReader(files)
    list(reader.records(0, 2_699))
    assert len(files._open) == MAX_OPEN_SEGMENTS
    reader.close()
    assert files._open == {}
    assert reader.read(3) == record(3, filler(3))
    reader.close()


def test_a_record_that_is_not_durable_cannot_be_read(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 3)
    writer.append(payloads(3, 2))
    reader = open_reader(tmp_path)
    assert reader.read(2) == record(2, filler(2))
    for number in (3, 4, 5):
        with pytest.raises(LookupError, match="is not on disk"):
            reader.read(number)
    with pytest.raises(LookupError):
        list(reader.records(0, 3))
    reader.close()
    writer.close()


def test_payloads_are_the_bytes_of_the_journal_and_not_what_we_would_write_today(tmp_path: Path):
    """MessagePack has several spellings of a number, and an earlier release other fields."""
    spelled = b"\x97\xcf" + (2).to_bytes(8, "big") + payloads(2, 1)[0][2:]
    assert decode_record(spelled) == record(2)
    written = [*payloads(0, 2), spelled, *payloads(3, 800)]
    writer = open_writer(tmp_path)
    writer.append(written)
    writer.sync()
    reader = open_reader(tmp_path)
    follower = reader.follow(-1)
    found = []
    while some := follower.poll_payloads(300):
        found += some
    assert found == written
    assert follower.place.number == 802
    assert reader.follow(801).poll_payloads(9) == written[802:]
    reader.close()
    writer.close()


def test_a_follower_goes_from_history_to_live_over_segments_and_never_past_the_mark(tmp_path):
    writer = open_writer(tmp_path)
    write(writer, 60)
    reader = open_reader(tmp_path)
    follower = reader.follow(-1)
    seen, random = [], Random(5)
    while writer.next_number < 400:
        writer.append(payloads(writer.next_number, 1, filler(writer.next_number)))
        if random.random() < 0.3:
            writer.sync()
        seen += follower.poll(random.choice([1, 3, 100]))
        assert follower.after <= writer.durable
        assert follower.after == len(seen) - 1
    writer.sync()
    while new := follower.poll(50):
        seen += new
    assert seen == expected(0, 399)
    assert len(list_segments(tmp_path)) > 5
    reader.close()
    writer.close()


@pytest.mark.parametrize("after", [-1, 0, 1, 255, 256, 257, 399])
def test_a_follower_begins_after_any_record(tmp_path: Path, after: int):
    writer = open_writer(tmp_path)
    write(writer, 400)
    follower = open_reader(tmp_path).follow(after)
    seen = []
    while new := follower.poll(64):
        assert len(new) <= 64
        seen += new
    assert seen == expected(after + 1, 399)
    write(writer, 3)
    assert follower.poll(64) == expected(400, 402)
    assert follower.poll(64) == []
    writer.close()


def test_a_follower_begins_at_the_first_record_of_each_segment(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 200)
    for first in list_segments(tmp_path):
        assert open_reader(tmp_path).follow(first - 1).poll(2) == expected(first, first + 1)
    writer.close()


def test_a_follower_goes_on_over_a_restart_of_the_core_and_its_torn_tail(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 5)
    reader = open_reader(tmp_path)
    follower = reader.follow(-1)
    assert follower.poll(100) == expected(0, 4)
    writer.append(payloads(5, 2, 500))
    end = writer._offset
    writer._release()
    path = tmp_path / segment_name(0)
    data = bytearray(path.read_bytes())
    data[end - 2_000] ^= 255
    path.write_bytes(data)
    assert follower.poll(100) == []
    writer = open_writer(tmp_path)
    assert writer.next_number == 5
    assert follower.poll(100) == []
    write(writer, 3)
    assert follower.poll(100) == expected(5, 7)
    reader.close()
    writer.close()


def test_a_follower_may_be_there_before_the_journal(tmp_path: Path):
    reader = open_reader(tmp_path / "journal")
    follower = reader.follow(-1)
    assert follower.poll(10) == []
    writer = open_writer(tmp_path / "journal")
    assert follower.poll(10) == []
    write(writer, 2)
    assert follower.poll(10) == expected(0, 1)
    reader.close()
    writer.close()


def test_an_idle_or_live_follower_reads_each_byte_once(tmp_path: Path):
    class CountingFiles(DiskFiles):
        reads = 0
        taken = 0

        def read(self, segment: int, offset: int, size: int) -> bytes:
            data = super().read(segment, offset, size)
            self.reads += 1
            self.taken += len(data)
            return data

    writer = open_writer(tmp_path, segment_bytes=4 * 1024 * 1024)
    files = CountingFiles(tmp_path)
    follower = JournalReader(files).follow(-1)
    for _ in range(10):
        writer.append(payloads(writer.next_number, 1_000))
        writer.sync()
        while follower.poll(100):
            pass
        follower.poll(100)
    end = read_mark(tmp_path).offset
    assert follower.after == 9_999
    assert files.taken <= 2 * end
    assert files.reads <= 10 + 2 * end // (READ_BYTES // 2)
    assert files.reads >= 10
    files.close()
    writer.close()


@pytest.mark.parametrize("what", ["payload", "header", "chain"])
def test_bad_bytes_below_the_mark_are_damage_for_readers_too(tmp_path: Path, what: str):
    writer = open_writer(tmp_path)
    write(writer, 5)
    offsets = [0] * 5
    reader = open_reader(tmp_path)
    mark = reader.mark()
    for n in range(5):
        offsets[n] = reader._locate(mark, mark.segment, n)
    path = tmp_path / segment_name(0)
    data = bytearray(path.read_bytes())
    if what == "chain":
        other = open_writer(tmp_path / "other")
        other.append([*payloads(0, 3, 1), *payloads(3, 2, 1)])
        other.sync()
        other.close()
        data = bytearray((tmp_path / "other" / segment_name(0)).read_bytes())
    else:
        data[offsets[3] + (58 if what == "payload" else 20)] ^= 4
    follower = open_reader(tmp_path).follow(-1)
    good = follower.poll(3)
    assert good == expected(0, 2)
    path.write_bytes(data)
    fresh = open_reader(tmp_path).follow(2 if what == "chain" else -1)
    if what == "chain":
        fresh._begin(mark)
        fresh._chain = follower._chain
    with pytest.raises(JournalDamaged, match=r"00.seg is damaged at offset \d+: .*record 3"):
        fresh.poll(100)
    writer.close()


def test_a_segment_that_is_missing_is_damage_for_a_reader(long_journal: Path):
    second = list_segments(long_journal)[1]
    (long_journal / segment_name(second)).unlink()
    with pytest.raises(JournalDamaged):
        list(open_reader(long_journal).records(0, 2_699))


def test_a_survey_without_a_mark_reads_what_recovery_would_keep(tmp_path: Path):
    writer = open_writer(tmp_path)
    write(writer, 50)
    end = read_mark(tmp_path).offset
    writer.close()
    (tmp_path / MARK_NAME).unlink()
    path = tmp_path / segment_name(list_segments(tmp_path)[-1])
    data = bytearray(path.read_bytes())
    data[end : end + 3] = b"abc"
    path.write_bytes(data)
    before = sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir())
    reader = open_survey(tmp_path)
    assert reader.mark().number == 49
    assert list(reader.records(0, 49)) == expected(0, 49)
    assert sorted((p.name, p.read_bytes()) for p in tmp_path.iterdir()) == before
    reader.close()


def test_a_survey_of_nothing_is_empty(tmp_path: Path):
    assert open_survey(tmp_path / "none").mark().number == -1


@pytest.mark.parametrize("shared", [True, False])
def test_finding_a_record_goes_so_many_frames_at_a_time_and_gets_there(long_journal: Path, shared):
    """A place that no index knows is a whole segment away; the next look goes on from there."""
    writer = open_writer(long_journal)
    first = writer.reader() if shared else open_reader(long_journal)
    records = whole(long_journal)
    for reader, known in ((first, shared), (first.another(), True)):
        longest = 0
        for number in (2_690, 3, 4, 700, 2_000, 2_699):
            looks = 1
            while (found := reader.find(number, 7)) is None:
                looks += 1
            assert found == records[number]
            longest = max(longest, looks)
        assert (longest <= 1 + INDEX_STRIDE // 7) is known
    with pytest.raises(LookupError):
        reader.find(2_700, 7)
    first.close()
    writer.close()
