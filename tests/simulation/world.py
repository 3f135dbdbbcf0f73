"""The machine, the venue's processes, the network and the members of one run."""

import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

from engine.model.errors import DiskFailed, OperatorError
from engine.model.record import Record
from tests.simulation import final
from tests.simulation.clock import SECOND, Clock
from tests.simulation.disk import FATES, Killed, Machine, PowerLost, ProcessDisk
from tests.simulation.fix import fields, messages, shown
from tests.simulation.member import Member, Wrong
from tests.simulation.network import Line
from tests.simulation.plan import Plan
from tests.simulation.processes import (
    JOURNAL,
    PROCESSES,
    Core,
    DropCopyProcess,
    Process,
    WakeServer,
    sessions,
)
from tests.simulation.stage import Facade
from tests.simulation.trader import Trader
from tests.simulation.truth import Truth

Happened = tuple[int, int, str, bytes]
"""Step, monotonic ns, what, and the message if it was one: made readable only if it is read."""

HISTORY = 120
"""Events kept to be shown when something fails."""

PARTS_CHANCE = 0.6
"""That the power is lost in the commit of a command of several records."""

RENAME_CHANCE = 0.1
"""That the power is lost soon after a file got its name."""

NEVER = ("header damaged", "snapshot passed over", "met a fault", "ALARM")
"""What the operator must never read: of what was on disk nothing is damaged here."""

LOGGED = {
    "the machine stopped uncleanly": "index: numbers skipped",
    "of an entry that was never used": "index: torn entry cut",
    "slow consumer": "slow consumer flagged",
    "no room for another segment": "no room for a segment",
    "refused: LOGON_REFUSED": "password refused",
    "is blocked there for a while": "failed logons block",
    "no snapshot of record": "snapshot not written",
}
"""What the operator reads, and how it is counted."""


class World:
    """One run. It owns what all parts of a simulation need of each other."""

    def __init__(
        self, random: Random, plan: Plan, *, trace: Callable[[str], None] | None = None
    ) -> None:
        self.random = random
        self.plan = plan
        self.tally: Counter[str] = Counter()
        self.trace = trace
        self._history: deque[Happened] = deque(maxlen=HISTORY)
        self.clock = Clock(random)
        self.machine = Machine(random, self.tally)
        self.truth = Truth(self.machine, JOURNAL, self.tally)
        self.facade = Facade()
        self.wake = WakeServer()
        self.epoch = 0
        self.running: dict[str, Process] = {}
        self.down_until = dict.fromkeys(PROCESSES, 0)
        self.ports: dict = {}
        self.lines: list[Line] = []
        self.numbers = itertools.count(1_000, 1_000)
        self.members = [
            Member(self, s.comp_id, "order entry" if s.kind == "order_entry" else "drop copy")
            for s in sessions()
        ]
        self.traders = {m.name: Trader(m, random) for m in self.members if "OE" in m.name}
        self.by_name = {m.name: m for m in self.members}
        self.blocked: list[tuple[int, int]] = []
        self.commands = 0
        self.steps = 0
        self.quiet = False
        self.full_until = -1  # steps
        self.wrong_until = -1  # the venue's clock, steps
        self.night_at = -1  # the step after which it is midnight; -1: no night is near
        self.deposits = 0
        self.ready = False  # core was ready since the machine is up
        self.with_oracle = True  # at the end a naive venue judges every command
        self.next_fate = ""  # of unsynced writes when power is lost; else by chance
        self.rename_is_last = False  # power is lost soon after the next file gets its name

    @property
    def core(self) -> Core | None:
        return self.running.get("core")

    @property
    def dropcopy(self) -> DropCopyProcess | None:
        return self.running.get("dropcopy")

    # --- telling ----------------------------------------------------------------------------

    def event(self, text: str) -> None:
        self._tell((self.steps, self.clock.time, text, b""))

    def note(self, name: str, arrow: str, raw: bytes) -> None:
        """A message on its way."""
        self._tell((self.steps, self.clock.time, f"{name} {arrow} ", raw))

    def _tell(self, happened: Happened) -> None:
        self._history.append(happened)
        if self.trace is not None:
            self.trace(_line(happened))

    @property
    def history(self) -> list[str]:
        """The last events."""
        return [_line(happened) for happened in self._history]

    def venue_says(self, name: str, raw: bytes) -> None:
        self.note(name, "<-", raw)
        self._refused(fields(raw))

    def held(self, data: bytes, generation: int) -> None:
        """Bytes that wait in a live connection behind others; see Truth.held."""
        self.truth.held(data, generation)
        for raw in messages(data):
            self._refused(fields(raw))

    def _refused(self, tags: dict[bytes, bytes]) -> None:
        """A Reject has its number: from here on a loss of power may take it."""
        member = self.by_name[tags[b"56"].decode()]
        if tags[b"35"] in (b"3", b"j") and not member.resetting:
            member.refused.add(int(tags[b"45"]))

    def generation_of(self, data: bytes) -> int:
        """Of the numbers of the session that messages go to."""
        if not data:
            return 0
        link = final.link_of(self, self.by_name[fields(data)[b"56"].decode()])
        assert link is not None
        return link.session.index.generation

    def log(self, process: str, text: str) -> None:
        self.event(f"{process}: {text}")
        if any(words in text for words in NEVER):
            raise Wrong(f"{process} says: {text}")
        for words, name in LOGGED.items():
            if words in text:
                self.tally[name] += 1

    def socket_number(self) -> int:
        return next(self.numbers)

    # --- the network ------------------------------------------------------------------------

    def dial(self, member: Member) -> Line | None:
        port = self.ports.get(member.port)
        line = Line(member, self.random, self.random.choice((1_500, 4_000, 1 << 20)))
        if port is None or not port.connect(line):
            return None
        self.lines.append(line)
        self.event(f"{member.name} connects")
        return line

    def pump(self, line: Line) -> None:
        """Carry some bytes one way."""
        random = self.random
        if not self.quiet and line.clogged_until > self.clock.time:
            return
        size = 1 << 20 if self.quiet else random.choice((1, 7, 60, 300, 300, 2_000, 1 << 20))
        if random.random() < 0.5:
            line.deliver_up(size)
        elif self.quiet or line.member.read_nothing_until <= self.clock.time:
            line.deliver_down(size)
        if line.idle and not line.member_open and not line.venue_open:
            self.lines.remove(line)

    # --- processes --------------------------------------------------------------------------

    def processes(self) -> list[Process]:
        return list(self.running.values())

    def start_processes(self) -> None:
        """What the supervisor does: core first, readers once it was ready."""
        for name, kind in PROCESSES.items():
            if (
                name not in self.running
                and (self.ready or name == "core")
                and self.clock.time >= self.down_until[name]
            ):
                self._start(kind(self))

    def _start(self, process: Process) -> None:
        self.event(f"{process.name} starts")
        random, faults = self.random, self.plan.faults
        if not self.quiet and random.random() < 0.2 and "end at a call" in faults:
            self.arm(process, random.randrange(random.choice((5, 15, 60))))
        if not self.quiet and random.random() < 0.1 and "disk error" in faults:
            kinds = random.choice((ProcessDisk.WRITES, ProcessDisk.SYNCS))
            process.disk.fail(kinds, random.randrange(20))
        self.running[process.name] = process
        self.facade.stage = process.stage
        with self.ends(process):
            process.start()
            self.ready = True

    @contextmanager
    def ends(self, process: Process) -> Iterator[None]:
        """Run a part of a process; if that ends it, or the machine, see to it."""
        try:
            yield
        except PowerLost as error:
            self.tally[f"power lost in {error}"] += 1
            self.lose_power()
        except Killed as error:
            self.tally[f"killed in {error}"] += 1
            self.kill(process)
        except (DiskFailed, OperatorError) as error:
            if not process.disk.failed:
                raise
            self.tally["process halts on a disk error"] += 1
            self.event(f"{process.name} halts: {error}")
            self.kill(process)

    def kill(self, process: Process) -> None:
        """kill -9: the page cache stays, all else goes."""
        if self.running.get(process.name) is not process:
            return
        self.event(f"{process.name} is gone")
        self.tally[f"{process.name} is gone"] += 1
        del self.running[process.name]
        process.kill()
        wait = 0 if self.quiet else self.random.randrange(2 * SECOND)
        self.down_until[process.name] = self.clock.time + wait

    def lose_power(self, fate: str = "") -> None:
        """The machine stops, and is up again with what its disk kept."""
        fate = fate or self.next_fate or self.random.choice(FATES)
        self.event(f"power is lost; unsynced writes: {fate}")
        self.tally[f"power lost: {fate}"] += 1
        for process in self.processes():
            self.kill(process)
        for line in self.lines:
            line.process_died()
            if self.random.random() < 0.3:
                line.silent = True  # nobody answers, and nobody resets
        for member in self.members:
            member.settled_below(member.next_out)
        self.truth.power_lost()
        self.ready = False
        self.machine.lose_power(fate)

    def arm(self, process: Process, after: int) -> None:
        """Let the process or the machine end in the middle of one of its next disk calls."""
        kinds = self.random.choice(
            (
                ProcessDisk.WRITES,
                ProcessDisk.SYNCS,
                ProcessDisk.SYNCS,
                frozenset({"rename", "unlink", "sync_folder"}),
            )
        )
        process.disk.end(self.random.choice((Killed, PowerLost)), kinds, after)

    def submitted(self, records: list[Record]) -> None:
        """A command was sequenced. One of several records is a target for a loss of power."""
        self.truth.submitted(records)
        if records and records[-1].parts > 1 and self._aims("power in a commit", PARTS_CHANCE):
            self.core.disk.end(PowerLost, frozenset({"sync_data"}), 0)

    def renamed(self, process: Process) -> None:
        """A segment, an index or a snapshot has its name: a target, too."""
        if self.rename_is_last or self._aims("power after a rename", RENAME_CHANCE):
            self.rename_is_last = False
            process.disk.end(PowerLost, ProcessDisk.SYNCS, self.random.randrange(3))

    def _aims(self, kind: str, chance: float) -> bool:
        return not self.quiet and kind in self.plan.faults and self.random.random() < chance

    def run_process(self, process: Process) -> None:
        """One step of one ready task."""
        stage = process.stage
        self.facade.stage = stage
        stage.fire()
        if stage.ready:
            stage.step(self.random.randrange(len(stage.ready)))
        self._look_at(process)

    def _look_at(self, process: Process) -> None:
        """See whether a process has ended by itself."""
        stage = process.stage
        if stage.failed is not None:
            with self.ends(process):
                raise _first(_flat(stage.failed))
        elif not stage.tasks and stage.alive:
            self.event(f"{process.name} has stopped")
            self.tally[f"{process.name} stops cleanly"] += 1
            self.kill(process)


def _line(happened: Happened) -> str:
    steps, time, text, raw = happened
    return f"{steps:6} {time / SECOND:9.3f}  {text}{shown(raw)}"


def _flat(error: BaseException) -> list[BaseException]:
    """What is in a group of exceptions."""
    if isinstance(error, BaseExceptionGroup):
        return [inner for each in error.exceptions for inner in _flat(each)]
    return [error]


def _first(errors: list[BaseException]) -> BaseException:
    """What ended a process. Behind a failed disk other tasks of it may stumble too."""
    for kind in (PowerLost, Killed, Wrong, DiskFailed):
        for error in errors:
            if isinstance(error, kind):
                return error
    return errors[0]
