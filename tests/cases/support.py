"""A desk over a list, and alerts to fill it."""

from compliance.cases.desk import CaseDesk, CaseRefused
from compliance.cases.events import Disposition, decode_event, encode_event
from compliance.surveillance.alerts import Alert

START = 1_800_000_000_000_000_000
HOUR = 3_600 * 1_000_000_000
ANNA, BEN, CORA = "p-anna", "p-ben", "p-cora"


class ListStore:
    """Keeps events as their bytes, as a disk would."""

    def __init__(self):
        self.rows = []

    def read(self, after):
        return [decode_event(row) for row in self.rows[after:]]

    def append(self, after, event):
        if after != len(self.rows):
            raise CaseRefused("others were faster")
        self.rows.append(encode_event(event))


def alert(kind="spoofing", members=(7,), last=100, instrument=1):
    return Alert(
        kind,
        "r" * 64,
        "k" * 64,
        START + last,
        last - 10,
        last,
        (last - 10, last - 5, last),
        members,
        instrument,
        (("pulled_lots", 5), ("filled_lots", 1)),
        "pulled 5 lots after 1 lot filled on the other side",
    )


def desk_with(state):
    """A desk with case 1 in a state, Anna its owner and maker, Ben its checker."""
    desk = CaseDesk(ListStore())
    desk.alert(alert(), START)
    if state == "new":
        return desk
    desk.assign(1, ANNA, BEN, START + HOUR)
    if state == "working":
        return desk
    desk.propose(
        1, Disposition.TRUE_POSITIVE, "manipulation", "see records", ANNA, START + 2 * HOUR
    )
    if state == "proposed":
        return desk
    desk.close(1, BEN, START + 3 * HOUR)
    assert state == "closed"
    return desk
