"""A venue's journal, and names for the ids in alerts and cases."""

from pathlib import Path

from compliance.surveillance.alerts import Alert
from engine.journal.files import open_survey
from engine.model.commands import CancelOrder, CoreStarted, NewOrder
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData
from gateway.surveillance.following import journal_identity


def journal_of(data: Path) -> Path:
    """The journal of a data folder. Raises OperatorError if there is none."""
    journal = data / "journal"
    if not journal.is_dir():
        raise OperatorError(f"there is no journal in {data}: name the folder of a venue")
    return journal


def identity_of(journal: Path) -> bytes:
    """What no other journal has, see journal_identity. Raises OperatorError if there is no record
    yet."""
    reader = open_survey(journal)
    try:
        identity = journal_identity(reader)
    finally:
        reader.close()
    if identity is None:
        raise OperatorError(f"{journal} has no record yet")
    return identity


def first_names(journal: Path) -> ReferenceData:
    """Names that the venue began with, up to its first order: to read all of the journal for a list
    takes too long. What came later keeps its number."""
    refdata = ReferenceData()
    reader = open_survey(journal)
    try:
        for record in reader.records(0, reader.mark().number):
            if isinstance(record.command, NewOrder | CancelOrder):
                break
            refdata.apply(record.command)
            if isinstance(record.command, CoreStarted) and record.command.epoch > 1:
                break
    finally:
        reader.close()
    return refdata


def instrument_name(refdata: ReferenceData, ident: int) -> str:
    """An instrument's symbol; its number if nobody knows it."""
    found = refdata.instruments.get(ident)
    return f"instrument {ident}" if found is None else found.symbol


def member_names(refdata: ReferenceData, idents: tuple[int, ...]) -> str:
    """The names of members, with commas between them."""
    known = refdata.members
    return ", ".join(known[i].name if i in known else f"member {i}" for i in idents)


def subject_words(refdata: ReferenceData, alert: Alert) -> tuple[str, str]:
    """An alert's instrument and members, by name."""
    return instrument_name(refdata, alert.instrument), member_names(refdata, alert.members)
