"""Frames, segment headers, the sparse index and the mark, byte by byte."""

from struct import Struct
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.journal.chain import Chain
from engine.journal.frame import (
    CONTINUES,
    GENESIS,
    HEADER_BYTES,
    MORE,
    FrameEncoder,
    frame_hash,
    frame_length,
    read_frame,
)
from engine.journal.mark import (
    BOOT_ID_BYTES,
    MARK_FILE_BYTES,
    NO_MARK,
    SLOT_BYTES,
    Mark,
    decode_mark,
    encode_mark,
    free_slot,
)
from engine.journal.segment import (
    INDEX_STRIDE,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    SegmentIndex,
    decode_segment_header,
    encode_segment_header,
    segment_first,
    segment_name,
)


def encode(payloads, *, number=0, durable=-1, room=2**32, flags=None):
    encoder = FrameEncoder(number, 3, GENESIS)
    index = SegmentIndex(number)
    data, done = encoder.encode(payloads, flags, 0, durable, room, index, SEGMENT_HEADER_BYTES)
    return data, done, encoder


def test_a_frame_has_exactly_these_bytes():
    data, done, _ = encode([b"payload"], number=258, durable=256, flags=[MORE])
    assert done == 1
    assert data.hex() == (
        "46584731" "01" "01" "0000" "03000000" "07000000"
        "0201000000000000" "0101000000000000" + "00" * 16 + "156a2c42" "4b9f8d02" "7061796c6f6164"
    )  # fmt: skip


def test_what_was_encoded_is_read_again_in_a_chain():
    payloads = [b"a", b"bc" * 300, b"d" * 65_535]
    data, _, encoder = encode(payloads, number=5, durable=4)
    offset, chain = 0, GENESIS
    for k, payload in enumerate(payloads):
        frame = read_frame(data, offset)
        assert frame is not None
        assert (frame.number, frame.epoch, frame.durable, frame.flags) == (5 + k, 3, 4, 0)
        assert (frame.prev, frame.payload) == (chain, payload)
        assert frame_length(data, offset) == HEADER_BYTES + len(payload)
        chain = frame_hash(data[offset : frame.end])
        offset = frame.end
    assert offset == len(data)
    assert (encoder.chain, encoder.number) == (chain, 8)


def test_encoding_stops_where_the_segment_is_full():
    size = HEADER_BYTES + 10
    data, done, encoder = encode([b"x" * 10] * 5, room=3 * size + size - 1)
    assert (done, len(data), encoder.number) == (3, 3 * size, 3)


def test_a_batch_in_pieces_is_the_batch():
    payloads = [bytes([n]) * (n + 1) for n in range(9)]
    whole, _, _ = encode(payloads)
    encoder, index = FrameEncoder(0, 3, GENESIS), SegmentIndex(0)
    pieces, done = b"", 0
    while done < len(payloads):
        data, done = encoder.encode(payloads, None, done, -1, 150, index, 64 + len(pieces))
        pieces += data
    assert pieces == whole


@given(st.binary(max_size=200))
def test_bytes_that_are_no_frame_are_none(data):
    assert read_frame(data, 0) is None
    assert frame_length(data, 0) == 0


@given(st.integers(0, 8 * 70 - 1))
def test_no_flipped_bit_goes_unseen(bit):
    data = bytearray(encode([b"fourteen bytes"])[0])
    data[bit // 8] ^= 1 << bit % 8
    assert read_frame(bytes(data), 0) is None


def test_segment_names_are_20_digits():
    assert segment_name(70) == "00000000000000000070.seg"
    assert segment_first("00000000000000000070.seg") == 70
    for name in ("70.seg", "next.tmp", "0000000000000000007x.seg", "00000000000000000070", "mark"):
        assert segment_first(name) is None


def test_a_segment_header_is_64_bytes_and_any_flipped_bit_is_seen():
    header = SegmentHeader(7, 2, bytes(range(16)))
    data = encode_segment_header(header)
    assert len(data) == SEGMENT_HEADER_BYTES
    assert decode_segment_header(data + b"more") == header
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert decode_segment_header(bytes(flipped)) is None


def test_the_index_finds_the_entry_at_or_below_and_forgets_what_was_cut():
    index = SegmentIndex(10)
    for k in range(3):
        assert index.due == 10 + k * INDEX_STRIDE
        index.add(1_000 * (k + 1))
    assert index.floor(10) == (10, 1_000)
    assert index.floor(9 + INDEX_STRIDE) == (10, 1_000)
    assert index.floor(10 + INDEX_STRIDE) == (10 + INDEX_STRIDE, 2_000)
    assert index.floor(10_000) == (10 + 2 * INDEX_STRIDE, 3_000)
    index.trim(10 + INDEX_STRIDE)
    assert list(index.offsets) == [1_000]
    index.trim(11)
    assert list(index.offsets) == [1_000]
    index.trim(10)
    assert list(index.offsets) == []
    assert index.floor(10) == (10, SEGMENT_HEADER_BYTES)


marks = st.builds(
    Mark,
    st.integers(0, 2**32 - 1),
    st.integers(-1, 2**63 - 1),
    st.integers(0, 2**63 - 1),
    st.integers(0, 2**40),
    st.booleans(),
    st.binary(min_size=BOOT_ID_BYTES, max_size=BOOT_ID_BYTES),
)


def slots(*pair: bytes) -> bytes:
    return b"".join(slot.ljust(SLOT_BYTES, b"\0") for slot in pair)


@given(marks, marks)
def test_the_newer_slot_of_the_mark_counts(one, two):
    data = slots(encode_mark(one), encode_mark(two))
    assert len(data) == MARK_FILE_BYTES
    newest = decode_mark(data)
    assert newest is not None
    assert (newest.epoch, newest.number) == max((one.epoch, one.number), (two.epoch, two.number))


@given(marks, st.integers(0, 56 * 8 - 1))
def test_a_slot_that_is_being_written_is_passed_over(mark, bit):
    torn = bytearray(encode_mark(mark))
    assert len(torn) == 56
    torn[bit % len(torn)] ^= 1 << bit % 8
    older = Mark(0, -1, 0, 64, synced=True)
    assert decode_mark(slots(bytes(torn), encode_mark(older))) == older
    assert decode_mark(slots(encode_mark(older), bytes(torn))) == older
    assert decode_mark(slots(bytes(torn), bytes(torn))) is None


@given(marks, marks)
def test_the_slot_to_write_first_is_not_that_of_the_newest_mark(one, two):
    data = slots(encode_mark(one), encode_mark(two))
    written = [data[:SLOT_BYTES], data[SLOT_BYTES:]]
    written[free_slot(data)] = b"half of the next mark"
    assert decode_mark(slots(*written)) == decode_mark(data)


def test_a_mark_of_the_first_release_is_read():
    """It knew of no start of the machine."""
    body = Struct("<4sBBHIQQQ").pack(b"FXGM", 1, 1, 0, 3, 8, 0, 512)
    mark = decode_mark(slots(body + crc32(body).to_bytes(4, "little"), b""))
    assert mark == Mark(3, 7, 0, 512, synced=True)


def test_no_mark_is_no_record():
    assert NO_MARK.number == -1
    assert decode_mark(b"") is None
    assert decode_mark(bytes(MARK_FILE_BYTES)) is None


def signed(data: bytes, at: int, new: bytes) -> bytes:
    """The one frame `data` with other header bytes, and the CRC that goes with them."""
    header = bytearray(data[: HEADER_BYTES - 4])
    header[at : at + len(new)] = new
    return bytes(header) + Struct("<I").pack(crc32(header)) + data[HEADER_BYTES:]


@pytest.mark.parametrize(
    ("what", "at", "new"),
    [
        ("version", 4, b"\x02"),
        ("unknown flag", 5, b"\x04"),
        ("reserved bytes", 6, b"\x01"),
        ("no payload", 12, bytes(4)),
        ("payload over 65,535 bytes", 12, b"\x00\x00\x01\x00"),
        ("durable mark above its own number", 24, b"\x09" + bytes(7)),
    ],
)
def test_a_sound_header_that_no_writer_makes_is_no_frame(what, at, new):
    data, _, _ = encode([b"payload"], number=7, durable=6)
    assert read_frame(signed(data, at, data[at : at + len(new)]), 0) is not None
    assert read_frame(signed(data, at, new), 0) is None, what


def test_there_is_no_length_without_a_sound_header():
    data, _, _ = encode([b"payload"])
    assert frame_length(data, 0) == len(data)
    assert frame_length(b"X" + data[1:], 0) == 0
    assert frame_length(data[:12] + b"\x08" + data[13:], 0) == 0
    assert frame_length(data[: HEADER_BYTES - 1], 0) == 0


def test_a_chain_breaks_at_another_number_history_or_epoch_and_inside_a_command():
    first, _, encoder = encode([b"a"])
    second, _ = encoder.encode([b"b"], None, 0, -1, 2**32, SegmentIndex(1), 0)
    again = Chain()
    assert again.follow(first + second) == (len(first + second),) * 2
    assert (again.number, again.whole, again.hash) == (1, 1, encoder.chain)
    assert Chain().follow(second) == (0, 0)  # of number 1, where 0 is due
    assert Chain().follow(first + encode([b"b"], number=1)[0]) == (len(first),) * 2  # another past
    older = Chain(0, frame_hash(first))
    older.epoch = 4
    assert older.follow(second) == (0, 0)
    half, _, _ = encode([b"a", b"b"], flags=[MORE, CONTINUES])
    begun = Chain()
    assert begun.follow(half[: len(first)]) == (len(first), 0)
    assert (begun.number, begun.whole) == (0, -1)
    another = FrameEncoder(1, 3, begun.hash)
    new, _ = another.encode([b"b"], None, 0, -1, 2**32, SegmentIndex(1), 0)
    assert begun.follow(new) == (0, 0)  # its last part is due
    assert begun.follow(half[len(first) :]) == (len(second),) * 2
    assert begun.whole == 1
