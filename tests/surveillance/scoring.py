"""How often an alert finds its attack, and how often it is wrong.

A scenario is one attack or one look-alike on a floor of its own. An attack is found if its alert
names a guilty member. An alert is false if it names an innocent member, in whatever scenario; a
scenario counts once for each kind that was wrong in it. What an alert of another kind says about
the guilty counts nowhere: who spoofs may well ping.

    recall    = attacks found / attacks
    precision = attacks found / (attacks found + scenarios in which the alert was false)
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from compliance.surveillance.links import Links
from tests.surveillance import orders_that_look_bad, prices_that_look_bad
from tests.surveillance.attacks import ATTACKS, KINDS, LINKS
from tests.surveillance.floor import MAKERS, Floor
from tests.surveillance.lookalikes import LOOKALIKES

__all__ = ["LOOKALIKES", "orders_that_look_bad", "prices_that_look_bad"]

CALIBRATED = 0
"""First seed of the scenarios that the rules were calibrated on."""
HELD_OUT = 50_000
"""First seed of those that nobody looked at before the rules were final."""
INNOCENT = 1_000_000
"""Added to the seed of a look-alike."""

TRUE_OF = {
    "quick_trader": {"order_to_trade"},
    "sweeper": {"order_to_trade"},
    "maker_with_short_quotes": {"order_to_trade"},
}
"""What look-alikes of another kind do break: hundreds of messages and hardly a trade."""


@dataclass
class Score:
    """Of one alert."""

    attacks: int = 0
    found: int = 0
    lookalikes: int = 0
    false: int = 0
    missed: list = field(default_factory=list)
    wrong: list = field(default_factory=list)

    @property
    def recall(self):
        return self.found / self.attacks

    @property
    def precision(self):
        return self.found / (self.found + self.false) if self.found + self.false else 1.0


def links_of(kind):
    return LINKS.get(kind, Links(makers=MAKERS))


def play_attack(kind, seed):
    """(kinds raised about a guilty member, kinds raised about an innocent one)."""
    floor = Floor(seed, links_of(kind))
    guilty = ATTACKS[kind](floor)
    found = {alert.kind for alert in floor.alerts if guilty.intersection(alert.members)}
    false = {alert.kind for alert in floor.alerts if not guilty.issuperset(alert.members)}
    return found, false


def play_lookalike(kind, seed):
    """(the look-alike's name, kinds raised, all of them falsely)."""
    functions = LOOKALIKES[kind]
    function = functions[seed % len(functions)]
    floor = Floor(INNOCENT + seed, links_of(kind))
    function(floor)
    raised = {alert.kind for alert in floor.alerts}
    return function.__name__, raised - TRUE_OF.get(function.__name__, set())


class Stage(NamedTuple):
    """What is played: the kinds of alerts, and by kind and seed an attack (as play_attack) and a
    look-alike (as play_lookalike)."""

    kinds: tuple
    attack: Callable
    lookalike: Callable


MARKET = Stage(tuple(KINDS), play_attack, play_lookalike)


def score_family(kind, first, count, stage=MARKET):
    """All scores after so many attacks and look-alikes of one kind."""
    scores = {k: Score() for k in stage.kinds}
    own = scores[kind]
    for seed in range(first, first + count):
        found, false = stage.attack(kind, seed)
        own.attacks += 1
        if kind in found:
            own.found += 1
        else:
            own.missed.append(seed)
        for k in false:
            scores[k].false += 1
            scores[k].wrong.append((kind, seed))
        name, false = stage.lookalike(kind, seed)
        own.lookalikes += 1
        for k in false:
            scores[k].false += 1
            scores[k].wrong.append((name, seed))
    return scores


def merge(families):
    """The scores of several families as one: an alert's false ones come from all of them."""
    families = list(families)
    total = {k: Score() for scores in families for k in scores}
    for scores in families:
        for k, score in scores.items():
            total[k].attacks += score.attacks
            total[k].found += score.found
            total[k].lookalikes += score.lookalikes
            total[k].false += score.false
            total[k].missed += score.missed
            total[k].wrong += score.wrong
    return total


def table(scores):
    """As the documentation has it."""
    lines = [
        "| alert | attacks | found | recall | look-alikes | false | precision |",
        "|---|---|---|---|---|---|---|",
    ]
    for kind, s in scores.items():
        if s.attacks:
            lines.append(
                f"| {kind} | {s.attacks} | {s.found} | {s.recall:.2f} | {s.lookalikes} | {s.false} "
                f"| {s.precision:.2f} |"
            )
    return "\n".join(lines)


def wrong_names(score):
    """What raised an alert falsely, and how often."""
    return dict(Counter(name for name, _ in score.wrong))
