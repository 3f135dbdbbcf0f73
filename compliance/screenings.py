"""What was screened, and what it came to: one file beside the journal."""

from typing import Final

from msgspec import Struct

from compliance.event_file import EventFile
from compliance.screening.verdict import Verdict

SCREENINGS_NAME: Final = "screenings"
"""Its place under DIR/compliance."""


class Screened(Struct, frozen=True, array_like=True):
    """at: ns UTC. by: who asked, a process of the venue or the id of a person. about: what was to
    happen, such as `withdrawal of account 7`. asked: the vault's id of a person (compliance.vault),
    an address, or a firm's name: never the name of a person."""

    at: int
    by: str
    about: str
    verdict: Verdict
    asked: str = ""


class ScreeningFile(EventFile[Screened]):
    """The screenings of one journal; see EventFile."""

    magic = b"fixgate screen 1"
    kind = Screened
