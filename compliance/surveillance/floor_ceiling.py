"""Floor and ceiling: a wall at a price, put up again whenever it is worn down."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Added, Step, Traded
from compliance.surveillance.rules import FloorCeiling
from compliance.surveillance.windows import known, share
from engine.model.enums import BUY

MAX_RECORDS = 32
"""Records of a wall that are remembered: the last ones."""


class _Wall(Struct):
    """An owner's price on a side. taken_before: lots that anybody had taken there when it began."""

    price: int = 0
    began: int = 0
    taken_before: int = 0
    absorbed: int = 0
    refreshes: int = 0
    records: list[int] = []


class _State(Struct):
    walls: dict[tuple[int, int, int], _Wall] = {}
    """By instrument, owner, side."""


class FloorCeilingDetector:
    """A wall is put up again where it has been traded with, at the same price, large each time."""

    kind = "floor_ceiling"
    hears = (Added, Traded)

    def __init__(self, rules: FloorCeiling) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Added | Traded) -> Finding | None:
        """A new order may build, a trade wears down."""
        if isinstance(fact, Traded):
            maker = fact.maker
            wall = self.state.walls.get((step.market.id, maker.owner, maker.side))
            if wall is not None and wall.price == maker.price:
                wall.absorbed += fact.lots
            return None
        order = fact.order
        if not order.shown:
            return None
        key = (step.market.id, order.owner, order.side)
        wall = self.state.walls.get(key)
        if wall is not None and wall.price == order.price:
            return self._again(step, fact, wall)
        # Three quarters of what is asked for are worth a closer look: own levels count there.
        if not share(4 * order.shown, 3 * step.market.typical_now(step.time), self.rules.size_bps):
            return None
        typical = step.market.typical_level(order.owner)
        if not typical or not share(order.shown, typical, self.rules.size_bps):
            return None
        wall = known(self.state.walls, key, _Wall)
        wall.price, wall.began = order.price, step.time
        wall.taken_before = _taken(step, order.side)
        wall.absorbed = wall.refreshes = 0
        wall.records = [step.record]
        return None

    def _again(self, step: Step, fact: Added, wall: _Wall) -> Finding | None:
        rules, order = self.rules, fact.order
        typical = step.market.typical_level(order.owner)
        shown = step.market.lots_of(order.owner, order.side)
        if not typical or not share(shown, typical, rules.size_bps):
            return None
        wall.refreshes += 1
        wall.records.append(step.record)
        del wall.records[1:-MAX_RECORDS]
        held = step.time - wall.began
        if held < rules.min_s * NANOS_PER_S or wall.refreshes < rules.min_refreshes:
            return None
        taken = _taken(step, order.side) - wall.taken_before
        if not wall.absorbed or not share(wall.absorbed, taken, rules.min_share_bps):
            return None
        seconds = held // NANOS_PER_S
        return Finding(
            (order.member,),
            tuple(wall.records),
            (
                ("ticks", wall.price),
                ("seconds", seconds),
                ("refreshes", wall.refreshes),
                ("absorbed_lots", wall.absorbed),
                ("taken_lots", taken),
            ),
            f"held {wall.price} ticks for {seconds} s, put up {wall.refreshes} times again, and "
            f"absorbed {wall.absorbed} of {taken} lots",
        )


def _taken(step: Step, side: int) -> int:
    """Lots taken from a side of the book by anybody."""
    return step.market.sold if side == BUY else step.market.bought
