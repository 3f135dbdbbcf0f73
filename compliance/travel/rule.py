"""The message of a withdrawal, made of what is known; or what is missing, and who can bring it.

Regulation (EU) 2023/1113 (TFR), Article 14: a transfer is accompanied by the originator's name,
ledger address, account, postal address with country, customer number and LEI (paragraph 1), and the
beneficiary's name, ledger address and LEI (paragraph 2), whatever its amount; to a self-hosted
address the same is held, and over EUR 1,000 it is assessed whose the address is (paragraph 5).
Stricter than that: always, and it has to be the originator's own.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from compliance.kyc.institution import Institution
from compliance.kyc.states import Customer
from compliance.kyc.words import LIVE, State
from compliance.travel import ivms101
from compliance.travel.desk import TravelDesk, day_of
from compliance.travel.provider import Provider
from compliance.travel.records import (
    NAME_LENGTH,
    AtProvider,
    Firm,
    Seat,
    SelfHosted,
    Subject,
    latin_problem,
)

KNOWN_IN: Final = LIVE | {State.OFFBOARDING}
"""States of a customer whose file two people have approved."""


class Incomplete(Exception):
    """Something is missing, or not sent: the text says what, and which command brings it."""


class Transfer(Struct, frozen=True):
    """A withdrawal. member: whose account it is. source: the address that pays."""

    withdrawal: str
    account: str
    member: str
    source: str
    destination: str


def customer_of(customers: Iterable[Customer], member: str) -> Customer | None:
    """The customer that a member is now, if its file was approved: the last one of that name."""
    found = max((c for c in customers if c.member == member), key=lambda c: c.id, default=None)
    known = found is not None and found.state in KNOWN_IN and found.file is not None
    return found if known else None


def message_of(
    us: Provider, customer: Customer | None, desk: TravelDesk, transfer: Transfer, now: int
) -> tuple[bytes, bool]:
    """The message, and whether it goes to another provider. Raises Incomplete, with all that is
    missing."""
    seat = _in_force(desk, Subject(transfer.member))
    known = _in_force(desk, Subject(transfer.account, transfer.destination))
    file = None if customer is None else customer.file
    name = "" if file is None else _latin_name(file, seat)
    if customer is None or file is None or not name or not isinstance(seat, Seat) or known is None:
        raise Incomplete("; ".join(_missing(desk, transfer, file, name)))
    originator = _legal(Firm(name, file.lei, file.country), seat, str(customer.id), file.name)
    accounts = (transfer.account, transfer.source)
    to = (transfer.destination,)
    assert not isinstance(known, Seat), "an address has no seat"
    receiver: ivms101.BeneficiaryVasp | None = None
    beneficiary = ivms101.Person(legal_person=originator, account_number=to)
    if isinstance(known, AtProvider):
        theirs = _legal(known.beneficiary)
        beneficiary = ivms101.Person(legal_person=theirs, account_number=to)
        keeper = ivms101.Person(legal_person=_legal(known.provider))
        receiver = ivms101.BeneficiaryVasp(beneficiary_vasp=keeper)
    sender = ivms101.Person(legal_person=originator, account_number=accounts)
    payload = ivms101.Payload(
        originator=ivms101.Originator(originator_person=(sender,)),
        beneficiary=ivms101.Beneficiary(beneficiary_person=(beneficiary,)),
        originating_vasp=ivms101.OriginatingVasp(
            originating_vasp=ivms101.Person(legal_person=_legal(us.firm, us.seat))
        ),
        beneficiary_vasp=receiver,
        payload_metadata=ivms101.PayloadMetadata(payload_version=ivms101.VERSION),
    )
    message = ivms101.encode_payload(payload)
    try:  # what leaves is held to what comes in
        ivms101.read_payload(message, day_of(now))
    except ivms101.PayloadRefused as error:
        raise Incomplete(f"its message would be refused: {error}") from None
    return message, receiver is not None


def unsent(withdrawal: str, digest: str) -> Incomplete:
    """What is said of a message that nobody has sent yet."""
    return Incomplete(
        f"its message is composed, to be sent by the operator: `fixgate travel message"
        f" {withdrawal}` shows it, then `fixgate travel sent {withdrawal} --sha256 {digest}`"
    )


# --- parts ------------------------------------------------------------------------------------


def _in_force(desk: TravelDesk, subject: Subject) -> AtProvider | SelfHosted | Seat | None:
    record = desk.records.get(subject)
    return None if record is None else record.proposal.known


def _latin_name(file: Institution, seat: AtProvider | SelfHosted | Seat | None) -> str:
    """A customer's legal name in Latin letters; empty if nobody has said it."""
    if isinstance(seat, Seat) and seat.latin:
        return seat.latin
    return "" if latin_problem("", file.name, NAME_LENGTH) else file.name


def _missing(desk: TravelDesk, t: Transfer, file: Institution | None, name: str) -> list[str]:
    """All that keeps a message from being composed."""
    found = []
    if file is None:
        found.append(f"{t.member} is no customer with an approved file: `fixgate kyc list`")
    seat = Subject(t.member)
    if seat not in desk.records:
        found.append(
            f"where {t.member} is registered is not known: "
            + _next(desk, seat, f"fixgate travel customer {t.member}")
        )
    elif file is not None and not name:
        found.append(
            f"the name of {t.member} is not in Latin letters: `fixgate travel customer {t.member}"
            " --latin-name ...`"
        )
    to = Subject(t.account, t.destination)
    if to not in desk.records:
        found.append(
            f"who is behind {t.destination} is not known: "
            + _next(desk, to, f"fixgate travel know {t.destination} --account {t.account}")
        )
    return found


def _next(desk: TravelDesk, subject: Subject, first: str) -> str:
    """What a person types: to propose, or to agree on what another has proposed."""
    waiting = desk.proposals.get(subject)
    if waiting is None:
        return f"`{first} ...`"
    return f"{waiting[1].by} has proposed it, another types `fixgate travel agree {waiting[0]}`"


def _legal(
    firm: Firm, seat: Seat | None = None, number: str | None = None, local: str = ""
) -> ivms101.LegalPerson:
    """local: its name as it is registered, which is told too where it is another."""
    legal = ivms101.LegalNameType.LEGAL
    name = ivms101.LegalName(legal_person_name=firm.name, legal_person_name_identifier_type=legal)
    own: tuple[ivms101.LocalLegalName, ...] = ()
    if local and local != firm.name and len(local) <= NAME_LENGTH:
        own = (
            ivms101.LocalLegalName(
                legal_person_name=local, legal_person_name_identifier_type=legal
            ),
        )
    national = ivms101.NationalIdentification(
        national_identifier=firm.lei, national_identifier_type=ivms101.IdentifierType.LEI
    )
    return ivms101.LegalPerson(
        name=ivms101.LegalNames(name_identifier=(name,), local_name_identifier=own),
        geographic_address=() if seat is None else (_address(seat),),
        customer_identification=number,
        national_identification=national if firm.lei else None,
        country_of_registration=firm.country or None,
    )


def _address(seat: Seat) -> ivms101.Address:
    return ivms101.Address(
        address_type=ivms101.AddressType.GEOG,
        street_name=seat.street,
        building_number=seat.building,
        postcode=seat.postcode or None,
        town_name=seat.town,
        country=seat.country,
    )
