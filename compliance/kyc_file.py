"""Where customers are kept: people append what they decide."""

from typing import Final

from compliance.event_file import EventFile
from compliance.kyc.events import KycEvent

KYC_NAME: Final = "customers"
"""Its place under DIR/compliance."""


class KycFile(EventFile[KycEvent]):
    """The customers of one journal; see EventFile."""

    magic = b"fixgate people 1"
    kind = KycEvent
