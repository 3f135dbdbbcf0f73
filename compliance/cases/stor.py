"""The suspicious transaction and order report (STOR) of a case, as JSON.

Its sections are those of the annex of delegated regulation (EU) 2025/885: who reports, the orders,
transactions and other behaviour, the nature of the suspicion, the persons suspected, what else
there is. Sections 1 to 4 are mandatory: what is not known there says "NA" and why. The names of
the fields are our own: the authority's schema was not at hand.

Of an alert about money that moved it is a draft of what goes to the financial intelligence unit
(STR, SAR), whose forms are its own: the same document under a format of its own name.

A draft names persons by their opaque ids. Who they are is for the vault, when a person submits it.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, Union

import msgspec
from msgspec import Struct

from compliance.cases.states import Case
from compliance.surveillance.alerts import Alert
from engine.model.ids import NOBODY
from engine.model.refdata import ReferenceData

STOR_FORMAT: Final = "fixgate-stor/1"
STR_FORMAT: Final = "fixgate-str/1"
"""Of a case about money that moved."""

_DAY_ZERO: Final = date(1970, 1, 1).toordinal()


class NotAvailable(Struct, frozen=True, forbid_unknown_fields=True, tag="NA", tag_field="value"):
    """A mandatory field whose content is not known, with the reason."""

    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("NA needs a reason")


Field = Union[str, NotAvailable]  # noqa: UP007 - as the model writes its unions

IN_THE_VAULT: Final = NotAvailable("kept outside the journal; added by the person who submits it")


class Reporter(Struct, frozen=True, forbid_unknown_fields=True):
    """Section 1: the person and entity that report."""

    name: Field
    position: Field
    entity: Field
    lei: Field
    address: Field
    capacity: Field
    activity: Field
    contact: Field


class Behaviour(Struct, frozen=True):
    """Section 2, of one alert: orders, transactions or other behaviour. Times are ISO 8601, UTC.

    records are numbers in the venue's journal, which its audit log proves.
    """

    instrument: Field
    venue: Field
    first_time: Field
    last_time: str
    records: tuple[int, ...]
    figures: dict[str, int]
    text: str
    ledger: Field


class Suspicion(Struct, frozen=True):
    """Section 3: what is suspected, and why. kinds: the alerts; rules: digests of what they were
    judged by."""

    kinds: tuple[str, ...]
    reason: str
    narrative: str
    rules: tuple[str, ...]


class Suspect(Struct, frozen=True):
    """Section 4: one member, by its id and firm."""

    member: int
    firm: Field
    lei: Field
    natural_person: Field
    accounts: tuple[int, ...]
    relation: Field


class Document(Struct, frozen=True):
    """The whole report."""

    format: str
    case: int
    reporter: Reporter
    behaviour: tuple[Behaviour, ...]
    suspicion: Suspicion
    suspects: tuple[Suspect, ...]
    additional: Field


def build_stor(
    case: Case,
    reporter: Reporter,
    refdata: ReferenceData,
    times: Mapping[int, int],
    narrative: str,
    venue: Field,
    additional: Field = NotAvailable("nothing to add"),  # noqa: B008 - frozen
) -> Document:
    """The report of a case. narrative: a person's own words on the suspicion.

    refdata: as of the case's last record; times: ns UTC of the alerts' first records. Raises
    ValueError without a narrative: an alert alone is no analysis by a human (delegated regulation
    (EU) 2025/885).
    """
    if not narrative.strip():
        raise ValueError("the suspicion wants the words of whoever has analysed it")
    members = sorted({member for alert in case.alerts for member in alert.members})
    money = all(alert.instrument == NOBODY for alert in case.alerts)
    return Document(
        STR_FORMAT if money else STOR_FORMAT,
        case.id,
        reporter,
        tuple(_behaviour(alert, refdata, times, venue) for alert in case.alerts),
        Suspicion(
            tuple(sorted({alert.kind for alert in case.alerts})),
            case.reason,
            narrative,
            tuple(sorted({alert.rules for alert in case.alerts})),
        ),
        tuple(_suspect(member, refdata) for member in members),
        additional,
    )


def write_stor(document: Document) -> bytes:
    """The report's bytes: the same report is the same bytes."""
    return msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=2)


def read_stor(data: bytes) -> Document:
    """Inverse of write_stor. Raises msgspec.ValidationError, DecodeError."""
    return msgspec.json.decode(data, type=Document)


def _behaviour(
    alert: Alert, refdata: ReferenceData, times: Mapping[int, int], venue: Field
) -> Behaviour:
    first = times.get(alert.first_record)
    return Behaviour(
        _instrument(alert.instrument, refdata),
        venue,
        NotAvailable("the journal was not asked") if first is None else utc_text(first),
        utc_text(alert.time),
        alert.records,
        dict(alert.figures),
        alert.text,
        NotAvailable(
            "custody has the transactions of these deposits and withdrawals, by their references"
            if alert.instrument == NOBODY
            else "orders and transactions on the venue's book, none on a ledger"
        ),
    )


def _instrument(ident: int, refdata: ReferenceData) -> Field:
    if ident == NOBODY:
        return NotAvailable("money that came and went, no instrument")
    found = refdata.instruments.get(ident)
    return str(ident) if found is None else found.symbol


def _suspect(member: int, refdata: ReferenceData) -> Suspect:
    found = refdata.members.get(member)
    unknown = NotAvailable("the journal does not define this member")
    accounts = sorted(a.id for a in refdata.accounts.values() if a.member == member)
    return Suspect(
        member,
        unknown if found is None else found.name,
        IN_THE_VAULT,
        IN_THE_VAULT,
        tuple(accounts),
        IN_THE_VAULT,
    )


def utc_text(nanos: int) -> str:
    """ns UTC as YYYY-MM-DDThh:mm:ss.ddddddZ, the microseconds cut."""
    days, rest = divmod(nanos // 1_000, 86_400 * 1_000_000)
    seconds, micros = divmod(rest, 1_000_000)
    day = date.fromordinal(_DAY_ZERO + days).isoformat()
    return f"{day}T{seconds // 3_600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}Z"
