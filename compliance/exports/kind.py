"""What an export is: a fold of the journal that gives rows, and how these look in files. Pure.

A row is a mapping, of mappings where its names have levels, of text, numbers and truths. Amounts,
prices and quantities are exact decimal text. What is not known is left out of a row, never made up.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal, NamedTuple, Protocol

from msgspec import Struct

from compliance.exports.times import Period
from engine.replay import Whole

Row = dict[str, Any]
Format = Literal["json", "csv", "parquet"]
Path = tuple[str, ...]
"""Where in a row a value is."""


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


class Kind(Struct, frozen=True):
    """An export. version: of its rows; another one is another function of the journal. wanted: what
    every row has if the venue has been told everything. begin, end: what is around the rows in
    JSON. by_member: whether it can be of one member alone."""

    name: str
    version: int
    formats: tuple[Format, ...]
    make: Callable[[Period], Fold]
    columns: tuple[Column, ...]
    wanted: tuple[Path, ...] = ()
    begin: bytes = b'{"rows":['
    end: bytes = b"]}"
    by_member: bool = False

    def derive(self, wholes: Iterable[Whole], period: Period) -> Iterator[Row]:
        """The rows of a period, from all commands of the journal, the first one first. Reads no
        further than the first that is after the period."""
        fold = self.make(period)
        inside = False
        for whole in wholes:
            if whole.time >= period.end:
                break
            if not inside and whole.time >= period.begin:
                inside = True
                yield from fold.opening()
            yield from fold.take(whole, inside=inside)
        if not inside:
            yield from fold.opening()
        yield from fold.closing()
