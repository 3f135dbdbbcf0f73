"""Secrets are in no log, file, journal, process list, traceback or core."""

import asyncio
import ctypes
import faulthandler
import gc
import logging
import os
import resource
import signal
import subprocess
import sys
import traceback
from base64 import b64encode, urlsafe_b64encode
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psycopg
import pytest
from eth_utils.crypto import keccak
from sqlalchemy import make_url

import custody
from custody.chains.endpoint import Endpoint
from custody.settings import CustodySettings
from custody.signing import requests, seal
from custody.signing.client import SignerLine
from custody.signing.keys import SeedKeys, Wallet
from custody.signing.keystore import create_keystore, open_keystore
from custody.signing.requests import Gas, Pay, Sign, Sweep
from custody.signing.seal import is_sealed, seal_process
from custody.store.database import open_database
from custody.store.ledger_store import Cursor, LedgerStore
from engine.password import read_password
from engine.secret import SecretBytes, SecretText
from tests.custody import secrets_known
from tests.custody import test_failures as failures
from tests.custody.secrets_known import (
    DATABASE_PASSWORD,
    DATABASE_URL,
    KNOWN,
    PASSWORD,
    RANDOM,
    RPC_KEY,
    RPC_URL,
    SEED,
    Known,
    everything_in,
    forms,
    keys_of,
)
from tests.custody.world import ETHER, STRANGER
from tests.signing.test_signer import LARGE, SMALL
from tests.support.needs import needs
from tests.support.postgres import postgres_server

ROOT = Path(custody.__file__).parents[1]
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
    assert KNOWN.found_in(Path(secrets_known.__file__).read_bytes()) != []  # it is there
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
    monkeypatch.setattr("engine.password.SCRYPT_N", 2)
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
    for thing in (keys, keys._deposits(), keys._wallets, keys._deposits()._key):
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


@pytest.mark.proof
def test_a_database_that_goes_is_not_told_with_its_password(caplog):
    caplog.set_level(logging.DEBUG)
    with postgres_server() as server:
        plain = make_url(server.new_database())
        url = plain.set(password=DATABASE_PASSWORD).render_as_string(hide_password=False)
        database = open_database(url)
        store = LedgerStore(database)
        ledger, _ = store.load()
        name = plain.database
        with psycopg.connect(server.new_database(), autocommit=True) as other:
            other.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            other.execute(query, [name])
        gone = failures_of(*[lambda: store.flush(ledger, Cursor(1, b"salt"))] * 2)
        for said, words in zip(gone, ("terminat", "not currently accepting"), strict=True):
            assert words in said
            assert KNOWN.found_in(said) == []
        database.dispose()
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


# --- the signer as others see it ----------------------------------------------------------------


class Started:
    """A signer in a process of its own, that would leave a core where it stands if it could."""

    def __init__(self, folder, *options):
        self.folder = folder
        command = [sys.executable, "-m", "tests.custody.signer_program", str(folder), *options]
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, env={"PYTHONPATH": str(ROOT), "PYTHONFAULTHANDLER": "1"},
            preexec_fn=cores_allowed,  # noqa: PLW1509 - no threads here
        )  # fmt: skip
        self.said = b""
        self.status = None

    @property
    def pid(self):
        return self.process.pid

    def hear(self, word):
        """Until it has said a word, or has ended."""
        while word not in self.said and (line := self.process.stderr.readline()):
            self.said += line
        return word in self.said

    def end(self, how):
        """How it has ended: see os.wait."""
        os.kill(self.pid, how)
        self.said += self.process.stderr.read()
        _, status = os.waitpid(self.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return status

    def close(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        self.process.stderr.close()


def cores_allowed():
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (most, most))


@pytest.fixture
def start(folder):
    started = []

    def begin(*options):
        started.append(Started(folder, *options))
        return started[-1]

    yield begin
    for signer in started:
        signer.close()


def asked(folder, *questions):
    """The answers of a signer to questions, in order."""

    async def ask():
        line = SignerLine(folder / "signer.sock")
        try:
            return [await line._ask(question) for question in questions]
        finally:
            line.close()

    return asyncio.run(ask())


GAS = Gas(21_000, 3 * 10**9, 10**9)


def test_a_signer_shows_its_secrets_to_nobody(folder, start):
    """It signs, refuses, is told rubbish, has no room for its log, and dies."""
    signer = start()
    assert signer.hear(b"sealed: True"), signer.said
    answers = asked(
        folder,
        requests.Wallets(),
        Sign(Pay(SMALL), 0, GAS),
        Sign(Pay(LARGE), 1, GAS),
        Sign(Sweep(3, "", ETHER), 0, GAS),
        Sign(Sweep(-1, "", ETHER), 0, GAS),
    )
    kinds = ["OwnWallets", "Signed", "Refused", "Signed", "Refused"]
    assert [type(answer).__name__ for answer in answers] == kinds
    full = (folder / "signer.log").stat().st_size + 10
    resource.prlimit(signer.pid, resource.RLIMIT_FSIZE, (full, full))
    [answer] = asked(folder, Sign(Sweep(2, "", ETHER), 0, GAS))
    assert answer.reason == "log"
    proc = Path(f"/proc/{signer.pid}")
    seen = b"".join((proc / name).read_bytes() for name in ("cmdline", "environ", "comm", "maps"))
    assert b"signer_program" in seen
    signer.end(signal.SIGABRT)
    assert b"most recent call first" in signer.said  # the fault handler has had its say
    (folder / "password").unlink()  # the one place where it may be
    (folder / "wrong").unlink()
    written, count = everything_in(folder)
    assert count >= 2
    for data in (seen, signer.said, written, msgspec.json.encode(answers)):
        assert KNOWN.found_in(data) == []


@pytest.mark.proof
def test_a_signer_that_cannot_start_shows_nothing(folder, start):
    (folder / "password").write_bytes(b"Horse" + PASSWORD)
    signer = start()
    assert not signer.hear(b"sealed")
    assert b"does not open: the password is another one" in signer.said
    assert Known(password=PASSWORD, wrong=b"Horse" + PASSWORD).found_in(signer.said) == []


@pytest.mark.proof
def test_a_signer_that_is_killed_leaves_no_core(folder, start):
    """One that was not sealed does: so this would see it."""
    careless = start("--open")
    assert careless.hear(b"sealed: False"), careless.said
    cores = os.WCOREDUMP(careless.end(signal.SIGABRT))
    needs("cores: ulimit -Hc above 0", there=cores)
    signer = start()
    assert signer.hear(b"sealed: True"), signer.said
    before = set(folder.iterdir())
    assert not os.WCOREDUMP(signer.end(signal.SIGABRT))
    assert set(folder.iterdir()) == before


def test_no_core_is_left_where_the_limit_is_not_looked_at_either(tmp_path):
    """Where the kernel hands cores to a program it does so whatever the limit is."""
    dying = os.fork()
    if dying == 0:
        with child():
            os.chdir(tmp_path)
            cores_allowed()
            seal._prctl(seal._SET_DUMPABLE, 0)
            faulthandler.disable()
            os.abort()
    _, status = os.waitpid(dying, 0)
    assert os.WTERMSIG(status) == signal.SIGABRT
    assert not os.WCOREDUMP(status)
    assert list(tmp_path.iterdir()) == []


NOBODY = 65_534
"""Whoever has no rights: as root everything can be read, and it has to be seen as another user."""


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("file", ["environ", "maps", "mem"])
def test_no_other_process_of_the_same_user_looks_into_it(sealed, file):
    said, say = os.pipe()
    kept = os.fork()
    if kept == 0:
        with child():
            as_somebody()
            make_dumpable()
            if sealed:
                seal_process()
            os.write(say, b"1" if is_sealed() else b"0")
            signal.pause()
    assert os.read(said, 1) == (b"1" if sealed else b"0")
    peeping = os.fork()
    if peeping == 0:
        with child():
            as_somebody()
            with open(f"/proc/{kept}/{file}", "rb") as looked:
                looked.seek(0)
    _, status = os.waitpid(peeping, 0)
    os.kill(kept, signal.SIGKILL)
    os.waitpid(kept, 0)
    os.close(said)
    os.close(say)
    could_look = os.waitstatus_to_exitcode(status) == 0
    needs("a system where a user's processes see each other (Yama off)", there=sealed or could_look)
    assert could_look == (not sealed)


@contextmanager
def child():
    """A forked process: it ends here, whatever happens; with 13 if it was not permitted."""
    code = 1
    try:
        yield
        code = 0
    except PermissionError:
        code = 13
    finally:
        os._exit(code)


def as_somebody():
    """Without root's rights, if they are there."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)


def make_dumpable():
    """A change of the user seals by itself; a process that was just started is open."""
    assert ctypes.CDLL(None).prctl(4, 1, 0, 0, 0) == 0
