"""What is under way is never called a break."""

import shutil

import pytest

from custody.reconciling import reconciler
from custody.service import Custody
from tests.reconciling.watched import Watched, WatchedDeciding, step_looking

TURNS = 15
PROOF = pytest.mark.proof


@pytest.mark.parametrize(
    ("kind", "first", "count"),
    [
        (Watched, 0, 2),
        (WatchedDeciding, 0, 2),
        *(pytest.param(Watched, n, 20, marks=PROOF) for n in range(20, 100, 20)),
        pytest.param(WatchedDeciding, 20, 20, marks=PROOF),
    ],
)
def test_nothing_under_way_is_ever_a_break(kind, first, count, tmp_path, template, monkeypatch):
    monkeypatch.setattr(Custody, "step", step_looking)
    looks = []
    for seed in range(50_000 + first, 50_000 + first + count):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.setattr(reconciler, "BALANCES_A_STEP", (1, 3, 40)[seed % 3])
        with monkeypatch.context() as patch:
            run = kind(seed, folder, template, patch)
            try:
                run.run(TURNS)
            except BaseException as error:
                error.add_note(f"seed {seed}, {TURNS} turns")
                raise
            finally:
                run.world.close()
        looks += run.looks
        shutil.rmtree(folder)
    assert len(looks) > 20 * count
    assert sum(1 for _, flying, _ in looks if flying) > 2 * count
