"""Planted bugs: each patch of tests/simulation/bugs on a copy of the tree, until a seed finds it.

`python -m tests.simulation.plant [NAME ...]` says by which seed each was found, and how.
"""

import argparse
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.simulation.simulation import COMMANDS

ROOT = Path(__file__).parents[2]
BUGS = Path(__file__).with_name("bugs")

NEEDED = ("engine", "gateway", "config", "fix_dictionaries", "tests/simulation", "tests/engine")
"""What a run needs of the tree."""

SEEDS = 2_000
"""Runs until a bug counts as not found."""


class Found(NamedTuple):
    """What came of one bug: the seed that found it, -1 if none did; what it saw."""

    name: str
    seed: int
    how: str


def bugs() -> list[str]:
    """All names."""
    return sorted(path.stem for path in BUGS.glob("*.patch"))


def sentence(name: str) -> str:
    """What a patch breaks."""
    return (BUGS / f"{name}.patch").read_text().partition("\n")[0]


def apply(name: str, tree: Path, *, check: bool = False) -> None:
    """Apply a patch to a copy of the tree. Raises CalledProcessError if it does not fit."""
    command = ["git", "apply", *(["--check"] if check else []), str(BUGS / f"{name}.patch")]
    subprocess.run(command, cwd=tree, check=True, capture_output=True)


def copy_tree(to: Path) -> Path:
    """What a run needs, without anything compiled."""
    for part in NEEDED:
        shutil.copytree(ROOT / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
    return to


def find(name: str, *, seeds: int = SEEDS, steps: int = COMMANDS) -> Found:
    """Run the simulator over a planted bug until a seed finds it; steps: messages of each run."""
    with TemporaryDirectory() as folder:
        tree = copy_tree(Path(folder) / "tree")
        apply(name, tree)
        command = [sys.executable, "-m", "tests.simulation", "--steps", str(steps)]
        result = subprocess.run(
            [*command, "--seeds", str(seeds)], cwd=tree, capture_output=True, text=True, check=False
        )
    if result.returncode == 0:
        return Found(name, -1, f"not found by {seeds} seeds")
    told = re.search(r"^seed (\d+): (.*)", result.stdout, re.MULTILINE)
    if told is None:
        raise RuntimeError(f"{name}: the run itself failed\n{result.stdout}\n{result.stderr}")
    return Found(name, int(told[1]), told[2])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.plant", description=__doc__)
    parser.add_argument("names", nargs="*", help="all if none is given")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=COMMANDS, help="members' messages per run")
    args = parser.parse_args()
    missed = 0
    for name in args.names or bugs():
        found = find(name, seeds=args.seeds, steps=args.steps)
        missed += found.seed < 0
        print(f"{found.name:32} {found.seed:5}  {found.how[:120]}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
