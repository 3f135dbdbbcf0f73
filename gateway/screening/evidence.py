"""Where screenings are written down."""

from pathlib import Path

from compliance.screenings import ScreeningFile
from engine.journal.files import open_survey
from engine.model.errors import OperatorError
from gateway.surveillance.following import journal_identity


def open_screenings(path: Path, journal: Path) -> ScreeningFile:
    """The file beside a journal. Raises OperatorError if that has no record yet."""
    reader = open_survey(journal)
    try:
        identity = journal_identity(reader)
    finally:
        reader.close()
    if identity is None:
        raise OperatorError(f"{journal} has no record yet")
    return ScreeningFile(path, identity)
