"""How far the history has come: the one file that says which of the others count."""

import msgspec
from msgspec import Struct

from engine.model.commands import Command
from engine.model.refdata import ReferenceData
from gateway.history.files import CURSOR, HistoryDamaged, HistoryFolder
from gateway.history.rows import HISTORY_FORMAT


class Part(Struct, frozen=True):
    """Trades of the open day, from record `first` on; digest: the file's SHA-256."""

    symbol: str
    first: int
    digest: str


class Cursor(Struct, frozen=True):
    """All trades up to `record` are in the files, -1: none.

    salt: that record's, which no other journal has. day: the open one, days since 1970-01-01, -1
    before the first trade. parts: its trades. closed: of each day that is over, by symbol, the
    footer_digest of its files, in the order of KINDS. names: the commands that define the
    instruments so far.
    """

    record: int = -1
    salt: bytes = b""
    day: int = -1
    parts: tuple[Part, ...] = ()
    closed: dict[int, dict[str, tuple[str, ...]]] = {}
    names: tuple[Command, ...] = ()
    format: bytes = HISTORY_FORMAT

    def reference_data(self) -> ReferenceData:
        """The names. Raises HistoryDamaged."""
        refdata = ReferenceData()
        try:
            for command in self.names:
                refdata.apply(command)
        except (ValueError, KeyError) as error:
            raise HistoryDamaged(f"the cursor has no sound names: {error}") from None
        return refdata


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Cursor).decode


def read_cursor(folder: HistoryFolder) -> Cursor:
    """The cursor, one before everything if there is none. Raises HistoryDamaged, OSError."""
    path = folder.folder / CURSOR
    try:
        cursor = _decode(path.read_bytes())
    except FileNotFoundError:
        return Cursor()
    except msgspec.DecodeError as error:
        raise HistoryDamaged(f"{path} cannot be read: {error}") from None
    if cursor.format != HISTORY_FORMAT:
        raise HistoryDamaged(f"{path} is of another release")
    return cursor


def write_cursor(folder: HistoryFolder, cursor: Cursor) -> None:
    """From now on the files are what `cursor` says. Raises OSError."""
    folder.write_bytes(folder.folder / CURSOR, _encode(cursor))
