"""RLP and the root of an ordered Merkle Patricia trie, as in the yellow paper, appendices B and D.
Pure.

A block's hash covers the roots of its transactions and of its receipts. With these a node can
neither leave out nor invent any of either without being found out.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

from eth_hash.auto import keccak

Item: TypeAlias = "bytes | int | Sequence[Item]"

_SHORT: Final = 55
"""Longest payload whose length is in the first byte."""


def rlp(item: Item) -> bytes:
    """An item in RLP. Numbers are big-endian without leading zeroes."""
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if isinstance(item, bytes):
        if len(item) == 1 and item[0] < 0x80:
            return bytes(item)
        return _head(len(item), 0x80) + item
    body = b"".join([rlp(part) for part in item])
    return _head(len(body), 0xC0) + body


def ordered_root(values: Sequence[bytes]) -> bytes:
    """The root of the trie that has each value under the RLP of its index."""
    leaves = sorted((_nibbles(rlp(index)), value) for index, value in enumerate(values))
    return keccak(_node(leaves, 0) if leaves else rlp(b""))


def _head(length: int, base: int) -> bytes:
    if length <= _SHORT:
        return bytes((base + length,))
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((base + _SHORT + len(digits),)) + digits


def _nibbles(key: bytes) -> bytes:
    return bytes(n for byte in key for n in (byte >> 4, byte & 15))


def _node(leaves: Sequence[tuple[bytes, bytes]], depth: int) -> bytes:
    """The node, in RLP, of leaves in order, which share the first `depth` nibbles of their keys."""
    first, value = leaves[0]
    if len(leaves) == 1:
        return rlp([_path(first[depth:], is_leaf=True), value])
    last = leaves[-1][0]
    shared = depth
    while shared < min(len(first), len(last)) and first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return _wrap([_path(first[depth:shared], is_leaf=False)], [_node(leaves, shared)])
    # RLP of an index never begins with that of another, so that no value ends at a branch.
    children: list[bytes] = []
    start = 0
    for nibble in range(16):
        end = start
        while end < len(leaves) and leaves[end][0][depth] == nibble:
            end += 1
        children.append(_node(leaves[start:end], depth + 1) if end > start else b"")
        start = end
    return _wrap([], children, [b""])


def _wrap(before: Sequence[bytes], nodes: Sequence[bytes], after: Sequence[bytes] = ()) -> bytes:
    """A list of texts and nodes; a node of 32 bytes or more is there by its hash."""
    parts = [rlp(text) for text in before]
    parts += [rlp(keccak(node)) if len(node) >= 32 else node or rlp(b"") for node in nodes]
    parts += [rlp(text) for text in after]
    body = b"".join(parts)
    return _head(len(body), 0xC0) + body


def _path(nibbles: bytes, *, is_leaf: bool) -> bytes:
    """Hex-prefix encoding."""
    flag = 2 * is_leaf + len(nibbles) % 2
    padded = bytes((flag,)) + nibbles if len(nibbles) % 2 else bytes((flag, 0)) + nibbles
    return bytes(16 * high + low for high, low in zip(padded[::2], padded[1::2], strict=True))
