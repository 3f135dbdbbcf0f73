"""Where screenings are written down, without a person's name: that is the vault's."""

import argparse
from pathlib import Path

from compliance.event_file import EventsBusy
from compliance.screening.verdict import Verdict
from compliance.screenings import SCREENINGS_NAME, Screened, ScreeningFile
from compliance.vault.policy import Purpose
from gateway.at_the_venue import identity_at
from gateway.flow.system_clock import SystemClock, silent
from gateway.turns import by_turns


def open_screenings(data: Path) -> ScreeningFile:
    """The file of a data folder. Raises OperatorError if its journal has no record yet."""
    return ScreeningFile(data / "compliance" / SCREENINGS_NAME, identity_at(data))


class Keeper:
    """Appends to such a file in turn with others."""

    def __init__(self, file: ScreeningFile) -> None:
        self._file = file
        self._count = 0

    def keep(self, screened: Screened) -> None:
        """Have it on disk. Raises OperatorError, OSError."""
        by_turns(lambda: self._append(screened), EventsBusy, lambda: None)

    def _append(self, screened: Screened) -> None:
        self._count += len(self._file.read(self._count))
        self._file.append(self._count, screened)
        self._count += 1


class Evidence:
    """What is kept of one `fixgate screen`. Raises OperatorError, OSError, and VaultRefused where
    the vault is asked."""

    def __init__(self, args: argparse.Namespace) -> None:
        self._args = args
        self._keeper = Keeper(open_screenings(args.data))
        self._people = None
        if args.wallet is None:
            from gateway.vault.people import People

            self._people = People(args.data, args.config, args.who, args.role, Purpose.SANCTIONS)

    def name(self) -> str:
        """Whose name is asked about: as it was typed, or the vault's."""
        if self._args.subject is None:
            return str(self._args.name)
        assert self._people is not None
        return self._people.name(self._args.subject)

    def write_down(self, found: Verdict) -> str:
        """Keep an answer, and the name that was typed in the vault; what the answer is kept by."""
        args = self._args
        asked = args.wallet or args.subject
        if asked is None:
            assert self._people is not None
            asked = self._people.keep(args.name)
        self._keeper.keep(Screened(SystemClock(silent).now(), args.who, args.about, found, asked))
        return str(asked)
