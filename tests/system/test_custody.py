"""Custody and the signer as processes of a venue: coins come and go through kill -9 of anybody."""

import os
import random
import resource
from base64 import b64encode

import pytest
import yaml

from custody.policy.intents import read_intent
from custody.signing.keys import SeedKeys, Wallet
from custody.signing.keystore import open_keystore
from engine.core.venue import Venue as Engine
from engine.replay import folder_records, replay
from tests.screening.test_hook import LISTED
from tests.screening.test_ofac import ALT, SDN
from tests.support.anvil import find_anvil, needs_anvil, start_anvil
from tests.support.coins import (
    ETHER,
    FEE,
    SECONDS,
    Coins,
    RealCoins,
    coins_config,
    real_config,
)
from tests.support.postgres import postgres_server
from tests.support.venue import wait_until

ONLY = "core,signer,custody"
THEIRS = "0x" + "c1" * 20
COLD = "0x" + "c0" * 20


@pytest.fixture
def new_coins(new_venue, tmp_path):
    """A venue with custody on a chain of its own, and a member's coins there."""

    def make(**chain):
        venue = new_venue(coins_config(tmp_path, **chain), only=ONLY)
        return Coins(venue.start())

    return make


def engine_of(venue):
    """The engine as the journal makes it."""
    engine = Engine()
    replay(folder_records(venue.data / "journal"), engine)
    return engine


def balance(venue, name="ACME", code="ETH"):
    """(available, held) of an account, minor units."""
    engine = engine_of(venue)
    account = next(a.id for a in engine.refdata.accounts.values() if a.name == name)
    asset = next(a.id for a in engine.refdata.assets.values() if a.code == code)
    there = engine.state.accounts[account].balances[asset]
    return there.available, there.held


def settled(coins):
    """Until the ledger has all that the journal has, and nothing is under way."""

    def quiet():
        status = coins.ask(op="status")
        under_way = ("requested", "held", "approved", "sending", "paid", "releasing")
        asked = status["withdrawals"]
        return not status["ledger_behind_records"] and not any(asked[s] for s in under_way)

    wait_until(quiet, SECONDS, "nothing is under way")


def test_coins_come_are_credited_and_leave_on_an_approvers_word(new_coins):
    coins = new_coins()
    before, _ = balance(coins.venue)
    coins.paid_in(2 * ETHER)
    ident = coins.withdraw(ETHER, THEIRS)
    coins.wait(ident, "awaiting")
    assert balance(coins.venue) == (before + ETHER - FEE, ETHER + FEE)
    coins.approve(ident)
    row = coins.wait(ident, "settled")
    assert "is final" in row["text"]
    assert balance(coins.venue) == (before + ETHER - FEE, 0)


def test_a_rejected_withdrawal_gives_the_money_back(new_coins):
    coins = new_coins()
    before = balance(coins.venue)
    ident = coins.withdraw(5 * ETHER, THEIRS)
    coins.approve(ident, approves=False)
    coins.wait(ident, "rejected")
    assert balance(coins.venue) == before


def test_the_venue_trades_while_custody_and_its_keys_are_away(new_coins, dial):
    coins = new_coins()
    member = dial(coins.venue, "ACME-OE1").reconnect(reset=True)
    for name in ("custody", "signer"):
        coins.venue.kill_one(name)
    member.sync()
    ident = coins.withdraw(ETHER, THEIRS)
    coins.approve(ident)
    coins.wait(ident, "settled")


def test_nobody_looks_into_the_memory_of_custody_and_its_keys(new_coins):
    venue = new_coins().venue
    for name, pid in venue.pids().items():
        assert resource.prlimit(pid, resource.RLIMIT_CORE) == (0, 0), f"{name} may leave a core"
    coredump = [f"/proc/{venue.pid(name)}/fd" for name in ("signer", "custody")]
    assert {os.stat(path).st_uid for path in coredump} == {0}, "what is sealed is root's to look at"


def test_the_venue_stops_in_time_with_custody_at_work(new_coins):
    coins = new_coins()
    coins.paid_in(ETHER)
    coins.withdraw(ETHER, THEIRS)
    code, seconds = coins.venue.stop()
    assert code == 0
    assert seconds < 5
    assert "killed" not in coins.venue.stderr


def with_all_wallets(path):
    """The same configuration with a warm and a cold wallet below a small hot one."""
    tree = yaml.safe_load(path.read_text())
    part = tree["custody"]
    part |= {"warm": True, "cold": COLD}
    part["assets"][0] |= {
        "sweep_above": "0.5", "hot_most": "20", "hot_keep": "10", "warm_most": "100",
        "warm_keep": "50",
    }  # fmt: skip
    part["policy"]["rules"][-1]["kinds"].append("restock")
    path.write_text(yaml.safe_dump(tree))
    return path


def wallets(coins):
    """What the books have where, ETH."""
    return {
        row["wallet"]: int(row["amount"]) / ETHER
        for row in coins.ask(op="balances")
        if row["asset"] == "ETH"
    }


def down_and_up(coins):
    """The hot wallet of the demo's chain begins with a thousand; gas is far below a hundredth."""

    def lies(**expected):
        there = wallets(coins)
        return all(abs(there[name] - amount) < 0.01 for name, amount in expected.items())

    wait_until(lambda: lies(hot=10, warm=50, cold=940), SECONDS, "all is down")
    ident = coins.ask(op="restock", asset="ETH", amount=25 * ETHER, who="desk")["id"]
    row = coins.ask(op="decision", id=ident)
    signature = coins.sign(read_intent(row["intent"].encode()), True)
    coins.venue.kill_one("custody")
    coins.ask(
        op="approve_decision", id=ident, approver=coins.approver, approves=True,
        signature=b64encode(signature).decode(),
    )  # fmt: skip
    wait_until(lambda: coins.ask(op="decision", id=ident)["state"] == "done", SECONDS, "it is up")
    wait_until(lambda: lies(hot=10, warm=50, cold=940), SECONDS, "what is too much is down again")
    assert coins.ask(op="alarms") == []


def test_coins_go_down_to_warm_and_cold_and_come_up_on_an_approvers_word(new_venue, tmp_path):
    config = with_all_wallets(coins_config(tmp_path))
    down_and_up(Coins(new_venue(config, only=ONLY).start()))


@pytest.mark.proof
def test_they_do_so_on_a_real_node_and_database(new_venue, tmp_path, monkeypatch):
    needs_anvil()
    monkeypatch.setenv("FIXGATE_ANVIL", str(find_anvil()))
    with postgres_server() as postgres:
        chain = {"kind": "demo", "block_ms": 500}
        config = coins_config(tmp_path, database=postgres.new_database(), **chain)
        coins = Coins(new_venue(with_all_wallets(config), only=ONLY).start())
        assert "anvil at" in coins.venue.stderr
        down_and_up(coins)


def test_nothing_goes_to_an_address_on_a_sanctions_list(new_venue, tmp_path):
    path = coins_config(tmp_path)
    tree = yaml.safe_load(path.read_text())
    lists = [{"source": "OFAC SDN", "folder": "sdn"}]
    tree["compliance"] = {"origin": "test.example/log", "screening": {"lists": lists}}
    path.write_text(yaml.safe_dump(tree))
    (tmp_path / "sdn").mkdir()
    (tmp_path / "sdn" / "sdn.csv").write_text(SDN)
    (tmp_path / "sdn" / "alt.csv").write_text(ALT)
    coins = Coins(new_venue(path, only=ONLY).start())
    coins.paid_in(2 * ETHER)
    listed, other = coins.withdraw(ETHER, LISTED), coins.withdraw(ETHER // 2, THEIRS)
    for ident in (listed, other):
        coins.wait(ident, "awaiting")
        coins.approve(ident)
    coins.wait(other, "settled")
    assert coins.withdrawal(listed)["state"] == "approved"
    assert [alarm["text"] for alarm in coins.ask(op="alarms")] == [f"screening says no to {listed}"]
    assert f"{LISTED} is 'DOE, John', entry 25308 of OFAC SDN" in coins.venue.stderr


def storm(coins, rounds, seed):
    """Deposits and withdrawals, and now and then somebody is killed; what must be there then."""
    rng = random.Random(seed)
    venue = coins.venue
    before, _ = balance(venue)
    paid, asked = {}, {}
    for k in range(rounds):
        amount = rng.randint(1, 300) * ETHER // 100
        paid[coins.pay(amount)] = amount
        out = rng.randint(2, 300) * ETHER // 100
        asked[coins.withdraw(out, "0x%040x" % (0xD000 + k))] = out
        for ident in rng.sample(sorted(asked), min(len(asked), 2)):
            if coins.withdrawal(ident)["state"] == "awaiting":
                coins.approve(ident)
        victim = rng.choice(("custody", "custody", "signer", "core", "all", "nobody"))
        if victim == "all":
            venue.kill_all()
            venue.start()
        elif victim != "nobody":
            venue.kill_one(victim)
    for tx in paid:
        coins.wait_credited(tx)
    for ident in asked:
        if coins.withdrawal(ident)["state"] != "settled":
            wait_until(
                lambda ident=ident: coins.withdrawal(ident)["state"] in ("awaiting", "settled"),
                SECONDS, f"{ident} goes on",
            )  # fmt: skip
            if coins.withdrawal(ident)["state"] == "awaiting":
                coins.approve(ident)
        coins.wait(ident, "settled")
    settled(coins)
    for ident in asked:
        assert coins.withdrawal(ident)["state"] == "settled"
    assert coins.ask(op="alarms") == []
    there = before + sum(paid.values()) - sum(asked.values()) - len(asked) * FEE
    assert balance(venue) == (there, 0)
    return len(paid)


def test_coins_survive_kills_of_custody_signer_core_and_all(new_coins):
    assert storm(new_coins(), rounds=6, seed=1) == 6


@pytest.mark.proof
def test_the_same_through_twenty_five_rounds(new_coins):
    assert storm(new_coins(), rounds=25, seed=2) == 25


@pytest.mark.proof
def test_the_same_on_a_real_node(new_venue, tmp_path):
    with start_anvil() as anvil:
        config = real_config(tmp_path, anvil.url)
        seed = open_keystore(tmp_path / "keystore.json", b"a password for tests")
        # Before custody begins to watch: what comes later to a wallet of ours is nobody's deposit.
        anvil.send(SeedKeys(seed).address(Wallet.HOT), 10**20)
        anvil.mine(20)
        coins = RealCoins(new_venue(config, only=ONLY), anvil)
        coins.venue.start()
        assert storm(coins, rounds=15, seed=3) == 15


@pytest.mark.proof
def test_the_demos_own_node_is_there_again_after_a_kill(new_coins, monkeypatch):
    needs_anvil()
    monkeypatch.setenv("FIXGATE_ANVIL", str(find_anvil()))
    coins = new_coins(kind="demo", block_ms=500)
    assert "anvil at" in coins.venue.stderr
    coins.paid_in(2 * ETHER)
    ident = coins.withdraw(ETHER, THEIRS)
    coins.wait(ident, "awaiting")
    coins.venue.kill_all()
    coins.venue.start()
    coins.approve(ident)
    coins.wait(ident, "settled")
    assert coins.ask(op="alarms") == []


@pytest.mark.proof
def test_a_database_that_is_away_stops_nothing_but_custody(new_venue, tmp_path, dial):
    """It is away in the middle of a withdrawal; what waits goes on when it is back."""
    with postgres_server() as postgres:
        url = postgres.new_database()
        coins = Coins(new_venue(coins_config(tmp_path, database=url), only=ONLY))
        venue = coins.venue.start()
        member = dial(venue, "ACME-OE1").reconnect(reset=True)
        coins.paid_in(2 * ETHER)
        ident = coins.withdraw(ETHER, THEIRS)
        with postgres.away(url):
            wait_until(lambda: "the database fails" in venue.stderr, SECONDS, "custody says so")
            member.sync()
        coins.approve(ident)
        coins.wait(ident, "settled")
        settled(coins)


def test_a_keystore_that_does_not_open_stops_nothing_but_custody(new_venue, tmp_path, dial):
    config = real_config(tmp_path, "http://127.0.0.1:1")
    (tmp_path / "keystore.password").write_text("not the word\n")
    venue = new_venue(config, only=ONLY).start()
    dial(venue, "ACME-OE1").reconnect(reset=True).sync()
    wait_until(lambda: "does not open" in venue.stderr, SECONDS, "the signer says why")
    assert "not the word" not in venue.stderr
