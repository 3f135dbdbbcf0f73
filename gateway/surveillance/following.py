"""Surveillance of a journal: reads on where it was, and files what it finds as cases.

What it remembers is written down now and then, behind the alerts that it led to: whoever dies reads
a part of the journal again, raises the same alerts, and the cases know them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from compliance.case_file import CASES_NAME, CaseFile
from compliance.cases.desk import CaseDesk
from compliance.event_file import EventsBusy
from compliance.surveillance.alerts import Alert
from compliance.surveillance.watching import StateRefused
from compliance.watches import Inputs, Watches
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import open_reader, read_file
from engine.journal.replace import replace_file
from engine.model.clock import Clock
from engine.model.errors import OperatorError
from engine.wholes import WholeFollower
from gateway.at_the_venue import identity_of

TURN_RECORDS: Final = 500
"""Records read before anybody else gets a turn: some 15 ms."""

SAVE_RECORDS: Final = 50_000
"""Records between two savings of what it remembers, which are read again after a kill: some two
seconds."""

STATE_NAME: Final = "surveillance.state"
"""Its place under DIR/compliance."""


class _State(Struct, frozen=True, array_like=True):
    """record: the last one whose alerts are filed. journal: see identity_of."""

    record: int
    journal: bytes
    watch: bytes


class Surveillance:
    """The watch over a journal. Raises OSError everywhere; then only a new one goes on."""

    def __init__(
        self,
        journal: Path,
        folder: Path,
        inputs: Inputs,
        clock: Clock,
        log: Callable[[str], None],
        disk: Disk = REAL_DISK,
    ) -> None:
        """folder: of what it keeps. Raises JournalDamaged, and OperatorError if what is there
        belongs to another journal, or the journal has no record yet."""
        self._reader = open_reader(journal, disk)
        self._path = folder / STATE_NAME
        self._disk = disk
        self._clock = clock
        self._log = log
        self._identity = identity_of(self._reader)
        file = CaseFile(folder / CASES_NAME, self._identity, disk)
        self.desk = CaseDesk(file)
        if file.torn:
            log(f"the cases end with {file.torn} bytes of a write that was cut: nobody has them")
        self.watch, self.filed, read = self._resumed(inputs)
        self._follower = WholeFollower(self._reader.follow(read), read)
        self._saved = self.filed

    @property
    def behind(self) -> int:
        """Records that are on disk and not looked at yet."""
        return self._reader.mark().number - self._follower.done

    def turn(self) -> bool:
        """Look at the next records; whether there may be more already. Raises JournalDamaged."""
        wholes = self._follower.step(TURN_RECORDS)
        for whole in wholes:
            for alert in self.watch.take(*whole[:5]):
                if whole.last > self.filed:
                    self._file(alert)
        done = self._follower.done
        self.filed = max(self.filed, done)
        if self.filed == done and done - self._saved >= SAVE_RECORDS:
            self.save()
        return bool(wholes)

    def save(self) -> None:
        """Write down what it remembers."""
        if self._saved < self.filed == self._follower.done:
            state = _State(self.filed, self._identity, self.watch.save())
            replace_file(self._path, msgspec.msgpack.encode(state), self._disk)
            self._saved = self.filed

    def close(self) -> None:
        """Give the journal's files back."""
        self._reader.close()

    def _file(self, alert: Alert) -> None:
        while not self.desk.has(alert):
            try:
                case = self.desk.alert(alert, self._clock.now())
            except EventsBusy:
                self.desk.look()
                continue
            self._log(
                f"{alert.kind} in case {case.id}, records {alert.first_record} to"
                f" {alert.last_record}: {alert.text}"
            )

    def _resumed(self, inputs: Inputs) -> tuple[Watches, int, int]:
        """The watch, the last record whose alerts are filed, and the last that the watch has seen.

        Under other rules all is read anew, and what was filed under the old ones is not filed a
        second time: whoever wants that runs `fixgate alerts`.
        """
        watch = Watches(inputs)
        try:
            state = _decode(read_file(self._path, self._disk))
        except FileNotFoundError:
            return watch, -1, -1
        except msgspec.DecodeError as error:
            self._log(f"{self._path} is damaged, reading from record 0: {error}")
            return watch, -1, -1
        if state.journal != self._identity or state.record > self._reader.mark().number:
            raise OperatorError(
                f"{self._path} is of another journal, or the journal was restored from an older"
                f" copy: move {self._path.parent / CASES_NAME} and it away"
            )
        try:
            watch.load(state.watch)
        except StateRefused as error:
            self._log(f"surveillance reads from record 0: {error}")
            return Watches(inputs), state.record, -1
        return watch, state.record, state.record


_decode = msgspec.msgpack.Decoder(_State).decode
