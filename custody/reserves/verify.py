"""Checks a proof of reserves. For members: this file alone, with any Python from 3.9 on.

    python3 verify.py PROOF.json [HEAD.json]

PROOF.json is what the venue gave you; HEAD.json what it has published for everybody, which has to
be the same for all: compare it with others. What is checked:

1. The head: `commitment` is SHA-256 of "fixgate-reserves-1" and the head's fields, a line each.
2. Each of your leaves is HMAC-SHA256 under a key of your own, SHA-256 of your nonce, the ledger's
   number, the asset and your account, of the leaf's value and index. Nobody else can have been
   given it, and nobody can tell from it whose it is.
3. From each leaf the path leads to the head's root. A node is SHA-256 of 0x01, the left sum, the
   left hash, the right sum and the right hash: both sums, so that neither can be made up. No sum
   is below 0, and each is the sum of the two below it: so the total has your leaves in it.
4. The values of your leaves come to `balance`: compare it with your own records, at the record of
   the journal that the head names. What is held for orders and withdrawals is in it.

Numbers are decimal text without signs, in the asset's smallest unit; see `decimals`.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import sys

FORMAT = "fixgate-reserves-1"
AMOUNT_BYTES = 40
INDEX_BYTES = 8
HASH_BYTES = 32
MAX_DEPTH = 40

HEAD_FIELDS = (
    "asset", "decimals", "record", "seq", "digest", "time", "size", "total", "root",
)  # fmt: skip

Sum = tuple[int, bytes]
"""A node: what is below it, and its hash."""


class Refused(Exception):
    """The proof does not hold; the text says why."""


def leaf_key(nonce: bytes, seq: int, asset: str, account: str) -> bytes:
    """The key of an account's leaves."""
    text = f"{FORMAT}\n{seq}\n{asset}\n{account}".encode()
    return hashlib.sha256(nonce + text).digest()


def leaf_hash(key: bytes, value: int, index: int) -> bytes:
    """The hash of a leaf."""
    data = value.to_bytes(AMOUNT_BYTES, "big") + index.to_bytes(INDEX_BYTES, "big")
    return hmac.new(key, data, hashlib.sha256).digest()


def empty_hash(index: int) -> bytes:
    """The hash of a leaf that is nobody's: it fills the tree up."""
    return hashlib.sha256(b"\x02" + index.to_bytes(INDEX_BYTES, "big")).digest()


def node(left: Sum, right: Sum) -> Sum:
    """The node above two."""
    data = b"\x01"
    for amount, digest in (left, right):
        data += amount.to_bytes(AMOUNT_BYTES, "big") + digest
    return left[0] + right[0], hashlib.sha256(data).digest()


def commitment(head: dict[str, object]) -> str:
    """What a head is compared by, hex."""
    lines = [FORMAT, *(f"{name} {head[name]}" for name in HEAD_FIELDS)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def verify(proof: object, published: object | None = None) -> int:
    """The balance that a proof shows. published: the head that everybody was given. Raises
    Refused."""
    fields = _mapping(proof, "the proof")
    head = _mapping(fields.get("head"), "head")
    size, total, root, seq = _check_head(head, published)
    depth = size.bit_length() - 1
    account, asset = _text(fields, "account"), _text(head, "asset")
    key = leaf_key(_bytes(fields.get("nonce"), "nonce"), seq, asset, account)
    leaves = fields.get("leaves")
    if not isinstance(leaves, list) or not leaves:
        raise Refused("there are no leaves: your balance was not counted")
    seen: list[int] = []
    balance = 0
    for leaf in leaves:
        index, value, top = _climb(_mapping(leaf, "a leaf"), key, depth)
        if index in seen:
            raise Refused(f"leaf {index} is there twice: it counts once")
        if top != (total, root):
            raise Refused(f"leaf {index} does not lead to the root: it was not counted")
        seen.append(index)
        balance += value
    claimed = _number(fields.get("balance"), "balance")
    if claimed != balance:
        raise Refused(f"the leaves come to {balance}, and the proof says {claimed}")
    return balance


def _check_head(head: dict[str, object], published: object | None) -> tuple[int, int, bytes, int]:
    """Size, total, root and the ledger's number."""
    for name in (*HEAD_FIELDS, "commitment"):
        if name not in head:
            raise Refused(f"the head has no {name}")
    for name in ("asset", "digest", "total", "root"):
        _text(head, name)
    size = _whole(head["size"], "size")
    if size < 1 or size & (size - 1) or size.bit_length() - 1 > MAX_DEPTH:
        raise Refused(f"a tree of {size} leaves is none: it has to be a power of two")
    if head["commitment"] != commitment(head):
        raise Refused("the head's commitment is not that of its fields")
    if published is not None:
        _check_published(head, _mapping(published, "the published head"))
    for name in ("decimals", "record", "time"):
        _whole(head[name], name)
    return (
        size,
        _number(head["total"], "total"),
        _bytes(head["root"], "root"),
        _whole(head["seq"], "seq"),
    )


def _check_published(head: dict[str, object], published: dict[str, object]) -> None:
    """The published document may hold the heads of several assets."""
    heads = published.get("heads", [published])
    if not isinstance(heads, list):
        raise Refused("the published heads are no list")
    for other in heads:
        if _mapping(other, "a published head").get("asset") == head["asset"]:
            for name in (*HEAD_FIELDS, "commitment"):
                if other.get(name) != head[name]:
                    raise Refused(f"{name} is {head[name]}, and published is {other.get(name)}")
            return
    raise Refused(f"nothing was published of {head['asset']}")


def _climb(leaf: dict[str, object], key: bytes, depth: int) -> tuple[int, int, Sum]:
    """Index and value of a leaf, and what its path leads to."""
    index, value = _whole(leaf.get("index"), "index"), _number(leaf.get("value"), "value")
    path = leaf.get("path")
    if not isinstance(path, list) or len(path) != depth:
        raise Refused(f"the path of leaf {index} has not {depth} steps")
    if index >= 1 << depth:
        raise Refused(f"leaf {index} is outside the tree")
    here: Sum = (value, leaf_hash(key, value, index))
    for level, step in enumerate(path):
        if not isinstance(step, list) or len(step) != 2:
            raise Refused(f"a step of leaf {index} is no sum and hash")
        other: Sum = (_number(step[0], "a sum"), _bytes(step[1], "a hash"))
        here = node(other, here) if index >> level & 1 else node(here, other)
        if here[0] >= 1 << (8 * AMOUNT_BYTES):
            raise Refused("a sum is too large")
    return index, value, here


def _mapping(value: object, what: str) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Refused(f"{what} is no JSON object")
    return value


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or not value or "\n" in value:
        raise Refused(f"{name} is no text")
    return value


def _number(value: object, what: str) -> int:
    """Decimal text: no sign, no zeros in front, so that there is one way to write each."""
    if not isinstance(value, str) or not value.isascii() or not value.isdigit():
        raise Refused(f"{what} is no number without a sign: {str(value)[:40]}")
    if len(value) > 96 or (len(value) > 1 and value[0] == "0"):
        raise Refused(f"{what} is not written as numbers are: {value[:40]}")
    return int(value)


def _whole(value: object, what: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise Refused(f"{what} is no whole number: {str(value)[:40]}")
    return value


def _bytes(value: object, what: str) -> bytes:
    text = value if isinstance(value, str) else ""
    if len(text) != 2 * HASH_BYTES or any(c not in "0123456789abcdef" for c in text):
        raise Refused(f"{what} is not {HASH_BYTES} bytes in hex")
    return bytes.fromhex(text)


def in_units(amount: int, decimals: int) -> str:
    """An amount in the asset's unit."""
    whole, part = divmod(amount, 10**decimals)
    return f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".") if decimals else str(whole)


def main(arguments: list[str]) -> int:
    """Check the files that are named; 0 if the proof holds."""
    if not 1 <= len(arguments) <= 2:
        print("usage: python3 verify.py PROOF.json [HEAD.json]", file=sys.stderr)
        return 2
    try:
        read = []
        for name in arguments:
            with open(name, encoding="utf-8") as file:
                read.append(json.load(file))
        balance = verify(*read)
    except (OSError, ValueError, RecursionError) as error:
        print(f"cannot be read: {error}", file=sys.stderr)
        return 1
    except Refused as error:
        print(f"REFUSED: {error}", file=sys.stderr)
        return 1
    head = read[0]["head"]
    print(told(read[0]["account"], head, balance))
    if len(read) == 1:
        print("compare the head's commitment with what was published:", head["commitment"])
    return 0


def told(account: str, head: dict[str, object], balance: int) -> str:
    """What a proof that holds says."""
    decimals = _whole(head["decimals"], "decimals")
    total = in_units(_number(head["total"], "total"), decimals)
    return (
        f"holds: {in_units(balance, decimals)} {head['asset']} of {account} are counted among"
        f" {total} {head['asset']} of liabilities, at record {head['record']}"
        f" and batch {head['seq']} of the ledger"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
