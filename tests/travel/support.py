"""A venue, a customer, and what is known of an address."""

import datetime

from msgspec.structs import replace

from compliance.travel.desk import TravelDesk
from compliance.travel.provider import Provider
from compliance.travel.records import AtProvider, Firm, Method, Seat, SelfHosted, Subject
from compliance.travel.rule import Transfer
from tests.kyc.support import LEI, PARENT, desk_with

NOW = 1_795_000_000 * 1_000_000_000
TODAY = datetime.date(2026, 11, 18)
ANNA, BEN = "p-anna", "p-ben"
THEIRS = "0x" + "5a" * 20
HOT = "0x" + "0b" * 20
SEAT = Seat("Bishopsgate", "22", "London", "GB", "EC2N 4BQ")
US = Provider(Firm("Fixgate Venue SA", "7LTWFZYICNSX8D621K86", "LU"),
              Seat("Rue du Marche", "1", "Luxembourg", "LU"))  # fmt: skip
OTHER = AtProvider(Firm("Other Provider Ltd", PARENT, "CH"), Firm("Boreas Fund LP", LEI, "KY"))
OWN = SelfHosted(Method.SIGNATURE, "2026-10-01", "case 7")
ACME = Subject("ACME")
TO = Subject("ACME", THEIRS)
TRANSFER = Transfer("W00000001", "ACME", "ACME", HOT, THEIRS)


class ListStore:
    """Keeps events in memory."""

    def __init__(self):
        self.events = []

    def read(self, after):
        return self.events[after:]

    def append(self, after, event):
        assert after == len(self.events)
        self.events.append(event)


def agreed(desk, subject, known, by=(ANNA, BEN)):
    """Two people say so."""
    desk.agree(desk.propose(subject, known, by[0], NOW), by[1], NOW)


def desk_knowing(known=OTHER, seat=SEAT):
    desk = TravelDesk(ListStore())
    if seat is not None:
        agreed(desk, ACME, seat)
    if known is not None:
        agreed(desk, TO, known)
    return desk


def customer(state="active", **changed):
    """The customer ACME; `changed` of its file."""
    found = desk_with(state).customers[1]
    if changed:
        found.file = replace(found.file, **changed)
    return found
