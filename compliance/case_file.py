"""Where cases are kept: surveillance appends alerts, people append what they decide."""

from pathlib import Path
from typing import Final

import msgspec

from compliance.cases.desk import CaseRefused
from compliance.cases.events import CaseEvent
from compliance.event_file import EventFile, EventsBusy, EventTooLarge
from engine.journal.disk import REAL_DISK, Disk

CASES_NAME: Final = "cases"
"""Its place under DIR/compliance."""

_MAGIC: Final = b"fixgate cases 1\n"


class CasesBusy(CaseRefused):
    """Somebody else has written, or is writing: look again, then decide again."""


class CaseFile(EventFile[CaseEvent]):
    """The cases of one journal; see EventFile."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        decoder: msgspec.msgpack.Decoder[CaseEvent] = msgspec.msgpack.Decoder(CaseEvent)
        super().__init__(path, _MAGIC, journal, decoder, disk)

    def append(self, after: int, event: CaseEvent) -> None:  # type: ignore[explicit-override] # typing has it from 3.12
        """See EventFile. Raises CaseRefused, and CasesBusy of these."""
        try:
            super().append(after, event)
        except EventsBusy as error:
            raise CasesBusy(str(error)) from None
        except EventTooLarge as error:
            raise CaseRefused(str(error)) from None
