"""A whole venue with custody, whose secrets the test knows: nobody who looks at it finds one."""

from pathlib import Path

import pytest
import yaml

from custody.signing.keystore import create_keystore
from tests.custody.people import ALICE
from tests.custody.secrets_known import (
    DATABASE_URL,
    KNOWN,
    PASSWORD,
    RANDOM,
    RPC_URL,
    everything_in,
)
from tests.support.coins import ETHER, SECONDS, Coins, coins_config
from tests.support.venue import fixgate, wait_until

ONLY = "core,signer,custody"
THEIRS = "0x" + "c2" * 20


def secret_config(folder, **custody):
    """The demo's configuration, with a keystore of the test's own beside it."""
    (folder / "keystore.password").touch(mode=0o600)
    (folder / "keystore.password").write_bytes(PASSWORD + b"\n")
    if not (folder / "keystore.json").exists():
        create_keystore(folder / "keystore.json", PASSWORD, RANDOM)
    path = coins_config(folder)
    tree = yaml.safe_load(path.read_text())
    files = {"file": "keystore.json", "password_file": "keystore.password"}
    tree["custody"] |= {"keystore": files, **custody}
    path.write_text(yaml.safe_dump(tree))
    return path


REAL = {
    "id": 31_337,
    "needed": 2,
    "poll_ms": 50,
    "endpoints": [{"name": name, "url": f"{RPC_URL}{name}"} for name in ("one", "two")],
}


def processes(venue):
    """What everybody sees of a venue's processes, and root."""
    seen = []
    for pid in (venue.process.pid, *venue.pids().values()):
        for name in ("cmdline", "environ", "comm", "status"):
            seen.append(Path(f"/proc/{pid}/{name}").read_bytes())  # noqa: PERF401 - as it reads
    return b"\n".join(seen)


def shown(venue):
    """All that a venue has written and said, in all its starts."""
    written, _ = everything_in(venue.data)
    said = [p.read_bytes() for p in venue.data.parent.glob(f"{venue.data.name}-*.*")]
    return written + b"\n".join(said)


@pytest.mark.proof
def test_a_venue_that_pays_shows_none(new_venue, tmp_path):
    """Coins come and go, everybody is killed once, people look at it in all ways there are."""
    config = secret_config(tmp_path)
    venue = new_venue(config, only=ONLY)
    coins = Coins(venue.start())
    coins.paid_in(2 * ETHER)
    ident = coins.withdraw(ETHER, THEIRS)
    coins.approve(ident)
    coins.wait(ident, "settled")
    for name in ("signer", "custody"):
        venue.kill_one(name)
    coins.paid_in(ETHER)
    seen = processes(venue)
    commands = [
        fixgate(*words)
        for words in (
            ("check", "--config", config),
            ("doctor", "--data", venue.data),
            ("replay", "--data", venue.data, "--json"),
        )
    ]
    venue.kill_all()
    assert KNOWN.found_in(seen) == []
    for result in commands:
        assert KNOWN.found_in(result.stdout + result.stderr) == []
    data = shown(venue)
    assert THEIRS.encode() in data  # so much for the test's eyes
    assert KNOWN.found_in(data) == []


@pytest.mark.proof
@pytest.mark.parametrize(
    ("custody", "password", "words"),
    [
        ({"chain": REAL, "database": DATABASE_URL}, PASSWORD, "cannot use the database"),
        ({"database": DATABASE_URL}, PASSWORD, "cannot use the database"),
        ({}, b"Horse-battery-7731", "the password is another one"),
    ],
    ids=["no node and no database", "no database", "another password"],  # in the folder's name
)
def test_a_venue_whose_custody_cannot_start_shows_none(
    new_venue, tmp_path, custody, password, words
):
    if "chain" in custody:
        people = {"approvers": [{"name": "alice", "key": ALICE.public, "groups": ["desk"]}]}
        custody = {**custody, "policy": people}
    config = secret_config(tmp_path, **custody)
    (tmp_path / "keystore.password").write_bytes(password + b"\n")
    venue = new_venue(config, only=ONLY).spawn()
    wait_until(lambda: words in venue.stderr, SECONDS, words)
    seen = processes(venue) + fixgate("check", "--config", config).stderr.encode()
    venue.kill_all()
    assert KNOWN.found_in(seen + shown(venue)) == []


@pytest.mark.proof
def test_a_venue_whose_nodes_are_away_shows_none(new_venue, tmp_path):
    people = {"approvers": [{"name": "alice", "key": ALICE.public, "groups": ["desk"]}]}
    venue = new_venue(secret_config(tmp_path, chain=REAL, policy=people), only=ONLY)
    coins = Coins(venue.start())
    coins.ask(op="address", account="ACME", asset="ETH")
    wait_until(lambda: coins.ask(op="status") is not None, SECONDS, "it says how it does")
    status = repr(coins.ask(op="status")) + repr(coins.ask(op="alarms"))
    seen = processes(venue)
    venue.kill_all()
    assert KNOWN.found_in(seen + status.encode() + shown(venue)) == []
