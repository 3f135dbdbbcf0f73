"""Whether the records mean what they say: one pass over them with all checks side by side.

Only what the root has shown to be signed comes here. A check that has failed is left out from then
on. Memory: that of the checks, of which the re-run's is by far the most.
"""

from typing import Final, Protocol

from msgspec import Struct

from compliance.verify.entries import Source
from compliance.verify.findings import TAMPERED, Failed, Report
from compliance.verify.life_cycles import LifeCycles, Sequences
from compliance.verify.priority import Priority
from compliance.verify.records import Records, Step
from compliance.verify.rerun import Rerun
from compliance.verify.sums import Sums
from compliance.verify.tree import Progress
from engine.replay import without_collections

RECORDS: Final = "records"
RERUN: Final = "re-run"
PRIORITY: Final = "priority"
LIFE_CYCLES: Final = "life cycles"
SEQUENCES: Final = "sequences"
SUMS: Final = "sums"
MEANING: Final = (RECORDS, RERUN, PRIORITY, LIFE_CYCLES, SEQUENCES, SUMS)
"""Their names, in the order in which they are told."""

TOLD_EVERY: Final = 1_000
"""Commands between two words of progress."""


class Check(Protocol):
    """Follows the records."""

    def take(self, step: Step) -> None:
        """One command. Raises Failed."""
        ...

    def end(self) -> str:
        """What is to be said of it all. Raises Failed."""
        ...


class _Checks(Struct):
    rerun: Rerun
    priority: Priority
    life_cycles: LifeCycles
    sequences: Sequences
    sums: Sums

    def by_name(self) -> dict[str, Check]:
        return {
            RERUN: self.rerun,
            PRIORITY: self.priority,
            LIFE_CYCLES: self.life_cycles,
            SEQUENCES: self.sequences,
            SUMS: self.sums,
        }


def check_meaning(source: Source, report: Report, progress: Progress) -> None:
    """Go over all records and say what was found."""
    checks = _Checks(Rerun(), Priority(), LifeCycles(), Sequences(), Sums())
    running = checks.by_name()
    failures: dict[str, Failed] = {}
    records = Records(source)
    with without_collections():
        try:
            for count, step in enumerate(records):
                for name, check in tuple(running.items()):
                    if failure := _taken(check, step):
                        failures[name] = failure
                        del running[name]
                if count % TOLD_EVERY == 0:
                    progress("re-run", step.first)
        except Failed as failure:
            report.failed(RECORDS, failure)
            report.not_done(MEANING[1:], "the records are not whole")
            return
        said = f"0 to {records.count - 1} without a hole, in time" if records.count else "none"
        if records.unfinished:
            said += f"; the last {records.unfinished} are the beginning of a command"
        report.ok(RECORDS, said)
        told = {name: _ended(check, failures, name) for name, check in running.items()}
    if not failures:
        _compare(checks, failures)
    for name in MEANING[1:]:
        report.settle(name, failures.get(name), told.get(name, ""))


def _taken(check: Check, step: Step) -> Failed | None:
    """Let a check look at a command. The engine refuses by assertions what cannot have happened,
    and a fold does not find what was never defined."""
    try:
        check.take(step)
    except Failed as failure:
        return failure
    except (AssertionError, ArithmeticError, LookupError, ValueError) as error:
        return Failed(TAMPERED, f"this cannot have happened: {error!r}", step.where)
    return None


def _ended(check: Check, failures: dict[str, Failed], name: str) -> str:
    try:
        return check.end()
    except Failed as failure:
        failures[name] = failure
    except AssertionError as error:
        failures[name] = Failed(TAMPERED, f"the state at the end contradicts itself: {error!r}")
    return ""


def _compare(checks: _Checks, failures: dict[str, Failed]) -> None:
    """What the events alone have led to is what the engine has: one by one, by other ways."""
    rerun = checks.rerun
    queues = rerun.queues()
    if checks.priority.queues() != queues:
        failures[PRIORITY] = Failed(TAMPERED, "the engine's books are other ones at the end")
    open_orders = {
        order for levels in queues.values() for _, orders in levels for order, _ in orders
    }
    if checks.life_cycles.open_orders() != open_orders:
        failures[LIFE_CYCLES] = Failed(TAMPERED, "other orders are open in the engine at the end")
    if checks.sums.balances() != rerun.balances():
        failures[SUMS] = Failed(TAMPERED, "the engine's balances are other ones at the end")
