"""Secrets are in no log, file, journal, process list, traceback or core."""

import asyncio
import ctypes
import gc
import logging
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from eth_utils.crypto import keccak

import custody
from custody.chains.endpoint import Endpoint
from custody.secret import SecretBytes, SecretText
from custody.settings import CustodySettings
from custody.signing import requests
from custody.signing.client import SignerLine
from custody.signing.keys import SeedKeys, Wallet
from custody.signing.keystore import create_keystore, open_keystore, read_password
from custody.signing.log import SignerLog
from custody.signing.requests import Gas, Pay, Sign, Sweep
from custody.signing.seal import is_sealed, seal_process
from custody.signing.signer import Signer
from custody.store.database import open_database
from custody.store.ledger_store import Cursor, LedgerStore
from custody.wallets.bip32 import DEPOSITS, GAS_TANK, HOT, ExtendedPrivateKey
from engine.model.errors import OperatorError
from tests.custody import test_failures as failures
from tests.custody.secrets_known import Known, forms
from tests.custody.world import ETHER, STRANGER
from tests.signing.test_signer import LARGE, SMALL

ROOT = Path(custody.__file__).parents[1]
PASSWORD = b"horse-battery-7731"
RANDOM = b"".join(keccak(b"random %d" % k) for k in range(2))[:60]
SEED = RANDOM[:32]
RPC_KEY = "5b1f7c20d9e84a6f"
DATABASE_PASSWORD = "swan-lake-4402"
RPC_URL = f"http://127.0.0.1:9/v3/{RPC_KEY}"
DATABASE_URL = f"postgresql://custody:{DATABASE_PASSWORD}@127.0.0.1:9/custody"


def keys_of(seed):
    """By name, every private key that this venue derives of a seed, and those between."""
    master = ExtendedPrivateKey.of_seed(seed)
    paths = {"hot": HOT, "gas_tank": GAS_TANK}
    paths |= {f"deposit_{k}": (*DEPOSITS, k) for k in range(3)}
    paths |= {"deposits": DEPOSITS, "coin": DEPOSITS[:2], "purpose": DEPOSITS[:1], "master": ()}
    return {name: master.derive(path)._key.secret for name, path in paths.items()}


KNOWN = Known(
    password=PASSWORD,
    seed=SEED,
    rpc_key=RPC_KEY.encode(),
    database_password=DATABASE_PASSWORD.encode(),
    **keys_of(SEED),
)


# --- the test's own eyes ------------------------------------------------------------------------


@pytest.mark.parametrize("form", forms(SEED))
def test_a_secret_is_found_in_any_form(form):
    assert ("seed", form) in KNOWN.found_in(b"{...}" + forms(SEED)[form] + b"{...}")


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("before", range(6))
def test_a_secret_is_found_wherever_it_stands_in_what_was_encoded(encode, before):
    assert KNOWN.found_in(encode(b"x" * before + SEED + b"yz"))
    assert KNOWN.found_in(encode(b"x" * before + PASSWORD + b"yz"))


def test_what_is_no_secret_is_not_found():
    assert KNOWN.found_in(Path(__file__).read_bytes()) != []  # it is written here
    assert KNOWN.found_in(keccak(SEED).hex() + RPC_URL[:20]) == []


# --- tracebacks ---------------------------------------------------------------------------------


def told(error):
    """All that a traceback can tell, with the variables of the product's own functions."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    chain, seen = [shown], []
    while chain:
        part = chain.pop()
        for frame in part.stack:
            ours = Path(frame.filename).is_relative_to(ROOT)
            if not ours or "/.venv/" in frame.filename or "/tests/" in frame.filename:
                frame.locals = None
        chain += [p for p in (part.__cause__, part.__context__) if p is not None]
        seen.append(part)
    return "".join("".join(part.format(chain=False)) for part in seen)


class Interrupted(BaseException):
    """Something that has nothing to do with keys goes wrong just now."""


@contextmanager
def interrupted(at):
    """Raise at the `at`-th line that the product executes; the count of lines is left behind."""
    count = [0]

    def trace(frame, event, _):
        name = frame.f_code.co_filename
        if not name.startswith(str(ROOT / "custody")):
            return None
        if event == "line":
            count[0] += 1
            if count[0] == at:
                raise Interrupted
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield count
    finally:
        sys.settrace(before)


def from_the_password_to_a_signature(folder):
    password = read_password(folder / "password")
    seed = open_keystore(folder / "keystore", password)
    keys = SeedKeys(seed)
    keys.address(3)
    keys.sign(Wallet.HOT, bytes(32))
    return keys.sign(3, bytes(32))


@pytest.fixture
def folder(tmp_path):
    """A keystore and the password's file."""
    for name, text in (("password", PASSWORD + b"\n"), ("wrong", b"Horse-battery-7731\n")):
        path = tmp_path / name
        path.touch(mode=0o600)
        path.write_bytes(text)
    create_keystore(tmp_path / "keystore", PASSWORD, RANDOM)
    return tmp_path


@pytest.fixture
def quick_scrypt(monkeypatch):
    """A key of a password in no time; and files that were just being opened are gone after it."""
    monkeypatch.setattr("custody.signing.keystore.SCRYPT_N", 2)
    yield
    gc.collect()


@pytest.mark.filterwarnings("ignore:Exception ignored in")
def test_no_line_that_fails_shows_a_secret(quick_scrypt, tmp_path):
    """From the password's file to a signature, a failure at each line that is executed."""
    (tmp_path / "password").touch(mode=0o600)
    (tmp_path / "password").write_bytes(PASSWORD + b"\n")
    create_keystore(tmp_path / "keystore", PASSWORD, RANDOM)
    with interrupted(0) as lines:
        from_the_password_to_a_signature(tmp_path)
    assert lines[0] > 100
    for at in range(1, lines[0] + 1):
        with pytest.raises(Interrupted) as caught, interrupted(at):
            from_the_password_to_a_signature(tmp_path)
        assert KNOWN.found_in(told(caught.value)) == [], f"line {at}"


@pytest.mark.filterwarnings("ignore:Exception ignored in")
def test_a_keystore_that_is_made_shows_none_either(quick_scrypt, tmp_path):
    password, random = SecretBytes(PASSWORD), SecretBytes(RANDOM)  # as whoever calls it has them
    with interrupted(0) as lines:
        create_keystore(tmp_path / "first", password, random)
    for at in range(1, lines[0] + 1):
        with pytest.raises(Interrupted) as caught, interrupted(at):
            create_keystore(tmp_path / str(at), password, random)
        assert KNOWN.found_in(told(caught.value)) == [], f"line {at}"


def test_what_holds_keys_is_not_printed():
    keys = SeedKeys(SEED)
    for thing in (keys, keys._deposits, keys._wallets, keys._deposits._key):
        assert KNOWN.found_in(f"{thing!r} {thing}") == []
    for secret in (SecretBytes(SEED), SecretText(DATABASE_URL)):
        assert KNOWN.found_in(f"{secret!r} {secret} {secret:>20} {[secret]} %s" % secret) == []
    assert SecretBytes(SEED) == SEED
    assert SecretText(RPC_URL) == SecretText(RPC_URL).reveal() == RPC_URL


# --- every way to fail --------------------------------------------------------------------------


def failures_of(*attempts):
    """What each attempt tells when it fails; each has to."""
    for attempt in attempts:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - any that it may be
            attempt()
        yield told(caught.value)


def test_a_keystore_that_does_not_open_says_nothing_of_it(folder):
    damaged = folder / "damaged"
    damaged.touch(mode=0o600)
    damaged.write_bytes((folder / "keystore").read_bytes()[:-20])
    everybody = folder / "everybody"
    everybody.write_bytes(PASSWORD)
    everybody.chmod(0o644)
    for said in failures_of(
        lambda: open_keystore(folder / "keystore", read_password(folder / "wrong")),
        lambda: open_keystore(damaged, read_password(folder / "password")),
        lambda: open_keystore(folder / "nowhere", read_password(folder / "password")),
        lambda: read_password(everybody),
        lambda: create_keystore(folder / "keystore", PASSWORD, RANDOM),
    ):
        assert "OperatorError" in said
        assert KNOWN.found_in(said) == []


@pytest.mark.parametrize(
    "url",
    [
        DATABASE_URL,
        DATABASE_URL.replace("postgresql", "mysql"),
        DATABASE_URL.replace("://", ":/"),
        DATABASE_URL.replace(":9/", ":nine/"),
    ],
)
def test_a_database_that_is_not_there_is_not_told_with_its_password(url, caplog):
    caplog.set_level(logging.DEBUG)
    [said] = failures_of(lambda: open_database(url))
    assert ("refused" in said) == (url == DATABASE_URL)
    assert KNOWN.found_in(said) == []
    assert KNOWN.found_in(caplog.text) == []


def test_a_node_that_is_not_there_is_not_told_with_its_key(caplog):
    caplog.set_level(logging.DEBUG)

    async def ask():
        endpoint = Endpoint(RPC_URL, "one", 100, 2_000)
        try:
            await endpoint.ask("eth_chainId", [], str, urgent=True)
        finally:
            await endpoint.close()

    [said] = failures_of(lambda: asyncio.run(ask()))
    assert "ClientConnectorError" in said
    assert KNOWN.found_in(said) == []
    assert KNOWN.found_in(caplog.text) == []


def test_a_url_that_is_none_is_not_told_with_its_key():
    for said in failures_of(
        lambda: Endpoint(RPC_URL.replace("http", "ftp"), "one", 1, 1),
        lambda: Endpoint(f"http://127.0.0.1:port/{RPC_KEY}", "one", 1, 1),
    ):
        assert KNOWN.found_in(said) == []


def test_settings_are_not_printed_with_what_they_hold():
    text = {
        "chain": {"id": 1, "endpoints": [{"name": "one", "url": RPC_URL}]},
        "assets": [{"code": "ETH"}],
        "policy": {},
        "keystore": {"file": "keystore", "password_file": "password"},
        "database": DATABASE_URL,
    }
    settings = msgspec.convert(text, CustodySettings)
    assert KNOWN.found_in(repr(settings)) == []
    assert "one" in repr(settings)


# --- what is written ----------------------------------------------------------------------------


def everything_in(folder):
    """All bytes of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files), len(files)


def test_nothing_that_custody_writes_has_a_key_in_it(world, caplog):
    """Deposits, payments, an intent that was changed, a death, a signer that is away: what is in
    the journal, the database, the signer's log and all lines that were logged."""
    caplog.set_level(logging.DEBUG)
    known = Known(seed=keccak(b"a seed"), **keys_of(keccak(b"a seed")))
    failures.test_a_refused_request_has_its_nonce_used_up_and_holds_nobody_else_up(world)
    failures.deposit(world)
    world.signing.away = True
    world.desk.withdraw("ACME", "ETH", 10**8, STRANGER, "trader7")
    world.go(4, blocks=5)
    world.start_signer()
    world.start()
    written, count = everything_in(world.folder)
    assert count >= 4
    assert world.hot.encode() in written  # so much for the test's eyes
    assert known.found_in(written) == []
    assert known.found_in("\n".join(world.logged)) == []
    assert known.found_in(caplog.text) == []
