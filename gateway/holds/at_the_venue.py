"""What a command line knows of a running venue, and tells it: its journal, and core's ingress."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from engine.core.venue import Venue
from engine.journal.files import open_survey
from engine.journal.follow import JournalReader
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData, configuration_key
from engine.replay import replay
from engine.restore import restored, restored_names


@contextmanager
def journal_of(data: Path) -> Iterator[JournalReader]:
    """The journal in a data folder, read-only. Raises OperatorError."""
    folder = data / "journal"
    if not folder.is_dir():
        raise OperatorError(f"there is no journal in {data}: name the folder of a venue")
    with closing(open_survey(folder)) as reader:
        yield reader


def names_of(data: Path, reader: JournalReader) -> ReferenceData:
    """Names as the journal has them now: of the newest snapshot, and the records after it."""
    last = reader.mark().number
    names, first = ReferenceData(), 0
    for found, start in restored_names(data / "snapshots", reader, _unheard):
        if start.place.number <= last:
            reader.learn(start.indexes)
            names, first = found, start.place.number + 1
            break
    for record in reader.records(first, last):
        if configuration_key(record.command):
            names.apply(record.command)
    return names


def venue_of(data: Path, reader: JournalReader) -> Venue:
    """The venue as the journal has it now. Raises JournalDamaged."""
    last = reader.mark().number
    for found in restored(data / "snapshots", reader, _unheard):
        number = found.start.place.number
        if number <= last:
            reader.learn(found.start.indexes)
            replay(reader.records(number + 1, last), found.venue, after=found.result)
            return found.venue
    venue = Venue()
    replay(reader.records(0, last), venue)
    return venue


def _unheard(_: str) -> None:
    """A snapshot that is no good costs time alone."""
