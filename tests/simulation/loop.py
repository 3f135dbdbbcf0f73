"""The one loop of a run: faults first, then quiet, in which everything must come to its end.

safety      members trade while lines break, processes die, the disk fails, clocks jump
liveness    faults stop; within LIVENESS_ROUNDS all is delivered, answered and equal
"""

from tests.simulation import final
from tests.simulation.clock import MILLISECOND, SECOND
from tests.simulation.disk import ENDLESS
from tests.simulation.faults import FAULTS, night
from tests.simulation.member import Member, Wrong
from tests.simulation.trader import listen
from tests.simulation.world import World

LIVENESS_ROUNDS = 600
"""Rounds of LIVENESS_TICK in which a quiet venue must have delivered and answered everything:
60 s, when the longest time-out of all is 3 x 2.4 s."""
LIVENESS_TICK = 100 * MILLISECOND
STEPS_PER_COMMAND = 50
"""Steps of the safety phase for each message that members should send, at most; they take some ten.
When the power goes every few seconds a reset may never come to its end: every loss skips another
block of numbers for it to look through. Then the quiet phase has to show that it does."""


def run(world: World) -> None:
    """All of a run. Raises what is wrong."""
    trade(world)
    settle(world)


def trade(world: World) -> None:
    """The safety phase."""
    last = world.plan.commands * STEPS_PER_COMMAND
    while world.commands < world.plan.commands and world.steps < last:
        step(world)
    world.tally["faults left no time to trade"] += world.commands < world.plan.commands


def settle(world: World) -> None:
    """The liveness phase, and the checks of the end."""
    _calm(world)
    for _ in range(LIVENESS_ROUNDS):
        _round(world)
        if final.converged(world):
            break
    else:
        raise Wrong(f"stuck: {final.stuck(world)}")
    final.check(world)


def step(world: World) -> None:
    """One step of the safety phase."""
    world.steps += 1
    random, clock = world.random, world.clock
    clock.time += random.randrange(4 * MILLISECOND)
    if random.random() < 0.01:
        clock.time += random.randrange(SECOND)
    if world.steps % 16 == 0:
        _supervise(world)
    if random.random() < world.plan.fault_rate / 4:
        kind = random.choice(world.plan.faults)
        world.tally[f"fault: {kind}"] += 1
        FAULTS[kind](world)
    pick = random.random()
    if pick < 0.2:
        _act(world, random.choice(world.members))
    elif pick < 0.55:
        if world.lines:
            world.pump(random.choice(world.lines))
    else:
        for _ in range(random.randrange(1, 5)):
            for process in world.processes():
                world.run_process(process)


def _supervise(world: World) -> None:
    world.start_processes()
    for member in world.members:
        member.tick()
    if 0 <= world.night_at <= world.steps:
        night(world)
    if world.steps > world.full_until:
        world.machine.capacity = ENDLESS
    if world.steps > world.wrong_until:
        world.clock.offset = 0


def _act(world: World, member: Member) -> None:
    """A member does something, or connects."""
    random = world.random
    if member.line is None:
        if random.random() < 0.3:
            password = b"wrong" if random.random() < 0.03 else b"demo"
            member.connect(reset=random.random() < 0.04, password=password)
        return
    if not member.free:
        return
    trader = world.traders.get(member.name)
    if random.random() < 0.006:
        member.reset_inside()
    elif trader is None:
        if random.random() < 0.2:
            listen(member, random)
    else:
        for _ in range(random.choice((1, 1, 2, 6))):
            if member.free:
                trader.act()
                world.commands += 1


# --- the quiet phase ----------------------------------------------------------------------------


def _calm(world: World) -> None:
    """Faults stop."""
    world.event("quiet from here on")
    world.quiet = True
    world.rename_is_last = False
    world.machine.capacity = ENDLESS
    world.clock.offset = max(-SECOND, min(SECOND, world.clock.offset))
    for process in world.processes():
        process.disk.fail_kinds = process.disk.end_kinds = frozenset()


def _round(world: World) -> None:
    world.steps += 1
    world.clock.time += LIVENESS_TICK
    world.start_processes()
    for member in world.members:
        member.tick()
        if member.line is None:
            member.connect(reset=False)
        elif member.free and not member.tests and not final.settled(world, member):
            member.test()  # its answer shows what is missing at the end
    for _ in range(4):
        for line in list(world.lines):
            for _ in range(2):
                if line in world.lines:
                    world.pump(line)
        for process in world.processes():
            for _ in range(200):
                if process.stage.alive and process.stage.ready:
                    world.run_process(process)
            if process.stage.alive:
                world.run_process(process)
