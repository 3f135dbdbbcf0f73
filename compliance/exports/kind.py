"""What an export is: a fold of the journal that gives rows, and how these look in files. Pure.

A row is a mapping, of mappings where its names have levels, of text, numbers and truths. Amounts,
prices and quantities are exact decimal text. What is not known is left out of a row, never made up.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol

from msgspec import Struct

from compliance.exports.times import Period
from engine.replay import Whole

Row = dict[str, Any]
Format = Literal["json", "csv", "parquet", "xml"]
Path = tuple[str, ...]
"""Where in a row a value is."""


LACKS: Final = "Lacks"
"""The name, in a row, of words that say why it is none of what XML has rows for: see Kind."""


class Column(NamedTuple):
    """A value of a row where a format has columns; holds is what is in it. Its name there has dots
    between the levels, the first `above` of which are left out."""

    path: Path
    holds: Literal["text", "decimal", "time", "integer", "boolean"] = "text"
    above: int = 0

    @property
    def name(self) -> str:
        """Its header."""
        return ".".join(self.path[self.above :])


def value_at(row: Row, path: Path) -> Any:  # noqa: ANN401 - whatever a row holds
    """What is there, None if nothing."""
    found: Any = row
    for name in path:
        if found is None:
            return None
        found = found.get(name)
    return found


class Fold(Protocol):
    """What a kind knows while it goes over the journal."""

    def opening(self) -> Iterable[Row]:
        """Rows at the beginning of the period, before its first record."""
        ...

    def take(self, whole: Whole, *, inside: bool) -> Iterable[Row]:
        """Go over the next record; its rows if it is inside the period."""
        ...

    def closing(self) -> Iterable[Row]:
        """Rows at the end of the period, after its last record."""
        ...

    def save(self) -> bytes:
        """All that later rows depend on."""
        ...

    def load(self, data: bytes) -> None:
        """Be as after `save`. Raises msgspec.DecodeError."""
        ...


class Kind(Struct, frozen=True):
    """An export. version: of its rows; another one is another function of the journal. wanted: what
    every row has if the venue has been told everything. begin, end: what is around the rows in
    JSON and XML. by_member: whether it can be of one member alone. element: around a row in XML,
    where a row with LACKS is a comment with these words, because the schema has no place for it."""

    name: str
    version: int
    formats: tuple[Format, ...]
    make: Callable[[Period], Fold]
    columns: tuple[Column, ...]
    wanted: tuple[Path, ...] = ()
    begin: bytes = b'{"rows":['
    end: bytes = b"]}"
    by_member: bool = False
    element: str = ""

    def derive(self, wholes: Iterable[Whole], period: Period) -> Iterator[Row]:
        """The rows of a period, from all commands of the journal, the first one first. Reads no
        further than the first that is after the period."""
        deriving = Deriving(self, period)
        for whole in wholes:
            if whole.time >= period.end:
                break
            yield from deriving.take(whole)
        yield from deriving.close()


class Deriving:
    """A derivation that can be gone on with. inside: whether the period has begun."""

    def __init__(self, kind: Kind, period: Period) -> None:
        self.inside = False
        self._begin = period.begin
        self._fold = kind.make(period)

    def take(self, whole: Whole) -> Iterator[Row]:
        """The rows of the next record, which is not after the period."""
        if not self.inside and whole.time >= self._begin:
            self.inside = True
            yield from self._fold.opening()
        yield from self._fold.take(whole, inside=self.inside)

    def close(self) -> Iterator[Row]:
        """The rows of the end."""
        if not self.inside:
            yield from self._fold.opening()
        yield from self._fold.closing()

    def save(self) -> bytes:
        """All that later rows depend on, `inside` apart."""
        return self._fold.save()

    def load(self, data: bytes, *, inside: bool) -> None:
        """Be as after `save`. Raises msgspec.DecodeError."""
        self._fold.load(data)
        self.inside = inside
