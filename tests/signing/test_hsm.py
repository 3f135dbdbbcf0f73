"""Keys in an HSM (SoftHSM): they sign, they stay where they are, and nothing else signs instead."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from eth_keys import keys as eth_keys
from sqlalchemy import select

from custody.signing.hsm import ORDER, finished
from custody.signing.keys import KeysGone, Wallet
from custody.signing.keystore import RANDOM_BYTES, create_keystore, open_keystore
from custody.signing.opening import Seal
from custody.signing.requests import Fuel, Gas, Pay, Refused, Sign, Signed, Sweep, Wallets
from custody.signing.token import RETRY_NANOS, HsmToken
from custody.store.custody_schema import attempts
from engine.model.errors import OperatorError
from tests.custody.world import ETHER, GWEI, THEIRS, Killed, World
from tests.signing.test_signer import GAS, LARGE, SMALL, approved, read
from tests.support.anvil import rich, start_anvil
from tests.support.softhsm import PIN, make_keys, new_token, token_folder, write_pin

pytestmark = pytest.mark.proof
HOT = "fixgate-hot"


@pytest.fixture
def hsm(tmp_path, bench):
    """Keys in a token of their own, and a signer that signs with them."""
    made = make_keys(new_token(tmp_path), tmp_path, bench.clock, bench.said.append)
    bench.keys = made
    bench.start()
    yield made
    made.token.close()


@pytest.fixture
def gone():
    """Takes the HSM away, and brings it back."""
    folder = token_folder()
    away = folder.with_name("away")

    class Gone:
        def leave(self):
            folder.rename(away)

        def come(self):
            away.rename(folder)

    yield Gone()
    if away.exists():
        away.rename(folder)


def test_the_suite_of_the_signer_passes_on_it():
    """In a process of its own, where every key that signs for a wallet is the HSM's."""
    new = os.environ | {"FIXGATE_TEST_KEYS": "hsm"}
    suite = [f"tests/signing/test_{name}.py" for name in ("signer", "warm", "log", "socket")]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suite],
        env=new, capture_output=True, text=True, timeout=200, check=False,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-2_000:]
    passed = int(done.stdout.split(" passed")[0].split()[-1])
    assert passed > 50


def test_an_ethereum_signature_is_the_wallets_and_low(hsm):
    address = hsm.address(Wallet.HOT)
    odd = set()
    for number in range(200):
        digest = number.to_bytes(32, "big")
        r, s, parity = hsm.sign(Wallet.HOT, digest)
        assert 0 < s <= ORDER // 2
        signature = eth_keys.Signature(vrs=(parity, r, s))
        signer = signature.recover_public_key_from_msg_hash(digest)
        assert signer.to_address() == address
        odd.add(parity)
    assert odd == {0, 1}


def test_the_token_itself_gives_high_ones_too(hsm):
    raw = [hsm.token.sign(HOT, bytes(32)) for _ in range(64)]
    assert any(int.from_bytes(each[32:], "big") > ORDER // 2 for each in raw)


def test_the_keys_never_leave_the_token(hsm):
    import pkcs11

    hsm.token.point(HOT)
    key = hsm.token._session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=HOT)
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        key[pkcs11.Attribute.VALUE]
    assert not key[pkcs11.Attribute.EXTRACTABLE]
    assert key[pkcs11.Attribute.LOCAL]


def test_a_key_that_could_be_taken_out_is_not_used(tmp_path, bench):
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    settings = new_token(tmp_path)
    token = HsmToken(settings, tmp_path / "pin", bench.clock, bench.said.append)
    token.make_sealing_key("other")  # the library is loaded, and sees the token
    with token._call():
        token._open(writes=True)
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256k1")}
        parameters = token._session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True)
        parameters.generate_keypair(
            store=True, label=HOT,
            private_template={
                pkcs11.Attribute.EXTRACTABLE: True, pkcs11.Attribute.SENSITIVE: False,
            },
        )  # fmt: skip
    with pytest.raises(KeysGone, match="somebody may have a copy"):
        token.sign(HOT, bytes(32))
    token.close()


def test_two_keys_of_one_name_are_none(hsm, tmp_path):
    import pkcs11
    from pkcs11.util.ec import encode_named_curve_parameters

    assert hsm.token.make_pair(HOT) is False
    with hsm.token._call():
        hsm.token._open(writes=True)
        curve = {pkcs11.Attribute.EC_PARAMS: encode_named_curve_parameters("secp256k1")}
        session = hsm.token._session
        session.create_domain_parameters(pkcs11.KeyType.EC, curve, local=True).generate_keypair(
            store=True, label=HOT
        )
    with pytest.raises(KeysGone, match="which one is meant"):
        hsm.sign(Wallet.HOT, bytes(32))


@pytest.mark.parametrize("form", [bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32])
def test_what_is_no_signature_at_all_never_leaves(hsm, form):
    with pytest.raises(KeysGone, match="by another key"):
        finished(hsm._wallets[Wallet.HOT].point(), bytes(32), form)


def test_a_signature_of_another_key_never_leaves(hsm):
    point = hsm._wallets[Wallet.HOT].point()
    other = hsm.token.sign("fixgate-gas-tank", bytes(32))
    with pytest.raises(KeysGone, match="by another key"):
        finished(point, bytes(32), other)


# --- the seed of deposit addresses -------------------------------------------------------------


def test_the_seed_needs_the_hsm_and_the_password(hsm, tmp_path):
    path = tmp_path / "sealed.json"
    seal = Seal(hsm.token, "fixgate-seal")
    random = os.urandom(RANDOM_BYTES)
    create_keystore(path, b"secret", random, seal)
    assert open_keystore(path, b"secret", seal) == random[:32]
    with pytest.raises(OperatorError, match="sealed by an HSM"):
        open_keystore(path, b"secret")
    with pytest.raises(OperatorError, match="does not open"):
        open_keystore(path, b"another", seal)
    assert hsm.token.make_sealing_key("another-seal")
    with pytest.raises(OperatorError, match="does not open"):
        open_keystore(path, b"secret", Seal(hsm.token, "another-seal"))


def test_deposit_addresses_are_those_of_the_xpub_and_sweep_themselves(hsm, bench):
    from custody.wallets.bip32 import AddressBook

    assert AddressBook(hsm.xpub()).address(7) == hsm.address(7)
    fields, sender = read(bench.signer.handle(Sign(Sweep(7, "", ETHER), 0, GAS)))
    assert (sender, "0x" + bytes(fields["to"]).hex()) == (hsm.address(7), hsm.address(Wallet.HOT))
    fields, sender = read(bench.signer.handle(Sign(Fuel(7, ETHER), 0, GAS)))
    assert sender == hsm.address(Wallet.GAS_TANK)


# --- it fails ----------------------------------------------------------------------------------


def test_while_it_is_gone_nothing_is_signed_and_then_it_goes_on(hsm, bench, gone):
    assert isinstance(bench.signer.handle(Sign(Pay(SMALL), 0, GAS)), Signed)
    gone.leave()
    for _ in range(3):
        reply = bench.signer.handle(Sign(approved(LARGE), 1, GAS))
        assert (type(reply), reply.reason) == (Refused, "keys")
        bench.clock.time += 2 * RETRY_NANOS
    for _ in range(20):
        bench.signer.handle(Sign(approved(LARGE), 1, GAS))
    assert sum("the HSM is not there" in line for line in bench.said) == 1
    assert len(bench.log.entries) == 1
    gone.come()
    bench.clock.time += RETRY_NANOS
    fields, sender = read(bench.signer.handle(Sign(approved(LARGE), 1, GAS)))
    assert (sender, fields["nonce"]) == (hsm.address(Wallet.HOT), 1)


def test_an_hsm_that_is_gone_is_not_looked_for_at_every_request(hsm, bench, gone):
    hsm.token.close()
    gone.leave()
    asked = []
    look = hsm.token._token
    hsm.token._token = lambda: asked.append(1) or look()
    for _ in range(50):
        bench.clock.time += RETRY_NANOS // 10
        with pytest.raises(KeysGone):
            hsm.token.sign(HOT, bytes(32))
    assert 4 <= len(asked) <= 6


def test_a_signer_that_starts_without_its_hsm_waits_for_it(tmp_path, bench, gone):
    settings = new_token(tmp_path)
    keys = make_keys(settings, tmp_path, bench.clock, bench.said.append)
    keys.token.close()
    bench.keys = make_keys(settings, tmp_path, bench.clock, bench.said.append, fresh=False)
    gone.leave()
    bench.start()
    assert bench.signer.handle(Wallets()).reason == "keys"
    gone.come()
    bench.clock.time += 2 * RETRY_NANOS
    assert bench.signer.handle(Wallets()).hot == keys.address(Wallet.HOT)
    bench.keys.token.close()


def test_a_wrong_pin_is_tried_once_and_then_again_when_the_file_has_changed(hsm, bench, tmp_path):
    hsm.token.close()
    write_pin(tmp_path, "5772156649")
    asked = []
    pin = hsm.token._pin
    hsm.token._pin = lambda: asked.append(1) or pin()
    for _ in range(20):
        reply = bench.signer.handle(Sign(Pay(SMALL), 0, GAS))
        assert reply.reason == "keys"
        assert "5772156649" not in reply.text
        bench.clock.time += 2 * RETRY_NANOS
    assert asked == [1]
    write_pin(tmp_path, PIN)
    assert isinstance(bench.signer.handle(Sign(Pay(SMALL), 0, GAS)), Signed)
    assert not any(PIN in line or "5772156649" in line for line in bench.said)


def test_a_pin_that_others_can_read_is_not_used(hsm, tmp_path):
    hsm.token.close()
    (tmp_path / "pin").chmod(0o640)
    with pytest.raises(KeysGone, match="chmod 600"):
        hsm.sign(Wallet.HOT, bytes(32))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"token": "nobodys"}, "no token nobodys"),
        ({"library": "/nowhere/lib.so"}, "the HSM is not there"),
        ({"library": __file__}, "the HSM is not there"),
    ],
)
def test_what_is_not_there_is_told(tmp_path, bench, changed, words):
    import msgspec

    settings = msgspec.structs.replace(new_token(tmp_path), **changed)
    token = HsmToken(settings, tmp_path / "pin", bench.clock, bench.said.append)
    with pytest.raises(KeysGone, match=words):
        token.sign(HOT, bytes(32))


def test_without_its_keys_the_token_says_what_makes_them(tmp_path, bench):
    token = HsmToken(new_token(tmp_path), tmp_path / "pin", bench.clock, bench.said.append)
    with pytest.raises(KeysGone, match="`fixgate keys create` makes it"):
        token.sign(HOT, bytes(32))
    token.close()


# --- the whole of custody, and a chain ---------------------------------------------------------


class HsmWorld(World):
    """A World whose wallets are keys of an HSM."""

    def make_keys(self):
        return make_keys(new_token(self.folder), self.folder, self.clock, self.logged.append)


@pytest.fixture
def world(tmp_path, template):
    folder = tmp_path / "world"
    folder.mkdir()
    world = HsmWorld(folder, template)
    yield world
    world.close()
    world.keys.token.close()


@pytest.mark.parametrize("place", ["nonce assigned", "signed", "signature kept", "broadcast"])
def test_signing_again_after_a_death_is_another_form_of_one_payment(world, place):
    """An HSM signs differently each time: every form is known, and one is paid."""
    world.step()
    world.kill_at = (place, 1)
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    with pytest.raises(Killed):
        world.go(10)
    world.kill_at = None
    world.start_signer()
    world.start()
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == ETHER
    assert world.chain.nonce(world.hot, None) == 1
    signed = [entry.tx for entry in world.signer._log.entries]
    assert len(set(signed)) == len(signed) == (2 if place == "signed" else 1)
    with world.database.connect() as connection:
        kept = {row.tx.hex() for row in connection.execute(select(attempts.c.tx))}
    assert kept < set(signed) if place == "signed" else kept == set(signed)
    world.check()


def test_withdrawals_wait_for_an_hsm_that_is_gone(world, gone):
    world.step()
    gone.leave()
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(10)
    assert world.withdrawal_state(ident) == "sending"
    assert world.on_chain(THEIRS) == 0
    assert world.signer._log.entries == []
    gone.come()
    world.settle()
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == ETHER


def test_a_transaction_that_it_signed_is_mined(hsm, bench):
    hot = hsm.address(Wallet.HOT)
    with start_anvil() as anvil:
        rich(anvil, hot)
        reply = bench.signer.handle(Sign(Pay(SMALL), 0, Gas(21_000, 3 * GWEI, GWEI)))
        tx = anvil.rpc("eth_sendRawTransaction", "0x" + reply.raw.hex())
        anvil.mine()
        receipt = anvil.rpc("eth_getTransactionReceipt", tx)
        assert tx == "0x" + reply.tx.hex()
        assert (receipt["status"], receipt["from"]) == ("0x1", hot)
        assert int(anvil.rpc("eth_getBalance", SMALL.destination, "latest"), 16) == ETHER
