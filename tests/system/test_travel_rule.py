"""The travel rule at a running venue: a withdrawal waits, through a death of custody, until its
message is sent."""

import json

import pytest
import yaml

from compliance.kyc_file import KYC_NAME, KycFile
from gateway.at_the_venue import identity_at
from gateway.cli import main
from tests.kyc.support import desk_with
from tests.support.coins import ETHER, SECONDS, Coins, coins_config
from tests.support.venue import wait_until
from tests.travel.test_commands import OTHERS, SEAT
from tests.travel.test_config import RULE

THEIRS = "0x" + "c1" * 20

pytestmark = pytest.mark.proof


@pytest.fixture
def coins(new_venue, tmp_path):
    path = coins_config(tmp_path)
    tree = yaml.safe_load(path.read_text())
    tree["compliance"] = {"origin": "test.example/log", "travel_rule": RULE}
    path.write_text(yaml.safe_dump(tree))
    return Coins(new_venue(path, only="core,signer,custody").start())


def typed(capsys, data, *words):
    """`fixgate travel`; what it printed."""
    capsys.readouterr()
    assert main(["travel", *map(str, words), "--data", str(data), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_withdrawal_waits_until_its_message_is_sent(coins, capsys):
    data = coins.venue.data

    def waits_for(text):
        said = lambda: text in coins.withdrawal(ident)["text"]  # noqa: E731
        wait_until(said, SECONDS, f"{ident} waits for {text}")
        assert coins.withdrawal(ident)["state"] == "approved"

    def agreed(*words):
        number = typed(capsys, data, *words, "--as", "anna")["number"]
        typed(capsys, data, "agree", number, "--as", "ben")

    coins.paid_in(2 * ETHER)
    ident = coins.withdraw(ETHER // 2, THEIRS)
    coins.wait(ident, "awaiting")
    coins.approve(ident)
    waits_for("ACME is no customer with an approved file")
    file = KycFile(data / "compliance" / KYC_NAME, identity_at(data))
    for k, event in enumerate(desk_with("active")._store.read(0)):
        file.append(k, event)
    agreed("customer", "ACME", *SEAT)
    waits_for(f"`fixgate travel know {THEIRS} --account ACME ...`")
    agreed("know", THEIRS, "--account", "ACME", *OTHERS)
    waits_for(f"`fixgate travel sent {ident} --sha256")
    coins.venue.kill_one("custody")
    waits_for(f"`fixgate travel sent {ident} --sha256")
    shown = typed(capsys, data, "message", ident)
    (sender,) = shown["ivms101"]["originator"]["originatorPerson"]
    assert sender["accountNumber"] == ["ACME", coins.ask(op="wallets")["hot"]]
    typed(capsys, data, "sent", ident, "--sha256", shown["sha256"], "--as", "anna")
    coins.wait(ident, "settled")
    assert typed(capsys, data, "message", ident)["sha256"] == shown["sha256"]
