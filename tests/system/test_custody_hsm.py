"""A venue whose wallets are keys of an HSM, as its processes: through kill -9, and without it."""

import argparse

import msgspec
import pytest
import yaml

from gateway.custody_commands.keys import run_keys
from tests.support.coins import ETHER, SECONDS, Coins, coins_config
from tests.support.softhsm import PIN, new_token, token_folder
from tests.support.venue import wait_until
from tests.system.test_custody import ONLY, THEIRS, storm

pytestmark = pytest.mark.proof


@pytest.fixture
def coins(new_venue, tmp_path, capsys):
    """A venue with keys that `fixgate keys create` has made in a token."""
    path = coins_config(tmp_path)
    tree = yaml.safe_load(path.read_text())
    tree["custody"] |= {
        "keystore": {"file": "keystore.json", "password_file": "password"},
        "hsm": msgspec.to_builtins(new_token(tmp_path)),
    }
    path.write_text(yaml.safe_dump(tree))
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("a password for tests\n")
    venue = new_venue(path, only=ONLY)
    words = {"what": "create", "config": path, "data": venue.data, "json": True}
    run_keys(argparse.Namespace(**words))
    made = msgspec.json.decode(capsys.readouterr().out)
    coins = Coins(venue.start())
    coins.hot = made["hot"].lower()
    return coins


def signed_by_hot(coins):
    """Lines of the signer's log of what the hot wallet pays."""
    lines = (coins.venue.data / "custody/signer.log").read_bytes().splitlines()
    return [line for line in map(msgspec.json.decode, lines) if line["wallet"] == coins.hot]


def test_coins_survive_kills_and_every_payment_is_the_hsms(coins):
    assert storm(coins, rounds=6, seed=4) == 6
    assert len({line["id"] for line in signed_by_hot(coins)}) == 6
    assert PIN not in coins.venue.stderr


def test_while_the_hsm_is_gone_nothing_is_paid_and_then_it_is(coins):
    coins.paid_in(ETHER)
    first = coins.withdraw(ETHER // 20, THEIRS)
    coins.wait(first, "settled")
    folder = token_folder()
    away = folder.with_name("away")
    folder.rename(away)
    try:
        coins.venue.kill_one("signer")
        second = coins.withdraw(ETHER // 20, THEIRS)
        wait_until(
            lambda: "the HSM is not there" in coins.venue.stderr, SECONDS, "the signer says so"
        )
        assert coins.withdrawal(second)["state"] != "settled"
        assert {line["id"] for line in signed_by_hot(coins)} == {f"withdrawal/{first}"}
    finally:
        away.rename(folder)
    coins.wait(second, "settled")
    assert len({line["id"] for line in signed_by_hot(coins)}) == 2
