"""The signer's socket: who speaks it properly is answered, who does not is alone with it."""

import asyncio
import os
import random
import socket
import threading
from contextlib import suppress

import pytest

from custody.outgoing.fees import Offer
from custody.outgoing.sender import SignerAway, SignerRefused
from custody.signing import client
from custody.signing.client import SignerLine
from custody.signing.requests import Noted, Pay, purpose_bytes
from custody.signing.server import MAX_CLIENTS, SignerServer
from engine.local_socket import address
from tests.custody.people import CAROL
from tests.custody.world import GWEI
from tests.engine.streams import START
from tests.signing.test_rulebook import ALLOW, FIRST, note
from tests.signing.test_signer import HOT, LARGE, SMALL
from tests.support.venue import wait_until

OFFER = Offer(3 * GWEI, GWEI)


@pytest.fixture
def path(bench, tmp_path):
    """Where a signer serves, in a thread of its own."""
    path = tmp_path / "signer.sock"
    read, write = os.pipe()
    server = SignerServer(path, bench.signer, read, bench.said.append)
    thread = threading.Thread(target=server.serve)
    thread.start()
    yield path
    os.close(write)
    thread.join(10)
    assert not thread.is_alive()
    os.close(read)
    assert not path.exists()


def asked(path, what):
    async def ask():
        line = SignerLine(path)
        try:
            return await what(line)
        finally:
            line.close()

    return asyncio.run(ask())


def is_answered(path):
    try:
        return asked(path, lambda line: line.wallets()).hot == HOT
    except SignerAway:
        return False


def test_a_payment_is_signed_over_it(path, bench):
    signed = asked(path, lambda line: line.sign(purpose_bytes(Pay(SMALL)), 0, 21_000, OFFER))
    assert bench.log.entries[-1].tx == signed.tx.hex()


def test_a_refusal_comes_back_with_its_reason(path):
    with pytest.raises(SignerRefused, match="approvals: W2 lacks"):
        asked(path, lambda line: line.sign(purpose_bytes(Pay(LARGE)), 0, 21_000, OFFER))


def test_the_wallets_are_told(path):
    assert asked(path, lambda line: line.wallets()).hot == HOT


def test_nobody_there_is_not_a_refusal(tmp_path):
    with pytest.raises(SignerAway):
        asked(tmp_path / "nobody.sock", lambda line: line.wallets())


def test_slow_keys_are_a_signer_that_is_away_and_sign_for_the_same_nonce(path, bench, monkeypatch):
    """What was asked for and not waited for is signed too, is in the log, and pays nobody twice."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.2)
    ready = threading.Event()
    quick = bench.signer._keys

    class Slow:
        address = staticmethod(quick.address)

        def sign(self, which, digest):
            ready.wait(10)
            return quick.sign(which, digest)

    bench.signer._keys = Slow()

    def pay():
        return asked(path, lambda line: line.sign(purpose_bytes(Pay(SMALL)), 0, 21_000, OFFER))

    with pytest.raises(SignerAway):
        pay()
    ready.set()
    monkeypatch.setattr(client, "ANSWER_SECONDS", 10)
    signed = pay()
    entries = bench.log.entries
    assert entries[-1].tx == signed.tx.hex()
    assert {(entry.id, entry.nonce) for entry in entries} == {("withdrawal/W1", 0)}
    assert len(entries) == 2


def test_a_thousand_byte_strings_of_anybody_harm_nobody(path, bench):
    rng = random.Random(5)
    for k in range(1_000):
        with socket.socket(socket.AF_UNIX) as stranger, address(path) as name:
            stranger.settimeout(10)
            with suppress(BlockingIOError):  # nobody has looked at the last ones yet
                stranger.connect(name)
            rubbish = rng.randbytes(rng.randrange(1, 200))
            if k % 3 == 0:
                rubbish = len(rubbish).to_bytes(4, "big") + rubbish
            with suppress(OSError):
                stranger.sendall(rubbish)
    wait_until(lambda: is_answered(path), 30, "those who are gone have made room")
    assert bench.log.entries == []


def test_more_clients_than_there_is_room_for_are_closed(path):
    clients = [socket.socket(socket.AF_UNIX) for _ in range(MAX_CLIENTS + 1)]
    try:
        with address(path) as name:
            for client in clients:
                client.settimeout(10)
                client.connect(name)
        assert clients[-1].recv(1) == b""
    finally:
        for client in clients:
            client.close()


def test_the_socket_is_its_users_alone(path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_lasts_is_written_down_over_it(bench, request):
    bench.policy = FIRST
    bench.start()
    path = request.getfixturevalue("path")
    with pytest.raises(SignerRefused, match="approvals: C1 lacks 1 of risk"):
        asked(path, lambda line: line.note(note(ALLOW)))
    assert asked(path, lambda line: line.note(note(ALLOW, CAROL))) == Noted(START, 1)
    assert [entry.id for entry in bench.log.entries] == ["C1"]
    with pytest.raises(SignerAway):
        asked(path.with_name("nobody.sock"), lambda line: line.note(note(ALLOW, CAROL)))
