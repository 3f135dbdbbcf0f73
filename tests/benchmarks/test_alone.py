"""The benches of one part by itself, on a few commands: they run, and say what they promise to."""

import json
import subprocess
import sys

import pytest

from tests.support.venue import ROOT


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (["benchmarks/engine_alone.py", "--commands", "600"], ["mixed", "new_cancel"]),
        (["benchmarks/journal_alone.py", "--records", "2000", "--folder"], ["recover"]),
        (["-m", "benchmarks.books", "--records", "400", "--members", "4"], ["records"]),
    ],
    ids=["engine", "journal", "books"],
)
def test_it_gives_its_figures(command, wanted, tmp_path):
    if command[-1] == "--folder":
        command = [*command, str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=True
    )
    told = json.dumps([json.loads(line) for line in ran.stdout.splitlines()])
    assert [word for word in wanted if word not in told] == []
