"""Holds by command on a venue that runs: what members see over FIX, what people see."""

import io
import json
from contextlib import closing, redirect_stderr, redirect_stdout

import pytest

from compliance.kyc.desk import KycDesk
from compliance.kyc_file import KYC_NAME, KycFile
from engine.model.commands import HoldWithdrawal
from engine.replay import folder_records
from gateway.at_the_venue import identity_at
from gateway.cli import main
from gateway.ingress.client import IngressClient
from tests.support.venue import CONFIG, Venue

BUY, SELL = 1, 2
REASON = "case 2026-117"


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """The bench's, where one member has two accounts."""
    folder = tmp_path_factory.mktemp("holds")
    bench = (CONFIG / "bench.yaml").read_text()
    one = "{name: BENCH2, token: demo-BENCH2}"
    second = '{name: B, balances: {USD: "10"}}'
    assert one in bench
    config = folder / "venue.yaml"
    two = one.replace("}", f", accounts: [{{name: BENCH2}}, {second}]}}")
    config.write_text(bench.replace(one, two))
    venue = Venue(folder / "data", config, only="core")
    with closing(venue):
        venue.start()
        yield venue
    venue.check_logs()


def typed(*words):
    """`fixgate hold ...` in this process: its exit code, and what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(["hold", *map(str, words)])
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def hold(venue):
    """Types it about the venue; what it printed, which is JSON if it is not an error."""

    def typed_about(action, *words, code=0):
        ended, out, err = typed(action, "--data", venue.data, "--json", *words)
        assert ended == code, err
        return json.loads(out) if out else err

    return typed_about


@pytest.fixture(autouse=True)
def let_go(hold):
    """Nobody is held before a test, or behind it."""
    yield
    for row in hold("list"):
        for who in ("xen", "yan"):
            hold("lift", row["hold"], "--reason", "the test is over", "--as", who)


def set_words(level, *whose, who="ann"):
    return (*(whose or ("--account", "BENCH")), "--level", level, "--reason", REASON, "--as", who)


def test_what_a_member_sees_of_a_freeze_and_of_its_end(venue, hold, member):
    bench, other = member("BENCH-OE1"), member("BENCH2-OE1")
    bench.order("rests", BUY, "1", "50000.00")
    bench.expect("8", "150=0|11=rests")
    (said,) = hold("set", *set_words("frozen"))
    assert (said["account"], said["level"], said["refused"]) == ("BENCH", "frozen", "")
    gone = bench.expect("8", "150=4|11=rests")
    text = "cancelled by the venue: the account is held by the venue"
    assert gone.has({39: "4", 378: "8", 58: text})
    bench.order("refused", SELL, "1", "50000.00")
    refused = bench.expect("8", "11=refused")
    text = "the account is held by the venue; cancels still work, ask the venue"
    assert refused.has({150: "8", 39: "8", 103: "99", 58: text})
    other.order("theirs", BUY, "1", "50000.00")
    other.expect("8", "150=0|11=theirs")
    with closing(IngressClient(venue.data)) as client:
        (reply,) = client.ask(HoldWithdrawal(1, 1, 100, 1, "withdrawal/1"))
    assert reply.refusal == "withdrawal withdrawal/1: the account is held by the venue"

    lift = (said["reference"], "--reason", "it was another one", "--as")
    assert hold("lift", *lift, "ann")[0]["waits"]
    bench.order("still", SELL, "1", "50000.00")
    assert bench.expect("8", "11=still").has({150: "8"})
    assert "another person has to" in hold("lift", *lift, "ann", code=1)[0]["refused"]
    assert not hold("lift", *lift, "ben")[0]["waits"]
    bench.order("again", SELL, "1", "60000.00")
    bench.expect("8", "150=0|11=again")


def test_a_member_that_may_only_close_keeps_its_sells_and_replaces_them(hold, member):
    bench = member("BENCH-OE1")
    for name, side, price in (("b", BUY, "50000.00"), ("s", SELL, "70000.00")):
        bench.order(name, side, "1", price)
        bench.expect("8", f"150=0|11={name}")
    hold("set", *set_words("restricted"))
    assert bench.expect("8", "150=4").has({11: "b", 378: "8"})
    bench.replace("s2", "s", SELL, "2", "70001.00")
    bench.expect("8", "150=5|11=s2")
    bench.order("b2", BUY, "1", "50000.00")
    text = "the account may only sell what it has for money; cancels still work, ask the venue"
    assert bench.expect("8", "11=b2").has({150: "8", 103: "99", 58: text})
    bench.cancel("c", "s2", SELL)
    bench.expect("8", "150=4|11=c")


def test_all_accounts_of_a_member_are_held_by_one_command_and_lifted_one_by_one(hold, member):
    words = (*set_words("frozen", "--member", "BENCH2"), "--reference", "drill/7")
    rows = hold("set", *words)
    assert [(row["account"], row["reference"]) for row in rows] == [
        ("BENCH2", "drill/7/2"),
        ("B", "drill/7/3"),
    ]
    again = hold("set", *words, code=1)
    assert [row["refused"] for row in again] == [
        f"hold {row['reference']}: this reference was used before" for row in rows
    ]
    for who in ("ann", "ben"):
        hold("lift", "drill/7/3", "--reason", "the drill is over", "--as", who)
    bench2 = member("BENCH2-OE1")
    for account, taken in (("BENCH2", "8"), ("B", "0")):
        bench2.order(f"at {account}", BUY, "1", "1.00", extra=f"1={account}|")
        assert bench2.expect("8", f"11=at {account}").has({150: taken})


def test_the_list_says_who_holds_whom_since_when_and_who_wants_it_lifted(venue, hold):
    (said,) = hold("set", *set_words("frozen"))
    hold("lift", said["reference"], "--to", "restricted", "--reason", "enough", "--as", "cat")
    (row,) = hold("list")
    assert row.pop("since").endswith("Z")
    assert row == {
        "account": "BENCH",
        "level": "frozen",
        "by": "ann",
        "hold": said["reference"],
        "asked": "restricted by cat",
        "reason": REASON,
    }
    assert said["reference"] in typed("list", "--data", venue.data)[1]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", *set_words("frozen", "--account", "NOBODY")), "no account of that name: NOBODY"),
        (("set", *set_words("frozen", "--member", "\x1b[2J")), r"no account of that name: '\x1b"),
        (("lift", "hold/0", "--reason", "x", "--as", "ann"), "no account is held by hold/0"),
    ],
)
def test_what_there_is_not_is_said(hold, words, said):
    assert said in hold(*words, code=1)


def test_who_says_so_is_a_short_code(hold):
    (row,) = hold("set", *set_words("frozen", who="Ann Smith"), code=1)
    assert "needs whose word it is" in row["refused"]


def test_a_folder_without_a_venue_or_with_one_that_does_not_run_is_said(tmp_path, venue):
    code, out, err = typed("list", "--data", tmp_path)
    assert (code, out) == (1, "")
    assert "there is no journal in" in err
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    (stopped / "journal").symlink_to(venue.data / "journal")
    code, out, err = typed("set", "--data", stopped, *set_words("frozen"))
    assert (code, out) == (1, "")
    assert "core does not answer" in err
    assert "taken once" in err


def test_holds_are_there_after_a_kill(venue, hold):
    (said,) = hold("set", *set_words("frozen"))
    venue.kill_all()
    venue.start()
    (row,) = hold("list")
    assert row["hold"] == said["reference"]
    commands = [record.command for record in folder_records(venue.data / "journal")]
    assert [c.reason for c in commands if getattr(c, "reference", "") == said["reference"]] == [
        REASON
    ]


def test_who_is_no_customer_yet_is_held_at_the_venue_by_one_command(venue, hold, member):
    file = KycFile(venue.data / "compliance" / KYC_NAME, identity_at(venue.data))
    desk = KycDesk(file)
    desk.invite("BENCH", "ann", 1)

    def apply(who):
        said = io.StringIO()
        with redirect_stdout(said):
            assert main(["kyc", "apply", "--data", str(venue.data), "--as", who, "--json"]) == 0
        return json.loads(said.getvalue())

    (row,) = apply("ann")["told"]
    assert (row["account"], row["level"], row["refused"]) == ("BENCH", "frozen", "")
    bench = member("BENCH-OE1")
    bench.order("refused", BUY, "1", "1.00")
    assert bench.expect("8", "11=refused").has({150: "8", 103: "99"})
    assert apply("ann") == {"told": [], "left": []}
    assert [row["reason"] for row in hold("list")] == ["customer 1 is invited"]
