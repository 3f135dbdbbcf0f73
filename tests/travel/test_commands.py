"""`fixgate travel`, as people type it."""

import json
import shutil
from hashlib import sha256

import pytest

from compliance.travel.events import Composed
from gateway.cli import main
from gateway.travel.travel_answer import Venue
from tests.kyc.support import LEI, PARENT
from tests.support.trading import Trading
from tests.travel.support import NOW, THEIRS

OTHERS = ("--vasp-name", "Other Provider Ltd", "--lei", PARENT,
          "--beneficiary-legal-name", "Boreas Fund LP", "--beneficiary-lei", LEI)  # fmt: skip
OWN = ("--self-hosted", "signature", "--verified", "2026-01-05", "--evidence", "case 7")
SEAT = ("--street", "Bishopsgate", "--building", "22", "--town", "London", "--country", "GB")
TO = (THEIRS, "--account", "ACME")


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """A journal with a venue's names, made once."""
    made = Trading(tmp_path_factory.mktemp("travel") / "data")
    made.close()
    return made.folder


@pytest.fixture
def data(tmp_path, template):
    return shutil.copytree(template, tmp_path / "data")


@pytest.fixture
def travel(data, capsys):
    """Type a command; what it printed as JSON, or what it complained of."""

    def typed(action, *words, code=0, who="anna"):
        asks = action in ("know", "customer", "agree", "revoke", "sent")
        argv = ["travel", action, "--data", data, "--json", *words]
        argv += ["--as", who] if asks else []
        ended = main([str(word) for word in argv])
        said = capsys.readouterr()
        assert ended == code, said.err
        return json.loads(said.out) if said.out else said.err

    return typed


def composed(data, message=b'{"originator":{}}', ident="W00000001"):
    """What custody writes down."""
    digest = sha256(message).hexdigest()
    event = Composed(NOW, "custody", ident, "ACME", "ETH", "5", THEIRS, True, message, digest)
    Venue(data).desk.compose(event)
    return digest


def test_two_people_say_who_is_behind_an_address(travel, data, capsys):
    number = travel("know", *TO, *OTHERS)["number"]
    (row,) = travel("list")
    assert (row["state"], row["number"], row["by"], row["agreed"]) == (
        "proposed", number, "anna", "",
    )  # fmt: skip
    assert "somebody else has to agree" in travel("agree", number, code=1)
    assert travel("agree", number, who="ben") == {"number": number}
    travel("agree", travel("customer", "ACME", *SEAT)["number"], who="ben")
    assert [(r["state"], r["of"], r["address"], r["kind"]) for r in travel("list")] == [
        ("in force", "ACME", THEIRS, "provider"), ("in force", "ACME", "", "seat"),
    ]  # fmt: skip
    (shown,) = travel("show", *TO)
    assert shown["who"] == f"Boreas Fund LP, at Other Provider Ltd ({PARENT})"
    assert main(["travel", "show", *TO, "--data", str(data)]) == 0
    assert f"beneficiary  Boreas Fund LP, {LEI}" in capsys.readouterr().out
    assert main(["travel", "list", "--data", str(data)]) == 0
    assert "\tACME\t" + THEIRS + "\tprovider\tBoreas Fund LP, at" in capsys.readouterr().out
    travel("revoke", *TO, "--text", "it is another's", who="cora")
    assert [row["kind"] for row in travel("list")] == ["seat"]
    assert travel("show", *TO) == []


def test_an_address_is_one_whatever_its_letters(travel):
    """Its capitals are a checksum, or there are none."""
    upper = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
    travel("agree", travel("know", upper, "--account", "ACME", *OWN)["number"], who="ben")
    (row,) = travel("show", upper.lower(), "--account", "ACME")
    assert row["address"] == upper.lower()
    assert row["who"] == "the customer itself: signature, 2026-01-05"
    wrong = travel("show", upper.replace("5aA", "5aa"), "--account", "ACME", code=1)
    assert "copy it again" in wrong


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((*TO, *OTHERS[:4]), "give --vasp-name, --lei and --beneficiary-legal-name"),
        ((*TO, *OTHERS, *OWN), "give --vasp-name"),
        ((*TO, *OWN, "--beneficiary-lei", LEI), "give --vasp-name"),
        ((*TO, *OWN[:4]), "give --vasp-name"),
        (TO, "give --vasp-name"),
        ((THEIRS, "--account", "ACMEE", *OWN), "ACMEE is no account: ACME"),
        ((THEIRS, "--account", "A\x1b[2J", *OWN), "'A\\x1b[2J' is no account"),
        (("0x5a", "--account", "ACME", *OWN), "an address is `0x` and 40 hex digits"),
        ((*TO, *OTHERS[:3], "549300", *OTHERS[4:]), "is no LEI"),
        ((*TO, *OTHERS[:5], "Größe", *OTHERS[6:]), "transliterate"),
        ((*TO, *OWN[:3], "2999-01-01", *OWN[4:]), "no day up to today"),
    ],
)
def test_what_nobody_could_be_told_is_refused_with_what_to_type_instead(travel, words, said):
    assert said in travel("know", *words, code=1)
    assert travel("list") == []


def test_a_member_has_a_seat_and_nobody_else(travel):
    assert "ACMEE is no member: ACME" in travel("customer", "ACMEE", *SEAT, code=1)
    assert "country: 'UK'" in travel("customer", "ACME", *SEAT[:-1], "UK", code=1)


def test_a_message_is_shown_whole_and_said_to_be_sent(travel, data, tmp_path, capsys):
    none = travel("message", "W00000001", code=1)
    assert "no message of W00000001 is composed: `fixgate withdrawals show`" in none
    composed(data, b'{"originator":{"old":1}}')
    digest = composed(data)
    shown = travel("message", "W00000001")
    assert (shown["ivms101"], shown["sha256"]) == ({"originator": {}}, digest)
    assert (shown["sends"], shown["sent"], shown["amount"]) == (True, False, "5")
    assert "not the digest" in travel("sent", "W00000001", "--sha256", "0" * 64, code=1)
    assert travel("sent", "W00000001", "--sha256", digest) == {"withdrawal": "W00000001"}
    assert travel("message", "W00000001")["sent"] is True
    out = tmp_path / "message.json"
    argv = ["travel", "message", "W00000001", "--data", str(data), "--out", str(out)]
    assert main(argv) == 0
    assert sha256(out.read_bytes()).hexdigest() == digest
    assert "state        sent" in capsys.readouterr().out
    assert main(argv) == 1
    assert f"{out}: File exists" in capsys.readouterr().err


def test_where_there_is_no_venue_or_no_such_file_nothing_is_shown(travel, data, tmp_path, capsys):
    assert main(["travel", "list", "--data", str(tmp_path)]) == 1
    assert "there is no journal" in capsys.readouterr().err
    travel("know", *TO, *OWN)
    path = data / "compliance" / "travel"
    path.write_bytes(path.read_bytes().replace(b"case 7", b"case 8") + b"x")
    other = path.read_bytes()
    path.write_bytes(other[:16] + b"y" * 16 + other[32:])
    assert "belongs to another journal" in travel("list", code=1)
