"""Seeded runs through faults: nodes that fail, lag and lie, reorganizations, deaths at any step."""

import random
import shutil

import pytest

from tests.custody.schedule import Holding, Schedule

SHORTEST, SHORT, LONG = 6, 10, 40


def run_group(first, count, turns, tmp_path, template, kind=Schedule):
    """turns: of each run; a pair: so many, drawn by the seed."""
    shortest, longest = turns if isinstance(turns, tuple) else (turns, turns)
    for seed in range(first, first + count):
        turns = random.Random(seed).randint(shortest, longest)
        folder = tmp_path / str(seed)
        folder.mkdir()
        schedule = kind(seed, folder, template)
        try:
            schedule.run(turns)
        except BaseException as error:
            error.add_note(f"seed {seed}, {turns} turns")
            raise
        finally:
            schedule.world.close()
        shutil.rmtree(folder)


def kind_of(first, count):
    """In every other group accounts are held, too."""
    return Holding if first // count % 2 else Schedule


@pytest.mark.parametrize("first", range(0, 300, 20))
def test_any_schedule_of_faults_ends_with_books_chain_and_people_in_agreement(
    first, tmp_path, template
):
    run_group(first, 20, SHORTEST, tmp_path, template, kind_of(first, 20))


@pytest.mark.proof
@pytest.mark.parametrize("first", range(1_000, 1_040, 20))
def test_long_schedules_end_so_too(first, tmp_path, template):
    run_group(first, 20, LONG, tmp_path, template, kind_of(first, 20))


@pytest.mark.soak
@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(10_000, 20_000, 100))
def test_ten_thousand_schedules_end_so_too(first, tmp_path, template):
    run_group(first, 100, (SHORT, LONG), tmp_path, template, kind_of(first, 100))
