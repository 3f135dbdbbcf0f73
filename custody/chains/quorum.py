"""What enough nodes agree on. Nothing that moves money is believed on less.

Each question goes to all nodes at once; one that hangs is left behind. An answer stands when
`needed` nodes give the same one. Too few: nobody knows, which is None and never "no". Different
ones, and none with enough: the nodes disagree, which a person has to look at. One that differs
from the others is doubted by name, and outvoted.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from enum import StrEnum
from typing import Final, TypeVar

from msgspec import Struct

from custody.chains.node import (
    Block,
    Call,
    CallFails,
    Fees,
    Movement,
    Node,
    NodeFailed,
    NodeRefused,
    Receipt,
)
from engine.model.errors import FixgateError

NODE_SECONDS: Final = 10
"""Longest wait for one answer of one node."""

MAX_DOUBTS: Final = 100
"""Doubts that are remembered, the latest; each is a line of a log as well."""

MAX_WORDS: Final = 200
"""Longest answer that is quoted, characters."""

T = TypeVar("T", bound=Hashable)
A = TypeVar("A")


class Disagreement(FixgateError):
    """Nodes tell different things, and not enough of them the same."""


class Heard(StrEnum):
    """What a node said to a broadcast."""

    TAKEN = "taken"
    REFUSED = "refused"
    FAILED = "failed"


class Health(Struct):
    """How a node does. failures: in a row. head: its latest block, as far as was asked."""

    failures: int = 0
    head: int = -1
    last_error: str = ""


class Witnesses:
    """The nodes of a chain, as one that can be believed. needed: how many have to agree."""

    def __init__(
        self, nodes: Sequence[Node], needed: int = 2, log: Callable[[str], None] = lambda _: None
    ) -> None:
        assert 1 <= needed <= len(nodes)
        assert len({node.name for node in nodes}) == len(nodes)
        self.nodes = tuple(nodes)
        self.needed = needed
        self.health = {node.name: Health() for node in nodes}
        self.doubts: list[str] = []
        self._log = log

    # --- what has to be agreed on ---------------------------------------------------------

    async def finalized(self) -> Block | None:
        """The latest block that enough nodes call final, by one hash.

        Of the nodes' final blocks the one is taken that enough of them have reached; all who have
        must know it by the same hash. Raises Disagreement.
        """
        finals = await self._ask(lambda node: node.finalized())
        numbers = sorted((block.number for block in finals.values()), reverse=True)
        if len(numbers) < self.needed:
            return None
        number = numbers[self.needed - 1]
        reached = [node for node in self.nodes if node.name in finals]
        reached = [node for node in reached if finals[node.name].number >= number]
        answers = await self._ask(lambda node: node.header(number), reached)
        return self._agreed(f"final block {number}", answers)

    async def header(self, number: int) -> Block | None:
        """A block by its number. Raises Disagreement."""
        answers = await self._ask(lambda node: node.header(number))
        return self._agreed(f"block {number}", answers)

    async def movements(
        self, block: bytes, targets: Collection[str]
    ) -> tuple[Movement, ...] | None:
        """What came to `targets` in a block. Raises Disagreement."""
        answers = await self._ask(lambda node: node.movements(block, targets))
        return self._agreed(f"movements of 0x{block.hex()}", answers)

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """What an address has at the end of a block. Raises Disagreement."""
        answers = await self._ask(lambda node: node.balance(address, token, block))
        return self._agreed(f"balance of {address} at 0x{block.hex()}", answers)

    async def nonce(self, address: str, block: bytes) -> int | None:
        """How many transactions an address had sent at the end of a block. Raises Disagreement."""
        answers = await self._ask(lambda node: node.nonce(address, block))
        return self._agreed(f"nonce of {address} at 0x{block.hex()}", answers)

    async def receipt(self, tx: bytes) -> Receipt | None:
        """What became of a transaction. Raises Disagreement."""
        answers = await self._ask(lambda node: node.receipt(tx))
        return self._agreed(f"receipt of 0x{tx.hex()}", answers)

    # --- what need not be -----------------------------------------------------------------

    async def head(self) -> Block | None:
        """The latest block that any node has: to be shown, and to see how far behind all are."""
        heads = await self._ask(lambda node: node.head())
        for name, block in heads.items():
            self.health[name].head = block.number
        return max(heads.values(), key=lambda block: block.number, default=None)

    async def heard_of(self, tx: bytes, final: Block) -> bool:
        """Whether any node at all may know a transaction, in its pool or in a block: unless enough
        of those that have the final block say that they do not."""
        answers = (await self._ask(lambda node: _knows(node, tx, final))).values()
        return any(answers) or sum(answer is False for answer in answers) < self.needed

    async def fees(self) -> Fees | None:
        """What gas costs, at the dearest node."""
        answers = (await self._ask(lambda node: node.fees())).values()
        if not answers:
            return None
        return Fees(max(fees.base for fees in answers), max(fees.tip for fees in answers))

    async def gas(self, call: Call) -> int | None:
        """How much gas a call takes, at most; None if too few nodes say the same of it. Raises
        CallFails if enough of them say that it fails: one alone may lag, or lie."""
        answers = (await self._ask(lambda node: _gas(node, call))).values()
        fails = [answer for answer in answers if isinstance(answer, CallFails)]
        takes = [answer for answer in answers if isinstance(answer, int)]
        if len(fails) >= self.needed:
            raise fails[0]
        return max(takes) if len(takes) >= self.needed else None

    async def broadcast(self, raw: bytes) -> Mapping[str, Heard]:
        """Hand a transaction to every node, once; what each said. A refusal may be of one that has
        it already: only a receipt proves anything."""
        answers = await self._ask(lambda node: _broadcast(node, raw))
        return {node.name: answers.get(node.name, Heard.FAILED) for node in self.nodes}

    # --- within ---------------------------------------------------------------------------

    async def _ask(
        self, question: Callable[[Node], Awaitable[A]], nodes: Sequence[Node] | None = None
    ) -> dict[str, A]:
        """By name, the answers of those nodes that gave one in time."""
        asked = self.nodes if nodes is None else nodes
        answers = await asyncio.gather(*(self._one(node, question) for node in asked))
        return {
            node.name: answer[0]
            for node, answer in zip(asked, answers, strict=True)
            if answer is not None
        }

    async def _one(self, node: Node, question: Callable[[Node], Awaitable[A]]) -> tuple[A] | None:
        health = self.health[node.name]
        try:
            async with asyncio.timeout(NODE_SECONDS):
                answer = await question(node)
        except (NodeFailed, TimeoutError) as error:
            health.failures += 1
            health.last_error = str(error)[:MAX_WORDS] or "no answer in time"
            return None
        health.failures = 0
        return (answer,)

    def _agreed(self, what: str, answers: Mapping[str, T | None]) -> T | None:
        known: dict[T, list[str]] = {}
        for name, answer in answers.items():
            if answer is not None:
                known.setdefault(answer, []).append(name)
        enough = [answer for answer, names in known.items() if len(names) >= self.needed]
        if len(known) > 1:
            text = f"{what}: " + "; ".join(
                f"{', '.join(names)}: {str(answer)[:MAX_WORDS]}" for answer, names in known.items()
            )
            if len(enough) != 1:
                raise Disagreement(text)
            self._doubt(text)
        return enough[0] if enough else None

    def _doubt(self, text: str) -> None:
        self.doubts = [*self.doubts[1 - MAX_DOUBTS :], text]
        self._log(f"nodes differ, and some are outvoted: {text}")


async def _knows(node: Node, tx: bytes, final: Block) -> bool | None:
    """None: it lacks that block, and may lack the transaction for the same reason."""
    if await node.knows(tx):
        return True
    header = await node.header(final.number)
    return False if header is not None and header.hash == final.hash else None


async def _gas(node: Node, call: Call) -> int | CallFails:
    try:
        return await node.gas(call)
    except CallFails as error:
        return error


async def _broadcast(node: Node, raw: bytes) -> Heard:
    try:
        await node.broadcast(raw)
    except NodeRefused:
        return Heard.REFUSED
    return Heard.TAKEN
