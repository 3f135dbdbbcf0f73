"""What is under way is never called a break."""

import shutil

import pytest

from custody.reconciling import reconciler
from tests.reconciling.watched import Watched

TURNS = 15
PROOF = pytest.mark.proof


@pytest.mark.parametrize(
    "first", [0, 10, *(pytest.param(n, marks=PROOF) for n in range(20, 320, 20))]
)
def test_nothing_under_way_is_ever_a_break(first, tmp_path, template, monkeypatch):
    count = 10 if first < 20 else 20
    blocks = flying = 0
    for seed in range(50_000 + first, 50_000 + first + count):
        folder = tmp_path / str(seed)
        folder.mkdir()
        monkeypatch.setattr(reconciler, "BALANCES_A_STEP", (1, 3, 40)[seed % 3])
        run = Watched(seed, folder, template)
        try:
            run.run(TURNS)
        except BaseException as error:
            error.add_note(f"seed {seed}, {TURNS} turns")
            raise
        finally:
            run.world.close()
        blocks, flying = blocks + len(run.blocks), flying + run.flying
        shutil.rmtree(folder)
    print(blocks, flying, count)
    assert blocks > 4 * count
    assert flying > count // 2
