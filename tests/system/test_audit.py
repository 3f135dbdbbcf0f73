"""A venue's audit log: receipts of what was traded, a process that is killed, keys of its own."""

import contextlib
import json
import random
import stat
import subprocess
import time
import urllib.request

import pytest
import yaml

from benchmarks.ledger import build
from compliance.audit.builder import open_log
from compliance.audit.checkpoint import parse_checkpoint
from compliance.audit.key_file import read_keys
from compliance.audit.notes import parse_note
from compliance.audit.receipts import check_receipt, make_receipt
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import TileReader
from engine.journal.files import open_reader
from engine.model.events import OrderFilled
from engine.replay import folder_records
from tests.audit.support import KEYS, check
from tests.support.fix_client import FixClient
from tests.support.house import HandClock
from tests.support.journal import Journal
from tests.support.venue import CONFIG, FIXGATE, fixgate, wait_until

ORIGIN = "fixgate.example/audit"
BUY, SELL = "1", "2"


@pytest.fixture
def venue(new_venue, tmp_path):
    """The bench venue with an audit log."""
    config = tmp_path / "audit.yaml"
    tree = yaml.safe_load((CONFIG / "bench.yaml").read_text())
    config.write_text(yaml.safe_dump(tree | {"compliance": {"origin": ORIGIN}}))
    return new_venue(config, only="core,compliance").start()


class Entries:
    """The payloads of a venue's journal."""

    def __init__(self, data):
        reader = open_reader(data / "journal")
        self.entries = reader.follow(-1).poll_payloads(10**7)
        reader.close()


def size_of(data):
    """Entries of the published checkpoint, 0 before the first."""
    note = LogFolder(data / "audit").checkpoint()
    return parse_checkpoint(parse_note(note).text).size if note else 0


def durable(data):
    reader = open_reader(data / "journal")
    try:
        return reader.mark().number + 1
    finally:
        reader.close()


def keys_of(venue):
    return read_keys(venue.data / "compliance" / "log.key", ORIGIN)


def trade(one, two, count):
    """So many trades between two members."""
    for k in range(count):
        name = f"{one.next_out}-{k}"
        one.order(f"s{name}", SELL, "1", "50000.00")
        one.expect("8", f"11=s{name}|150=0")
        two.order(f"b{name}", BUY, "1", "50000.00", tif="3")
        two.expect("8", f"11=b{name}|150=F")


def dial(venue, session="OE1"):
    names = (f"BENCH-{session}", f"BENCH2-{session}")
    clients = [FixClient(comp_id, venue.order_entry) for comp_id in names]
    for client in clients:
        client.logon()
    return clients


def test_each_fill_has_a_receipt_that_verifies_offline(venue, tmp_path):
    one, two = dial(venue)
    trade(one, two, 5)
    wait_until(lambda: size_of(venue.data) == durable(venue.data) > 0, 10, "all is published")
    key_file = venue.data / "compliance" / "log.key"
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    keys = tmp_path / "vkeys"
    keys.write_text((venue.data / "compliance" / "vkeys").read_text())
    code, seconds = venue.stop()
    assert (code, seconds < 5) == (0, True)
    for client in (one, two):
        client.drop()
    fills = [name for name, kind, _ in Journal(venue.data).reports if kind == "OrderFilled"]
    assert len(fills) == 10
    for exec_id in fills[::5]:
        out = tmp_path / f"{exec_id}.tlog-proof"
        made = fixgate("receipt", exec_id, "--data", venue.data, "--out", out, "--record")
        assert made.returncode == 0, made.stderr
        checked = fixgate("receipt", "--verify", out, "--key", keys, "--json")
        assert json.loads(checked.stdout)["event"]["type"] == "OrderFilled", checked.stderr
    assert check(LogFolder(venue.data / "audit"), Entries(venue.data), keys_of(venue)) == (
        durable(venue.data)
    )
    found = json.loads(fixgate("verify", "--data", venue.data, "--key", keys, "--json").stdout)
    assert (found["result"], found["size"]) == ("all well", durable(venue.data))


@pytest.mark.parametrize("rounds", [4, pytest.param(25, marks=pytest.mark.proof)])
def test_a_process_that_is_killed_leaves_no_gap_and_no_second_checkpoint(venue, rounds):
    rng = random.Random(rounds)
    seen = {}

    def look():
        note = LogFolder(venue.data / "audit").checkpoint()
        if note is not None:
            size = parse_checkpoint(parse_note(note).text).size
            assert seen.setdefault(size, note) == note
            assert size == max(seen)
        return len(seen)

    one, two = dial(venue)
    for _ in range(rounds):
        records = durable(venue.data)
        wait_until(lambda: look() and size_of(venue.data) >= records, 20, "it goes on")  # noqa: B023
        trade(one, two, rng.randrange(1, 20))
        end = time.monotonic() + 0.6 * rng.random()
        while time.monotonic() < end:
            look()
            time.sleep(0.002)
        venue.kill_one("compliance")
        look()
    for client in (one, two):
        client.drop()
    wait_until(lambda: look() and size_of(venue.data) == durable(venue.data), 20, "it goes on")
    venue.stop()
    size = check(LogFolder(venue.data / "audit"), Entries(venue.data), keys_of(venue))
    assert size == durable(venue.data)
    assert len(seen) > rounds


def test_without_its_keys_a_log_is_not_gone_on_with_and_the_venue_trades(venue):
    wait_until(lambda: size_of(venue.data), 10, "the first checkpoint")
    venue.stop()
    before = LogFolder(venue.data / "audit").checkpoint()
    (venue.data / "compliance" / "log.key").unlink()
    venue.start()
    wait_until(lambda: "Bring the keys back" in venue.stderr, 10, "it says so")
    one, two = dial(venue)
    trade(one, two, 1)
    for client in (one, two):
        client.drop()
    assert LogFolder(venue.data / "audit").checkpoint() == before


@pytest.mark.proof
def test_a_venue_goes_on_under_new_keys_and_its_evidence_says_both(venue, tmp_path):
    """Who holds the old public keys takes the new ones from the statement alone."""
    vkeys, file = tmp_path / "vkeys", tmp_path / "case.tar"
    one, two = dial(venue)
    trade(one, two, 5)
    wait_until(lambda: size_of(venue.data) == durable(venue.data) > 0, 10, "all is published")
    vkeys.write_text((venue.data / "compliance" / "vkeys").read_text())
    refused = fixgate("rotate-key", "--data", venue.data)
    assert refused.returncode == 1
    assert "another process writes the audit log" in refused.stderr
    venue.stop()
    for client in (one, two):
        client.drop()
    last = size_of(venue.data)
    made = json.loads(fixgate("rotate-key", "--data", venue.data, "--json").stdout)
    assert made["last"] == last
    venue.start()
    one, two = dial(venue, "OE2")
    trade(one, two, 5)
    wait_until(lambda: size_of(venue.data) == durable(venue.data) > last, 10, "all is published")
    made_file = fixgate("evidence", "--data", venue.data, "--out", file)
    assert made_file.returncode == 0, made_file.stderr
    for client in (one, two):
        client.drop()
    assert fixgate("verify", file, "--key", vkeys).returncode == 12, "the new keys are not known"
    told = fixgate("rotate-key", "--check", made["statement"], "--key", vkeys)
    vkeys.write_text(told.stdout)
    assert vkeys.read_text() == (venue.data / "compliance" / "vkeys").read_text()
    found = json.loads(fixgate("verify", file, "--key", vkeys, "--json").stdout)
    assert (found["result"], found["size"] > last) == ("all well", True)


@pytest.mark.proof
@pytest.mark.alone
def test_a_record_is_in_a_checkpoint_within_a_second(venue):
    """From the report, which the record was durable before."""
    one, two = dial(venue)
    waits = []
    for _ in range(20):
        trade(one, two, 1)
        began, records = time.monotonic(), durable(venue.data)
        while size_of(venue.data) < records:
            assert time.monotonic() < began + 20
            time.sleep(0.005)
        waits.append(time.monotonic() - began)
        time.sleep(0.07)
    for client in (one, two):
        client.drop()
    waits.sort()
    print(f"a record waits {waits[10]:.2f} s for its checkpoint, {waits[-1]:.2f} s at most")
    assert waits[-1] < 1


@pytest.mark.proof
def test_each_of_100_000_fills_has_a_receipt_that_verifies(tmp_path):
    build(tmp_path / "journal", 50_000)
    log = open_log(tmp_path / "journal", tmp_path / "audit", lambda: KEYS, HandClock(), print)
    while log.turn():
        pass
    log.close()
    folder = LogFolder(tmp_path / "audit")
    note, verified = folder.checkpoint(), 0
    reader = TileReader(size_of(tmp_path), folder.read)
    for record in folder_records(tmp_path / "journal"):
        for k, event in enumerate(record.events, 1):
            if isinstance(event, OrderFilled):
                receipt = make_receipt(reader, note, f"{record.number}-{k}", whole=True)
                assert check_receipt(receipt, KEYS.verifiers[:1]).event == event
                verified += 1
    assert verified == 100_000


@pytest.mark.proof
def test_a_member_witnesses_the_log_and_an_auditor_counts_it(new_venue, tmp_path, dial):
    """Over HTTP all the way, and through a kill of the process that asks."""
    keys, own = tmp_path / "log.key", tmp_path / "witness.key"
    keys.write_text("".join(f"{signer.text}\n" for signer in KEYS.signers))
    log = tmp_path / "vkeys"
    log.write_text("".join(f"{verifier.text}\n" for verifier in KEYS.verifiers))
    made = fixgate("witness", "--key", own, "--new", "acme.example/witness", "--json")
    vkeys = json.loads(made.stdout)["vkeys"]
    run = [FIXGATE, "witness", "--key", own, "--log", log, "--state", tmp_path / "cosigned"]
    with subprocess.Popen([*run, "--port", "0", "--json"], stdout=subprocess.PIPE) as witness:
        url = json.loads(witness.stdout.readline())["url"]
        tree = yaml.safe_load((CONFIG / "bench.yaml").read_text())
        tree["compliance"] = {
            "origin": ORIGIN, "key_file": str(keys), "http_bind": "127.0.0.1",
            "witnesses": [{"url": url, "keys": vkeys}],
        }  # fmt: skip
        config = tmp_path / "witnessed.yaml"
        config.write_text(yaml.safe_dump(tree))
        venue = new_venue(config, only="core,compliance").start()
        page = f"http://127.0.0.1:{8083 + venue.offset}/checkpoint.cosigned"
        one, two = (
            dial(venue, f"{name}-OE1").reconnect(reset=True) for name in ("BENCH", "BENCH2")
        )
        trade(one, two, 5)
        venue.kill_one("compliance")
        trade(one, two, 5)

        def cosigned():
            """The cosigned checkpoint, once it has all there is."""
            with contextlib.suppress(OSError), urllib.request.urlopen(page, timeout=5) as answer:
                note = answer.read()
                size = parse_checkpoint(parse_note(note).text).size
                return note if size == durable(venue.data) else None

        note = wait_until(cosigned, 20, "all is cosigned")
        witness.terminate()
        assert witness.wait(20) == 0
    (tmp_path / "newest").write_bytes(note)
    told = fixgate(
        "verify", "--data", venue.data, "--key", log, "--checkpoint", tmp_path / "newest",
        *(word for vkey in vkeys for word in ("--witness", vkey)), "--quorum", 1,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout
    assert "1 of 1 asked for: acme.example/witness" in told.stdout
