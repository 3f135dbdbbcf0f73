"""What the travel rule knows of a data folder: its own records, and the customers' files."""

from pathlib import Path

from compliance.kyc.desk import KycDesk
from compliance.kyc_file import KYC_NAME, KycFile
from compliance.travel.desk import TravelDesk
from compliance.travel_file import TRAVEL_NAME, TravelFile
from gateway.at_the_venue import identity_at


class Books:
    """Both, as of the last look. Raises OSError and OperatorError everywhere."""

    def __init__(self, data: Path, journal: bytes) -> None:
        """journal: see EventFile."""
        self.travel = TravelDesk(open_travel(data, journal))
        self.kyc = KycDesk(KycFile(data / "compliance" / KYC_NAME, journal))

    def look(self) -> None:
        """Take in what others have decided since."""
        self.travel.look()
        self.kyc.look()


def open_books(data: Path) -> Books:
    """Those of a data folder. Raises OperatorError if its journal has no record yet."""
    return Books(data, identity_at(data))


def open_travel(data: Path, journal: bytes) -> TravelFile:
    """The file of the travel rule's events of a data folder."""
    return TravelFile(data / "compliance" / TRAVEL_NAME, journal)
