"""One seeded run, and the product on the simulator's ground.

One `random.Random(seed)` decides everything, so a seed is a whole run.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from engine.journal.recovery import Recovery, recover
from engine.journal.segment import SEGMENT_HEADER_BYTES
from tests.simulation import loop
from tests.simulation.faults import FAULTS
from tests.simulation.network import Select
from tests.simulation.plan import Plan
from tests.simulation.processes import tapped
from tests.simulation.small import SMALL, replaced
from tests.simulation.truth import WatchedVenue
from tests.simulation.world import World

COMMANDS = 120
"""Members' messages in one run."""
LONG_RUN = 1_000
"""The same in a long one: it meets what others seldom do, such as a third loss of power in the same
few records."""

TRIO_USERS = (
    "gateway.drop_copy.service",
    "gateway.flow.following",
    "gateway.flow.acceptor",
    "gateway.flow.connection",
    "gateway.flow.entrance",
    "gateway.flow.listener",
    "gateway.flow.lobby",
    "gateway.flow.resend_stream",
    "gateway.flow.turns",
    "gateway.order_entry.service",
    "gateway.snapshot.service",
    "gateway.stream.replay",
)
"""The product's shells: what they know as `trio` is the stage of their process."""

DESCRIPTORS = 1_000
"""File descriptors that a simulated process may have."""


class Failed(Exception):
    """A run found something: its seed, what, and the last events."""

    def __init__(self, seed: int, world: World, error: BaseException) -> None:
        self.world = world
        lines = [*world.history, f"seed {seed}: {type(error).__name__}: {error}"]
        super().__init__("\n".join(lines))


@contextmanager
def simulated(world: World) -> Iterator[None]:
    """The product on the simulator's ground."""
    select = Select(world.facade)
    stand_ins = {f"{name}.trio": world.facade for name in TRIO_USERS}
    watchers = {
        "engine.journal.writer.recover": _counted(world),
        "engine.restore.Venue": WatchedVenue,
        "gateway.flow.acceptor.Connection": tapped(world),
        "gateway.flow.connection.select": select,
        "gateway.flow.lobby.select": select,
        "gateway.flow.listener._descriptors_left": lambda: DESCRIPTORS,
    }
    with replaced(SMALL), replaced(stand_ins), replaced(watchers):
        yield


def _counted(world: World) -> Callable[..., Recovery]:
    """engine.journal.recovery.recover; counts what it decided."""

    def counted(segments, mark, named, start) -> Recovery:
        kept = recover(segments, mark, named, start)
        tally = world.tally
        tally["recovery: no mark"] += mark is None and bool(segments)
        tally["recovery: empty journal"] += not segments
        tally["recovery: torn batch cut"] += kept.cut is not None
        tally["recovery: all kept"] += bool(segments) and kept.cut is None
        tally["recovery: segment dropped"] += bool(kept.dropped)
        tally["recovery: last segment without frames"] += kept.offset == SEGMENT_HEADER_BYTES
        tally["recovery: tail above the mark kept"] += kept.known < kept.last
        return kept

    return counted


def simulate(
    seed: int, commands: int = COMMANDS, *, trace: Callable[[str], None] | None = None
) -> World:
    """One run. Raises Failed."""
    random = Random(seed)
    world = World(random, Plan.draw(random, commands, FAULTS), trace=trace)
    with simulated(world):
        try:
            loop.run(world)
        except Exception as error:
            raise Failed(seed, world, error) from error
        finally:
            for process in world.processes():
                process.kill()
    return world
