"""Where questions to a firm are kept: whoever asks appends, and so does what takes its answers."""

from pathlib import Path
from typing import Final

import msgspec

from compliance.event_file import EventFile
from compliance.kyc.questions import QuestionEvent
from engine.journal.disk import REAL_DISK, Disk

QUESTIONS_NAME: Final = "provider"
"""Its place under DIR/compliance."""

_MAGIC: Final = b"fixgate asking 1"


class QuestionFile(EventFile[QuestionEvent]):
    """The questions of one journal; see EventFile."""

    def __init__(self, path: Path, journal: bytes, disk: Disk = REAL_DISK) -> None:
        decoder: msgspec.msgpack.Decoder[QuestionEvent] = msgspec.msgpack.Decoder(QuestionEvent)
        super().__init__(path, _MAGIC, journal, decoder, disk)
