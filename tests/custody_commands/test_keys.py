"""`fixgate keys`: what is made is what is shown, never a secret, and never over what is there."""

import json

import msgspec
import pytest
import yaml

from custody.signing.keys import KeysGone, SeedKeys, Wallet
from custody.signing.keystore import open_keystore
from custody.signing.requests import Sign, Signed, Sweep, WarmFuel
from engine.model.errors import OperatorError
from gateway.custody_commands.keys import add_arguments, run_keys
from tests.custody_commands.setting import run, write_config
from tests.signing.test_signer import GAS
from tests.support.softhsm import PIN, new_token, write_pin


def keys(folder, what, *words):
    config, data = folder / "venue.yaml", folder / "data"
    return run(add_arguments, run_keys, what, "--config", config, "--data", data, *words)


def shown(capsys):
    return json.loads(capsys.readouterr().out)


def test_what_is_created_is_what_is_shown_afterwards(tmp_path, capsys):
    write_config(tmp_path)
    assert keys(tmp_path, "create", "--json") == 0
    made = shown(capsys)
    assert keys(tmp_path, "show", "--json") == 0
    assert shown(capsys) == made | {"made": [], "kept": []}
    password = (tmp_path / "password").read_bytes().strip()
    seed = open_keystore(tmp_path / "keystore.json", password)
    assert made["hot"].lower() == SeedKeys(seed).address(Wallet.HOT)
    assert (tmp_path / "keystore.json").stat().st_mode & 0o777 == 0o600


def test_a_warm_wallet_is_a_key_that_an_older_keystore_has_too(tmp_path, capsys):
    write_config(tmp_path)
    keys(tmp_path, "create", "--json")
    before = shown(capsys)
    assert before["warm"] == ""
    write_config(tmp_path, warm=True)
    assert keys(tmp_path, "show", "--json") == 0
    after = shown(capsys)
    seed = open_keystore(tmp_path / "keystore.json", (tmp_path / "password").read_bytes().strip())
    assert after["warm"].lower() == SeedKeys(seed).address(Wallet.WARM)
    assert (after["hot"], after["xpub"]) == (before["hot"], before["xpub"])
    keys(tmp_path, "show")
    assert f"warm wallet {after['warm']}" in capsys.readouterr().out


def test_nothing_that_is_printed_is_a_secret(tmp_path, capsys):
    write_config(tmp_path)
    keys(tmp_path, "create")
    keys(tmp_path, "show", "--json")
    printed = "".join(capsys.readouterr())
    password = (tmp_path / "password").read_text().strip()
    seed = open_keystore(tmp_path / "keystore.json", password.encode())
    assert "xpub" in printed
    for secret in (password, seed.hex(), "xprv"):
        assert secret not in printed


def test_keys_are_never_written_over(tmp_path):
    write_config(tmp_path)
    keys(tmp_path, "create")
    before = (tmp_path / "keystore.json").read_bytes()
    with pytest.raises(OperatorError, match="never written over"):
        keys(tmp_path, "create")
    assert (tmp_path / "keystore.json").read_bytes() == before


def test_a_venue_that_has_signed_gets_no_new_keys(tmp_path):
    """Its keystore is lost, not missing: new keys would not move a coin of the old ones."""
    write_config(tmp_path)
    (tmp_path / "data/custody").mkdir(parents=True)
    (tmp_path / "data/custody/signer.log").write_bytes(b"{}\n")
    with pytest.raises(OperatorError, match="from their copies"):
        keys(tmp_path, "create")
    assert not (tmp_path / "keystore.json").exists()


def test_without_custody_or_a_keystore_it_says_what_is_missing(tmp_path):
    path = write_config(tmp_path)
    with pytest.raises(OperatorError, match="cannot be read"):
        keys(tmp_path, "show")
    tree = yaml.safe_load(path.read_text())
    del tree["custody"]
    path.write_text(yaml.safe_dump(tree))
    with pytest.raises(OperatorError, match="has no part `custody`"):
        keys(tmp_path, "show")


@pytest.fixture
def hsm(tmp_path):
    settings = new_token(tmp_path)
    write_config(tmp_path, hsm=msgspec.to_builtins(settings))
    return settings


@pytest.mark.proof
def test_with_an_hsm_its_keys_are_made_in_it(hsm, tmp_path, capsys):
    assert keys(tmp_path, "create", "--json") == 0
    made = shown(capsys)
    assert [each.split()[0] for each in made["made"]] == ["key", "key", "AES", "keystore"]
    assert made["hsm"] == hsm.token
    assert keys(tmp_path, "show", "--json") == 0
    assert shown(capsys) == made | {"made": [], "kept": []}
    assert len({made["hot"], made["gas_tank"]}) == 2
    with pytest.raises(OperatorError, match="never written over"):
        keys(tmp_path, "create")


@pytest.mark.proof
def test_what_was_made_in_part_is_made_whole(hsm, tmp_path, capsys):
    keys(tmp_path, "create", "--json")
    made = shown(capsys)
    (tmp_path / "keystore.json").rename(tmp_path / "away")
    keys(tmp_path, "create", "--json")
    again = shown(capsys)
    assert (again["hot"], again["gas_tank"]) == (made["hot"], made["gas_tank"])
    assert again["xpub"] != made["xpub"]
    assert [each.split()[0] for each in again["made"]] == ["keystore"]
    assert len(again["kept"]) == 3


@pytest.mark.proof
def test_a_wrong_pin_makes_nothing(hsm, tmp_path, capsys):
    write_pin(tmp_path, PIN[::-1])
    with pytest.raises(KeysGone, match="refused the PIN"):
        keys(tmp_path, "create")
    assert not (tmp_path / "keystore.json").exists()
    assert PIN[::-1] not in "".join(capsys.readouterr())


def used(tmp_path, *purposes):
    """The signer's log of a venue that has signed for these."""
    from tests.signing.conftest import Bench

    folder = tmp_path / "data/custody"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "signer.log").unlink(missing_ok=True)
    bench = Bench(folder)
    bench.has_warm = True
    bench.start()
    for purpose in purposes:
        assert isinstance(bench.signer.handle(Sign(purpose, 0, GAS)), Signed)
    bench.log.close()


@pytest.mark.proof
def test_a_venue_that_has_signed_may_get_a_warm_wallet_and_gets_no_second(hsm, tmp_path, capsys):
    keys(tmp_path, "create", "--json")
    before = shown(capsys)
    write_config(tmp_path, hsm=msgspec.to_builtins(hsm), warm=True)
    with pytest.raises(KeysGone, match="no key fixgate-warm"):
        keys(tmp_path, "show")
    used(tmp_path, Sweep(0, "", 1), WarmFuel(1))
    with pytest.raises(OperatorError, match="from their copies"):
        keys(tmp_path, "create")  # it had one, which is lost
    used(tmp_path, Sweep(0, "", 1))
    assert keys(tmp_path, "create", "--json") == 0
    after = shown(capsys)
    assert after["made"] == ["key pair fixgate-warm in the HSM"]
    assert (after["hot"], after["xpub"]) == (before["hot"], before["xpub"])
    assert len({after["hot"], after["warm"], after["gas_tank"]}) == 3
    with pytest.raises(OperatorError, match="all keys are there"):
        keys(tmp_path, "create")


@pytest.mark.proof
def test_a_venue_that_has_signed_and_lacks_other_keys_gets_none(hsm, tmp_path):
    write_config(tmp_path, hsm=msgspec.to_builtins(hsm), warm=True)
    used(tmp_path, Sweep(0, "", 1))
    with pytest.raises(KeysGone, match="no key fixgate-hot"):
        keys(tmp_path, "create")
    with pytest.raises(KeysGone, match="no key fixgate-hot"):
        keys(tmp_path, "show")
