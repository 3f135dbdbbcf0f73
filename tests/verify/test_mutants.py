"""Whatever is changed of what was signed, `fixgate verify` says so, by the right code, and so does
a second verifier of the log's folder that knows nothing of the first."""

import json
import subprocess
import sys
from collections import Counter
from random import Random

import pytest

from compliance.audit.keys import ED25519
from gateway.cli import main
from tests.audit.support import KEYS, keys_of
from tests.verify import second_verifier
from tests.verify.mutants import Mutants, applied
from tests.verify.support import Traded, failures, verify

(VKEY,) = (key.text for key in KEYS.verifiers if key.kind == ED25519)


def hunt(traded, data, seed, count):
    """Look at so many mutants; how many there were of each place and code."""
    *older, size = sorted(traded.notes)
    mutants = Mutants(data, size, [traded.notes[old] for old in older], Random(seed))
    newest, seen = traded.newest, Counter()
    for k in range(count):
        mutant = mutants.draw()
        with applied(data, mutant):
            report = verify(data, newest)
            assert report.code == mutant.code, (seed, k, mutant.name, failures(report))
            if any(path.startswith("audit/") for path in mutant.files):
                assert rejected(data, newest), (seed, k, mutant.name)
        seen[next(iter(mutant.files)).split("/")[0], mutant.code] += 1
    assert verify(data, newest).code == 0, "all was put back"
    assert not rejected(data, newest)
    return seen


def rejected(data, newest):
    """By the second verifier."""
    try:
        second_verifier.verify(data / "audit", VKEY, newest)
    except second_verifier.Rejected:
        return True
    return False


@pytest.mark.parametrize("seed", range(4))
def test_a_thousand_mutants_are_found(traded, data, seed):
    seen = hunt(traded, data, seed, count=250)
    assert sum(seen.values()) == 250
    assert len(seen) == 5, seen  # the journal by two codes, the log's folder by three


def test_mutants_of_the_logs_folder_alone(traded, data):
    """Without a journal the bundles are all that there is: both verifiers refuse the same ones."""
    for path in (data / "journal").iterdir():
        path.unlink()
    (data / "journal").rmdir()
    *older, size = sorted(traded.notes)
    mutants = Mutants(data, size, [traded.notes[old] for old in older], Random(2))
    for k in range(80):
        mutant = mutants.random.choice((mutants.tile, mutants.bundle, mutants.checkpoint))()
        with applied(data, mutant):
            code = verify(data, traded.newest).code
            assert bool(code) == rejected(data, traded.newest), (k, mutant.name, code)


def test_the_second_verifier_is_a_program(traded, tmp_path):
    newest = tmp_path / "newest"
    newest.write_bytes(traded.newest)
    program = [sys.executable, second_verifier.__file__, traded.data / "audit"]
    good = subprocess.run([*program, VKEY, newest], capture_output=True, text=True, check=True)
    assert good.stdout.startswith(f"{max(traded.notes)} ")
    (other,) = (key.text for key in keys_of(b"x").verifiers if key.kind == ED25519)
    bad = subprocess.run([*program, other], capture_output=True, text=True, check=False)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("unknown key")


@pytest.fixture(scope="module")
def larger(tmp_path_factory):
    """A venue whose journal has several segments."""
    made = Traded(tmp_path_factory.mktemp("larger"), seed=5)
    made.trade(700).publish().trade(1_500).publish()
    made.close()
    return made


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(10, 20))
def test_ten_thousand_mutants_are_found(traded, data, seed):
    hunt(traded, data, seed, count=950)


@pytest.mark.proof
def test_mutants_of_a_journal_of_several_segments_are_found(larger, tmp_path):
    """The other five hundred."""
    copy = larger.copy(tmp_path / "larger")
    assert len(list((copy / "journal").glob("*.seg"))) > 2
    hunt(larger, copy, seed=4, count=500)


def test_no_mutant_makes_the_command_fall_over(traded, data, tmp_path, capsys):
    """On the command line as well: JSON, the code, and nothing on stderr."""
    newest = tmp_path / "newest"
    newest.write_bytes(traded.newest)
    *older, size = sorted(traded.notes)
    mutants = Mutants(data, size, [traded.notes[old] for old in older], Random(6))
    keys = [argument for key in KEYS.verifiers for argument in ("--key", key.text)]
    for _ in range(15):
        mutant = mutants.draw()
        with applied(data, mutant):
            code = main(
                ["verify", "--data", str(data), *keys, "--checkpoint", str(newest), "--json"]
            )
        out, err = capsys.readouterr()
        assert (code, err) == (mutant.code, ""), mutant.name
        assert json.loads(out)["code"] == code
