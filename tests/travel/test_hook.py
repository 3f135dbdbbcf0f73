"""Withdrawals that wait for what the travel rule wants, on a chain in this process."""

import json
from hashlib import sha256

import pytest

from compliance.kyc.desk import KycDesk
from compliance.kyc_file import KYC_NAME, KycFile
from compliance.travel.desk import TravelDesk
from compliance.travel.events import Composed
from compliance.travel.records import Subject
from compliance.travel_file import TRAVEL_NAME, TravelFile
from custody.screening import ListScreening, ScreeningFailed
from gateway.at_the_venue import identity_at
from gateway.travel.books import Books
from gateway.travel.hook import TravelScreening
from tests.custody.conftest import make_template
from tests.custody.served import Served
from tests.custody.terminal import fixgate
from tests.custody.world import BAD, ETHER, THEIRS, World
from tests.journal.support import FaultyDisk
from tests.kyc.support import desk_with
from tests.travel.support import ACME, ANNA, BEN, NOW, OTHER, OWN, SEAT, US, agreed

WAITS = "waits for screening: travel rule: "
TO = Subject("ACME", THEIRS)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_template(tmp_path_factory)


class House:
    """A world whose custody asks the travel rule, and people who know things."""

    def __init__(self, folder, template):
        self.world = World(folder, template)
        self.said = []
        self.journal = identity_at(folder)
        self.disk = None
        self.path = folder / "compliance" / TRAVEL_NAME
        self.first = ListScreening({BAD})
        self.ask_with()

    def ask_with(self, disk=None):
        """Custody begins anew, and asks. disk: that it writes to."""

        def books():
            found = Books(self.world.folder, self.journal)
            if disk is not None:
                found.travel = TravelDesk(TravelFile(self.path, self.journal, disk))
            return found

        world = self.world
        members = {"ACME": "ACME", "BOREAS": "BOREAS"}
        world.screening = TravelScreening(
            US, books, members, world.hot, world.clock, self.said.append, self.first
        )
        world.start()
        world.step()

    def onboard(self):
        """ACME is a customer."""
        file = KycFile(self.world.folder / "compliance" / KYC_NAME, self.journal)
        for k, event in enumerate(desk_with("active")._store.read(0)):
            file.append(k, event)
        assert KycDesk(KycFile(file._path, self.journal)).customers[1].state == "active"

    @property
    def people(self):
        return TravelDesk(TravelFile(self.path, self.journal))

    def know(self, known, subject=TO):
        agreed(self.people, subject, known)

    def ready(self, known=OTHER):
        """All is known."""
        self.onboard()
        self.know(SEAT, ACME)
        self.know(known)

    def sent(self, ident):
        desk = self.people
        desk.sent(ident, desk.told[ident].sha256, BEN, NOW)

    def ask_for(self, to=THEIRS, account="ACME"):
        ident = self.world.desk.withdraw(account, "ETH", 10**8, to, "trader7")
        self.on()
        return ident

    def on(self):
        """Long enough to ask again."""
        self.world.go(2, seconds=11)

    def shown(self, ident):
        row, _ = self.world.desk.withdrawal(ident)
        return row.state, row.text

    def waits(self, ident):
        """For what it waits."""
        state, text = self.shown(ident)
        assert (state, text[: len(WAITS)]) == ("approved", WAITS)
        assert self.world.on_chain(THEIRS) == 0
        return text.removeprefix(WAITS)

    def paid(self, ident):
        self.world.settle()
        return self.world.withdrawal_state(ident) == "settled"

    def messages(self):
        events = TravelFile(self.path, self.journal).read(0)
        return [event for event in events if isinstance(event, Composed)]


@pytest.fixture
def house(tmp_path, template):
    made = House(tmp_path, template)
    yield made
    made.world.close()


def test_a_withdrawal_waits_step_by_step_and_is_paid_when_its_message_is_sent(house):
    """Nothing is known; then the customer; its seat, proposed, agreed on; the address; the message
    is sent. At each step its reader is told what to type next."""
    ident = house.ask_for()
    assert house.waits(ident).startswith("ACME is no customer with an approved file: `fixgate kyc")
    house.onboard()
    house.on()
    assert house.waits(ident).startswith("where ACME is registered is not known: `fixgate travel")
    number = house.people.propose(ACME, SEAT, ANNA, NOW)
    house.on()
    assert f"another types `fixgate travel agree {number}`" in house.waits(ident)
    house.people.agree(number, BEN, NOW)
    house.on()
    assert house.waits(ident) == (
        f"who is behind {THEIRS} is not known: `fixgate travel know {THEIRS} --account ACME ...`"
    )
    assert house.messages() == []
    house.know(OTHER)
    house.on()
    (composed,) = house.messages()
    assert house.waits(ident) == (
        f"its message is composed, to be sent by the operator: `fixgate travel message {ident}`"
        f" shows it, then `fixgate travel sent {ident} --sha256 {composed.sha256}`"
    )
    house.sent(ident)
    assert house.paid(ident)
    assert house.world.on_chain(THEIRS) == ETHER
    (composed,) = house.messages()
    assert (composed.withdrawal, composed.amount) == (ident, str(ETHER))
    assert sha256(composed.message).hexdigest() == composed.sha256
    (sender,) = json.loads(composed.message)["originator"]["originatorPerson"]
    assert sender["accountNumber"] == ["ACME", house.world.hot]
    assert house.said == []


def test_to_an_address_of_the_customers_own_it_goes_without_anybody_being_sent_anything(house):
    house.ready(OWN)
    ident = house.ask_for()
    assert house.paid(ident)
    (composed,) = house.messages()
    assert not composed.sends


def test_what_was_sent_of_one_withdrawal_is_not_sent_of_another(house):
    house.ready()
    one, other = house.ask_for(), house.ask_for()
    house.sent(one)
    house.on()
    assert "to be sent" in house.shown(other)[1]
    house.sent(other)
    assert house.paid(other)
    assert house.paid(one)


def test_what_people_know_otherwise_by_now_has_to_be_sent_anew(house):
    house.ready()
    ident = house.ask_for()
    house.world.signing.away = True
    house.know(OWN)
    house.know(OTHER)
    house.people.revoke(TO, "it was another's", BEN, NOW)
    house.sent(ident)
    house.on()
    assert "who is behind" in house.waits(ident)
    beneficiary = OTHER.beneficiary.__class__("Cygnus Capital SA")
    house.know(OTHER.__class__(OTHER.provider, beneficiary))
    house.on()
    assert "to be sent" in house.waits(ident)
    house.world.signing.away = False
    house.sent(ident)
    assert house.paid(ident)
    assert len(house.messages()) == 2


def test_an_account_whose_firm_nobody_knows_waits_and_others_go_on(house):
    house.ready()
    stranger, ident = house.ask_for(account="BOREAS"), house.ask_for()
    house.sent(ident)
    house.on()
    assert "BOREAS is no customer" in house.shown(stranger)[1]
    assert house.shown(ident)[0] in ("sending", "settled")


def test_who_is_on_a_list_is_nobodys_message(house):
    """HIT comes before what is missing."""
    house.ready()
    house.know(OWN, Subject("ACME", BAD))
    ident = house.ask_for(BAD)
    assert house.shown(ident) == ("approved", "waits for screening: it says no")
    assert house.messages() == []
    assert house.world.alarms() == [f"withdrawal/{ident}"]


def test_a_person_reads_at_the_withdrawal_what_is_missing_and_what_to_type(house, tmp_path, capsys):
    house.onboard()
    house.know(SEAT, ACME)
    ident = house.ask_for()
    served = Served(house.world, tmp_path / "data")
    try:
        assert fixgate("withdrawals", "show", ident, "--data", served.data) == 0
    finally:
        served.close()
    shown = capsys.readouterr().out
    assert f"why          {WAITS}who is behind {THEIRS} is not known: `fixgate travel" in shown


class Away(ListScreening):
    async def withdrawal(self, *_):
        raise ScreeningFailed("the list is gone")


def test_what_lists_do_not_clear_nothing_else_clears(house):
    house.ready(OWN)
    house.first = Away({})
    house.ask_with()
    ident = house.ask_for()
    assert house.shown(ident) == ("approved", "waits for screening: the list is gone")
    assert house.messages() == []


# --- what can fail ----------------------------------------------------------------------------


def _changed(house):
    house.path.write_bytes(house.path.read_bytes().replace(b"Bishopsgate", b"Bishopsgatf"))


def _gone(house):
    house.path.unlink()


def _of_another(house):
    data = house.path.read_bytes()
    house.path.write_bytes(data[:16] + b"x" * 16 + data[32:])


def _no_customers(house):
    (house.world.folder / "compliance" / KYC_NAME).write_bytes(b"x" * 500)


@pytest.mark.parametrize(
    ("harm", "begins", "said"),
    [
        (_changed, True, "was changed behind event"),
        (_gone, True, "where ACME is registered is not known"),
        (_gone, False, "is gone: put back its copy"),
        (_of_another, True, "belongs to another journal"),
        (_of_another, False, "belongs to another journal"),
        (_no_customers, True, "ACME is no customer"),
        (_no_customers, False, "was changed behind event"),
    ],
)
def test_files_that_are_not_what_was_written_clear_nothing(house, harm, begins, said):
    """What was changed behind custody's back, after it was read, custody knows as it was."""
    house.ready(OWN)
    if not begins:
        assert house.paid(house.ask_for())
    harm(house)
    if begins:
        house.ask_with()
    ident = house.ask_for()
    state, text = house.shown(ident)
    assert (state, text[:21]) == ("approved", "waits for screening: ")
    assert said in text
    assert len(house.said) == ("travel rule: " not in text), "what people mend is logged, once"


@pytest.mark.parametrize("call", ["pwrite", "sync_data"])
def test_a_message_that_cannot_be_written_down_does_not_count(house, call):
    house.ready(OWN)
    disk = FaultyDisk([call], 0)
    house.ask_with(disk)
    ident = house.ask_for()
    assert house.shown(ident) == ("approved", "waits for screening: [Errno 5] Input/output error")
    assert house.messages() == []
    assert len(house.said) == 1
    disk.left = 1_000
    house.on()
    assert house.paid(ident)
    assert house.said[1] == "the travel rule's data is there again"
    assert len(house.messages()) == 1
