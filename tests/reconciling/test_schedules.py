"""What is under way is never called a break."""

import shutil

import pytest

from custody.reconciling import reconciler
from custody.service import Custody
from tests.reconciling.watched import Watched, step_looking

TURNS = 15
PROOF = pytest.mark.proof


@pytest.mark.parametrize(
    ("first", "count"), [(0, 2), *(pytest.param(n, 20, marks=PROOF) for n in range(20, 100, 20))]
)
def test_nothing_under_way_is_ever_a_break(first, count, tmp_path, template, monkeypatch):
    monkeypatch.setattr(Custody, "step", step_looking)
    looks = []
    for seed in range(50_000 + first, 50_000 + first + count):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.setattr(reconciler, "BALANCES_A_STEP", (1, 3, 40)[seed % 3])
        with monkeypatch.context() as patch:
            run = Watched(seed, folder, template, patch)
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
