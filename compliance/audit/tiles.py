"""The tree as tiles (c2sp.org/tlog-tiles): which files it is made of, as it grows, and reading it
back. Pure.

A tile is 256 hashes side by side; level 0 has those of the entries, each level above the roots of
full tiles below. A bundle is 256 entries. At the right edge of each level there may be one of
fewer, which has another path: a file's name says all that is in it, so that none ever changes.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import HASH_BYTES, Frontier, leaf_hash, node_hash, root_of_peaks

_WIDTH_BITS: Final = 8
TILE_WIDTH: Final = 1 << _WIDTH_BITS
"""Hashes of a full tile, and entries of a full bundle."""

MAX_ENTRY_BYTES: Final = 65_535
"""Largest entry, bytes: two bytes of a bundle say how long it is. A record fits in."""

MAX_CACHED_TILES: Final = 256
"""Tiles that a reader keeps, some 10 MiB; a proof takes a few."""

_ENTRIES: Final = "entries"
_LENGTH_BYTES: Final = 2


class File(NamedTuple):
    """A tile or a bundle: its path below the log's folder, and what is in it."""

    path: str
    data: bytes


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Where tile `index` of a level is; width: how many hashes it has."""
    return _path(str(level), index, width)


def bundle_path(index: int, width: int = TILE_WIDTH) -> str:
    """Where bundle `index` is; width: how many entries it has."""
    return _path(_ENTRIES, index, width)


def partial_folder(path: str) -> str:
    """Where the partial forms of the full tile or bundle at `path` are."""
    return f"{path}.p"


def _path(kind: str, index: int, width: int) -> str:
    assert 0 < width <= TILE_WIDTH
    groups = [f"{index % 1_000:03}"]
    while index := index // 1_000:
        groups.insert(0, f"x{index % 1_000:03}")
    full = "/".join(("tile", kind, *groups))
    return full if width == TILE_WIDTH else f"{partial_folder(full)}/{width}"


def units(size: int, level: int) -> int:
    """How many hashes a level of a tree of `size` entries has."""
    return size >> level * _WIDTH_BITS


def completed(before: int, after: int) -> list[str]:
    """Paths of the full tiles and bundles that a tree of `after` entries has and one of `before`
    has at most in part."""
    paths = []
    level = 0
    while units(after, level + 1):
        for index in range(units(before, level + 1), units(after, level + 1)):
            paths.append(tile_path(level, index))
            if not level:
                paths.append(bundle_path(index))
        level += 1
    return paths


def encode_bundle(entries: Sequence[bytes]) -> bytes:
    """Entries, each behind its length."""
    parts: list[bytes] = []
    for entry in entries:
        parts += (len(entry).to_bytes(_LENGTH_BYTES, "big"), entry)
    return b"".join(parts)


def decode_bundle(data: bytes, count: int) -> list[bytes]:
    """Inverse of encode_bundle. Raises AuditRefused unless there are exactly `count`."""
    entries = []
    at = 0
    while at < len(data):
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(data[at:begin], "big")
        entries.append(data[begin:at])
    if at != len(data) or len(entries) != count:
        raise AuditRefused(f"a bundle of {count} entries is damaged")
    return entries


class GrowingTree:
    """A tree that entries are added to, and the files that it becomes."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[list[bytes]] = [[]]
        """By level, the hashes that do not fill a tile yet."""
        self._entries: list[bytes] = []
        """Those that do not fill a bundle yet."""
        self._full: list[File] = []
        self._told = 0

    def extend(self, entries: Sequence[bytes]) -> None:
        """Add entries, in order."""
        at = 0
        while at < len(entries):
            some = entries[at : at + TILE_WIDTH - len(self._entries)]
            self._entries += some
            self._edge[0] += map(leaf_hash, some)
            self.size += len(some)
            at += len(some)
            if len(self._entries) == TILE_WIDTH:
                self._fill()

    def root(self) -> bytes:
        """Of all entries."""
        edge = reversed(self._edge)
        return root_of_peaks([peak for hashes in edge for peak in Frontier(hashes).peaks])

    def files(self) -> list[File]:
        """What the tree of this size is made of and that of the last call was not: what there was
        then is the same now."""
        files = self.full_files()
        told, self._told = self._told, self.size
        for level, hashes in enumerate(self._edge):
            count = units(self.size, level)
            if hashes and count != units(told, level):
                path = tile_path(level, count >> _WIDTH_BITS, len(hashes))
                files.append(File(path, b"".join(hashes)))
        if self._entries and self.size != told:
            path = bundle_path(self.size >> _WIDTH_BITS, len(self._entries))
            files.append(File(path, encode_bundle(self._entries)))
        return files

    def full_files(self) -> list[File]:
        """The full tiles and bundles that came since the last call of this or of `files`."""
        files, self._full = self._full, []
        return files

    def _fill(self) -> None:
        """A bundle is full, and so is a tile of level 0."""
        index = units(self.size, 1) - 1
        self._full.append(File(bundle_path(index), encode_bundle(self._entries)))
        self._entries = []
        self._fill_tiles()

    def _fill_tiles(self) -> None:
        """A tile of level 0 is full, and perhaps those of levels above."""
        level = 0
        while len(self._edge[level]) == TILE_WIDTH:
            hashes, self._edge[level] = self._edge[level], []
            index = units(self.size, level + 1) - 1
            self._full.append(File(tile_path(level, index), b"".join(hashes)))
            level += 1
            if level == len(self._edge):
                self._edge.append([])
            self._edge[level].append(Frontier(hashes).root())

    @classmethod
    def of(cls, reader: "TileReader") -> "GrowingTree":
        """A tree that goes on from one that is in files. Raises AuditRefused if its edge is not
        whole; that its root is right is for the caller to see."""
        tree = cls()
        tree.size = tree._told = reader.size
        tree._edge = [list(hashes) for hashes in reader.edge()]
        count = reader.size % TILE_WIDTH
        tree._entries = list(reader.bundle(reader.size // TILE_WIDTH)) if count else []
        if [leaf_hash(entry) for entry in tree._entries] != tree._edge[0]:
            raise AuditRefused("the last entries are not those of the last tile")
        return tree


class HashTree(GrowingTree):
    """A tree out of the hashes of its entries, which nobody has: it has tiles and no bundles."""

    def extend(self, entries: Sequence[bytes]) -> None:  # type: ignore[explicit-override]
        """Add hashes of entries, in order."""
        edge, at = self._edge, 0
        while at < len(entries):
            some = entries[at : at + TILE_WIDTH - len(edge[0])]
            edge[0] += some
            self.size += len(some)
            at += len(some)
            if len(edge[0]) == TILE_WIDTH:
                self._fill_tiles()


class TileReader:
    """A tree of `size` entries, out of its files. fetch: what is at a path, None if nothing."""

    def __init__(self, size: int, fetch: Callable[[str], bytes | None]) -> None:
        self.size = size
        self._fetch = fetch
        self._cache: dict[tuple[int, int], list[list[bytes]]] = {}
        self._bundle: tuple[int, list[bytes]] = (-1, [])

    def node(self, level: int, index: int) -> bytes:
        """See compliance.audit.merkle.Nodes. Raises AuditRefused."""
        tile_level, within = divmod(level, _WIDTH_BITS)
        tile, place = divmod(index << within, TILE_WIDTH)
        return self._tile(tile_level, tile)[within][place >> within]

    def edge(self) -> list[list[bytes]]:
        """By level, the hashes of the tile at the right edge that is not full. AuditRefused."""
        found: list[list[bytes]] = []
        while not found or units(self.size, len(found)):
            count = units(self.size, len(found))
            whole = count % TILE_WIDTH == 0
            found.append([] if whole else self._tile(len(found), count >> _WIDTH_BITS)[0])
        return found

    def bundle(self, index: int) -> list[bytes]:
        """The entries of bundle `index` as far as they are in the tree. Raises AuditRefused."""
        if self._bundle[0] != index:
            self._bundle = (index, self._read_bundle(index))
        return self._bundle[1]

    def _read_bundle(self, index: int) -> list[bytes]:
        width = self._width(0, index)
        data = self._fetch(bundle_path(index, width))
        if data is not None:
            return decode_bundle(data, width)
        data = self._fetch(bundle_path(index))
        if data is None:
            raise AuditRefused(f"there is no {bundle_path(index, width)}")
        return decode_bundle(data, TILE_WIDTH)[:width]

    def _width(self, level: int, index: int) -> int:
        """Of a tile or bundle of this tree."""
        width = min(TILE_WIDTH, units(self.size, level) - index * TILE_WIDTH)
        assert width > 0, "what is asked for is in the tree"
        return width

    def _tile(self, level: int, index: int) -> list[list[bytes]]:
        """The hashes of a tile as far as it is in this tree, and those of the subtrees over them,
        a list for each height."""
        heights = self._cache.get((level, index))
        if heights is None:
            tile = self._read_tile(level, index)
            heights = [[tile[k : k + HASH_BYTES] for k in range(0, len(tile), HASH_BYTES)]]
            while len(below := heights[-1]) > 1:
                pairs = range(0, len(below) - 1, 2)
                heights.append([node_hash(below[k], below[k + 1]) for k in pairs])
            if len(self._cache) >= MAX_CACHED_TILES:
                self._cache.clear()
            self._cache[level, index] = heights
        return heights

    def _read_tile(self, level: int, index: int) -> bytes:
        """A tile by itself, or the beginning of the full one that has replaced it."""
        width = self._width(level, index)
        size = width * HASH_BYTES
        tile = self._fetch(tile_path(level, index, width))
        if tile is None:
            tile = self._fetch(tile_path(level, index))
            tile = tile and tile[:size]
        if tile is None or len(tile) != size:
            raise AuditRefused(f"{tile_path(level, index, width)} is missing or damaged")
        return tile
