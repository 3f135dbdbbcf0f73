"""A chain in this process: blocks, a pool, fees, tokens, finality, and reorganizations.

It does to custody what an EVM chain does, and has no clock and no chance of its own: the same calls
give the same hashes. The demo runs on it where there is no node; the tests, so that every fault of
a chain can be had when it is wanted. It knows no contracts but tokens of a few kinds.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

from custody.chains.calldata import read_transfer
from custody.chains.node import (
    NATIVE,
    Block,
    Call,
    CallFails,
    Fees,
    Movement,
    NodeRefused,
    Receipt,
    Refusal,
)

TRANSFER_GAS: Final = 21_000
TOKEN_GAS: Final = 52_000
DEFAULT_BASE_FEE: Final = 10**9
TIP: Final = 10**9

KEPT_BODIES: Final = 20_000
"""Blocks whose transactions and balances are kept; of older ones only hashes are."""

MAX_POOL: Final = 10_000
"""Transactions that wait for a block."""


class TokenKind(StrEnum):
    """How a token behaves."""

    HONEST = "honest"
    FEE = "takes one hundredth of each transfer"
    FALSE = "returns false and moves nothing"
    LIAR = "says that it has moved, and has not"
    BLACKLIST = "reverts for who is on its list"


class Transaction(Struct, frozen=True):
    """A signed transaction, read. Fees in wei a unit of gas."""

    hash: bytes
    sender: str
    nonce: int
    target: str
    value: int
    data: bytes
    gas: int
    max_fee: int
    tip: int


class _Included(Struct, frozen=True):
    receipt: Receipt
    movements: tuple[Movement, ...]


class _State:
    """What everybody has after a block."""

    def __init__(self, before: "_State | None" = None) -> None:
        self.balances: dict[tuple[str, str], int] = dict(before.balances) if before else {}
        self.nonces: dict[str, int] = dict(before.nonces) if before else {}

    def balance(self, address: str, token: str) -> int:
        return self.balances.get((address, token), 0)

    def move(self, source: str, target: str, token: str, amount: int) -> None:
        self.add(source, token, -amount)
        self.add(target, token, amount)

    def add(self, address: str, token: str, amount: int) -> None:
        there = self.balance(address, token) + amount
        assert there >= 0, (address, token)
        self.balances[address, token] = there


class _Body:
    def __init__(self, state: _State, included: dict[bytes, _Included], base_fee: int) -> None:
        self.state = state
        self.included = included
        self.base_fee = base_fee


class SimulatedChain:
    """The chain itself, as it is; nodes tell of it.

    finality: blocks that a block has to have behind it. read: a signed transaction of its bytes;
    raises ValueError.
    """

    def __init__(
        self, read: Callable[[bytes], Transaction], time: int, *, finality: int = 8
    ) -> None:
        self.finality = finality
        self.stalled_at: int | None = None
        """The block at which finality stands still, if it does."""
        self.base_fee = DEFAULT_BASE_FEE
        self.tokens: dict[str, TokenKind] = {}
        self.blacklist: set[str] = set()
        self.pool: dict[tuple[str, int], Transaction] = {}
        self._read = read
        self._salt = 0
        self._foreign = 0
        self._waiting: list[tuple[Movement, ...]] = []
        self.blocks: list[Block] = []
        self._bodies: dict[bytes, _Body] = {}
        self._where: dict[bytes, bytes] = {}
        self._signed: dict[bytes, Transaction] = {}
        self._seal(_State(), {}, time)

    # --- what happens ---------------------------------------------------------------------

    def fund(self, address: str, amount: int, token: str = NATIVE) -> None:
        """Coins out of nothing, in the state of the head; for a beginning."""
        self._bodies[self.blocks[-1].hash].state.add(address, token, amount)

    def pay(self, source: str, *payments: tuple[str, str, int]) -> bytes:
        """A stranger's transaction of (target, token, amount) each; its hash. What it pays comes
        from nowhere, and is in the next block."""
        self._foreign += 1
        tx = sha256(b"foreign %d" % self._foreign).digest()
        moves = []
        for k, (target, token, amount) in enumerate(payments):
            position = f"log/{k}" if token else ("value" if k == 0 else f"trace/{k}")
            moves.append(Movement(tx, position, token, source, target, amount))
        self._waiting.append(tuple(moves))
        return tx

    def submit(self, raw: bytes) -> bytes:
        """A transaction for the pool; its hash. Raises NodeRefused."""
        try:
            tx = self._read(raw)
        except ValueError as error:
            raise NodeRefused(Refusal.OTHER, str(error)) from None
        state = self._state()
        if tx.hash in self._where or tx == self.pool.get((tx.sender, tx.nonce)):
            raise NodeRefused(Refusal.KNOWN, "already known")
        if tx.nonce < state.nonces.get(tx.sender, 0):
            raise NodeRefused(Refusal.NONCE_TOO_LOW, "nonce too low")
        if tx.value + tx.gas * tx.max_fee > state.balance(tx.sender, NATIVE):
            raise NodeRefused(Refusal.NO_FUNDS, "insufficient funds for gas * price + value")
        old = self.pool.get((tx.sender, tx.nonce))
        if old is not None and not (
            _tenth_more(tx.max_fee, old.max_fee) and _tenth_more(tx.tip, old.tip)
        ):
            raise NodeRefused(Refusal.UNDERPRICED, "replacement transaction underpriced")
        if old is None and len(self.pool) >= MAX_POOL:
            raise NodeRefused(Refusal.UNDERPRICED, "the pool is full")
        self.pool[tx.sender, tx.nonce] = tx
        self._signed[tx.hash] = tx
        return tx.hash

    def spend_nonce(self, address: str) -> None:
        """Somebody else with the key has sent a transaction, in the block at the head."""
        nonces = self._state().nonces
        nonces[address] = nonces.get(address, 0) + 1

    def drop(self) -> None:
        """The pool forgets everything."""
        self.pool.clear()

    def mine(self, time: int, count: int = 1) -> Block:
        """Blocks of what waits; the last one."""
        for _ in range(count):
            state = _State(self._state())
            included: dict[bytes, _Included] = {}
            for moves in self._waiting:
                included[moves[0].tx] = self._pay(state, moves)
            self._waiting.clear()
            for tx in self._ready(state):
                included[tx.hash] = self._execute(state, tx)
                del self.pool[tx.sender, tx.nonce]
            self._seal(state, included, time)
        return self.blocks[-1]

    def reorganize(self, depth: int, time: int, again: Sequence[bytes] = ()) -> list[bytes]:
        """The last blocks never were: other ones stand there, one more than before, with the
        transactions of `again`. What else was in the old ones is in no pool; all their hashes."""
        assert 0 < depth < len(self.blocks)
        gone = self.blocks[-depth:]
        lost: list[bytes] = []
        for block in gone:
            body = self._bodies.pop(block.hash)
            for tx, there in body.included.items():
                del self._where[tx]
                lost.append(tx)
                if tx in again and tx in self._signed:
                    signed = self._signed[tx]
                    self.pool[signed.sender, signed.nonce] = signed
                elif tx in again:
                    self._waiting.append(there.movements)
        del self.blocks[-depth:]
        self._salt += 1
        self.mine(time, depth + 1)
        return lost

    def fork(self) -> "SimulatedChain":
        """Another chain with the same past, which goes its own way."""
        other = SimulatedChain(self._read, self.blocks[0].time, finality=self.finality)
        other.blocks, other._bodies = list(self.blocks), dict(self._bodies)
        other._where, other._salt = dict(self._where), self._salt + 1_000
        other._signed = dict(self._signed)
        other._foreign, other.tokens = self._foreign, dict(self.tokens)
        other.base_fee, other.blacklist = self.base_fee, set(self.blacklist)
        return other

    # --- what is asked --------------------------------------------------------------------

    def block(self, number: int) -> Block | None:
        """A block by its number."""
        return self.blocks[number] if 0 <= number < len(self.blocks) else None

    @property
    def busy(self) -> bool:
        """Whether anything waits for a block."""
        return bool(self.pool or self._waiting)

    def final(self) -> Block:
        """The last block that is called final."""
        number = len(self.blocks) - 1 - self.finality
        if self.stalled_at is not None:
            number = min(number, self.stalled_at)
        return self.blocks[max(number, 0)]

    def movements(self, block: bytes) -> tuple[Movement, ...] | None:
        """All that moved in a block."""
        body = self._bodies.get(block)
        if body is None:
            return None
        return tuple(m for included in body.included.values() for m in included.movements)

    def transactions(self, block: bytes) -> list[bytes]:
        """Hashes of what is in a block."""
        return list(self._bodies[block].included)

    def signed(self, tx: bytes) -> bool:
        """Whether somebody has signed a transaction, other than a stranger's of `pay`."""
        return tx in self._signed

    def balance(self, address: str, token: str, block: bytes) -> int | None:
        """What an address has after a block."""
        body = self._bodies.get(block)
        return None if body is None else body.state.balance(address, token)

    def nonce(self, address: str, block: bytes | None) -> int | None:
        """How many transactions an address has sent."""
        body = self._bodies.get(block or self.blocks[-1].hash)
        return None if body is None else body.state.nonces.get(address, 0)

    def receipt(self, tx: bytes) -> Receipt | None:
        """The receipt of a transaction that is in a block."""
        where = self._where.get(tx)
        return None if where is None else self._bodies[where].included[tx].receipt

    def knows(self, tx: bytes) -> bool:
        """Whether it is in a block or in the pool."""
        return tx in self._where or any(t.hash == tx for t in self.pool.values())

    def fees(self) -> Fees:
        """What gas costs."""
        return Fees(self.base_fee, TIP)

    def gas(self, call: Call) -> int:
        """What a call takes. Raises CallFails."""
        state = _State(self._state())
        token = call.target if call.target in self.tokens else NATIVE
        moved = self._call(state, b"", call.source, call.target, call.value, call.data)
        if moved is None:
            raise CallFails("execution reverted")
        if token and not moved:
            raise CallFails("the token returned false")
        return TOKEN_GAS if token else TRANSFER_GAS

    # --- within ---------------------------------------------------------------------------

    def _state(self) -> _State:
        return self._bodies[self.blocks[-1].hash].state

    def _seal(self, state: _State, included: dict[bytes, _Included], time: int) -> None:
        number = len(self.blocks)
        parent = self.blocks[-1].hash if self.blocks else bytes(32)
        content = b"".join(included)
        seed = b"%d %d %d " % (number, time, self._salt) + parent + content
        block = Block(number, sha256(seed).digest(), parent, time)
        sealed = {}
        for tx, there in included.items():
            receipt = there.receipt
            sealed[tx] = _Included(
                Receipt(
                    tx, block.hash, number, receipt.succeeded, receipt.gas_used, receipt.gas_price
                ),
                there.movements,
            )
            self._where[tx] = block.hash
        self.blocks.append(block)
        self._bodies[block.hash] = _Body(state, sealed, self.base_fee)
        if number >= KEPT_BODIES:
            old = self._bodies.pop(self.blocks[number - KEPT_BODIES].hash)
            for tx in old.included:
                del self._where[tx]
                self._signed.pop(tx, None)

    def _ready(self, state: _State) -> list[Transaction]:
        """What a block takes of the pool: in the order of nonces, and who pays its base fee."""
        ready = []
        nonces: dict[str, int] = {}
        for (sender, nonce), tx in sorted(self.pool.items()):
            wanted = nonces.setdefault(sender, state.nonces.get(sender, 0))
            if nonce == wanted and tx.max_fee >= self.base_fee:
                ready.append(tx)
                nonces[sender] += 1
        return ready

    def _execute(self, state: _State, tx: Transaction) -> _Included:
        token = tx.target if tx.target in self.tokens else NATIVE
        price = min(tx.max_fee, self.base_fee + tx.tip)
        used = TOKEN_GAS if token else TRANSFER_GAS
        state.add(tx.sender, NATIVE, -used * price)
        state.nonces[tx.sender] = tx.nonce + 1
        moved = self._call(state, tx.hash, tx.sender, tx.target, tx.value, tx.data)
        receipt = Receipt(tx.hash, b"", 0, moved is not None, used, price)
        return _Included(receipt, moved or ())

    def _call(
        self, state: _State, tx: bytes, source: str, target: str, value: int, data: bytes
    ) -> tuple[Movement, ...] | None:
        """What a call moves; None if it reverts."""
        if target not in self.tokens:
            if state.balance(source, NATIVE) < value:
                return None
            state.move(source, target, NATIVE, value)
            return (Movement(tx, "value", NATIVE, source, target, value),) if value else ()
        asked = read_transfer(data)
        if asked is None or value or state.balance(source, target) < asked[1]:
            return None
        receiver, amount = asked
        kind = self.tokens[target]
        if kind == TokenKind.BLACKLIST and {source, receiver} & self.blacklist:
            return None
        if kind == TokenKind.FALSE:
            return ()
        return self._token(state, target, Movement(tx, "log/0", target, source, receiver, amount))

    def _pay(self, state: _State, moves: tuple[Movement, ...]) -> _Included:
        done: list[Movement] = []
        for m in moves:
            state.add(m.source, m.token, m.amount)
            if m.token:
                done += self._token(state, m.token, m)
            else:
                state.move(m.source, m.target, NATIVE, m.amount)
                done.append(m)
        return _Included(
            Receipt(moves[0].tx, b"", 0, True, TRANSFER_GAS, self.base_fee), tuple(done)
        )

    def _token(self, state: _State, token: str, m: Movement) -> tuple[Movement, ...]:
        """A token's transfer, and what it says of it."""
        kind = self.tokens[token]
        if kind == TokenKind.LIAR:
            return (m,)
        if kind == TokenKind.FALSE:
            return ()
        state.move(m.source, m.target, token, m.amount)
        if kind == TokenKind.FEE:
            state.add(m.target, token, -(m.amount // 100))
        return (m,)


def _tenth_more(now: int, before: int) -> bool:
    return now * 10 >= before * 11
