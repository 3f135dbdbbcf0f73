"""The index of reports by application sequence against a plain list of where each one is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.drop_copy import appl_index
from gateway.drop_copy.appl_index import STRIDE, ApplIndex

ACME, BOREAS = 1, 2


def filled(reports: int, every: int = 1) -> ApplIndex:
    """ACME has a report in every so many-th record, from record 0."""
    index = ApplIndex()
    for k in range(reports):
        index.note(ACME, k + 1, k * every)
    return index


@given(st.lists(st.tuples(st.sampled_from((ACME, BOREAS)), st.integers(0, 3)), max_size=200))
def test_reading_begins_before_the_report_and_not_far(steps):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(appl_index, "STRIDE", 4)
        index = ApplIndex()
        record, places = 0, {ACME: [], BOREAS: []}
        for member, wait in steps:  # 0: another report in the same record
            record += wait
            places[member].append(record)
            index.note(member, len(places[member]), record)
        again = ApplIndex()
        for row in index.rows():
            again.load(*row)
        for found in (index, again):
            for member, where in places.items():
                assert found.last(member) == len(where)
                for k, place in enumerate(where):
                    begin = found.begin(member, k + 1)
                    assert begin <= place
                    assert begin in where[max(0, k - 3) : k + 1]


def test_a_report_that_is_not_there_is_an_error_that_names_the_last():
    index = filled(5)
    for member, appl_seq, last in ((ACME, 6, 5), (ACME, 0, 5), (BOREAS, 1, 0)):
        with pytest.raises(LookupError, match=f"no report {appl_seq}; the last is {last}"):
            index.begin(member, appl_seq)


def test_a_hole_in_the_numbers_is_a_bug_of_ours():
    index = filled(5)
    for appl_seq in (5, 7):
        with pytest.raises(AssertionError, match="missing or comes twice"):
            index.note(ACME, appl_seq, 9)


def test_one_place_is_kept_for_every_stride_of_reports():
    [(_, last, places)] = filled(3 * STRIDE + 1).rows()
    assert last == 3 * STRIDE + 1
    assert len(places) == 8 * 4


@pytest.mark.parametrize(
    ("last", "places"),
    [
        (0, b""),
        (1, b""),
        (1, bytes(16)),
        (1, bytes(7)),
        (STRIDE + 1, bytes(8)),
        (STRIDE + 1, b"\x02" + bytes(15)),
    ],
)
def test_a_row_that_cannot_be_is_refused(last, places):
    with pytest.raises(ValueError, match=r"bytes length|places for"):
        ApplIndex().load(ACME, last, places)


def test_a_row_has_the_same_bytes_on_any_machine():
    assert list(filled(2, every=258).rows()) == [(ACME, 2, bytes(8))]
    index = ApplIndex()
    index.note(ACME, 1, 258)
    assert list(index.rows()) == [(ACME, 1, b"\x02\x01" + bytes(6))]
