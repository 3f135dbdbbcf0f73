"""Where customers are kept: people append what they decide."""

from pathlib import Path
from typing import Final

import msgspec

from compliance.event_file import EventFile, EventsBusy, EventTooLarge
from compliance.kyc.desk import KycRefused
from compliance.kyc.events import KycEvent
from engine.journal.disk import REAL_DISK, Disk

KYC_NAME: Final = "customers"
"""Its place under DIR/compliance."""

_MAGIC: Final = b"fixgate people 1"


class KycBusy(KycRefused):
    """Somebody else has written, or is writing: look again, then decide again."""


class KycFile(EventFile[KycEvent]):
    """The customers of one journal; see EventFile."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        decoder: msgspec.msgpack.Decoder[KycEvent] = msgspec.msgpack.Decoder(KycEvent)
        super().__init__(path, _MAGIC, journal, decoder, disk)

    def append(self, after: int, event: KycEvent) -> None:  # type: ignore[explicit-override] # typing has it from 3.12
        """See EventFile. Raises KycRefused, and KycBusy of these."""
        try:
            super().append(after, event)
        except EventsBusy as error:
            raise KycBusy(str(error)) from None
        except EventTooLarge as error:
            raise KycRefused(str(error)) from None
