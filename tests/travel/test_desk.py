"""Records by two people, messages by one; the file of both, and a disk that fails."""

from dataclasses import dataclass
from hashlib import sha256

import pytest
from msgspec.structs import replace

from compliance.event_file import EventsBusy
from compliance.travel.desk import MAX_PRINCIPAL, TravelDesk, TravelRefused
from compliance.travel.events import Composed
from compliance.travel.records import AtProvider, Firm, Method, Seat, SelfHosted, Subject
from compliance.travel_file import TravelFile
from engine.model.errors import OperatorError
from tests.journal.support import FaultyDisk
from tests.kyc.support import LEI
from tests.travel.support import (
    ACME,
    ANNA,
    BEN,
    NOW,
    OTHER,
    OWN,
    SEAT,
    TO,
    ListStore,
    agreed,
    desk_knowing,
)

JOURNAL = b"j" * 16


def composed(message=b"{}", withdrawal="W00000001", *, sends=True):
    digest = sha256(message).hexdigest()
    return Composed(
        NOW, "custody", withdrawal, "ACME", "ETH", "5", TO.address, sends, message, digest
    )


def in_force(desk, subject):
    record = desk.records.get(subject)
    return None if record is None else record.proposal.known


def test_what_one_proposes_is_in_force_when_another_agrees():
    desk = TravelDesk(ListStore())
    number = desk.propose(TO, OTHER, ANNA, NOW)
    assert in_force(desk, TO) is None
    with pytest.raises(TravelRefused, match="somebody else has to agree"):
        desk.agree(number, ANNA, NOW)
    assert desk.agree(number, BEN, NOW) == TO
    assert in_force(desk, TO) == OTHER
    assert desk.proposals == {}
    again = TravelDesk(desk._store)
    assert (again.records, again.proposals) == (desk.records, {})


def test_nobody_agrees_on_what_has_been_replaced_or_was_agreed_on():
    """What was in force stays so until somebody agrees on another."""
    desk = desk_knowing(OTHER)
    first = desk.propose(TO, OWN, ANNA, NOW)
    second = desk.propose(TO, replace(OWN, evidence="case 8"), ANNA, NOW)
    for number in (first, 99, 0, -1):
        with pytest.raises(TravelRefused, match="no proposal"):
            desk.agree(number, BEN, NOW)
    assert in_force(desk, TO) == OTHER
    desk.agree(second, BEN, NOW)
    assert in_force(desk, TO).evidence == "case 8"
    with pytest.raises(TravelRefused, match="no proposal"):
        desk.agree(second, BEN, NOW)


def test_one_persons_word_is_enough_not_to_know_any_more():
    desk = desk_knowing(OTHER)
    waiting = desk.propose(TO, OWN, ANNA, NOW)
    desk.revoke(TO, "they have moved", BEN, NOW)
    assert in_force(desk, TO) is None
    with pytest.raises(TravelRefused, match="no proposal"):
        desk.agree(waiting, BEN, NOW)
    with pytest.raises(TravelRefused, match="nothing is known"):
        desk.revoke(TO, "again", BEN, NOW)
    assert in_force(desk, ACME) == SEAT


def test_an_address_is_known_for_the_account_alone_that_sends_to_it():
    desk = desk_knowing(OTHER)
    assert in_force(desk, Subject("BOREAS", TO.address)) is None


NONE = AtProvider(Firm("Other", LEI), Firm(""))


@pytest.mark.parametrize(
    ("subject", "known", "said"),
    [
        (TO, replace(OTHER, provider=Firm("Other")), "LEI is missing"),
        (TO, replace(OTHER, provider=Firm("Other", LEI[:-1] + "3")), "provider: .* is no LEI"),
        (TO, replace(OTHER, beneficiary=Firm("Müller AG")), "beneficiary: name: .*transliterate"),
        (TO, replace(OTHER, beneficiary=Firm("x" * 101)), "beneficiary: name"),
        (TO, replace(OTHER, beneficiary=Firm("A\nB")), "beneficiary: name"),
        (TO, replace(OTHER, beneficiary=Firm("A", country="UK")), "beneficiary: country"),
        (TO, replace(OTHER, beneficiary=Firm("A", "549300")), "beneficiary: .* is no LEI"),
        (TO, NONE, "beneficiary: name"),
        (TO, SelfHosted(Method.OTHER, "2027-01-01", "e"), "verified"),
        (TO, SelfHosted(Method.OTHER, "2026-02-30", "e"), "verified"),
        (TO, SelfHosted(Method.OTHER, "yesterday", "e"), "verified"),
        (TO, SelfHosted(Method.OTHER, "2026-10-01", "  "), "evidence"),
        (TO, SelfHosted(Method.OTHER, "2026-10-01", "e" * 501), "evidence"),
        (ACME, replace(SEAT, street=""), "street"),
        (ACME, replace(SEAT, building="b" * 17), "building"),
        (ACME, replace(SEAT, town="Zürich"), "town"),
        (ACME, replace(SEAT, country="England"), "country"),
        (ACME, replace(SEAT, postcode="1" * 17), "postcode"),
        (ACME, replace(SEAT, latin="Ł"), "latin name"),
    ],
)
def test_what_a_message_could_not_say_is_refused(subject, known, said):
    desk = TravelDesk(ListStore())
    with pytest.raises(TravelRefused, match=said):
        desk.propose(subject, known, ANNA, NOW)
    assert desk._store.events == []


@pytest.mark.parametrize("who", ["", " ", "a\x1b[2J", "x" * (MAX_PRINCIPAL + 1)])
def test_somebody_has_to_be_named(who):
    desk = TravelDesk(ListStore())
    with pytest.raises(TravelRefused, match="somebody has to be named"):
        desk.propose(TO, OTHER, who, NOW)
    assert desk.proposals == {}


def test_a_message_is_sent_when_somebody_says_so_by_its_digest():
    desk = desk_knowing()
    one, other = composed(b"one"), composed(b"other")
    with pytest.raises(TravelRefused, match="no message of W00000001"):
        desk.sent("W00000001", one.sha256, ANNA, NOW)
    desk.compose(one)
    for digest in ("", "x", one.sha256.upper(), other.sha256):
        with pytest.raises(TravelRefused, match="not the digest"):
            desk.sent("W00000001", digest, ANNA, NOW)
    desk.sent("W00000001", one.sha256, ANNA, NOW)
    desk.sent("W00000001", one.sha256, BEN, NOW)  # once is enough
    desk.compose(one)
    assert desk.told["W00000001"].sent
    assert len(desk._store.events) == 6
    assert TravelDesk(desk._store).told == desk.told


def test_another_message_of_a_withdrawal_has_to_be_sent_anew():
    desk = desk_knowing()
    one = composed(b"one")
    desk.compose(one)
    desk.sent("W00000001", one.sha256, ANNA, NOW)
    desk.compose(composed(b"other"))
    assert not desk.told["W00000001"].sent
    desk.compose(one)
    assert not desk.told["W00000001"].sent
    with pytest.raises(TravelRefused, match="no message of W00000002"):
        desk.sent("W00000002", one.sha256, ANNA, NOW)


def test_nobody_is_sent_the_message_to_an_address_of_ones_own():
    desk = desk_knowing(OWN)
    desk.compose(composed(sends=False))
    with pytest.raises(TravelRefused, match="own address"):
        desk.sent("W00000001", composed().sha256, ANNA, NOW)


# --- on disk ----------------------------------------------------------------------------------


@dataclass
class Deed:
    """One thing done to a desk, and whether it is so."""

    do: object
    done: object


DEEDS = {
    "proposed": Deed(
        lambda d: d.propose(TO, OWN, ANNA, NOW),
        lambda d: TO in d.proposals and d.proposals[TO][1].known == OWN,
    ),
    "agreed": Deed(lambda d: d.agree(2, BEN, NOW), lambda d: TO in d.records),
    "composed": Deed(lambda d: d.compose(composed(b"1")), lambda d: "W00000001" in d.told),
    "sent": Deed(
        lambda d: d.sent("W00000000", composed(b"0").sha256, ANNA, NOW),
        lambda d: d.told["W00000000"].sent,
    ),
}


def begun(path):
    """A file with something of each in it."""
    desk = TravelDesk(TravelFile(path, JOURNAL))
    desk.propose(ACME, SEAT, ANNA, NOW)
    desk.propose(TO, OTHER, ANNA, NOW)
    desk.compose(composed(b"0", "W00000000"))


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("call", ["pwrite", "sync_data", "part of pwrite"])
def test_what_could_not_be_written_is_not_believed_until_it_is_found_on_disk(tmp_path, deed, call):
    path = tmp_path / "compliance" / "travel"
    begun(path)
    disk = FaultyDisk([call.removeprefix("part of ")], 0)
    disk.short = call.startswith("part")
    desk = TravelDesk(TravelFile(path, JOURNAL, disk))
    deed = DEEDS[deed]
    with pytest.raises(OSError, match=r"error|part"):
        deed.do(desk)
    assert not deed.done(desk)
    again = TravelDesk(TravelFile(path, JOURNAL))
    assert not deed.done(again)
    deed.do(again)
    assert deed.done(TravelDesk(TravelFile(path, JOURNAL)))


def test_whoever_decides_on_an_old_picture_is_told_so(tmp_path):
    desks = [TravelDesk(TravelFile(tmp_path / "travel", JOURNAL)) for _ in range(2)]
    desks[0].propose(TO, OTHER, ANNA, NOW)
    with pytest.raises(EventsBusy, match="faster"):
        desks[1].propose(TO, OWN, BEN, NOW)
    desks[1].look()
    assert desks[1].proposals == desks[0].proposals


def test_a_file_that_was_changed_or_is_gone_is_not_believed(tmp_path):
    path = tmp_path / "travel"
    desk = TravelDesk(TravelFile(path, JOURNAL))
    agreed(desk, TO, OTHER)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"Boreas", b"Borias"))
    with pytest.raises(OperatorError, match="was changed"):
        TravelDesk(TravelFile(path, JOURNAL))
    path.unlink()
    with pytest.raises(OperatorError, match="is gone"):
        desk.look()
    path.write_bytes(data)
    desk.look()


def test_no_event_names_a_human_being():
    """What these structs can hold of people is ids of principals: the fields are these."""
    fields = {name for kind in (AtProvider, SelfHosted, Seat, Firm) for name in kind.__match_args__}
    assert fields == {
        "provider", "beneficiary", "method", "verified", "evidence", "street", "building", "town",
        "country", "postcode", "latin", "name", "lei",
    }  # fmt: skip
