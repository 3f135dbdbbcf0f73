"""What a release wrote, every later one replays: to the same state, and to the same reports.

A member may ask for a report again after the venue was upgraded, and its body must be the same. A
golden journal is never recorded anew: where one of these tests fails, the change has to learn to
read the old records.
"""

import json
import tarfile

import pytest

from tests.golden.record import HERE, figures

RELEASES = sorted(path.stem for path in HERE.glob("*.json"))


def test_there_is_a_golden_journal():
    assert RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_a_journal_of_a_past_release_replays_to_its_recorded_state_and_reports(release, tmp_path):
    with tarfile.open(HERE / f"{release}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    assert figures(tmp_path / "journal") == json.loads((HERE / f"{release}.json").read_text())
