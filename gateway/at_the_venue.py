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


def identity_of(reader: JournalReader) -> bytes:
    """16 bytes that no other journal has, the salt of record 0: files beside a journal are marked
    with it. Raises OperatorError if there is no record yet."""
    if reader.mark().number < 0:
        raise OperatorError("the journal has no record yet: start the venue first")
    return reader.read(0).salt


def identity_at(data: Path) -> bytes:
    """The same of the journal in a data folder. Raises OperatorError."""
    with journal_of(data) as reader:
        return identity_of(reader)


def names_at(data: Path) -> ReferenceData:
    """Names as the journal in a data folder has them now. Raises OperatorError."""
    with journal_of(data) as reader:
        return names_of(data, reader)


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
