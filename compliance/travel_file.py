"""Where the travel rule's records and messages are kept, beside the journal."""

from pathlib import Path
from typing import Final

import msgspec

from compliance.event_file import EventFile
from compliance.travel.events import TravelEvent
from engine.journal.disk import REAL_DISK, Disk

TRAVEL_NAME: Final = "travel"
"""Its place under DIR/compliance."""

_MAGIC: Final = b"fixgate travel 1"


class TravelFile(EventFile[TravelEvent]):
    """The travel rule's events of one journal; see EventFile."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        decoder: msgspec.msgpack.Decoder[TravelEvent] = msgspec.msgpack.Decoder(TravelEvent)
        super().__init__(path, _MAGIC, journal, decoder, disk)
