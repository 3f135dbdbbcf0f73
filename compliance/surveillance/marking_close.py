"""Marking the close: taking much right before a fixing, with a move in that direction."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Sent, Step, Traded
from compliance.surveillance.rules import MarkingClose
from compliance.surveillance.windows import BPS, known, moved, share
from engine.model.enums import BUY

MAX_RECORDS = 32
"""Records of an owner in a window that are remembered: the last ones."""

MAX_TAKERS = 1_000
"""Owners of a window: as many as a large venue has members."""


class _Taker(Struct):
    """An owner in the window: lots bought and sold by taking, and by how many orders."""

    member: int
    bought: int = 0
    sold: int = 0
    orders: int = 0
    records: list[int] = []


class _Window(Struct):
    """The running window of an instrument. moves: of the windows before, ticks, newest last."""

    window: int = -1
    start: int = 0
    end: int = 0
    lots: int = 0
    takers: dict[int, _Taker] = {}
    moves: list[int] = []


class _State(Struct):
    markets: dict[int, _Window] = {}


class MarkingCloseDetector:
    """Windows divide the day; the last one before a fixing is judged when it is over."""

    kind = "marking_close"
    hears = (Sent, Traded)

    def __init__(self, rules: MarkingClose) -> None:
        self.rules = rules
        self._width = rules.window_s * NANOS_PER_S
        self.state = _State()

    def take(self, step: Step, fact: Sent | Traded) -> Finding | None:
        """A message ends a window that is over; a trade is counted."""
        key = step.market.id
        row = self.state.markets.get(key) or known(self.state.markets, key, _Window)
        window = step.time // self._width
        found = None
        if window != row.window:
            found = self._over(row, window) if row.window >= 0 else None
            row.window, row.lots = window, 0
            row.start = row.end = row.end or step.market.last
            row.takers.clear()
        if isinstance(fact, Traded):
            self._count(row, step, fact)
        return found

    def _count(self, row: _Window, step: Step, fact: Traded) -> None:
        if not row.start:
            row.start = fact.before or fact.price
        row.end = fact.price
        row.lots += fact.lots
        taker = fact.taker
        own = known(row.takers, taker.owner, lambda: _Taker(taker.member), MAX_TAKERS)
        if taker.side == BUY:
            own.bought += fact.lots
        else:
            own.sold += fact.lots
        if not own.records or own.records[-1] != step.record:
            own.orders += 1
            own.records.append(step.record)
        del own.records[:-MAX_RECORDS]

    def _over(self, row: _Window, now: int) -> Finding | None:
        """The window is over, and so are those without a message until `now`."""
        rules = self.rules
        found = None
        fixing = (row.window + 1) * rules.window_s % rules.fixing_every_s == 0
        if fixing and row.start:
            found = self._judge(row)
        quiet = min(now - row.window - 1, rules.history_windows)
        row.moves += [row.end - row.start, *([0] * quiet)]
        del row.moves[: -rules.history_windows]
        return found

    def _judge(self, row: _Window) -> Finding | None:
        rules, move = self.rules, row.end - row.start
        if len(row.moves) < rules.history_windows or not moved(
            row.start, row.end, rules.min_move_bps
        ):
            return None
        # Moves are around 0: their mean is that of a trend and says nothing of how wild they are.
        squares = sum(past * past for past in row.moves)
        if (move * BPS) ** 2 * len(row.moves) < squares * rules.sigmas_bps**2:
            return None
        for owner, own in row.takers.items():
            net = own.bought - own.sold if move > 0 else own.sold - own.bought
            if own.orders < rules.min_orders or net <= 0:
                continue
            if share(net, row.lots, rules.min_share_bps):
                return Finding(
                    (own.member,),
                    tuple(own.records),
                    (
                        ("net_lots", net),
                        ("all_lots", row.lots),
                        ("start_ticks", row.start),
                        ("end_ticks", row.end),
                    ),
                    f"owner {owner} took net {net} of {row.lots} lots in the last "
                    f"{rules.window_s} s before a fixing, while the price went from {row.start} to "
                    f"{row.end} ticks",
                )
        return None
