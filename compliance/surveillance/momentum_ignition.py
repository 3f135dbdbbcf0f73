"""Momentum ignition: a run of takes that moves the price, and the way back at a profit."""

from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Finding
from compliance.surveillance.facts import Order, Step, Traded
from compliance.surveillance.rules import MomentumIgnition
from compliance.surveillance.windows import known, moved, share
from engine.model.enums import BUY

MAX_RECORDS = 32
"""Records of a run that are remembered: those that began it."""


class _Run(Struct):
    """An owner's takes on one side. taken_before: lots that anybody had taken on that side when it
    began; value, back_value: sums of lots x ticks."""

    side: int = 0
    began: int = 0
    last: int = 0
    start_price: int = 0
    end_price: int = 0
    trades: int = 0
    lots: int = 0
    value: int = 0
    taken_before: int = 0
    taken: int = 0
    back_lots: int = 0
    back_value: int = 0
    records: list[int] = []


class _State(Struct):
    runs: dict[tuple[int, int], _Run] = {}


class MomentumIgnitionDetector:
    """The way back may be taken or made; what is made on the run's side changes nothing."""

    kind = "momentum_ignition"
    hears = (Traded,)

    def __init__(self, rules: MomentumIgnition) -> None:
        self.rules = rules
        self.state = _State()

    def take(self, step: Step, fact: Traded) -> Finding | None:
        """A trade."""
        runs, market = self.state.runs, step.market.id
        back = None
        maker = runs.get((market, fact.maker.owner))
        if maker is not None and maker.side == fact.taker.side:
            back = self._back(step, fact, maker, fact.maker)
        run = known(runs, (market, fact.taker.owner), _Run)
        if run.side and run.side != fact.taker.side and self._ignited(run):
            back = self._back(step, fact, run, fact.taker) or back
            if step.time - run.last <= self.rules.reversal_s * NANOS_PER_S:
                return back
        self._goes_on(step, fact, run)
        return back

    def _goes_on(self, step: Step, fact: Traded, run: _Run) -> None:
        """A take of the run's owner: the next of the run, or the first of a new one."""
        side = fact.taker.side
        late = step.time - run.last > self.rules.gap_s * NANOS_PER_S
        if side != run.side or late:
            run.side, run.began = side, step.time
            run.start_price = fact.before or fact.price
            run.trades = run.lots = run.value = run.back_lots = run.back_value = 0
            run.taken_before = fact.taken - fact.lots
            run.records.clear()
        run.last, run.end_price, run.taken = step.time, fact.price, fact.taken
        run.trades += 1
        run.lots += fact.lots
        run.value += fact.lots * fact.price
        if len(run.records) < MAX_RECORDS:
            run.records.append(step.record)

    def _ignited(self, run: _Run) -> bool:
        rules = self.rules
        if run.trades < rules.min_trades:
            return False
        up = run.end_price > run.start_price
        if up != (run.side == BUY) or not moved(run.start_price, run.end_price, rules.min_move_bps):
            return False
        return share(run.lots, run.taken - run.taken_before, rules.min_share_bps)

    def _back(self, step: Step, fact: Traded, run: _Run, order: Order) -> Finding | None:
        """The owner of a run trades against it."""
        rules = self.rules
        late = step.time - run.last > rules.reversal_s * NANOS_PER_S
        if late or not self._ignited(run):
            return None
        run.back_lots += fact.lots
        run.back_value += fact.lots * fact.price
        gain = run.back_value * run.lots - run.value * run.back_lots
        if run.side != BUY:
            gain = -gain
        if gain <= 0 or not share(run.back_lots, run.lots, rules.min_reversed_bps):
            return None
        seconds = (step.time - run.began) // NANOS_PER_S
        return Finding(
            (order.member,),
            (*run.records, step.record),
            (
                ("run_trades", run.trades),
                ("run_lots", run.lots),
                ("start_ticks", run.start_price),
                ("end_ticks", run.end_price),
                ("back_lots", run.back_lots),
                ("seconds", seconds),
            ),
            f"took {run.lots} lots in {run.trades} trades, from {run.start_price} to "
            f"{run.end_price} ticks, and gave {run.back_lots} back at a better price, all within "
            f"{seconds} s",
        )
