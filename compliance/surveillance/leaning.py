"""What spoofing and layering have in common: orders pulled from one side, fills on the other."""

from typing import Final, NamedTuple

from msgspec import Struct

from compliance.surveillance.facts import Fill, Market, Order, Pull, Step, Traded
from compliance.surveillance.windows import BPS, known, share
from engine.model.clock import NANOS_PER_SECOND

JUST_NS: Final = 60 * NANOS_PER_SECOND
"""How long what was filled still counts to what an owner had on that side, ns."""


class Leaning(Struct):
    """When owners were last filled while they leaned on the other side, ns UTC.

    By instrument, owner and the side of the fill. Most members never do, so that most cancels need
    no closer look.
    """

    last: dict[tuple[int, int, int], int] = {}

    def note(self, step: Step, fact: Traded, imbalance_bps: int) -> None:
        """A trade: whether maker or taker had so much more in the book on the other side."""
        for order in (fact.maker, fact.taker):
            trail = step.market.fills[order.owner]
            last = trail[-1]
            if not last.other or not share(last.other, last.same, imbalance_bps):
                continue  # with what was filled just before it leans even less
            if one_sided(trail, step.time, order.side, imbalance_bps):
                key = (step.market.id, order.owner, order.side)
                known(self.last, key, int)
                self.last[key] = step.time

    def since(self, step: Step, order: Order) -> int:
        """When the owner of `order` was last filled on the other side, leaning on this one."""
        return self.last.get((step.market.id, order.owner, 3 - order.side), -1)


class Lean(NamedTuple):
    """Lots pulled on a side, at so many prices, and lots filled on the other."""

    pulled: int
    filled: int
    levels: int
    pulls: list[Pull]
    fills: list[Fill]

    @property
    def traded(self) -> int:
        """Lots of the pulled orders that were filled."""
        return sum(pull.filled for pull in self.pulls)

    @property
    def records(self) -> tuple[int, ...]:
        """The records that placed, filled and pulled."""
        placed = [pull.since for pull in self.pulls] + [pull.record for pull in self.pulls]
        return (*placed, *(fill.record for fill in self.fills))


def one_sided(trail: list[Fill], time: int, side: int, imbalance_bps: int) -> bool:
    """Whether at the fills of `time` the owner leaned on the other side.

    What it had on its own side is what was left and what had just been filled: a market maker
    whose offers have been bought away does not lean on its bids.
    """
    other = same = 0
    for fill in reversed(trail):
        if fill.side != side:
            continue
        if fill.time < time - JUST_NS:
            break
        if fill.time == time:
            other, same = max(other, fill.other), max(same, fill.same - fill.lots)
        same += fill.lots
    return share(other, same, imbalance_bps)


def lean(market: Market, order: Order, since: int, near_bps: int) -> Lean | None:
    """What the owner of a pulled order took back from its side since then, ns UTC, and what it got
    on the other side while one of these orders stood, not longer ago either.

    None if it got nothing there. Orders farther from the best price than near_bps do not count, nor
    do those that come again that near: a quote that is priced anew is not taken back.
    """
    side = order.side
    pulls = [
        pull
        for pull in market.pulls[order.owner]
        if pull.side == side and pull.time >= since and _taken_back(pull, near_bps)
    ]
    if not pulls:
        return None
    began = max(since, min(pull.placed for pull in pulls))
    gains = [fill for fill in market.fills[order.owner] if fill.side != side and fill.time >= began]
    if not gains:
        return None
    return Lean(
        sum(pull.lots for pull in pulls),
        sum(fill.lots for fill in gains),
        len({pull.price for pull in pulls}),
        pulls,
        gains,
    )


def _taken_back(pull: Pull, near_bps: int) -> bool:
    """Whether lots that stood near enough are not there any more."""
    near = pull.price * near_bps
    return pull.away * BPS <= near and not 0 <= pull.back * BPS <= near
