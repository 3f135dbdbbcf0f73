"""A Merkle sum tree of what members have of an asset, and a member's proof out of it. Pure.

The scheme is BitMEX's: a balance is split into parts by chance, the parts of all are shuffled, and
each is a leaf under its account's own key; so a leaf tells nobody whose it is, or how much anybody
has. A node commits to both sums below it. custody.reserves.verify has the hashes, word by word.
"""

import hashlib
import hmac
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

from msgspec import Struct

from custody.reserves.verify import Sum, commitment, empty_hash, leaf_hash, leaf_key, node
from engine.model.errors import FixgateError

CHANCE_BYTES: Final = 32
"""Bytes of chance that a tree is made of: nobody guesses 256 bits."""

MIN_PARTS: Final = 2
MAX_PARTS: Final = 4
"""Parts of a balance: no leaf is ever all that an account has, unless that is one unit or none."""

MAX_ACCOUNTS: Final = 1_000_000
"""Accounts of one tree: some 2 GiB while it is made."""


class ReservesRefused(FixgateError):
    """No tree is made of such balances."""


class Head(Struct, frozen=True):
    """What is published of a tree. record, seq: the journal's last record and the ledger's last
    batch that are in it; digest: that batch's, which chains to all before. time: ns UTC."""

    asset: str
    decimals: int
    record: int
    seq: int
    digest: str
    time: int
    size: int
    total: str
    root: str
    commitment: str = ""


class Moment(Struct, frozen=True):
    """Where the ledger was."""

    record: int
    seq: int
    digest: str
    time: int


class _Chance:
    """Numbers out of bytes: the same bytes give the same numbers."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._count = 0

    def below(self, limit: int) -> int:
        """Each number below `limit` is as likely as any other."""
        bits = limit.bit_length()
        size = (bits + 7) // 8
        while True:
            found = int.from_bytes(self._bytes(size), "big") >> (8 * size - bits)
            if found < limit:
                return found

    def _bytes(self, size: int) -> bytes:
        made = b""
        while len(made) < size:
            self._count += 1
            made += hmac.digest(self._seed, self._count.to_bytes(8, "big"), "sha256")
        return made[:size]


class SumTree:
    """The tree of an asset. balances: by account, units of the ledger, held ones included. chance:
    CHANCE_BYTES that nobody can guess; whoever has them can tell whose the leaves are.

    Raises ReservesRefused for a balance below nothing: it would hide what others are owed.
    """

    def __init__(
        self,
        asset: str,
        decimals: int,
        moment: Moment,
        balances: Mapping[str, int],
        chance: bytes,
    ) -> None:
        if len(chance) != CHANCE_BYTES:
            raise ReservesRefused(f"{CHANCE_BYTES} bytes of chance are needed, not {len(chance)}")
        if len(balances) > MAX_ACCOUNTS:
            raise ReservesRefused(f"{len(balances)} accounts: at most {MAX_ACCOUNTS} fit a tree")
        for account, balance in balances.items():
            if balance < 0:
                raise ReservesRefused(f"{account} has less than nothing of {asset}: {balance}")
        self._chance = chance
        self._asset, self._seq = asset, moment.seq
        self._leaves = _shuffled(asset, balances, chance)
        self._places: dict[str, list[int]] = {}
        self._levels = [self._bottom()]
        while len(self._levels[-1]) > 1:
            below = self._levels[-1]
            above = [node(below[k], below[k + 1]) for k in range(0, len(below), 2)]
            self._levels.append(above)
        ((total, root),) = self._levels[-1]
        assert total == sum(balances.values()), "what is owed is what the tree comes to"
        head = Head(
            asset, decimals, moment.record, moment.seq, moment.digest, moment.time,
            len(self._levels[0]), str(total), root.hex(),
        )  # fmt: skip
        self.head = sealed(head)

    def nonce(self, account: str) -> bytes:
        """What an account's leaves are recognised by; its member is told, and nobody else."""
        text = f"nonce\n{self._asset}\n{account}".encode()
        return hmac.digest(self._chance, text, "sha256")

    def proof(self, account: str) -> dict[str, object]:
        """What an account's member is given, as one JSON object. Raises ReservesRefused."""
        places = self._places.get(account)
        if places is None:
            raise ReservesRefused(f"{account} has nothing of {self._asset} in the tree")
        leaves = [
            {"index": k, "value": str(self._leaves[k][1]), "path": self._path(k)} for k in places
        ]
        return {
            "account": account,
            "balance": str(sum(self._leaves[k][1] for k in places)),
            "nonce": self.nonce(account).hex(),
            "head": head_fields(self.head),
            "leaves": leaves,
        }

    def _bottom(self) -> list[Sum]:
        keys: dict[str, bytes] = {}
        made: list[Sum] = []
        for index, (account, value) in enumerate(self._leaves):
            key = keys.get(account)
            if key is None:
                key = leaf_key(self.nonce(account), self._seq, self._asset, account)
                keys[account] = key
            made.append((value, leaf_hash(key, value, index)))
            self._places.setdefault(account, []).append(index)
        size = 1 << max(len(made) - 1, 0).bit_length()
        return made + [(0, empty_hash(k)) for k in range(len(made), size)]

    def _path(self, index: int) -> list[list[str]]:
        """Sum and hash of what stands beside, from the bottom to the top."""
        path = []
        for level in self._levels[:-1]:
            amount, digest = level[index ^ 1]
            path.append([str(amount), digest.hex()])
            index >>= 1
        return path


def sealed(head: Head) -> Head:
    """A head with its commitment."""
    fields = head_fields(head)
    return Head(**{**fields, "commitment": commitment(fields)})  # type: ignore[arg-type]


def head_fields(head: Head) -> dict[str, object]:
    """A head as JSON has it."""
    return {name: getattr(head, name) for name in Head.__struct_fields__}


def _shuffled(asset: str, balances: Mapping[str, int], chance: bytes) -> list[tuple[str, int]]:
    """(account, value) of each leaf, in an order that chance decides on."""
    numbers = _Chance(hmac.new(chance, f"shuffle\n{asset}".encode(), hashlib.sha256).digest())
    leaves = [
        (account, part)
        for account in sorted(balances)
        for part in _parts(balances[account], numbers)
    ]
    for k in range(len(leaves) - 1, 0, -1):
        other = numbers.below(k + 1)
        leaves[k], leaves[other] = leaves[other], leaves[k]
    return leaves


def _parts(balance: int, numbers: _Chance) -> list[int]:
    """MIN_PARTS to MAX_PARTS parts, each above 0, as far as there are units; of nothing one part of
    nothing, which can be shown."""
    count = MIN_PARTS + numbers.below(MAX_PARTS - MIN_PARTS + 1)
    if balance <= count:
        return [1] * balance or [0]
    cuts: set[int] = set()
    while len(cuts) < count - 1:
        cuts.add(1 + numbers.below(balance - 1))
    return [after - before for before, after in pairwise([0, *sorted(cuts), balance])]
