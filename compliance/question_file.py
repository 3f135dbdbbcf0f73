"""Where questions to a firm are kept: whoever asks appends, and so does what takes its answers."""

from typing import Final

from compliance.event_file import EventFile
from compliance.kyc.questions import QuestionEvent

QUESTIONS_NAME: Final = "provider"
"""Its place under DIR/compliance."""


class QuestionFile(EventFile[QuestionEvent]):
    """The questions of one journal; see EventFile."""

    magic = b"fixgate asking 1"
    kind = QuestionEvent
