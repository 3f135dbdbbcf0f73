"""What a run is made of: a swarm, in which each run has its own faults."""

from collections.abc import Iterable
from dataclasses import dataclass
from random import Random

FAULT_RATES = (0.0, 0.01, 0.02, 0.04)
"""Of four steps, how many begin with a fault; each run has one of these."""

KIND_CHANCE = 0.6
"""That a run has a kind of fault at all."""


@dataclass(frozen=True)
class Plan:
    """commands: members' messages. faults: the kinds that the run may have, at `fault_rate`."""

    commands: int
    fault_rate: float
    faults: tuple[str, ...]

    @classmethod
    def draw(cls, random: Random, commands: int, kinds: Iterable[str]) -> "Plan":
        """One run's choice of `kinds`."""
        chosen = tuple(kind for kind in kinds if random.random() < KIND_CHANCE)
        return cls(commands, random.choice(FAULT_RATES), chosen or ("cut",))

    @classmethod
    def calm(cls, commands: int) -> "Plan":
        """A run without faults."""
        return cls(commands, 0.0, ("cut",))
