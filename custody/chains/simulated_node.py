"""A node of a simulated chain: it may lag behind it, be away, or tell of another one."""

from collections.abc import Collection
from typing import Protocol, TypeVar

from custody.chains.node import Block, Call, Fees, Movement, NodeFailed, Receipt
from custody.chains.simulated import SimulatedChain

T = TypeVar("T")


class Faults(Protocol):
    """What goes wrong, by a schedule."""

    def before(self, node: str, call: str) -> bool:
        """Whether a call never arrives."""
        ...

    def after(self, node: str, call: str) -> bool:
        """Whether a call arrives, and its answer is lost."""
        ...


class NoFaults:
    """All is well."""

    def before(self, node: str, call: str) -> bool:
        """See Faults."""
        return False

    def after(self, node: str, call: str) -> bool:
        """See Faults."""
        return False


class SimulatedNode:
    """custody.chains.node.Node. A liar's `chain` is another one, with the same past.

    lag: how many blocks it is behind. hides: transactions that it denies.
    """

    def __init__(self, name: str, chain: SimulatedChain, faults: Faults | None = None) -> None:
        self.name = name
        self.chain = chain
        self.lag = 0
        self.hides: set[bytes] = set()
        self._faults = faults or NoFaults()

    async def head(self) -> Block:
        """See Node."""
        self._arrive("head")
        return self._answer("head", self._head())

    async def finalized(self) -> Block:
        """See Node."""
        self._arrive("finalized")
        final = self.chain.final()
        head = self._head()
        return self._answer("finalized", final if final.number < head.number else head)

    async def header(self, number: int) -> Block | None:
        """See Node."""
        self._arrive("header")
        block = self.chain.block(number) if number <= self._head().number else None
        return self._answer("header", block)

    async def movements(
        self, block: bytes, targets: Collection[str]
    ) -> tuple[Movement, ...] | None:
        """See Node."""
        self._arrive("movements")
        there = self.chain.movements(block) if self._sees(block) else None
        if there is not None:
            wanted = frozenset(targets)
            there = tuple(
                sorted(
                    (m for m in there if m.target in wanted and m.tx not in self.hides),
                    key=lambda m: (m.tx, m.position),
                )
            )
        return self._answer("movements", there)

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """See Node."""
        self._arrive("balance")
        there = self.chain.balance(address, token, block) if self._sees(block) else None
        return self._answer("balance", there)

    async def nonce(self, address: str, block: bytes | None = None) -> int | None:
        """See Node."""
        self._arrive("nonce")
        at = block or self._head().hash
        return self._answer("nonce", self.chain.nonce(address, at) if self._sees(at) else None)

    async def receipt(self, tx: bytes) -> Receipt | None:
        """See Node."""
        self._arrive("receipt")
        there = self.chain.receipt(tx)
        if there is not None and (tx in self.hides or there.number > self._head().number):
            there = None
        return self._answer("receipt", there)

    async def knows(self, tx: bytes) -> bool:
        """See Node."""
        self._arrive("knows")
        return self._answer("knows", self.chain.knows(tx) and tx not in self.hides)

    async def fees(self) -> Fees:
        """See Node."""
        self._arrive("fees")
        return self._answer("fees", self.chain.fees())

    async def gas(self, call: Call) -> int:
        """See Node."""
        self._arrive("gas")
        return self._answer("gas", self.chain.gas(call))

    async def broadcast(self, raw: bytes) -> None:
        """See Node."""
        self._arrive("broadcast")
        self.chain.submit(raw)
        self._answer("broadcast", None)

    def _head(self) -> Block:
        return self.chain.blocks[max(len(self.chain.blocks) - 1 - self.lag, 0)]

    def _sees(self, block: bytes) -> bool:
        return all(b.hash != block for b in self.chain.blocks[self._head().number + 1 :])

    def _arrive(self, call: str) -> None:
        if self._faults.before(self.name, call):
            raise NodeFailed(f"{self.name}: no answer")

    def _answer(self, call: str, answer: T) -> T:
        if self._faults.after(self.name, call):
            raise NodeFailed(f"{self.name}: the answer was lost")
        return answer
