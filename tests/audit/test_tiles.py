"""Tiles: the standard's examples, trees that grow in any steps, and reading them back."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import (
    HASH_BYTES,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from compliance.audit.tiles import (
    MAX_CACHED_TILES,
    MAX_ENTRY_BYTES,
    GrowingTree,
    TileReader,
    bundle_path,
    completed,
    decode_bundle,
    encode_bundle,
    partial_folder,
    tile_path,
)
from tests.audit import oracle

ENTRIES = [b"%d" % n for n in range(70_000)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]


@cache
def root(size):
    return Frontier(LEAVES[:size]).root()


def grown(*sizes):
    """The files of a log that was published at these sizes; no name has ever had two contents."""
    tree, files = GrowingTree(), {}
    for before, size in zip((0, *sizes), sizes, strict=False):
        tree.extend(ENTRIES[before:size])
        for path, data in tree.files():
            assert path not in files
            files[path] = data
        assert tree.root() == root(size)
    return files


def prune(files, before, after):
    """Without the partial files that full ones have replaced."""
    gone = tuple(partial_folder(path) + "/" for path in completed(before, after))
    return {path: data for path, data in files.items() if not path.startswith(gone)}


# --- the standard's examples ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (tile_path(0, 1_234_067), "tile/0/x001/x234/067"),
        (tile_path(3, 0), "tile/3/000"),
        (tile_path(0, 273, 112), "tile/0/273.p/112"),
        (tile_path(1, 1_000, 1), "tile/1/x001/000.p/1"),
        (bundle_path(1_234_067, 255), "tile/entries/x001/x234/067.p/255"),
    ],
)
def test_paths(path, expected):
    assert path == expected


def test_a_tree_of_70_000_has_the_files_that_the_standard_says():
    files = grown(70_000)
    assert files.keys() == {
        *(tile_path(0, n) for n in range(273)), "tile/0/273.p/112",
        "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
        *(bundle_path(n) for n in range(273)), "tile/entries/273.p/112",
    }  # fmt: skip
    assert all(len(data) == 8_192 for path, data in files.items() if path.startswith("tile/0/0"))
    assert len(files["tile/1/001.p/17"]) == 17 * HASH_BYTES
    assert files["tile/2/000.p/1"] == root(65_536)


def test_a_tree_of_256_has_a_tile_of_one_above():
    assert grown(256).keys() == {"tile/0/000", "tile/1/000.p/1", "tile/entries/000"}
    assert grown(256)["tile/1/000.p/1"] == oracle.mth(ENTRIES[:256])


def test_the_empty_tree_has_no_files():
    assert not grown(0)
    assert GrowingTree().root() == oracle.mth([])
    assert GrowingTree.of(TileReader(0, {}.get)).root() == oracle.mth([])


def test_an_entry_may_be_as_large_as_a_record():
    entries = [b"", b"x" * MAX_ENTRY_BYTES, b"y"]
    data = encode_bundle(entries)
    assert data.startswith(b"\0\0\xff\xffxxx")
    assert decode_bundle(data, 3) == entries
    for wrong, count in ((data, 2), (data, 4), (data[:-1], 3), (data + b"\0", 3), (b"\0", 1)):
        with pytest.raises(AuditRefused):
            decode_bundle(wrong, count)


def test_which_tiles_a_tree_completes_as_it_grows():
    assert completed(0, 255) == completed(300, 511) == []
    assert set(completed(300, 700)) == {"tile/0/001", "tile/entries/001"}
    assert set(completed(65_300, 65_600)) == {"tile/0/255", "tile/entries/255", "tile/1/000"}


# --- any tree -------------------------------------------------------------------------------------

SIZES = st.lists(
    st.one_of(st.integers(1, 1_100), st.sampled_from([255, 256, 257, 511, 512, 513])),
    min_size=1, max_size=6, unique=True,
).map(sorted)  # fmt: skip


@given(SIZES, st.data())
def test_proofs_of_every_published_size_come_out_of_the_files(sizes, data):
    files, last = grown(*sizes), sizes[-1]
    for size in data.draw(st.sampled_from([[last], sizes])):
        reader = TileReader(size, files.get)
        index = data.draw(st.integers(0, size - 1))
        proof = inclusion_proof(reader.node, index, size)
        verify_inclusion(LEAVES[index], index, size, proof, root(size))
        assert reader.bundle(index // 256)[index % 256] == ENTRIES[index]
    first = data.draw(st.sampled_from(sizes))
    proof = consistency_proof(TileReader(last, files.get).node, first, last)
    verify_consistency(first, last, proof, root(first), root(last))


@given(SIZES)
def test_what_full_tiles_have_replaced_is_not_needed(sizes):
    files, before = grown(*sizes), 0
    for size in sizes:
        files = prune(files, before, size)
        before = size
    for size in sizes:
        reader = TileReader(size, files.get)
        assert [entry for k in range(-(-size // 256)) for entry in reader.bundle(k)] == (
            ENTRIES[:size]
        )
        proof = inclusion_proof(reader.node, size - 1, size)
        verify_inclusion(LEAVES[size - 1], size - 1, size, proof, root(size))
    full = [path for path in files if ".p/" in path]
    assert len(full) <= 3 * len(sizes), "and only the edges are left in part"


@given(SIZES, st.integers(0, 600))
def test_a_tree_goes_on_from_its_files_as_if_it_had_never_stopped(sizes, more):
    files, size = grown(*sizes), sizes[-1]
    tree = GrowingTree.of(TileReader(size, files.get))
    assert (tree.size, tree.root()) == (size, root(size))
    assert tree.files() == []
    tree.extend(ENTRIES[size : size + more])
    assert tree.root() == root(size + more)
    if more:
        assert files | dict(tree.files()) == grown(*sizes, size + more)


def test_a_tree_of_three_levels_goes_on_from_its_files():
    files = grown(65_000, 65_536)
    tree = GrowingTree.of(TileReader(65_536, files.get))
    tree.extend(ENTRIES[65_536:])
    assert tree.root() == root(70_000)
    reader = TileReader(70_000, (files | dict(tree.files())).get)
    for index in (0, 255, 256, 65_535, 65_536, 69_999):
        proof = inclusion_proof(reader.node, index, 70_000)
        verify_inclusion(LEAVES[index], index, 70_000, proof, root(70_000))


def test_more_tiles_than_are_kept_are_read_all_the_same():
    files = grown(70_000)
    reader = TileReader(70_000, files.get)
    for index in range(0, 70_000, 256):
        proof = inclusion_proof(reader.node, index, 70_000)
        verify_inclusion(LEAVES[index], index, 70_000, proof, root(70_000))
        assert len(reader._cache) <= MAX_CACHED_TILES


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 256, 700])
@pytest.mark.parametrize("damage", ["gone", "short", "long", "changed"])
def test_no_damage_to_a_file_is_taken_for_the_tree(size, damage):
    whole = grown(size)
    for path, data in whole.items():
        changed = {
            "gone": None, "short": data[:-1], "long": data + b"x",
            "changed": data[:2] + bytes([data[2] ^ 1]) + data[3:],
        }[damage]  # fmt: skip
        files = {**whole, path: changed}
        assert not all_is_well(files, size), path
    assert all_is_well(whole, size)


def test_a_tree_does_not_go_on_from_entries_that_are_not_in_it():
    files = grown(700)
    files["tile/entries/002.p/188"] = encode_bundle([b"other", *ENTRIES[513:700]])
    with pytest.raises(AuditRefused, match="last entries"):
        GrowingTree.of(TileReader(700, files.get))


def all_is_well(files, size):
    reader = TileReader(size, files.get)
    try:
        for index in range(size):
            proof = inclusion_proof(reader.node, index, size)
            entry = reader.bundle(index // 256)[index % 256]
            verify_inclusion(leaf_hash(entry), index, size, proof, root(size))
        return GrowingTree.of(reader).root() == root(size)
    except AuditRefused:
        return False
