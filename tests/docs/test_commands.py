"""Every command in the README and in docs/ is run, or is known to be run by something else."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.support.ports import PortOffset
from tests.support.venue import FIXGATE, wait_until

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

COMMAND = re.compile(r"^(?: {4}|\$ )((?:make|\.venv/bin/|\.ci/run|fixgate )[^#\n]*)", re.MULTILINE)
QUOTED = re.compile(r"`(make \w+|fixgate \w+|\.ci/run|\.venv/bin/python [^`]*)[^`]*`")

RUN_ELSEWHERE = {
    "make run": "test_make_run_starts_a_venue",
    "make test": "what runs this test",
    "make proof": ".ci/run",
    "make quickfix": "part of make proof",
    "make soak": "by hand: it takes hours",
    "make bench": "tests/benchmarks, and by hand: its figures need a machine of their own",
    "make setup": "part of make run",
    ".venv/bin/python -m tests.simulation": "tests/simulation",
    "fixgate password": "tests/gateway/test_cli.py",
    "fixgate token": "tests/gateway/test_cli.py",
    "fixgate run": "tests/system",
    "fixgate ready": "what a start prints",
    "fixgate check": "test_commands_of_the_pages",
    "fixgate doctor": "test_commands_of_the_pages",
    "fixgate replay": "test_commands_of_the_pages",
    "fixgate restore": "tests/system/test_mirror.py",
    "fixgate watch": "tests/system/test_watch.py",
    "fixgate receipt": "tests/audit/test_receipts.py",
    "fixgate verify": "tests/verify/test_command.py",
    "fixgate evidence": "tests/verify/test_evidence.py",
    "fixgate rotate": "tests/audit/test_rotation.py",
    "fixgate witness": "tests/audit/test_witness.py",
    "fixgate screen": "tests/screening/test_command.py",
    "fixgate travel": "tests/travel/test_commands.py",
    "fixgate vault": "tests/vault/test_command.py",
    "fixgate alerts": "tests/surveillance/test_commands.py",
    "fixgate cases": "tests/surveillance/test_commands.py",
    "fixgate export": "tests/exports/test_exporting.py",
    "fixgate hold": "tests/system/test_holds.py",
    "fixgate kyc": "tests/kyc/test_commands.py",
    "fixgate cfg": "test_commands_of_the_pages",
    ".venv/bin/python docs/examples": "tests/docs/test_examples.py",
    "fixgate breaks": "tests/custody/test_decision_commands.py",
    "fixgate decisions": "tests/custody/test_change_commands.py",
    "fixgate withdrawals": "tests/custody/test_commands.py",
    "fixgate deposits": "tests/custody/test_commands.py",
    "fixgate alarms": "tests/custody/test_commands.py",
    "fixgate approver": "tests/custody/test_commands.py",
    "fixgate addresses": "tests/custody/test_change_commands.py",
    "fixgate policy": "tests/custody/test_change_commands.py",
    "fixgate keys": "tests/custody_commands/test_keys.py",
    "fixgate cold": "tests/custody_commands/test_cold.py",
    "fixgate warm": "tests/custody/test_restock_commands.py",
    "fixgate reconcile": "tests/reconciling",
    "fixgate statements": "tests/settlement",
    "fixgate reserves": "tests/reserves",
    ".ci/run": "the machine that tests a change",
    ".venv/bin/python -m benchmarks.recovery": "tests/benchmarks/test_recovery.py",
    ".venv/bin/python -m benchmarks.audit": "tests/benchmarks/test_audit.py",
    ".venv/bin/python -m benchmarks.verify": "tests/benchmarks/test_verify.py",
    ".venv/bin/python -m benchmarks.feeds": "tests/benchmarks/test_feeds.py",
    ".venv/bin/python -m benchmarks.resend": "tests/benchmarks/test_resend.py",
    ".venv/bin/python -m benchmarks.ledger": "tests/benchmarks/test_ledger.py",
    ".venv/bin/python -m benchmarks.custody": "tests/benchmarks/test_custody.py",
    ".venv/bin/python -m benchmarks.books": "tests/benchmarks/test_custody.py",
    ".venv/bin/python -m benchmarks.screening": "tests/benchmarks/test_screening.py",
    ".venv/bin/python -m benchmarks.vault": "tests/benchmarks/test_vault.py",
    ".venv/bin/python -m benchmarks.surveillance": "tests/benchmarks/test_surveillance.py",
    ".venv/bin/python -m tests.surveillance.table": "tests/surveillance/test_scores.py",
    ".venv/bin/python -m tests.monitoring.table": "tests/monitoring/test_scores.py",
    ".venv/bin/python benchmarks": "by hand: its figures need a machine of their own",
}


def commands():
    found = set()
    for page in PAGES:
        text = page.read_text()
        found.update(match.strip() for match in COMMAND.findall(text))
    return sorted(found)


def test_there_are_commands_to_run():
    assert "make run" in commands()
    assert any(command.startswith(".venv/bin/fixgate check") for command in commands())


def test_every_quoted_command_is_known():
    for page in PAGES:
        for quoted in QUOTED.findall(page.read_text()):
            known = any(quoted.startswith(name) for name in RUN_ELSEWHERE)
            assert known, f"{page.name} names `{quoted}`, which no test runs"


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    """A data folder in which the demo has traded, started as the README says."""
    data = tmp_path_factory.mktemp("demo") / "data"
    offset = PortOffset()
    start = ["make", "run", f"DATA={data}", f"ARGS=--port-offset {offset.offset}"]
    process = subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        ready = b""
        while not ready.startswith(b"fixgate ready"):
            ready = process.stdout.readline()
            assert ready, process.communicate()[1].decode()
        wait_until((data / "run" / "core.pid").exists, 10, "core runs")
        supervisor = int((data / "run" / "supervisor.lock").read_text())
        os.kill(supervisor, signal.SIGTERM)
        process.communicate(timeout=10)
    finally:
        process.kill()
        process.communicate()
        offset.close()
    return data


def test_make_run_starts_a_venue(traded):
    assert list((traded / "journal").glob("*.seg"))


@pytest.mark.parametrize("command", [c for c in commands() if "fixgate" in c])
def test_commands_of_the_pages(command, traded):
    argv = command.replace("var/demo", str(traded)).split()
    argv[0] = str(FIXGATE)
    argv = ["7000" if word == "500" else word for word in argv]  # ports that no other test takes
    result = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout


def test_every_other_command_is_known():
    for command in commands():
        if "fixgate" in command:
            continue
        known = any(command.startswith(name) for name in RUN_ELSEWHERE)
        assert known, f"`{command}` is run by no test"


@pytest.mark.parametrize("page", [p.name for p in PAGES])
def test_links_lead_somewhere(page):
    path = next(p for p in PAGES if p.name == page)
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", path.read_text()):
        assert (path.parent / target).exists(), f"{page} links to {target}"
