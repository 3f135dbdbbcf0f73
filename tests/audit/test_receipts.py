"""Receipts of executions: made from a log's folder, checked by keys alone, also on the command
line."""

import json
from base64 import b64encode

import pytest

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import leaf_hash
from compliance.audit.proofs import TlogProof, format_proof, parse_proof
from compliance.audit.receipts import check_receipt, make_receipt, parse_exec_id
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import TileReader
from engine.model.events import OrderFilled
from engine.replay import folder_records
from gateway.cli import main
from tests.audit.support import KEYS, keys_of, open_log, published
from tests.history.support import Venues

VERIFIERS = KEYS.verifiers


class Source:
    def __init__(self, folder):
        self.folder = folder


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """A venue that has traded, and its log."""
    made = Venues(tmp_path_factory.mktemp("venue"))
    made.trade(700)
    made.data = made.journal.parent
    log = open_log(Source(made.journal), made.data / "audit")
    while log.turn():
        pass
    log.close()
    made.log = LogFolder(made.data / "audit")
    made.records = list(folder_records(made.journal))
    made.fills = [
        f"{record.number}-{k}"
        for record in made.records
        for k, event in enumerate(record.events, 1)
        if isinstance(event, OrderFilled)
    ]
    assert len(made.fills) > 50
    yield made
    made.close()


def receipt(venue, exec_id, *, whole=False):
    note = venue.log.checkpoint()
    reader = TileReader(published(venue.log).size, venue.log.read)
    return make_receipt(reader, note, exec_id, whole=whole)


@pytest.fixture
def fixgate(capsys):
    def run(*args):
        code = main([*map(str, args)])
        out, err = capsys.readouterr()
        return code, out, err

    return run


def refused(call, *args):
    with pytest.raises(AuditRefused) as caught:
        call(*args)
    return str(caught.value)


# --- what a receipt shows -------------------------------------------------------------------------


@pytest.mark.parametrize("whole", [True, False])
def test_every_fill_has_a_receipt_that_verifies(venue, whole):
    for exec_id in venue.fills:
        number, place = parse_exec_id(exec_id)
        found = check_receipt(receipt(venue, exec_id, whole=whole), VERIFIERS)
        assert (found.number, found.exec_id) == (number, exec_id)
        assert len(found.signed.signers) == 2
        assert found.signed.checkpoint.size == len(venue.records)
        if whole:
            assert found.record == venue.records[number]
            assert found.event is found.record.events[place - 1]
        else:
            assert found.record is found.event is None


def test_a_receipt_without_the_record_binds_to_it_and_shows_nothing_of_it(venue):
    exec_id = venue.fills[0]
    sealed, whole = receipt(venue, exec_id), receipt(venue, exec_id, whole=True)
    shown = check_receipt(whole, VERIFIERS)
    assert check_receipt(sealed, VERIFIERS).leaf == shown.leaf
    extra = json.loads(parse_proof(sealed).extra)
    assert extra == {"exec_id": exec_id, "leaf": b64encode(shown.leaf).decode()}


EXEC_IDS = ["", "5", "-1", "5-", "5-0", "05-1", "5-01", "5-1 ", "+5-1", "5-1\n", "9" * 20 + "-1"]


@pytest.mark.parametrize("text", [*EXEC_IDS, "\u0665-1", "5-1-1", "a-b"])
def test_what_is_no_exec_id(text):
    refused(parse_exec_id, text)


def test_what_has_no_receipt(venue):
    last = len(venue.records)
    assert "is not in the log" in refused(receipt, venue, f"{last}-1")
    number, _ = parse_exec_id(venue.fills[0])
    events = len(venue.records[number].events)
    assert "events" in refused(receipt, venue, f"{number}-{events + 1}")


# --- forged ones ----------------------------------------------------------------------------------


def with_extra(venue, exec_id, change):
    """A receipt with the record, its extra changed."""
    proof = parse_proof(receipt(venue, exec_id, whole=True))
    extra = json.dumps(change(json.loads(proof.extra))).encode()
    return format_proof(TlogProof(proof.index, proof.hashes, proof.checkpoint, extra))


def test_nothing_that_is_extra_is_believed(venue):
    exec_id, other = venue.fills[0], venue.fills[-1]
    stranger = json.loads(parse_proof(receipt(venue, other, whole=True)).extra)["record"]
    leaf = b64encode(leaf_hash(b"x")).decode()
    changes = {
        "another record's ExecID": lambda extra: extra | {"exec_id": other},
        "an event that is not there": lambda extra: extra | {"exec_id": exec_id + "99"},
        "another record": lambda extra: extra | {"record": stranger},
        "no record": lambda extra: {"exec_id": exec_id},
        "record and hash": lambda extra: extra | {"leaf": leaf},
        "another hash": lambda _: {"exec_id": exec_id, "leaf": leaf},
        "more than is known": lambda extra: extra | {"price": "1"},
        "no ExecID": lambda extra: {"record": extra["record"]},
        "a list": lambda extra: [extra],
        "numbers": lambda extra: extra | {"record": 5},
    }
    check_receipt(with_extra(venue, exec_id, lambda extra: extra), VERIFIERS)
    for change in changes.values():
        refused(check_receipt, with_extra(venue, exec_id, change), VERIFIERS)


@pytest.mark.parametrize("extra", [None, b"", b"words", b"\xff"])
def test_other_proofs_are_no_receipts(venue, extra):
    proof = parse_proof(receipt(venue, venue.fills[0]))
    data = format_proof(TlogProof(proof.index, proof.hashes, proof.checkpoint, extra))
    assert "not the receipt" in refused(check_receipt, data, VERIFIERS)


def test_a_receipt_is_of_a_log_whose_key_is_known(venue):
    data = receipt(venue, venue.fills[0])
    refused(check_receipt, data, keys_of(b"x").verifiers)
    refused(check_receipt, data, [])
    for key in VERIFIERS:
        assert list(check_receipt(data, [key]).signed.signers) == [key]


def test_a_damaged_tile_makes_no_receipt(venue):
    files = {}

    def fetch(path):
        data = venue.log.read(path)
        if data is not None and path.startswith("tile/0/"):
            files[path] = data = bytes([data[0] ^ 1]) + data[1:]
        return data

    reader = TileReader(published(venue.log).size, fetch)
    with pytest.raises(AuditRefused, match="another root"):
        make_receipt(reader, venue.log.checkpoint(), venue.fills[0], whole=True)
    assert files


# --- the command ----------------------------------------------------------------------------------


def test_a_receipt_is_made_and_checked_by_the_command(venue, fixgate, tmp_path):
    exec_id, out = venue.fills[3], tmp_path / "fill.tlog-proof"
    keys = tmp_path / "vkeys"
    keys.write_text("".join(f"{key.text}\n" for key in VERIFIERS))
    assert fixgate("receipt", exec_id, "--data", venue.data, "--out", out, "--record") == (
        0,
        "",
        "",
    )
    code, text, _ = fixgate("receipt", "--verify", out, "--key", VERIFIERS[0].text, "--json")
    assert code == 0
    found = json.loads(text)
    assert found["verified"] is True
    assert (found["exec_id"], found["event"]["type"]) == (exec_id, "OrderFilled")
    assert found["signers"] == [f"{KEYS.origin}+{VERIFIERS[0].key_id.hex()}"]
    assert found["signed_at"] is None, "Ed25519 signs no time"
    code, text, _ = fixgate("receipt", "--verify", out, "--key", keys)
    assert code == 0
    assert "OrderFilled" in text
    assert text.count(KEYS.origin) == 3


def test_a_printed_receipt_shows_no_record(venue, fixgate, tmp_path):
    code, text, _ = fixgate("receipt", venue.fills[3], "--data", venue.data)
    assert code == 0
    out = tmp_path / "fill.tlog-proof"
    out.write_text(text)
    code, text, _ = fixgate("receipt", "--verify", out, "--key", VERIFIERS[1].text)
    assert code == 0
    assert "not what is in it" in text
    code, text, _ = fixgate("receipt", venue.fills[3], "--data", venue.data, "--json")
    assert json.loads(text)["receipt"] == out.read_text()


def test_a_receipt_that_does_not_verify_is_an_error(venue, fixgate, tmp_path):
    out = tmp_path / "fill.tlog-proof"
    fixgate("receipt", venue.fills[3], "--data", venue.data, "--out", out)
    other = keys_of(b"x").verifiers[0].text
    code, text, err = fixgate("receipt", "--verify", out, "--key", other)
    assert (code, text) == (1, "")
    assert "no known key" in err
    code, text, _ = fixgate("receipt", "--verify", out, "--key", other, "--json")
    assert (code, json.loads(text)["verified"]) == (1, False)


def test_what_the_command_cannot_do_it_says(venue, fixgate, tmp_path, monkeypatch):
    key, fill = VERIFIERS[0].text, venue.fills[0]
    there = tmp_path / "there"
    there.write_text("x")
    wrong = {
        ("receipt",): 2,
        ("receipt", fill): 2,
        ("receipt", fill, "--data", venue.data, "--key", key): 2,
        ("receipt", "--verify", there): 2,
        ("receipt", fill, "--verify", there, "--key", key): 2,
        ("receipt", "5", "--data", venue.data): 1,
        ("receipt", fill, "--data", tmp_path): 1,
        ("receipt", fill, "--data", venue.data, "--out", there): 1,
        ("receipt", "--verify", there, "--key", key): 1,
        ("receipt", "--verify", tmp_path / "no", "--key", key): 1,
        ("receipt", "--verify", there, "--key", tmp_path / "no"): 1,
        ("receipt", "--verify", there, "--key", "a+b"): 1,
    }
    for args, expected in wrong.items():
        code, out, err = fixgate(*args)
        assert (code, out) == (expected, ""), args
        assert err.startswith("fixgate: "), args
    monkeypatch.setattr("gateway.audit.receipt_command.find_spec", lambda _: None)
    code, _, err = fixgate("receipt", fill, "--data", venue.data)
    assert code == 1
    assert "pip install 'fixgate[compliance]'" in err
