"""The tree of RFC 6962 beside a word-by-word oracle, and published probes of its proofs."""

import json
from base64 import b64decode
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit.errors import AuditRefused
from compliance.audit.merkle import (
    EMPTY_ROOT,
    MAX_PROOF_HASHES,
    MAX_SIZE,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root_of_peaks,
    verify_consistency,
    verify_inclusion,
)
from tests.audit import oracle

PROBES = Path(__file__).parent / "data" / "transparency-dev-merkle"

ENTRIES = [b"entry %d" % n for n in range(140)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
NODES = oracle.nodes(ENTRIES)

STRICTER = {
    "testdata/consistency/additional/"
    f"sizes-are-equal-and-proof-is-empty-where-both-sizes-are-{size}.json"
    for size in ("zero", "one")
}
"""Probes that are accepted there, and not here: their roots, the words `don't care`, are no hashes,
and the tree without entries has one root alone."""


def probes(kind):
    found = []
    for line in (PROBES / f"{kind}.jsonl").read_text().splitlines():
        probe = json.loads(line)
        found.append(pytest.param(probe, id=probe["path"].removeprefix("testdata/")))
    return found


def hashes(texts):
    return [b64decode(text) for text in texts or ()]


def accepted(verify, *args):
    try:
        verify(*args)
    except AuditRefused:
        return False
    return True


def test_all_published_probes_are_there():
    assert [len(probes(kind)) for kind in ("inclusion", "consistency")] == [98, 98]


@pytest.mark.parametrize("probe", probes("inclusion"))
def test_published_inclusion_probes_get_the_published_verdict(probe):
    leaf, root = b64decode(probe["leafHash"]), b64decode(probe["root"])
    where = probe["leafIdx"], probe["treeSize"]
    assert (
        accepted(verify_inclusion, leaf, *where, hashes(probe["proof"]), root)
        is not (probe["wantErr"])
    )


@pytest.mark.parametrize("probe", probes("consistency"))
def test_published_consistency_probes_get_the_published_verdict_or_a_stricter_one(probe):
    sizes = probe["size1"], probe["size2"]
    roots = b64decode(probe["root1"]), b64decode(probe["root2"])
    verdict = accepted(verify_consistency, *sizes, hashes(probe["proof"]), *roots)
    if probe["path"] in STRICTER:
        assert not probe["wantErr"]
        assert not verdict
    else:
        assert verdict is not probe["wantErr"]


OTHER = leaf_hash(b"other")

EMPTY_TREE = [
    # first, second, proof, first root, second root, accepted
    (0, 0, [], EMPTY_ROOT, EMPTY_ROOT, True),
    (0, 0, [], OTHER, OTHER, False),
    (0, 0, [OTHER], EMPTY_ROOT, EMPTY_ROOT, False),
    (0, 5, [], EMPTY_ROOT, oracle.mth(ENTRIES[:5]), True),
    (0, 5, [OTHER], EMPTY_ROOT, oracle.mth(ENTRIES[:5]), False),
    (0, 5, [], OTHER, oracle.mth(ENTRIES[:5]), False),
    (5, 0, [], oracle.mth(ENTRIES[:5]), EMPTY_ROOT, False),
]


@pytest.mark.parametrize(("first", "second", "proof", "old", "new", "good"), EMPTY_TREE)
def test_what_holds_of_the_tree_without_entries(first, second, proof, old, new, good):
    assert accepted(verify_consistency, first, second, proof, old, new) is good


def test_no_entry_is_in_the_tree_without_entries():
    assert not accepted(verify_inclusion, LEAVES[0], 0, 0, [], EMPTY_ROOT)


@pytest.mark.parametrize("size", range(len(ENTRIES) + 1))
def test_a_tree_that_grows_has_the_root_of_its_definition(size):
    frontier = Frontier(LEAVES[: size // 2])
    frontier.extend(LEAVES[size // 2 : size])
    assert frontier.size == size
    assert frontier.root() == oracle.mth(ENTRIES[:size])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 31, 32, 33, 100])
def test_inclusion_proofs_are_those_of_the_definition_and_verify(size):
    root = oracle.mth(ENTRIES[:size])
    for index in range(size):
        proof = inclusion_proof(NODES, index, size)
        assert proof == oracle.path(index, ENTRIES[:size])
        verify_inclusion(LEAVES[index], index, size, proof, root)


@pytest.mark.parametrize("second", [1, 2, 3, 7, 8, 9, 31, 32, 33, 70])
def test_consistency_proofs_are_those_of_the_definition_and_verify(second):
    root = oracle.mth(ENTRIES[:second])
    for first in range(1, second + 1):
        proof = consistency_proof(NODES, first, second)
        assert proof == oracle.proof(first, ENTRIES[:second])
        verify_consistency(first, second, proof, oracle.mth(ENTRIES[:first]), root)


def changes(proof):
    """A proof with one hash changed, left out, said twice, or changed with its neighbour."""
    for k, hash_ in enumerate(proof):
        yield [*proof[:k], bytes([hash_[0] ^ 1]) + hash_[1:], *proof[k + 1 :]]
        yield [*proof[:k], *proof[k + 1 :]]
        yield [*proof[:k], hash_, *proof[k:]]
        if k and proof[k - 1] != hash_:
            yield [*proof[: k - 1], hash_, proof[k - 1], *proof[k + 1 :]]
    yield [*proof, OTHER]
    yield [OTHER, *proof]


@given(st.data())
def test_no_changed_inclusion_proof_verifies(data):
    size = data.draw(st.integers(1, len(ENTRIES)))
    index = data.draw(st.integers(0, size - 1))
    root = Frontier(LEAVES[:size]).root()
    proof = inclusion_proof(NODES, index, size)
    for changed in changes(proof):
        assert not accepted(verify_inclusion, LEAVES[index], index, size, changed, root)
    for other in {*range(size)} - {index}:
        assert not accepted(verify_inclusion, LEAVES[index], other, size, proof, root)


@given(st.data())
def test_no_changed_consistency_proof_verifies(data):
    second = data.draw(st.integers(2, len(ENTRIES)))
    first = data.draw(st.integers(1, second - 1))
    old, new = Frontier(LEAVES[:first]).root(), Frontier(LEAVES[:second]).root()
    proof = consistency_proof(NODES, first, second)
    for changed in changes(proof):
        assert not accepted(verify_consistency, first, second, changed, old, new)
    forked = Frontier([*LEAVES[: first - 1], OTHER, *LEAVES[first:second]]).root()
    assert not accepted(verify_consistency, first, second, proof, old, forked)
    for other in {*range(1, second)} - {first}:
        assert not accepted(verify_consistency, other, second, proof, old, new)


def test_a_proof_does_not_go_on_above_the_root():
    above = node_hash(OTHER, LEAVES[0])
    assert not accepted(verify_inclusion, LEAVES[0], 0, 1, [OTHER], above)
    roots = node_hash(OTHER, LEAVES[0]), node_hash(OTHER, node_hash(LEAVES[0], LEAVES[1]))
    assert not accepted(verify_consistency, 1, 2, [LEAVES[1], OTHER], *roots)


def test_trees_of_one_size_have_one_root():
    verify_consistency(1, 1, [], OTHER, OTHER)
    assert not accepted(verify_consistency, 1, 1, [], OTHER, LEAVES[0])


def all_alike(height):
    """Roots of perfect trees of one entry over and over, by height."""
    found = [leaf_hash(b"")]
    for _ in range(height):
        found.append(node_hash(found[-1], found[-1]))
    return found


def test_no_tree_is_larger_than_int64_says():
    heights = all_alike(63)
    verify_inclusion(heights[0], 0, 2**62, heights[:62], heights[62])
    verify_consistency(2**61, 2**62, [heights[61]], heights[61], heights[62])
    assert not accepted(verify_inclusion, heights[0], 0, 2**63, heights[:63], heights[63])
    roots = heights[62], heights[63]
    assert not accepted(verify_consistency, 2**62, 2**63, [heights[62]], *roots)


def test_the_largest_tree_has_proofs():
    """Its entries are all one: each perfect subtree of a height has one hash."""
    heights = all_alike(MAX_PROOF_HASHES - 1)
    root = root_of_peaks(heights[::-1])
    proof = inclusion_proof(lambda level, _: heights[level], MAX_SIZE - 1, MAX_SIZE)
    verify_inclusion(heights[0], MAX_SIZE - 1, MAX_SIZE, proof, root)
    assert len(proof) == MAX_PROOF_HASHES - 1
    first = inclusion_proof(lambda level, _: heights[level], 0, MAX_SIZE)
    verify_inclusion(heights[0], 0, MAX_SIZE, first, root)
    assert len(first) == MAX_PROOF_HASHES
