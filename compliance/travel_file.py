"""Where the travel rule's records and messages are kept, beside the journal."""

from typing import Final

from compliance.event_file import EventFile
from compliance.travel.events import TravelEvent

TRAVEL_NAME: Final = "travel"
"""Its place under DIR/compliance."""


class TravelFile(EventFile[TravelEvent]):
    """The travel rule's events of one journal; see EventFile."""

    magic = b"fixgate travel 1"
    kind = TravelEvent
