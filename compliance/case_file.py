"""Where cases are kept: surveillance appends alerts, people append what they decide."""

from typing import Final

from compliance.cases.events import CaseEvent
from compliance.event_file import EventFile

CASES_NAME: Final = "cases"
"""Its place under DIR/compliance."""


class CaseFile(EventFile[CaseEvent]):
    """The cases of one journal; see EventFile."""

    magic = b"fixgate cases 1\n"
    kind = CaseEvent
