"""The tree, made again out of the entries, beside the one that was signed and the files it is in.

One pass, whatever is wrong: the entries' roots at each size that somebody holds a checkpoint of,
every hash of every tile, every byte of every bundle. Memory: one bundle, and the tree's edge.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from msgspec import Struct, field

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import HASH_BYTES
from compliance.audit.tiles import (
    TILE_WIDTH,
    File,
    GrowingTree,
    bundle_path,
    decode_bundle,
    encode_bundle,
    tile_path,
    units,
)
from compliance.verify.checkpoints import Held
from compliance.verify.entries import Source
from compliance.verify.findings import INCOMPLETE, TAMPERED, UNREADABLE, Failed
from compliance.verify.log_files import LogFiles

_PATH: Final = re.compile(r"tile/(entries|0|[1-9])/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([0-9]{1,3}))?")

BUNDLES: Final = "bundles"
TILES: Final = "tiles"

Progress = Callable[[str, int], None]
"""Is told what is being done, and how many records of it."""


class Place(Struct, frozen=True):
    """Which tile or bundle a path names. level: None for a bundle."""

    level: int | None
    index: int
    width: int

    @property
    def path(self) -> str:
        """Inverse of parse_path."""
        if self.level is None:
            return bundle_path(self.index, self.width)
        return tile_path(self.level, self.index, self.width)


def parse_path(path: str) -> Place | None:
    """Of a path below the log's folder; None if it is no tile's."""
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    index = int(found[2].replace("/", "").replace("x", ""))
    width = int(found[3]) if found[3] else TILE_WIDTH
    if not 0 < width <= TILE_WIDTH:
        return None
    place = Place(None if found[1] == "entries" else int(found[1]), index, width)
    return place if place.path == path else None


class TreeFindings(Struct):
    """roots: by checkpoint. files: by BUNDLES and TILES, the first thing wrong; none where nothing
    was. entries: what was wrong with reading them. size: how many there were. counts: files that
    were compared, by kind. later: files that belong to a later tree."""

    roots: dict[str, Failed | None] = field(default_factory=dict)
    files: dict[str, Failed] = field(default_factory=dict)
    entries: Failed | None = None
    size: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    later: int = 0


class TreeCheck:
    """Goes once over the entries of a tree of `size`. log: its files, None if there are none."""

    def __init__(
        self,
        size: int,
        points: Mapping[int, list[Held]],
        log: LogFiles | None,
        tree: GrowingTree | None = None,
    ) -> None:
        """points: checkpoints by their size. tree: an empty one of its own kind."""
        self._size = size
        self._points = points
        self._log = log
        self._tree = GrowingTree() if tree is None else tree
        self._found = TreeFindings(counts={BUNDLES: 0, TILES: 0})
        self._kept: dict[tuple[int | None, int], list[int]] = defaultdict(list)
        """Widths of partial files that are there beside those of the tree: what it once was."""

    def run(self, source: Source, progress: Progress) -> TreeFindings:
        """What is found."""
        found = self._found
        if self._log is not None:
            self._list(self._log.names())
        self._roots()
        try:
            entries = iter(source)
            while self._tree.size < self._size:
                self._extend(entries)
                progress("hashed", self._tree.size)
            assert next(entries, None) is None, "a source has as many entries as are signed"
        except Failed as failure:
            found.entries = failure
            found.size = self._tree.size
            return found
        found.size = self._tree.size
        for file in self._tree.files():
            self._compare(file)
        return found

    def _extend(self, entries: Iterator[bytes]) -> None:
        """Go on to the next full bundle, or to a size that somebody has a checkpoint of."""
        size = self._tree.size
        ends = [end for end in self._points if end > size]
        stop = min(self._size, size - size % TILE_WIDTH + TILE_WIDTH, *ends)
        some = list(islice(entries, stop - size))
        if len(some) < stop - size:
            raise Failed(INCOMPLETE, "the entries end before it", f"record {size + len(some)}")
        self._tree.extend(some)
        self._roots()
        for file in self._tree.full_files():
            self._compare(file)

    def _roots(self) -> None:
        """Compare the root at this size with those that are signed of it."""
        size = self._tree.size
        for held in self._points.get(size, ()):
            failure = None
            if self._tree.root() != held.checkpoint.root:
                failure = Failed(TAMPERED, f"the first {size} records give another root", held.name)
            self._found.roots[held.name] = failure

    # --- files --------------------------------------------------------------------------------

    def _list(self, names: Iterable[str]) -> None:
        """Note what is there. Files of a later tree are counted: a live log writes them first."""
        for name in names:
            place = parse_path(name)
            if place is None:
                self._fail(TILES, Failed(UNREADABLE, "this is the name of no tile", name))
            elif not self._within(place):
                self._found.later += 1
            elif place.width < TILE_WIDTH:
                self._kept[place.level, place.index].append(place.width)

    def _within(self, place: Place) -> bool:
        count = units(self._size, place.level or 0) - place.index * TILE_WIDTH
        return place.width <= count

    def _compare(self, file: File) -> None:
        """A file that the entries give, and what is there of it."""
        if self._log is None:
            return
        place = parse_path(file.path)
        assert place is not None, "the tree names its files as the standard does"
        kind = BUNDLES if place.level is None else TILES
        self._found.counts[kind] += 1
        self._same(kind, file.path, file.data, self._there(place, len(file.data)))
        for width in self._kept.get((place.level, place.index), ()):
            if width < place.width:
                name = Place(place.level, place.index, width).path
                there = self._log.read(name)
                if there is not None:  # else it was tidied away meanwhile
                    self._same(kind, name, _beginning(file.data, place, width), there)

    def _there(self, place: Place, size: int) -> bytes | None:
        """What is there of a file: itself, or the beginning of the full one that replaced it."""
        assert self._log is not None
        data = self._log.read(place.path)
        if data is None and place.width < TILE_WIDTH:
            full = self._log.read(Place(place.level, place.index, TILE_WIDTH).path)
            return full and full[:size]
        return data

    def _same(self, kind: str, path: str, data: bytes, there: bytes | None) -> None:
        if there == data:
            return
        if there is None:
            self._fail(kind, Failed(INCOMPLETE, "it is missing", path))
        elif len(there) < len(data) and data.startswith(there):
            self._fail(kind, Failed(INCOMPLETE, "it is cut", path))
        else:
            self._fail(kind, Failed(TAMPERED, _difference(kind, path, data, there), path))

    def _fail(self, kind: str, failure: Failed) -> None:
        self._found.files.setdefault(kind, failure)


def _beginning(data: bytes, place: Place, width: int) -> bytes:
    """The partial file of `width` that a tile or bundle once was."""
    if place.level is None:
        return encode_bundle(decode_bundle(data, place.width)[:width])
    return data[: width * HASH_BYTES]


def _difference(kind: str, path: str, data: bytes, there: bytes) -> str:
    """Which entry or hash is another one, for a person."""
    place = parse_path(path)
    assert place is not None
    first = place.index * TILE_WIDTH
    if kind == TILES:
        pairs = zip(_hashes(data), _hashes(there), strict=False)
        k = next((k for k, (ours, theirs) in enumerate(pairs) if ours != theirs), place.width)
        return f"hash {first + k} of its level is not that of the entries"
    try:
        entries = decode_bundle(there, place.width)
    except AuditRefused:
        return "it is no bundle of so many records"
    pairs = zip(decode_bundle(data, place.width), entries, strict=True)
    k = next((k for k, (ours, theirs) in enumerate(pairs) if ours != theirs), place.width)
    return f"record {first + k} is another one than the journal's"


def _hashes(tile: bytes) -> list[bytes]:
    return [tile[k : k + HASH_BYTES] for k in range(0, len(tile), HASH_BYTES)]
