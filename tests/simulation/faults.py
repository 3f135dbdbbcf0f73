"""What goes wrong: each kind of fault as a function of the world."""

from collections.abc import Callable

from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import Block, Deposit, Origin, Unblock
from engine.model.enums import BLOCK_ALL, BLOCK_INSTRUMENT, BLOCK_MEMBER, BLOCK_SESSION
from engine.model.errors import JournalInUse
from tests.simulation.clock import SECOND
from tests.simulation.disk import PowerLost, ProcessDisk
from tests.simulation.member import Wrong
from tests.simulation.processes import Core
from tests.simulation.small import SEGMENT_BYTES
from tests.simulation.trader import Trader
from tests.simulation.world import World

EVENING_STEPS = 160
"""Of the evening before a midnight, at most."""

WRONG_STEPS = 400
"""How long the venue's clock may be wrong, steps: while it is far off nobody can log on."""


def _at_work(world: World) -> list[Trader]:
    """Traders who may send something now."""
    return [trader for trader in world.traders.values() if trader.member.free]


def cut(world: World) -> None:
    if world.lines:
        line = world.random.choice(world.lines)
        world.event(f"the line of {line.member.name} is cut")
        line.cut()


def half_open(world: World) -> None:
    if world.lines:
        line = world.random.choice(world.lines)
        world.event(f"the line of {line.member.name} goes silent")
        line.silent = True
        if world.random.random() < 0.5:
            line.member_open = False
            line.member.line_ended(line)


def clog(world: World) -> None:
    if world.lines:
        line = world.random.choice(world.lines)
        line.clogged_until = world.clock.time + world.random.randrange(3 * SECOND)


def slow_reader(world: World) -> None:
    member = world.random.choice(world.members)
    world.event(f"{member.name} stops reading for a while")
    member.read_nothing_until = world.clock.time + world.random.randrange(8 * SECOND)


def _kill(name: str) -> Callable[[World], None]:
    def kill(world: World) -> None:
        if name in world.running:
            world.kill(world.running[name])

    return kill


def power(world: World) -> None:
    world.lose_power()


def end_at_a_call(world: World) -> None:
    for process in world.processes():
        if world.random.random() < 0.6:
            world.arm(process, world.random.randrange(6))


def power_in_commit(world: World) -> None:
    """A batch is written and not synced yet; perhaps one with a command of many records."""
    random = world.random
    if world.core is None:
        return
    world.core.disk.end(PowerLost, frozenset({"sync_data"}), random.randrange(5))
    for trader in _at_work(world):
        if random.random() < 0.7:
            trader.sweep()


def power_after_rename(world: World) -> None:
    """As World.renamed does by chance, for sure at the next one."""
    world.rename_is_last = True


def disk_error(world: World) -> None:
    for process in world.processes():
        kinds = world.random.choice((ProcessDisk.WRITES, ProcessDisk.SYNCS))
        process.disk.fail(kinds, world.random.randrange(6))


def disk_full(world: World) -> None:
    room = world.random.choice((0, 40, 4_000, SEGMENT_BYTES - 1, 2 * SEGMENT_BYTES))
    world.event(f"the disk has {room} bytes left")
    world.machine.capacity = world.machine.used + room
    world.full_until = world.steps + world.random.randrange(400)


def slow_disk(world: World) -> None:
    world.clock.slow_disk = not world.clock.slow_disk


def clock_jump(world: World) -> None:
    """The venue's wall clock goes back or ahead, within what SendingTime allows, or beyond."""
    world.clock.offset = world.random.choice((0, 0, 50, -50, 100, -100, 400, -400)) * SECOND
    world.wrong_until = world.steps + WRONG_STEPS
    world.event(f"the venue's clock is {world.clock.offset // SECOND} s off")


def next_day(world: World) -> None:
    """In the evening members leave Day orders that rest; soon it is midnight."""
    world.night_at = world.steps + world.random.randrange(EVENING_STEPS)
    for trader in _at_work(world):
        if world.random.random() < 0.7:
            trader.evening()


def night(world: World) -> None:
    """A night passes in a moment: everybody's clock, timers and all. Orders come while those of
    the day before are being ended."""
    now = world.clock.true_time()
    midnight = (now // NANOS_PER_DAY + 1) * NANOS_PER_DAY
    world.clock.ahead += midnight - now - world.random.randrange(-SECOND, SECOND)
    world.night_at = -1
    world.event("midnight is near")
    for trader in _at_work(world):
        if world.random.random() < 0.7:
            trader.burst()


def member_restarts(world: World) -> None:
    member = world.random.choice(world.members)
    world.event(f"{member.name} restarts")
    member.hang_up()


def member_forgets(world: World) -> None:
    member = world.random.choice(world.members)
    world.event(f"{member.name} restarts without its numbers")
    member.forget()


def clean_stop(world: World) -> None:
    for process in world.processes():
        if world.random.random() < 0.7 and process.stop is not None:
            world.event(f"{process.name} is asked to stop")
            world.facade.stage = process.stage
            process.stop.set()


def block(world: World) -> None:
    """The operator's kill switch, or its end."""
    core, random = world.core, world.random
    if core is None:
        return
    origin = Origin(0, 0, 0)
    if world.blocked and random.random() < 0.7:
        command = Unblock(origin, *world.blocked.pop(), "over")
    else:
        scope = random.choice((BLOCK_SESSION, BLOCK_MEMBER, BLOCK_INSTRUMENT, BLOCK_ALL))
        target = 0 if scope == BLOCK_ALL else random.randint(1, 2)
        world.blocked.append((scope, target))
        command = Block(origin, scope, target, random.random() < 0.7, "kill switch")
    core.sequencer.submit(command, world.clock.now())
    world.event(f"operator: {command}")


def deposit(world: World) -> None:
    if world.core is not None:
        world.deposits += 1
        reference = f"deposit-{world.deposits - world.random.randrange(2)}"
        command = Deposit(world.random.randint(1, 3), 1, 10**10, reference)
        world.core.sequencer.submit(command, world.clock.now())


def second_core(world: World) -> None:
    """A second instance must not get in while the first lives."""
    if world.core is None or not hasattr(world.core, "service"):
        return
    second = Core(world)
    world.facade.stage = second.stage
    try:
        second.start()
    except JournalInUse:
        second.kill()
        return
    raise Wrong("a second core opened the journal")


def garbage(world: World) -> None:
    """Bytes on the line that are no FIX, or a message that is damaged on the way."""
    lines = [line for line in world.lines if line.member_open and line.member.up]
    if lines:
        line = world.random.choice(lines)
        line.say(
            world.random.choice(
                (
                    b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01",
                    world.random.randbytes(40),
                    b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01" * 25,
                    b"8=FIX.4.4\x019=900\x0135=0\x01",
                )
            )
        )


FAULTS: dict[str, Callable[[World], None]] = {
    "cut": cut,
    "half-open": half_open,
    "clog": clog,
    "slow reader": slow_reader,
    "kill core": _kill("core"),
    "kill dropcopy": _kill("dropcopy"),
    "kill snapshot": _kill("snapshot"),
    "power": power,
    "end at a call": end_at_a_call,
    "power in a commit": power_in_commit,
    "power after a rename": power_after_rename,
    "disk error": disk_error,
    "disk full": disk_full,
    "slow disk": slow_disk,
    "clock jump": clock_jump,
    "next day": next_day,
    "member restarts": member_restarts,
    "member forgets": member_forgets,
    "clean stop": clean_stop,
    "block": block,
    "deposit": deposit,
    "second core": second_core,
    "garbage": garbage,
}
