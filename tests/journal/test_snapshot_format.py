"""The snapshot's bytes: what was written is read, and not one byte may be another."""

from io import BytesIO
from random import Random

import pytest

from engine.journal.place import Place
from engine.journal.segment import INDEX_STRIDE, SegmentIndex
from engine.journal.snapshot import (
    SNAPSHOT_HEADER_BYTES,
    ChunkEncoder,
    SnapshotHeader,
    decode_chunks,
    decode_index,
    decode_snapshot_header,
    encode_index,
    encode_snapshot_header,
    snapshot_name,
    snapshot_number,
)
from engine.model.errors import SnapshotDamaged

PLACE = Place(1_234, 1_000, 77_777, 78_000, bytes(range(16)), 3, 1_230)
HEADER = SnapshotHeader(1, PLACE, 1_767_600_000_000_000_000, True, "ab" * 32)
CHUNKS = [b"index", b"a", b"", bytes(range(256)) * 3, b"last"]


def whole(chunks=CHUNKS, header=HEADER):
    encoder = ChunkEncoder()
    body = b"".join(map(encoder.add, chunks))
    header = header._replace(size=encoder.size, indexes=1, crc=encoder.crc)
    return encode_snapshot_header(header) + body


def read(data):
    header = decode_snapshot_header(data)
    return header, list(decode_chunks(header, BytesIO(data[SNAPSHOT_HEADER_BYTES:]).read))


def test_what_was_written_is_read():
    header, chunks = read(whole())
    assert chunks == CHUNKS
    assert header._replace(size=0, indexes=0, crc=0) == HEADER
    assert read(whole([]))[1] == []


@pytest.mark.parametrize("known", [-1, 0, 1_233])
@pytest.mark.parametrize("synced", [True, False])
def test_every_field_of_the_header_comes_back(known, synced):
    header = HEADER._replace(place=PLACE._replace(known=known), synced=synced)
    assert decode_snapshot_header(encode_snapshot_header(header)) == header


def test_a_flip_of_any_bit_is_noticed():
    data = whole()
    for at in range(len(data)):
        for bit in range(8):
            damaged = bytearray(data)
            damaged[at] ^= 1 << bit
            with pytest.raises(SnapshotDamaged):
                read(bytes(damaged))


def test_a_cut_at_any_byte_and_a_byte_too_many_are_noticed():
    data = whole()
    for end in range(len(data)):
        with pytest.raises(SnapshotDamaged):
            read(data[:end])
    with pytest.raises(SnapshotDamaged):
        read(data + b"\0")


def test_chunks_of_another_order_number_or_snapshot_are_noticed():
    data, other = whole(), whole([b"other", *CHUNKS[1:]])
    random = Random(3)
    for _ in range(200):
        chunks = random.choices(CHUNKS, k=random.randint(0, 6))
        if chunks != CHUNKS:
            body = whole(chunks)[SNAPSHOT_HEADER_BYTES:]
            with pytest.raises(SnapshotDamaged):
                read(data[:SNAPSHOT_HEADER_BYTES] + body)
    with pytest.raises(SnapshotDamaged):
        read(data[:SNAPSHOT_HEADER_BYTES] + other[SNAPSHOT_HEADER_BYTES:])


def test_a_damaged_chunk_is_never_given_out():
    data = bytearray(whole())
    data[-2] ^= 1
    header = decode_snapshot_header(bytes(data))
    given = decode_chunks(header, BytesIO(bytes(data[SNAPSHOT_HEADER_BYTES:])).read)
    assert [next(given) for _ in CHUNKS[:-1]] == CHUNKS[:-1]
    with pytest.raises(SnapshotDamaged):
        next(given)


def test_names_sort_by_record_and_nothing_else_is_a_snapshot():
    assert snapshot_number(snapshot_name(7)) == 7
    assert sorted([snapshot_name(10), snapshot_name(9)]) == [snapshot_name(9), snapshot_name(10)]
    for name in ("7.snap", snapshot_name(7) + ".tmp", "mark", "0" * 20 + ".seg"):
        assert snapshot_number(name) is None


def test_an_index_comes_back():
    index = SegmentIndex(5_000)
    for k in range(300):
        index.add(64 + k * INDEX_STRIDE * 200)
    again = decode_index(encode_index(index))
    assert (again.first, again.offsets, again.due) == (index.first, index.offsets, index.due)
    with pytest.raises(SnapshotDamaged):
        decode_index(b"\x93\x01\x02\x03")
