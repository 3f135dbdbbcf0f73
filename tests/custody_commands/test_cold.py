"""`fixgate cold` from the first word to the coins, on a real node with a real Safe."""

import json

import msgspec
import pytest

from custody.chains.calldata import AddressMalformed
from custody.wallets.safe import SafeRefused
from engine.model.errors import OperatorError
from gateway.custody_commands.cold import add_arguments, run_cold
from tests.custody.test_terms import GOOD
from tests.custody_commands.setting import run, write_config
from tests.support.anvil import CHAIN, KEYS, start_anvil
from tests.support.evm_scene import words as calldata_of
from tests.support.safe import LISTED, OWNERS, THIEF, new_safe
from tests.support.softhsm import new_token

HOT = "0x" + "b0" * 20
WARM = "0x" + "3a" * 20
SAFE = "0x" + "5afe" * 10
ETHER = 10**18


class Office:
    """A folder with the configuration, keys in files, and the commands."""

    def __init__(self, folder, capsys, anvil=None, safe=SAFE, token="0x" + "c0" * 20, **more):
        self.folder = folder
        self.capsys = capsys
        self.anvil = anvil
        chain = GOOD["chain"] | {"id": CHAIN}
        if anvil is not None:
            one, two = chain["endpoints"]
            chain["endpoints"] = [one | {"url": anvil.url}, two | {"url": anvil.url}]
        assets = [GOOD["assets"][0], GOOD["assets"][1] | {"token": token}]
        self.config = write_config(folder, chain=chain, assets=assets, cold=safe, **more)
        self.file = folder / "payment.json"
        for name, key in (*zip("abc", OWNERS, strict=True), ("thief", THIEF)):
            self.key(name, key.key.hex())
        self.key("gas", KEYS[1])

    def key(self, name, text):
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text + "\n")

    def cold(self, what, *words, hot=HOT):
        """What a command prints as JSON."""
        words = [what, *words, "--config", self.config, "--json"]
        if what != "owner" and "--warm" not in words:
            words += ["--hot", hot]
        self.code = run(add_arguments, run_cold, *words)
        return json.loads(self.capsys.readouterr().out)

    def propose(self, *words, **more):
        return self.cold("propose", "--out", self.file, *words, **more)

    def sign(self, name, *words, **more):
        return self.cold("sign", self.file, "--key", self.folder / name, "--yes", *words, **more)


OFFLINE = ("--nonce", 0, "--threshold", 2, *(f"--owner={owner}" for owner in LISTED))


@pytest.fixture
def desk(tmp_path, capsys):
    """Without any node."""
    return Office(tmp_path, capsys)


def test_a_file_goes_round_without_a_node_and_ends_as_a_call(desk):
    made = desk.propose("--asset", "ETH", "--amount", "20.5", *OFFLINE)
    assert (made["amount"], made["atomic"], made["hot"]) == ("20.5", str(205 * 10**17), HOT)
    desk.sign("c")
    with pytest.raises(SafeRefused, match="1 of 2"):
        desk.cold("execute", desk.file)
    assert len(desk.sign("a")["signatures"]) == 2
    call = desk.cold("execute", desk.file)
    assert (call["to"], call["value"], call["data"][:10]) == (SAFE, "0", "0x6a761202")


def test_all_that_an_owner_has_to_see_is_shown_before_they_say_yes(desk, monkeypatch):
    desk.propose("--asset", "USD", "--amount", "12.5", *OFFLINE)
    before = desk.file.read_bytes()
    monkeypatch.setattr("builtins.input", lambda _: "no")
    with pytest.raises(OperatorError, match="nothing was signed"):
        run(add_arguments, run_cold, "sign", desk.file, "--config", desk.config, "--hot", HOT,
            "--key", desk.folder / "a")  # fmt: skip
    shown = desk.capsys.readouterr().err
    hash_ = json.loads(before)["hash"]
    for words in ("12.5 USD", "12500000 smallest", "2 of 3", f"chain {CHAIN}", hash_,
                  "no delegatecall", OWNERS[0].address):  # fmt: skip
        assert words in shown
    assert desk.file.read_bytes() == before


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t | {"hot": "0x" + "66" * 20}, "hot:"),
        (lambda t: t | {"amount": "2"}, "amount:"),
        (lambda t: t | {"transaction": t["transaction"] | {"operation": 1}}, "delegatecall"),
        (lambda t: t | {"transaction": t["transaction"] | {"to": "0x" + "66" * 20}}, "it pays"),
        (lambda t: t | {"hash": "0x" + "66" * 32}, "hash:"),
    ],
)
def test_a_file_that_somebody_has_changed_is_signed_by_nobody(desk, change, reason):
    desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE)
    tree = json.loads(desk.file.read_bytes())
    desk.file.write_text(json.dumps(change(tree)))
    with pytest.raises(SafeRefused, match=reason):
        desk.sign("a")


def test_an_owner_brings_the_hot_wallets_address_along(desk):
    desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE, hot="0x" + "66" * 20)
    with pytest.raises(SafeRefused, match="the hot wallet is"):
        desk.sign("a")
    with pytest.raises(AddressMalformed):
        desk.sign("a", hot="0x12")


def test_owners_may_pay_the_warm_wallet_knowingly_and_it_alone(tmp_path, capsys, monkeypatch):
    desk = Office(tmp_path, capsys, warm=True)
    made = desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE, "--warm", WARM)
    assert (made["hot"], made["wallet"]) == (WARM, "warm")
    with pytest.raises(SafeRefused, match="the hot wallet is"):
        desk.sign("a")
    with pytest.raises(SafeRefused, match="wallet: the file says warm"):
        desk.sign("a", hot=WARM)
    with pytest.raises(SafeRefused, match="the warm wallet is"):
        desk.sign("a", "--warm", "0x" + "66" * 20)
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    words = ("sign", desk.file, "--config", desk.config, "--key", desk.folder / "a")
    run(add_arguments, run_cold, *words, "--warm", WARM)
    assert ", the warm wallet" in capsys.readouterr().err
    desk.sign("b", "--warm", WARM)
    assert desk.cold("execute", desk.file, "--warm", WARM)["to"] == SAFE


def test_there_is_no_warm_wallet_where_the_configuration_names_none(desk):
    with pytest.raises(OperatorError, match=r"custody\.warm"):
        desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE, "--warm", WARM)


def test_what_cannot_be_is_said(desk):
    desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE)
    with pytest.raises(OperatorError, match="name another file"):
        desk.propose("--asset", "ETH", "--amount", "20", *OFFLINE)
    with pytest.raises(SafeRefused, match="no owner"):
        desk.sign("thief")
    with pytest.raises(OperatorError, match="no private key"):
        desk.sign("password")
    (desk.folder / "a").chmod(0o644)
    with pytest.raises(OperatorError, match="chmod 600"):
        desk.sign("a")
    with pytest.raises(OperatorError, match="has no custody"):
        desk.cold("sign", desk.file, "--hsm", "owner", "--yes")
    with pytest.raises(OperatorError, match="without --rpc"):
        desk.propose("--asset", "ETH", "--amount", "20")


# --- with a node -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def anvil():
    with start_anvil() as node:
        yield node


def executed(office):
    """Execute, mine, and what is said of it then."""
    sent = office.cold("execute", office.file, "--rpc", "one", "--gas-key", office.folder / "gas")
    early = office.cold("show", office.file, "--rpc", "one", "--tx", sent["tx"])
    assert (office.code, early["doubt"]) == (1, "it is in no block yet")
    office.anvil.mine()
    return office.cold("show", office.file, "--rpc", "one", "--tx", sent["tx"])


def balance(anvil, address):
    return int(anvil.rpc("eth_getBalance", address, "latest"), 16)


@pytest.mark.proof
def test_coins_come_out_when_two_of_three_have_signed(tmp_path, capsys, anvil):
    office = Office(tmp_path, capsys, anvil, new_safe(anvil))
    safe = msgspec.json.decode(json.dumps(office.propose(
        "--asset", "ETH", "--amount", "1", *OFFLINE)))["safe"]  # fmt: skip
    anvil.send(safe, 10 * ETHER)
    anvil.mine()
    office.file.unlink()
    made = office.propose("--asset", "ETH", "--amount", "4", "--rpc", "one")
    assert (made["owners"], made["threshold"]) == (list(LISTED), 2)
    office.sign("b", "--rpc", "one")
    with pytest.raises(SafeRefused, match="1 of 2"):
        office.cold("execute", office.file, "--rpc", "one", "--gas-key", tmp_path / "gas")
    office.sign("a")
    before, safe_before = balance(anvil, HOT), balance(anvil, safe)
    told = executed(office)
    assert (office.code, told["doubt"]) == (0, "")
    assert balance(anvil, HOT) == before + 4 * ETHER
    assert balance(anvil, safe) == safe_before - 4 * ETHER
    with pytest.raises(SafeRefused, match="the Safe's next is 1"):
        office.cold("execute", office.file, "--rpc", "one", "--gas-key", tmp_path / "gas")


@pytest.mark.proof
@pytest.mark.parametrize(
    ("kind", "doubt"),
    [("Honest", ""), ("Taxed", "does the token take a fee"), ("Lying", "0 left the Safe")],
)
def test_a_token_is_believed_by_balances_alone(tmp_path, capsys, anvil, kind, doubt):
    safe, token = new_safe(anvil), anvil.deploy(kind)
    anvil.send(token, data=calldata_of(kind, "transfer", safe, 10_000_000))
    anvil.mine()
    office = Office(tmp_path, capsys, anvil, safe, token)
    office.propose("--asset", "USD", "--amount", "2", "--rpc", "one")
    office.sign("a")
    office.sign("c")
    told = executed(office)
    assert (office.code, doubt in told["doubt"]) == (1 if doubt else 0, True)


@pytest.mark.proof
def test_another_transaction_of_the_safe_is_not_this_one(tmp_path, capsys, anvil):
    safe = new_safe(anvil)
    anvil.send(safe, 10 * ETHER)
    anvil.mine()
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = Office(tmp_path / "one", capsys, anvil, safe)
    other = Office(tmp_path / "two", capsys, anvil, safe)
    for office, amount in ((first, "1"), (other, "2")):
        office.propose("--asset", "ETH", "--amount", amount, "--rpc", "one")
        office.sign("a")
        office.sign("b")
    sent = first.cold("execute", first.file, "--rpc", "one", "--gas-key", first.folder / "gas")
    anvil.mine()
    assert first.cold("show", first.file, "--rpc", "one", "--tx", sent["tx"])["doubt"] == ""
    told = other.cold("show", other.file, "--rpc", "one", "--tx", sent["tx"])
    assert "executed something else" in told["doubt"]


@pytest.mark.proof
def test_more_than_the_safe_has_is_not_sent(tmp_path, capsys, anvil):
    office = Office(tmp_path, capsys, anvil, new_safe(anvil))
    office.propose("--asset", "ETH", "--amount", "7", "--rpc", "one")
    office.sign("a")
    office.sign("b")
    with pytest.raises(SafeRefused, match="would fail, and was not sent"):
        office.cold("execute", office.file, "--rpc", "one", "--gas-key", tmp_path / "gas")


@pytest.mark.proof
@pytest.mark.parametrize("contract", [True, False])
def test_what_is_no_safe_is_told(tmp_path, capsys, anvil, contract):
    office = Office(tmp_path, capsys, anvil, anvil.deploy("Honest") if contract else SAFE)
    with pytest.raises(SafeRefused, match="is no Safe"):
        office.propose("--asset", "ETH", "--amount", "7", "--rpc", "one")


@pytest.mark.proof
def test_an_owners_key_may_be_in_the_hsm(tmp_path, capsys, anvil):
    hsm = msgspec.to_builtins(new_token(tmp_path))
    office = Office(tmp_path, capsys, anvil, hsm=hsm)
    owner = office.cold("owner", "--hsm", "cold-owner")["address"].lower()
    assert office.cold("owner", "--hsm", "cold-owner")["address"].lower() == owner
    safe = new_safe(anvil, (owner, LISTED[0]), 2)
    anvil.send(safe, 3 * ETHER)
    anvil.mine()
    office = Office(tmp_path, capsys, anvil, safe, hsm=hsm)
    office.propose("--asset", "ETH", "--amount", "3", "--rpc", "one")
    office.sign("a")
    office.cold("sign", office.file, "--hsm", "cold-owner", "--yes")
    told = executed(office)
    assert (office.code, told["doubt"]) == (0, "")


@pytest.mark.proof
def test_the_hot_wallet_or_a_module_at_the_safe_is_warned_of(tmp_path, capsys, anvil):
    office = Office(tmp_path, capsys, anvil, new_safe(anvil, (HOT, LISTED[0])))
    words = ("propose", "--out", office.file, "--asset", "ETH", "--amount", "1", "--rpc", "one")
    run(add_arguments, run_cold, *words, "--config", office.config, "--hot", HOT)
    assert "CAREFUL: the hot wallet is an owner" in capsys.readouterr().err
