"""A venue for tests of the sequencer: it counts, and does what the command's text says."""

from engine.model.clock import next_midnight
from engine.model.commands import Command, ContinueMass, Deposit, EndOfDay
from engine.model.events import CommandRefused, DayEnded, Deposited, Event
from engine.model.money import INT64_MAX


class CountingVenue:
    """Deposits add up. Reference "mass-N" begins a mass operation of N slices; "large-N" causes
    N events of 1,000 bytes."""

    def __init__(self) -> None:
        self.total = 0
        self.day_end = INT64_MAX
        self.mass_pending = -1
        self.slices = 0
        self.seen: list[tuple[int, int]] = []

    def apply(self, command: Command, number: int, time: int) -> list[Event]:
        assert not self.seen or (number > self.seen[-1][0] and time >= self.seen[-1][1])
        self.seen.append((number, time))
        if self.day_end == INT64_MAX:
            self.day_end = next_midnight(time)
        match command:
            case EndOfDay():
                self.day_end = next_midnight(time)
                return [DayEnded(command.day)]
            case ContinueMass():
                assert command.operation == self.mass_pending
                self.slices -= 1
                if not self.slices:
                    self.mass_pending = -1
                return [CommandRefused(f"slice {self.slices}")]
            case Deposit():
                return self.deposit(command, number)
            case _:
                return []

    def deposit(self, command: Deposit, number: int) -> list[Event]:
        self.total += command.amount
        kind, _, count = command.reference.partition("-")
        if kind == "mass":
            self.mass_pending, self.slices = number, int(count)
        event = Deposited(1, 1, command.amount, self.total, command.reference)
        if kind == "large":
            return [event, *(CommandRefused(f"{k:01000d}") for k in range(int(count)))]
        return [event]
