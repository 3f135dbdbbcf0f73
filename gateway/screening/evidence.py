"""Where screenings are written down."""

from pathlib import Path

from compliance.screenings import ScreeningFile
from gateway.surveillance.names import identity_of


def open_screenings(path: Path, journal: Path) -> ScreeningFile:
    """The file beside a journal. Raises OperatorError if that has no record yet."""
    return ScreeningFile(path, identity_of(journal))
