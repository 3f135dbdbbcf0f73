"""The power goes at every sync of one long run, with each fate of what was not synced.

`python -m tests.simulation.power` runs members without any other fault. At each sync it forks: the
child loses power inside that call, comes up again, trades a little and must come to its end like
every run; the parent goes on. So each loss of power costs its recovery only, not the run before it.

    --every 50            only syncs 0, 50, 100, ... (with --from 7: 7, 57, ...)
    --from 137 --every 0 --fate drop -v       one of them again, with its events
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from random import Random

from tests.simulation import loop
from tests.simulation.disk import DROP, GARBAGE, KEEP
from tests.simulation.plan import Plan
from tests.simulation.simulation import simulated
from tests.simulation.world import World

COMMANDS = 2_000
FATES = (KEEP, DROP, GARBAGE)

AFTERWARDS = 20
"""Members' messages after the machine is up again."""


class Sweep:
    """Which syncs are cut, and what came of it. child: this process has lost its power."""

    def __init__(self, world: World, wanted: Callable[[int], bool], fates: tuple[str, ...]) -> None:
        self.world = world
        self.wanted = wanted
        self.fates = fates
        self.child = ""
        self.cut = 0
        self.failed = 0

    def at_sync(self, number: int) -> bool:
        """True: the power goes now, in this process."""
        if self.child or not self.wanted(number):
            return False
        for fate in self.fates:
            self.cut += 1
            pid = os.fork()
            if not pid:
                self._be_the_child(number, fate)
                return True
            _, status = os.waitpid(pid, 0)
            self.failed += status != 0
        return False

    def _be_the_child(self, number: int, fate: str) -> None:
        world = self.world
        self.child = f"sync {number}, {fate}"
        world.next_fate = fate
        world.with_oracle = False  # the parent asks it about all but the last few
        world.plan = replace(world.plan, commands=world.commands + AFTERWARDS)


def sweep(
    wanted: Callable[[int], bool],
    *,
    commands: int = COMMANDS,
    seed: int = 0,
    fates: tuple[str, ...] = FATES,
    show: bool = False,
) -> Sweep:
    """One run that loses power at the syncs that are `wanted`, by number. Prints failures."""
    random = Random(seed)
    world = World(random, Plan.calm(commands))
    cuts = Sweep(world, wanted, fates)
    world.machine.at_sync = cuts.at_sync
    sys.stdout.flush()
    with simulated(world):
        try:
            loop.run(world)
        except BaseException as error:
            if not cuts.child:
                raise
            lines = world.history if show else ()
            _tell("\n".join((*lines, f"{cuts.child}: {type(error).__name__}: {error}\n")))
            os._exit(1)
        if cuts.child:
            if show:
                _tell("\n".join((*world.history, f"{cuts.child}: nothing found\n")))
            os._exit(0)
        for process in world.processes():
            process.kill()
    return cuts


def _tell(text: str) -> None:
    """Past the buffers that a fork has copied."""
    os.write(1, text.encode())


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.power",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first sync")
    parser.add_argument("--every", type=int, default=1, help="and how far on the next; 0: none")
    parser.add_argument("--fate", choices=FATES, action="append", help="all three if none is given")
    parser.add_argument("--commands", type=int, default=COMMANDS, help="members' messages")
    parser.add_argument("--seed", type=int, default=0, help="of the run")
    parser.add_argument("-v", action="store_true", help="show the last events of each")
    args = parser.parse_args()

    def wanted(number: int) -> bool:
        if not args.every:
            return number == args.first
        return number >= args.first and (number - args.first) % args.every == 0

    fates = tuple(args.fate or FATES)
    cuts = sweep(wanted, commands=args.commands, seed=args.seed, fates=fates, show=args.v)
    print(f"{cuts.world.machine.syncs} syncs, {cuts.cut} losses of power, {cuts.failed} failed")
    return 1 if cuts.failed else 0


if __name__ == "__main__":
    sys.exit(main())
