"""Names for the ids in alerts and cases."""

from compliance.surveillance.alerts import Alert
from engine.model.ids import NOBODY
from engine.model.refdata import ReferenceData


def instrument_name(refdata: ReferenceData, ident: int) -> str:
    """An instrument's symbol; its number if nobody knows it; a dash for none."""
    if ident == NOBODY:
        return "-"
    found = refdata.instruments.get(ident)
    return f"instrument {ident}" if found is None else found.symbol


def member_names(refdata: ReferenceData, idents: tuple[int, ...]) -> str:
    """The names of members, with commas between them."""
    known = refdata.members
    return ", ".join(known[i].name if i in known else f"member {i}" for i in idents)


def subject_words(refdata: ReferenceData, alert: Alert) -> tuple[str, str]:
    """An alert's instrument and members, by name."""
    return instrument_name(refdata, alert.instrument), member_names(refdata, alert.members)
