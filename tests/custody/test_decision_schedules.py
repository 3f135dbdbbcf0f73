"""Seeded runs in which people decide on deposits that wait, through faults and deaths."""

import pytest

from tests.custody.deciding import Deciding
from tests.custody.test_schedules import run_group

SHORT, LONG = 25, 60


@pytest.mark.parametrize(("first", "count"), [(0, 4), pytest.param(4, 20, marks=pytest.mark.proof)])
def test_any_schedule_of_decisions_ends_with_books_chain_and_people_in_agreement(
    first, count, tmp_path, template
):
    run_group(first, count, SHORT, tmp_path, template, Deciding)


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(20_000, 22_000, 100))
def test_two_thousand_schedules_end_so_too(first, tmp_path, template):
    run_group(first, 100, LONG, tmp_path, template, Deciding)
