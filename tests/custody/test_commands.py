"""The commands that people type, over the real socket, with keys in real files."""

import io
import json
import stat

import pytest
from msgspec.structs import replace

from custody.control_client import Refused
from custody.policy.policy import Policy
from engine.model.errors import OperatorError
from gateway.custody_commands.approving import NotSigned
from gateway.custody_commands.common import utc
from tests.custody.terminal import fixgate
from tests.custody.world import ETHER, POLICY, STRANGER


@pytest.fixture
def answer(monkeypatch):
    """What the person types when asked."""
    return lambda text: monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A folder with the keys of alice (sealed) and carol, and the policy that knows them."""
    folder = tmp_path_factory.mktemp("keys")
    (folder / "passphrase").write_text("correct horse\n")
    (folder / "passphrase").chmod(0o600)
    return folder


@pytest.fixture
def world(new_world, keys, capsys):
    """One whose approvers have made their keys by the command."""
    people = []
    for one in POLICY.approvers:
        key = keys / f"{one.name}.pem"
        key.unlink(missing_ok=True)
        sealed = ["--passphrase-file", keys / "passphrase"] if one.name == "alice" else []
        fixgate("approver", "new", "--key", key, "--json", *sealed)
        people.append(replace(one, key=json.loads(capsys.readouterr().out)["key"]))
    return new_world(
        policy=Policy(approvers=tuple(people), rules=POLICY.rules, intent_life_s=3_600)
    )


def large(typed):
    """A withdrawal that has to be approved."""
    made = typed(
        "withdrawals", "request", "--account", "ACME", "--asset", "ETH", "--amount", "5",
        "--to", STRANGER, "--as", "trader7",
    )  # fmt: skip
    return made["id"]


def test_a_withdrawal_is_asked_for_approved_by_two_and_paid(served, typed, keys, answer, capsys):
    ident = large(typed)
    served.world.settle()
    (row,) = typed("withdrawals", "list", "--account", "ACME", "--state", "awaiting")
    assert (row["amount"], row["fee"], row["asset"]) == ("5", "0.001", "ETH")
    assert (row["initiator"], row["destination"]) == ("trader7", STRANGER)
    answer("yes")
    typed(
        "withdrawals", "approve", ident, "--as", "alice", "--key", keys / "alice.pem",
        "--passphrase-file", keys / "passphrase",
    )  # fmt: skip
    typed("withdrawals", "approve", ident, "--as", "carol", "--key", keys / "carol.pem", "--yes")
    served.world.settle()
    shown = typed("withdrawals", "show", ident)
    assert shown["state"] == "settled"
    assert shown["intent"]["amount"] == str(5 * ETHER)
    assert [said["approver"] for said in shown["approvals"]] == ["alice", "carol"]
    assert served.world.on_chain(STRANGER) == 5 * ETHER
    fixgate("withdrawals", "show", ident, "--data", served.data)
    assert "said         carol approves" in capsys.readouterr().out


def test_the_person_reads_every_field_before_the_key_is_touched(served, typed, answer, capsys):
    ident = large(typed)
    served.world.settle()
    for text in ("no", "", "Yes", "y"):
        answer(text)
        with pytest.raises(NotSigned, match="nothing was signed"):
            fixgate(
                "withdrawals", "approve", ident, "--data", served.data, "--as", "alice",
                "--key", "/nowhere/at/all",
            )  # fmt: skip
    read = capsys.readouterr().err
    for words in (
        ident, "ACME", "trader7", STRANGER, "5 ETH (5000000000000000000 atomic units, 18 decimals)",
        "0.001 ETH", "the chain's own coin", "31337", "Z (", "approve this as alice?",
    ):  # fmt: skip
        assert words in read
    assert typed("withdrawals", "show", ident)["approvals"] == []


def test_a_rejection_ends_it_and_what_is_taken_back_is_cancelled(served, typed, keys):
    one, other = large(typed), large(typed)
    served.world.settle()
    typed("withdrawals", "reject", one, "--as", "bob", "--key", keys / "bob.pem", "--yes")
    typed("withdrawals", "cancel", other, "--as", "trader7")
    served.world.settle()
    states = {row["id"]: row["state"] for row in typed("withdrawals", "list")}
    assert states == {one: "rejected", other: "cancelled"}


def test_somebody_elses_key_is_refused(served, typed, keys):
    ident = large(typed)
    served.world.settle()
    with pytest.raises(Refused, match="not alice's"):
        typed("withdrawals", "approve", ident, "--as", "alice", "--key", keys / "bob.pem", "--yes")


def test_what_custody_shows_has_to_be_what_was_asked_for(served, typed, keys, monkeypatch):
    """A custody that was changed gets no signature for something else."""
    one, other = large(typed), large(typed)
    served.world.settle()
    real = served.control._operations["withdrawal"]
    monkeypatch.setitem(
        served.control._operations, "withdrawal", lambda a: real(type(a)(op=a.op, id=other))
    )
    with pytest.raises(OperatorError, match="another withdrawal than"):
        typed("withdrawals", "approve", one, "--as", "bob", "--key", keys / "bob.pem", "--yes")


@pytest.mark.parametrize("text", ["0.000000001", "1e5", "-1", "0", "", "1,5", "٣"])
def test_an_amount_is_exact_or_refused(typed, text):
    with pytest.raises(OperatorError, match="is no amount of ETH"):
        typed(
            "withdrawals", "request", "--account", "ACME", "--asset", "ETH", f"--amount={text}",
            "--to", STRANGER, "--as", "trader7",
        )  # fmt: skip


def test_an_asset_that_is_not_there_is_said_with_those_that_are(typed):
    with pytest.raises(OperatorError, match="BTC is not on the chain; these are: ETH, USD"):
        typed(
            "withdrawals", "request", "--account", "ACME", "--asset", "BTC", "--amount", "1",
            "--to", STRANGER, "--as", "trader7",
        )  # fmt: skip


def test_a_deposit_is_shown_in_units_of_its_asset(served, typed):
    address = typed("addresses", "new", "--account", "ACME", "--asset", "ETH")["address"]
    (row,) = typed("addresses", "list")
    assert (row["address"], row["account"], row["asset"]) == (address, "ACME", "ETH")
    world = served.world
    world.chain.pay(STRANGER, (address, "", ETHER // 2 + 1))
    world.go(11)
    world.settle()
    (row,) = typed("deposits", "list", "--account", "ACME")
    assert (row["state"], row["credit"]) == ("credited", "0.5")
    assert row["amount"] == "0.500000000000000001"
    assert typed("deposits", "show", row["reference"]) == row
    with pytest.raises(Refused, match="no deposit nothing"):
        typed("deposits", "show", "nothing")


def test_tables_are_for_terminals_and_tabs_for_files(served, typed, capsys, monkeypatch):
    ident = large(typed)
    fixgate("withdrawals", "list", "--data", served.data)
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split("\t")[:3] == ["ID", "STATE", "ACCOUNT"]
    assert line.split("\t")[:5] == [ident, "requested", "ACME", "5", "ETH"]
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "200")
    fixgate("withdrawals", "list", "--data", served.data)
    drawn = capsys.readouterr().out
    assert ident in drawn
    assert "\t" not in drawn
    fixgate("deposits", "list", "--data", served.data)
    assert "no deposits" in capsys.readouterr().out


def test_nothing_that_others_wrote_reaches_a_terminal_as_a_command(served, typed, capsys):
    served.ask(
        "withdraw", account="ACME", asset="ETH", amount=10**8, destination=STRANGER,
        who="\x1b[2Jalice\u202e",
    )  # fmt: skip
    fixgate("withdrawals", "show", "W00000001", "--data", served.data)
    assert "'\\x1b[2Jalice\\u202e'" in capsys.readouterr().out


def test_who_asks_where_no_venue_runs_is_told(tmp_path):
    with pytest.raises(OperatorError, match="is the venue running"):
        fixgate("withdrawals", "list", "--data", tmp_path)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (0, ""),
        (1_700_000_000_123_456_789, "2023-11-14 22:13:20.123456Z"),
        (-1, "-1 ns, which is no time"),
        (10**30, f"{10**30} ns, which is no time"),
    ],
)
def test_a_time_is_shown_whatever_an_intent_says(time, text):
    assert utc(time) == text


# --- keys -------------------------------------------------------------------------------------


def test_a_key_is_its_owners_alone_and_never_written_over(tmp_path, capsys):
    key = tmp_path / "dora.pem"
    fixgate("approver", "new", "--key", key, "--name", "dora", "--groups", "risk,ops")
    line = capsys.readouterr().out
    assert line.startswith("- {name: dora, key: ")
    assert line.endswith(", groups: [risk, ops]}\n")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    with pytest.raises(OperatorError, match="there already"):
        fixgate("approver", "new", "--key", key)
    assert key.read_bytes() == before


def wrong_keys(folder):
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    other = X25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    rubbish, another, open_ = folder / "rubbish", folder / "x25519", folder / "open"
    for path, data in ((rubbish, b"rubbish"), (another, other), (open_, other)):
        path.write_bytes(data)
        path.chmod(0o600)
    open_.chmod(0o640)
    (folder / "other").write_text("wrong horse\n")
    (folder / "other").chmod(0o600)


WRONG_KEYS = [
    ("alice.pem", None, "has a passphrase"),
    ("alice.pem", "other", "does not open"),
    ("bob.pem", "other", "has no passphrase"),
    ("rubbish", None, "does not open"),
    ("x25519", None, "no Ed25519 key"),
    ("open", None, "chmod 600"),
    ("missing", None, "cannot be read"),
]


def test_a_key_that_does_not_fit_is_said_so(served, typed, keys):
    wrong_keys(keys)
    ident = large(typed)
    served.world.settle()
    for key, passphrase, words in WRONG_KEYS:
        sealed = ["--passphrase-file", keys / passphrase] if passphrase else []
        named = ["--as", "bob", "--key", keys / key, "--yes", *sealed]
        with pytest.raises(OperatorError, match=words):
            typed("withdrawals", "approve", ident, *named)


def test_alarms_are_shown_and_cleared_by_somebody(served, typed, capsys):
    world = served.world
    world.chain.pay(STRANGER, (world.hot, "", ETHER))
    world.go(10)
    world.settle()
    (alarm,) = typed("alarms", "list")
    assert alarm["text"] == "the address is nobody's"
    with pytest.raises(Refused, match="initiator"):
        typed("alarms", "clear", alarm["name"], "--as", "")
    assert typed("alarms", "clear", alarm["name"], "--as", "ops1") == {"name": alarm["name"]}
    assert typed("alarms", "list") == []
    assert f"alarm {alarm['name']} is cleared by ops1" in world.logged
    with pytest.raises(Refused, match="there is no alarm"):
        typed("alarms", "clear", alarm["name"], "--as", "ops1")
