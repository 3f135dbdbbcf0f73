"""`fixgate addresses` and `fixgate policy`: what is allowed, changed by those who may."""

import io
import json
from pathlib import Path

import msgspec
import pytest
import yaml
from msgspec.structs import replace

from custody.control_client import Refused
from custody.policy.intents import AllowAddress, ChangePolicy, canonical
from custody.policy.policy import digest_of, policy_text
from custody.signing.log import policies_in
from custody.signing.requests import Note
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import ConfigError, OperatorError
from gateway.custody_commands.approving import NotSigned
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.terminal import fixgate
from tests.custody.test_changes import COOL_DOWN_S, DELAY_S, FIRST, OPEN
from tests.custody.world import CHAIN, ETHER, STRANGER, USDC
from tests.engine.streams import START
from tests.signing.conftest import Bench

ROOT = Path(__file__).parents[2]
PLACE = ("--account", "ACME", "--asset", "ETH", "--to", STRANGER)


@pytest.fixture
def world(new_world):
    return new_world(policy=FIRST)


@pytest.fixture
def keys(tmp_path):
    """The approvers' keys in files, and how each is named on a command line."""
    named = {}
    for person in (ALICE, BOB, CAROL):
        path = tmp_path / f"{person.name}.pem"
        path.write_bytes(person.pem())
        path.chmod(0o600)
        named[person.name] = ("--as", person.name, "--key", path, "--yes")
    return named


@pytest.fixture
def config_of(tmp_path):
    """A configuration file with a policy."""

    def write(policy):
        tree = yaml.safe_load((ROOT / "config" / "demo.yaml").read_text())
        tree["custody"]["assets"] = [{"code": "ETH"}, {"code": "USD", "token": USDC, "decimals": 6}]
        tree["custody"]["policy"] = json.loads(msgspec.json.encode(policy))
        path = tmp_path / "venue.yaml"
        path.write_text(yaml.safe_dump(tree))
        return path

    return write


def wait(served, seconds):
    served.world.clock.time += seconds * NANOS_PER_SECOND
    served.world.go(1)


def test_an_address_is_allowed_paid_and_forbidden_by_typing(served, typed, keys, capsys):
    ident = typed("addresses", "allow", *PLACE, "--label", "our exchange", "--as", "trader7")["id"]
    for name in ("alice", "carol"):
        typed("addresses", "approve", ident, *keys[name])
    served.world.go(1)
    (row,) = typed("addresses", "list", "--allowed", "--account", "ACME", "--state", "noted")
    assert (row["id"], row["destination"], row["label"]) == (ident, STRANGER, "our exchange")
    assert row["usable"] > row["requested"]
    wait(served, COOL_DOWN_S)
    request = (*PLACE, "--amount", "1", "--as", "trader7")
    first = typed("withdrawals", "request", *request)["id"]
    served.world.settle()
    assert served.world.on_chain(STRANGER) == ETHER
    forbidding = typed("addresses", "forbid", *PLACE, "--as", "trader7")["id"]
    typed("addresses", "approve", forbidding, *keys["bob"])
    served.world.step()
    second = typed("withdrawals", "request", *request)["id"]
    served.world.settle()
    states = {row["id"]: row["state"] for row in typed("withdrawals", "list")}
    assert states == {first: "settled", second: "blocked"}
    assert [(row["id"], row["state"]) for row in typed("addresses", "list", "--allowed")] == [
        (forbidding, "noted"), (ident, "forbidden"),
    ]  # fmt: skip
    shown = typed("addresses", "show", ident)
    assert shown["intent"]["label"] == "our exchange"
    assert [said["approver"] for said in shown["approvals"]] == ["alice", "carol"]
    fixgate("addresses", "show", forbidding, "--data", served.data)
    assert "an address is to be forbidden" in capsys.readouterr().out


def test_all_that_waits_for_a_decision_is_in_one_list_and_decided_on_there(served, typed, keys):
    address = typed("addresses", "allow", *PLACE, "--as", "trader7")["id"]
    other = typed("addresses", "allow", *PLACE, "--as", "trader7")["id"]
    served.world.go(1)
    rows = typed("decisions", "list", "--account", "ACME", "--state", "awaiting")
    assert [(row["id"], row["kind"], row["subject"]) for row in rows] == [
        (other, "allow-address", STRANGER), (address, "allow-address", STRANGER),
    ]  # fmt: skip
    typed("decisions", "approve", address, *keys["alice"])
    typed("decisions", "reject", other, *keys["carol"])
    served.world.go(1)
    shown = typed("decisions", "show", address)
    assert (shown["state"], shown["text"]) == ("awaiting", "rule listing wants 1 of risk")
    assert typed("decisions", "show", other)["state"] == "rejected"
    typed("decisions", "cancel", address, "--as", "trader7")
    assert [row["state"] for row in typed("decisions", "list")] == ["rejected", "cancelled"]


def test_an_address_is_rejected_or_taken_back_by_typing(served, typed, keys):
    one, other = (typed("addresses", "allow", *PLACE, "--as", "trader7")["id"] for _ in range(2))
    served.world.go(1)
    typed("addresses", "reject", one, *keys["alice"])
    typed("addresses", "cancel", other, "--as", "trader7")
    served.world.go(1)
    states = [row["state"] for row in typed("addresses", "list", "--allowed")]
    assert states == ["cancelled", "rejected"]
    assert typed("addresses", "list") == []


def test_a_policy_is_changed_by_typing(served, typed, keys, config_of, capsys):
    before = typed("policy", "show")
    assert (before["digest"], before["pending"]) == (digest_of(FIRST), None)
    path = config_of(OPEN)
    fixgate("policy", "check", "--config", path, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told == {"ok": True, "digest": digest_of(OPEN), "changeable": True}
    ident = typed("policy", "propose", "--config", path, "--as", "trader7")["id"]
    for name in ("alice", "carol"):
        typed("policy", "approve", ident, *keys[name])
    served.world.go(1)
    pending = typed("policy", "show")["pending"]
    assert pending["digest"] == digest_of(OPEN)
    fixgate("policy", "show", "--data", served.data)
    assert "# in force from 2" in (printed := capsys.readouterr().out)
    assert f"# in force: {digest_of(FIRST)}" in printed
    wait(served, DELAY_S)
    assert typed("policy", "show")["digest"] == digest_of(OPEN)
    assert [row["state"] for row in typed("policy", "list")] == ["noted"]
    assert "policy" not in served.ask("policies")[0]  # a thousand of them would be too long a line


def test_where_custody_does_not_run_the_signers_log_tells_the_policy(tmp_path, capsys):
    """As when the configuration has another one, and nothing starts."""
    folder = tmp_path / "custody"
    with pytest.raises(OperatorError, match="is the venue running"):
        fixgate("policy", "show", "--data", tmp_path)
    bench = Bench(folder)
    bench.policy = FIRST
    bench.start()
    with pytest.raises(OperatorError, match="is the venue running"):
        fixgate("policy", "show", "--data", tmp_path)  # nothing was written down yet
    change = ChangePolicy("C1", "x", digest_of(FIRST), digest_of(OPEN), START, START + 1)
    words = tuple(person.says(change) for person in (ALICE, CAROL))
    bench.signer.handle(Note(change, words, OPEN))
    bench.log.close()
    fixgate("policy", "show", "--data", tmp_path, "--json")
    assert json.loads(capsys.readouterr().out)["digest"] == digest_of(OPEN)  # it is long due
    history = policies_in(folder / "signer.log")
    assert (history.at(START), history.pending(START).policy) == (FIRST, OPEN)


def test_who_approves_a_policy_reads_what_it_changes(
    served, typed, keys, config_of, capsys, monkeypatch
):
    ident = typed("policy", "propose", "--config", config_of(OPEN), "--as", "trader7")["id"]
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    with pytest.raises(NotSigned):
        fixgate("policy", "approve", ident, "--data", served.data, *keys["alice"][:-1])
    read = capsys.readouterr().err
    for words in (digest_of(FIRST), digest_of(OPEN), "-- name: listed", "+- name: all"):
        assert words in read
    fixgate("policy", "show", ident, "--data", served.data)
    assert "+- name: all" in capsys.readouterr().out


def test_a_custody_that_shows_another_policy_than_is_signed_for_gets_no_signature(
    served, typed, keys, config_of, monkeypatch
):
    ident = typed("policy", "propose", "--config", config_of(OPEN), "--as", "trader7")["id"]
    real = served.control._operations["decision"]
    harmless = policy_text(replace(FIRST, cool_down_s=COOL_DOWN_S + 1)).decode()
    monkeypatch.setitem(
        served.control._operations, "decision", lambda a: {**real(a), "policy": harmless}
    )
    with pytest.raises(OperatorError, match="another policy than"):
        typed("policy", "approve", ident, *keys["alice"])


def test_a_custody_that_shows_another_intent_gets_no_signature(served, typed, keys, monkeypatch):
    ident = typed("addresses", "allow", *PLACE, "--as", "trader7")["id"]
    real = served.control._operations["decision"]
    other = AllowAddress("C9", "ACME", "x", CHAIN, "ETH", STRANGER, "", 0, 1)
    for text, words in (
        (canonical(other).decode(), "shows intent C9 for"),
        ('{"type": "allow-address"}', "shows no intent"),
    ):
        monkeypatch.setitem(
            served.control._operations, "decision", lambda a, text=text: {**real(a), "intent": text}
        )
        with pytest.raises(OperatorError, match=words):
            typed("addresses", "approve", ident, *keys["alice"])


def test_a_word_that_does_not_count_is_refused(served, typed, keys):
    ident = typed("addresses", "allow", *PLACE, "--as", "alice")["id"]
    with pytest.raises(Refused, match="alice asked for it"):
        typed("addresses", "approve", ident, *keys["alice"])
    with pytest.raises(Refused, match="not bob's"):
        typed("addresses", "approve", ident, "--as", "bob", *keys["carol"][2:])


def test_a_policy_that_is_wrong_is_said_by_its_path(served, config_of):
    wrong = replace(FIRST, rules=(replace(FIRST.rules[1], approve=()),))
    with pytest.raises(ConfigError) as caught:
        fixgate("policy", "check", "--config", config_of(wrong))
    assert caught.value.path == "custody.policy.rules[0].approve"


def test_a_policy_that_nobody_could_change_is_said_so(config_of, capsys):
    fixgate("policy", "check", "--config", config_of(replace(FIRST, rules=FIRST.rules[:1])))
    assert "once in force, it stays" in capsys.readouterr().err
