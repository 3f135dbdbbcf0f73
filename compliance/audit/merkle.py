"""The Merkle tree of RFC 6962: hashes, a tree that grows at its right edge, proofs. Pure.

Proofs are made by RFC 6962 sections 2.1.1 and 2.1.2 out of whatever gives the roots of perfect
subtrees, and verified by RFC 9162 sections 2.1.3.2 and 2.1.4.2, which need no tree.

Where size 0 is concerned the RFCs leave a choice. Here: no entry is in the empty tree; from it a
proof of consistency is empty and its root is EMPTY_ROOT, whatever the later tree; to it there is
none but from itself. A hash is HASH_BYTES long everywhere, or it is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from compliance.audit.errors import AuditRefused

HASH_BYTES: Final = 32
"""Of SHA-256."""

EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree without entries."""

MAX_SIZE: Final = 2**63 - 1
"""Largest tree, entries: what int64 holds, as in every other implementation."""

MAX_PROOF_HASHES: Final = 63
"""Longest proof of inclusion: the height of the largest tree."""

Nodes = Callable[[int, int], bytes]
"""Gives the root of the perfect subtree of 2**level entries number `index`, by (level, index)."""


def leaf_hash(entry: bytes) -> bytes:
    """Hash of an entry. RFC 6962, 2.1."""
    return sha256(b"\0" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees. RFC 6962, 2.1."""
    return sha256(b"\1" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: roots of the perfect subtrees it falls into, the largest,
    which is the leftmost, first."""

    __slots__ = ("peaks", "size")

    def __init__(self, hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self.peaks: list[bytes] = []
        self.extend(hashes)

    def extend(self, hashes: Iterable[bytes]) -> None:
        """Add leaf hashes, or roots of perfect subtrees that are all of one size."""
        size, peaks, digest = self.size, self.peaks, sha256
        for hash_ in hashes:
            count, size = size, size + 1
            while count & 1:
                hash_ = digest(b"\1" + peaks.pop() + hash_).digest()  # noqa: PLW2901 - carried up
                count >>= 1
            peaks.append(hash_)
        self.size = size

    def root(self) -> bytes:
        """The root of all that was added."""
        return root_of_peaks(self.peaks)


def root_of_peaks(peaks: Sequence[bytes]) -> bytes:
    """The root of a tree by the roots of the perfect subtrees that it falls into, left to right."""
    if not peaks:
        return EMPTY_ROOT
    root = peaks[-1]
    for peak in reversed(peaks[:-1]):
        root = node_hash(peak, root)
    return root


# --- proofs are made --------------------------------------------------------------------------


def inclusion_proof(nodes: Nodes, index: int, size: int) -> list[bytes]:
    """That entry `index` is in the tree of `size` entries, hashes from the leaf upward. RFC 6962,
    2.1.1."""
    assert 0 <= index < size <= MAX_SIZE
    begin, end = 0, size
    path = []
    while end - begin > 1:
        split = begin + _left_size(end - begin)
        if index < split:
            path.append(_range_hash(nodes, split, end))
            end = split
        else:
            path.append(_range_hash(nodes, begin, split))
            begin = split
    return path[::-1]


def consistency_proof(nodes: Nodes, first: int, second: int) -> list[bytes]:
    """That the tree of `second` entries begins with that of `first`. RFC 6962, 2.1.2; empty from
    the empty tree, from which everything grows."""
    assert 0 <= first <= second <= MAX_SIZE
    if not first:
        return []
    begin, end = 0, second
    path = []
    while end != first:
        split = begin + _left_size(end - begin)
        if first <= split:
            path.append(_range_hash(nodes, split, end))
            end = split
        else:
            path.append(_range_hash(nodes, begin, split))
            begin = split
    if begin:
        path.append(_range_hash(nodes, begin, end))
    return path[::-1]


def _left_size(size: int) -> int:
    """How many of `size` entries, two at least, are in the left subtree: RFC 6962's k."""
    return 1 << ((size - 1).bit_length() - 1)


def _range_hash(nodes: Nodes, begin: int, end: int) -> bytes:
    """The root over entries `begin` to `end`, which are a subtree of the whole."""
    peaks = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        peaks.append(nodes(level, begin >> level))
        begin += 1 << level
    return root_of_peaks(peaks)


# --- and verified -----------------------------------------------------------------------------


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """That an entry whose hash is `leaf` is entry `index` of the tree of `size` entries with that
    root. Raises AuditRefused. RFC 9162, 2.1.3.2."""
    _check_hashes(leaf, root, *proof)
    if not 0 <= index < size <= MAX_SIZE:
        raise AuditRefused(f"no tree of {size} entries has an entry {index}")
    node, last, found = index, size - 1, leaf
    for hash_ in proof:
        if not last:
            raise AuditRefused("the proof goes on above the root")
        if node & 1 or node == last:
            found = node_hash(hash_, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, hash_)
        node, last = node >> 1, last >> 1
    if last:
        raise AuditRefused("the proof ends below the root")
    if found != root:
        raise AuditRefused(f"entry {index} is not in the tree: the proof leads to another root")


def verify_consistency(
    first: int, second: int, proof: Sequence[bytes], first_root: bytes, second_root: bytes
) -> None:
    """That the tree of `second` entries begins with the tree of `first`. Raises AuditRefused.

    RFC 9162, 2.1.4.2; size 0 as at the top of this module.
    """
    _check_hashes(first_root, second_root, *proof)
    if not 0 <= first <= second <= MAX_SIZE:
        raise AuditRefused(f"a tree of {second} entries does not grow out of one of {first}")
    for size, root in ((first, first_root), (second, second_root)):
        if not size and root != EMPTY_ROOT:
            raise AuditRefused("the tree without entries has another root")
    if first in (0, second):
        if proof:
            raise AuditRefused("a proof where there is nothing to prove")
        if first and first_root != second_root:
            raise AuditRefused(f"two trees of {first} entries have two roots")
        return
    path = list(proof)
    if not first & (first - 1):  # a perfect tree is a node of the larger one
        path.insert(0, first_root)
    if not path:
        raise AuditRefused("the proof is empty")
    found = _climb(first - 1, second - 1, path)
    if found != (first_root, second_root):
        raise AuditRefused("the trees are not one history: the proof leads to other roots")


def _climb(node: int, last: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The roots of both trees that a consistency proof leads to. Raises AuditRefused."""
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = path[0]
    for hash_ in path[1:]:
        if not last:
            raise AuditRefused("the proof goes on above the root")
        if node & 1 or node == last:
            old, new = node_hash(hash_, old), node_hash(hash_, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, hash_)
        node, last = node >> 1, last >> 1
    if last:
        raise AuditRefused("the proof ends below the root")
    return old, new


def _check_hashes(*hashes: bytes) -> None:
    if any(len(hash_) != HASH_BYTES for hash_ in hashes):
        raise AuditRefused(f"a hash has {HASH_BYTES} bytes")
