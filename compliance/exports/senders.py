"""Who sent each open order, and in which capacity: elements of records for regulators. Pure."""

from typing import Final, NamedTuple

from compliance.exports.kind import Row
from compliance.exports.names import words
from engine.model.commands import Command, NewOrder, Origin, ReplaceOrder
from engine.model.enums import PARTIALLY_FILLED
from engine.model.events import OrderAccepted, OrderEvent, OrderReplaced

CAPACITY: Final = {
    b"A": "AOTC", b"I": "AOTC", b"W": "AOTC",
    b"G": "DEAL", b"P": "DEAL",
    b"R": "MTCH",
}  # fmt: skip
"""Trading capacity (RTS 24 field 7, RTS 22 field 29) by OrderCapacity(528)."""

MARKET_MAKER: Final = b"5"
"""OrderRestrictions(529): acting as market maker."""

_CLIENT, _EXECUTING, _DECIDING = 3, 12, 122
"""PartyRole(452)."""

MAX_WHO: Final = 16_384
"""Sets of short codes whose elements are kept at a time, some 20 MiB; members use a few."""


class Who(NamedTuple):
    """Elements of a record about who sent an order."""

    parties: Row
    capacity: Row


Saved = tuple[list[Who], list[tuple[int, int]]]
"""What `Senders.save` gives: each Who once, and by order the place of its own."""


class Senders:
    """Who sent the orders that are open. A replace that names somebody holds from then on."""

    def __init__(self) -> None:
        self._open: dict[int, Who] = {}
        self._known: dict[tuple[object, object], Who] = {}

    def take(self, command: Command, event: OrderEvent) -> Who:
        """Who sent the order of an event in which something happened to it; it may end by it."""
        if isinstance(command, NewOrder) and event.order_id not in self._open:
            who = self.of(command.origin)
            if isinstance(event, OrderAccepted):
                self._open[event.order_id] = who
            return who
        if isinstance(event, OrderReplaced):
            assert isinstance(command, ReplaceOrder)
            if command.origin.parties or command.origin.capacity:
                self._open[event.order_id] = self.of(command.origin)
        who = self._open[event.order_id]
        if event.status > PARTIALLY_FILLED:
            del self._open[event.order_id]
        return who

    def of(self, origin: Origin) -> Who:
        """Whom an order message names."""
        key = origin.parties, origin.capacity
        found = self._known.get(key)
        if found is None:
            if len(self._known) == MAX_WHO:
                self._known.clear()
            found = self._known[key] = Who(parties_of(origin), capacity_of(origin))
        return found

    def save(self) -> Saved:
        """All of it. Who sent an order is one thing for many orders, and is saved once."""
        who = {id(found): found for found in self._open.values()}
        place = {key: k for k, key in enumerate(who)}
        return list(who.values()), [(order, place[id(w)]) for order, w in self._open.items()]

    def load(self, saved: Saved) -> None:
        """Be as after `save`."""
        who, orders = saved
        self._open = {order: who[k] for order, k in orders}


def parties_of(origin: Origin) -> Row:
    """Short codes by what they stand for, the first of each role."""
    codes = dict(reversed(origin.parties))
    found: Row = {}
    for role, name in (
        (_CLIENT, "ClntId"),
        (_DECIDING, "InvstmtDcsnPrsn"),
        (_EXECUTING, "ExctgPrsn"),
    ):
        if role in codes:
            found[name] = {"ShrtCd": words(codes[role])}
    return found


def capacity_of(origin: Origin) -> Row:
    """Trading capacity, and whether the member says that it makes a market."""
    given = dict(origin.capacity)
    found: Row = {}
    if capacity := CAPACITY.get(given.get(528, b"")):
        found["TradgCpcty"] = capacity
    if MARKET_MAKER in given.get(529, b"").split():
        found["LqdtyPrvsnActvty"] = True
    return found
