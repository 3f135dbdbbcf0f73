"""`fixgate reconcile`, `statements` and `reserves`, over a venue with a chain."""

import argparse
import csv
import io
import json
import subprocess
import sys

import pytest
import yaml
from sqlalchemy import update

from custody.ledger import chart
from custody.reconciling.reconciler import LOOK_NANOS
from custody.reserves.verify import verify
from custody.store.schema import accounts
from engine.model.errors import OperatorError
from gateway.custody_commands import reconcile, reserves, statements
from gateway.data import data_file
from tests.custody.test_terms import GOOD
from tests.custody.world import ETHER, STRANGER, USDC, World
from tests.engine.streams import RANDOM_BALANCES
from tests.reserves.naive import holds

COMMANDS = {
    "reconcile": (reconcile.add_arguments, reconcile.run_reconcile),
    "statements": (statements.add_arguments, statements.run_statements),
    "reserves": (reserves.add_arguments, reserves.run_reserves),
}


def run(name, *words):
    add_arguments, command = COMMANDS[name]
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return command(parser.parse_args([str(word) for word in words]))


class Venue:
    """A world with a configuration, and the commands on it."""

    def __init__(self, world, capsys):
        self.world, self.capsys = world, capsys
        self.data = world.folder
        self.config = world.folder / "venue.yaml"
        part = {**GOOD, "database": f"sqlite:///{world.folder}/custody.db"}
        part["assets"] = [GOOD["assets"][0], {"code": "USD", "token": USDC, "decimals": 6}]
        demo = yaml.safe_load(data_file("config", "demo.yaml").read_text())
        self.config.write_text(yaml.safe_dump({**demo, "custody": part}))

    def run(self, name, *words, code=0):
        place = ("--config", self.config, "--data", self.data)
        if name == "reserves" and words[0] != "tree":
            place = ()
        assert run(name, *words, *place) == code
        return self.capsys.readouterr().out

    def json(self, name, *words, code=0):
        return json.loads(self.run(name, *words, "--json", code=code))


def lived(world):
    """Members have deposited, withdrawn, and wait for approvals; the last look is of now."""
    world.step()
    world.chain.pay(STRANGER, (world.desk.deposit_address("ACME", "ETH"), "", 2 * ETHER + 7))
    world.chain.pay(STRANGER, (world.desk.deposit_address("BOREAS", "USD"), USDC, 500 * 10**6))
    world.desk.withdraw("BOREAS", "ETH", 10**8, STRANGER, "trader7")
    world.desk.withdraw("ACME", "ETH", 5 * 10**8, STRANGER, "trader7")
    for _ in range(3):
        world.go(4, seconds=10, blocks=4)
    world.settle()
    world.clock.time += 2 * LOOK_NANOS
    world.step()
    return world


@pytest.fixture(scope="module")
def one_world(tmp_path_factory, template):
    world = World(tmp_path_factory.mktemp("world"), template)
    yield lived(world)
    world.close()


@pytest.fixture
def venue(one_world, capsys):
    """For those who only read."""
    return Venue(one_world, capsys)


def test_all_agree(venue):
    told = venue.run("reconcile", "--every-record")
    assert "ledger and engine agree: record" in told
    assert "ledger and chain agree: " in told
    found = venue.json("reconcile")
    assert found["agree"]
    assert found["engine"]["holds"] == 1
    assert found["chain"]["block"] <= venue.world.chain.final().number
    assert found["chain"]["breaks"] == []


def test_what_differs_is_told_and_ends_with_1(new_world, capsys):
    world = new_world()
    venue = Venue(world, capsys)
    world.chain._bodies[world.chain.blocks[-1].hash].state.add(world.hot, "", -ETHER)
    world.go(3, blocks=5)
    world.step()
    told = venue.run("reconcile", code=1)
    assert "ledger and chain DIFFER: 1 open" in told
    assert f"BREAK {world.hot}: the chain has -1 ETH beyond the books, since " in told
    with world.database.begin() as connection:
        change = update(accounts).where(accounts.c.name == "USD/client/3")
        connection.execute(change.values(credits=1))
    told = venue.run("reconcile", code=1)
    assert f"balance of USD/client/3: ledger 1, engine {RANDOM_BALANCES[3]}" in told
    found = venue.json("reconcile", code=1)
    assert (found["agree"], len(found["engine"]["differences"])) == (False, 1)


def test_a_statement_says_what_came_and_went(venue):
    made = venue.json("statements", "--account", "ACME")
    ether = next(asset for asset in made["assets"] if asset["asset"] == "ETH")
    assert ether["opening"] == "0"
    assert {line["kind"]: line["received"] for line in ether["lines"]} == {
        "deposit": "2", "opening": "60",
    }  # fmt: skip
    assert (ether["closing"], ether["held"]) == ("62", "5.001")
    rows = list(csv.DictReader(io.StringIO(venue.run("statements", "--account", "ACME", "--csv"))))
    assert [r["balance"] for r in rows if r["asset"] == "ETH"] == ["0", "", "", "62"]
    told = venue.run("statements", "--account", "BOREAS")
    assert "withdrawal-fee" in told


def test_a_statement_between_records_begins_where_the_one_before_ended(venue):
    last = venue.world.custody.poster.last
    middle = last - 3
    one = venue.json("statements", "--account", "BOREAS", "--to", str(middle))
    two = venue.json("statements", "--account", "BOREAS", "--from", str(middle))
    assert one["closed"] == two["opened"]
    assert [a["closing"] for a in one["assets"]] == [a["opening"] for a in two["assets"]]


def test_net_obligations_of_a_venue_without_trades_are_none(venue):
    assert venue.json("statements", "--net")["lines"] == []
    assert venue.run("statements", "--net", "--csv") == "party,asset,received,paid,fees,net\n"


def test_each_member_can_check_what_was_published(venue, tmp_path):
    secret, head, proof = (tmp_path / name for name in ("secret", "head.json", "proof.json"))
    published = venue.json("reserves", "tree", "--out", secret)
    assert secret.stat().st_mode & 0o777 == 0o600
    head.write_text(json.dumps(published))
    ledger = venue.world.custody.poster.ledger
    for asset in published["heads"]:
        owed = sum(
            account.balance
            for name, account in ledger.accounts.items()
            if name.startswith(f"{asset['asset']}/client/")
        )
        assert (int(asset["total"]), asset["seq"]) == (owed, ledger.head.seq)
        assert asset["digest"] == ledger.digest.hex()
    look = venue.json("reconcile")["chain"]
    assert published["chain"]["holdings"] == look["holdings"]
    for name, number in (("ACME", 1), ("BOREAS", 2)):
        words = ("--tree", secret, "--account", name, "--asset", "ETH")
        proof.write_text(venue.run("reserves", "prove", *words))
        read, ether = json.loads(proof.read_text()), published["heads"][1]
        have = ledger.accounts[chart.client("ETH", number).name].balance
        assert verify(read, published) == have == holds(read, ether)
        told = venue.run("reserves", "verify", proof, "--head", head)
        assert told.startswith("holds: ")
    read["balance"] = "5"
    proof.write_text(json.dumps(read))
    assert "REFUSED: the leaves come to" in venue.run("reserves", "verify", proof, code=1)
    assert venue.json("reserves", "verify", proof, code=1)["holds"] is False


def test_a_tree_of_an_earlier_batch_is_of_what_was_owed_then(venue, tmp_path):
    ledger, store = venue.world.custody.poster.ledger, venue.world.custody.poster.store
    seq = next(e.seq for e in store.posted() if e.batch.key.startswith("deposit/"))
    then = venue.json("reserves", "tree", "--at", seq, "--out", tmp_path / "then")
    now = venue.json("reserves", "tree", "--at", ledger.head.seq, "--out", tmp_path / "now")
    latest = venue.json("reserves", "tree", "--out", tmp_path / "latest")
    sums = {h["asset"]: int(h["total"]) for h in then["heads"]}
    assert sums["ETH"] == 3 * RANDOM_BALANCES[2] * 10**10
    assert [h["total"] for h in now["heads"]] == [h["total"] for h in latest["heads"]]
    assert then["heads"][0]["digest"] != now["heads"][0]["digest"]
    with pytest.raises(OperatorError, match="there is no batch"):
        venue.run("reserves", "tree", "--at", ledger.head.seq + 1, "--out", tmp_path / "late")


def test_mistakes_are_told_with_what_to_do(venue, tmp_path):
    secret = tmp_path / "secret"
    venue.run("reserves", "tree", "--out", secret)
    with pytest.raises(OperatorError, match="is there already"):
        venue.run("reserves", "tree", "--out", secret)
    with pytest.raises(OperatorError, match="no tree of DOGE; these are: BTC, ETH, USD"):
        run("reserves", "prove", "--tree", secret, "--account", "ACME", "--asset", "DOGE")
    with pytest.raises(OperatorError, match="is not what `fixgate reserves tree --out` writes"):
        run(
            "reserves", "prove", "--tree", venue.config, "--account", "ACME", "--asset", "ETH",
        )  # fmt: skip
    with pytest.raises(OperatorError, match="no account NOBODY"):
        venue.run("statements", "--account", "NOBODY")
    with pytest.raises(OperatorError, match="a period ends after it begins"):
        venue.run("statements", "--account", "ACME", "--from", "9", "--to", "3")
    with pytest.raises(OperatorError, match="there is no journal in"):
        run("reconcile", "--config", venue.config, "--data", tmp_path)
    demo = data_file("config", "demo.yaml")
    plain = yaml.safe_load(demo.read_text())
    plain.pop("custody", None)
    (tmp_path / "plain.yaml").write_text(yaml.safe_dump(plain))
    with pytest.raises(OperatorError, match="has no part `custody`"):
        run("reconcile", "--config", tmp_path / "plain.yaml", "--data", venue.data)


def test_nothing_of_it_loads_web3_and_the_command_line_no_database():
    heavy = "reconcile_answer, statements_answer, reserves_answer"
    for what, banned in (("reconcile, statements, reserves", "sqlalchemy"), (heavy, "web3")):
        code = f"import sys; from gateway.custody_commands import {what};"
        command = [sys.executable, "-c", f"{code} print({banned!r} in sys.modules)"]
        told = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert told.stdout == "False\n"
