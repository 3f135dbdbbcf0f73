"""The bench of starts: small here; at the promised size in the proof, by processor time."""

import shutil

import pytest

from benchmarks import recovery


def test_a_start_from_snapshot_and_tail_gives_what_a_full_replay_gives(tmp_path):
    figures = recovery.measure(tmp_path / "data", records=3_000, tail=500, open_orders=300)
    full, tail = figures["full replay"], figures["snapshot and tail"]
    assert (full["records"], tail["replayed"]) == (3_000, 500)
    assert tail["state_hash"] == full["state_hash"]
    assert tail["open_orders"] == figures["build"]["open_orders"] > 100
    alone = recovery.resting(tmp_path / "alone", 700)
    assert (alone["open_orders"], alone["snapshot"]) == (700, -1)


@pytest.mark.proof
@pytest.mark.alone
@pytest.mark.timeout(900)
def test_a_million_records_and_a_snapshot_with_a_tail_come_back_in_the_promised_time(tmp_path):
    figures = recovery.measure(tmp_path, records=1_000_000, tail=100_000, open_orders=150_000)
    print(figures)
    full, tail = figures["full replay"], figures["snapshot and tail"]
    shutil.rmtree(tmp_path / "journal")
    assert figures["build"]["open_orders"] >= 80_000
    assert tail["state_hash"] == full["state_hash"]
    assert full["cpu_seconds"] <= 30
    assert tail["cpu_seconds"] <= full["cpu_seconds"] / 2
