"""The example clients do what they say, against a running venue, through kills of what they use."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs import asyncapi
from tests.support.fix_client import FixClient
from tests.support.needs import needs
from tests.support.venue import FIXGATE, Venue, wait_until

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
BUY = 1


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    venue = Venue(tmp_path_factory.mktemp("examples"), "demo.yaml").start()
    yield venue
    venue.close()


@pytest.fixture
def example(tmp_path):
    """Starts an example; its output is in a file."""
    running = []

    def start(name, *args):
        out = tmp_path / f"{len(running)}.out"
        with out.open("wb") as file:
            command = [sys.executable, EXAMPLES / name, *map(str, args)]
            process = subprocess.Popen(command, stdout=file, stderr=file, cwd=tmp_path)
        running.append(process)
        process.lines = lambda: out.read_text().splitlines()
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.fixture
def acme(demo):
    client = FixClient("ACME-OE1", demo.order_entry)
    client.reconnect()
    yield client
    client.drop()


def ends(process, seconds=30):
    """All that it printed, once it has ended well."""
    assert process.wait(seconds) == 0, process.lines()
    return process.lines()


def trade(acme, name, count):
    for k in range(count):
        acme.order(f"{name}{k}", BUY, "0.001", "50000.00")
    acme.sync()


def test_the_book_client_keeps_the_book_through_a_kill_of_the_feed(demo, example):
    address = f"127.0.0.1:{demo.market_data_stream}"
    client = example("book_client.py", "BTC-USD", "--address", address, "--messages", 60)
    wait_until(lambda: len(client.lines()) > 10, 20, "it prints")
    demo.kill_one("marketdata")
    lines = ends(client)
    assert any("connecting again" in line for line in lines)
    seqs = [int(line.split()[0]) for line in lines if "bid" in line]
    assert seqs == sorted(seqs)
    assert len(seqs) == 60


def test_the_copy_client_prints_each_report_once_over_two_starts(demo, example, acme):
    trade(acme, "ws", 5)
    address = f"127.0.0.1:{demo.drop_copy_stream}"
    first = ends(example("copy_client.py", "--address", address, "--reports", 3))
    client = example("copy_client.py", "--address", address, "--reports", 5)
    wait_until(client.lines, 10, "it prints")
    demo.kill_one("dropcopy")
    trade(acme, "wt", 5)
    seqs = [int(line.split()[0]) for line in [*first, *ends(client)] if "again" not in line]
    assert seqs == list(range(1, 9))


def test_the_simplefix_client_prints_each_report_once_over_two_starts(demo, example, acme):
    trade(acme, "sa", 5)
    where = ("ACME", "ACME-DC1", "--address", f"127.0.0.1:{demo.drop_copy}")
    first = ends(example("simplefix_copy.py", *where, "--reports", 3))
    client = example("simplefix_copy.py", *where, "--reports", 5)
    wait_until(client.lines, 10, "it prints")
    demo.kill_one("dropcopy")
    trade(acme, "sb", 5)
    seqs = [int(line.split()[0]) for line in [*first, *ends(client)] if "again" not in line]
    assert seqs == list(range(1, 9))


@pytest.mark.proof
def test_the_quickfix_member_orders_and_cancels(demo, example, tmp_path):
    needs("QuickFIX: `make quickfix`", there=find_spec("quickfix") is not None)
    command = [FIXGATE, "cfg", "--config", ROOT / "config" / "demo.yaml", "--session", "ACME-OE2"]
    command += ["--port-offset", str(demo.offset)]
    settings = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (tmp_path / "acme.cfg").write_text(settings)
    lines = ends(example("quickfix_member.py", "acme.cfg"), 60)
    assert [line.split()[2] for line in lines if line.startswith("150")] == ["0", "4"]


def test_the_asyncapi_document_is_made_from_the_types():
    assert asyncapi.PAGE.read_text() == asyncapi.text(), "run: python -m tests.docs.asyncapi"
    document = json.loads(asyncapi.PAGE.read_text())
    assert document["asyncapi"] == "3.0.0"


def refs(part):
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for value in part.values():
            yield from refs(value)
    elif isinstance(part, list):
        for value in part:
            yield from refs(value)


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    document = asyncapi.document()
    for path in refs(document):
        found = document
        for name in path.removeprefix("#/").split("/"):
            found = found[name]
