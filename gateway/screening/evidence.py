"""Where screenings are written down."""

from pathlib import Path

from compliance.screenings import SCREENINGS_NAME, ScreeningFile
from gateway.at_the_venue import identity_at


def open_screenings(data: Path) -> ScreeningFile:
    """The file of a data folder. Raises OperatorError if its journal has no record yet."""
    return ScreeningFile(data / "compliance" / SCREENINGS_NAME, identity_at(data))
