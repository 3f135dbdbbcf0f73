"""A simulated chain that is there again after a restart: what happened to it is a file."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct
from typing_extensions import override

from custody.chains.node import Node
from custody.chains.simulated import SimulatedChain
from custody.chains.simulated_node import SimulatedNode
from custody.chains.transactions import read_transaction
from custody.demo.chain import FINALITY
from engine.model.clock import Clock
from engine.model.errors import OperatorError

STRANGER: Final = "0x" + "5a" * 20
"""Who pays deposits in the demo."""


class Happening(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line of the file. what: fund, pay, submit or mine. time: ns UTC. amount: wei, as text."""

    what: str
    time: int
    target: str = ""
    amount: Annotated[str, Meta(pattern=r"^[0-9]{1,30}\Z")] = "0"
    raw: bytes = b""


class RecordedChain:
    """custody.demo.chain.DemoChain, which plays its file again at a start.

    What has happened is on file before anybody hears of it, and the same happenings give the same
    hashes.
    """

    name = "a simulated chain (install anvil for a real node: npm i -g @foundry-rs/anvil)"

    def __init__(self, path: Path, clock: Clock) -> None:
        """Raises OperatorError for a file that is none of these."""
        self._clock = clock
        self._path = path
        data = path.read_bytes() if path.exists() else b""
        whole, _, torn = data.rpartition(b"\n")
        lines = whole.split(b"\n") if whole else []
        try:
            past = [_decode(line) for line in lines]
        except msgspec.DecodeError as error:
            raise OperatorError(
                f"{path} is no record of a simulated chain ({error}): remove the data folder"
            ) from None
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_APPEND, 0o600)
        if torn:
            os.ftruncate(self._fd, len(data) - len(torn))
        self.chain = SimulatedChain(read_transaction, 0, finality=FINALITY)
        self.nodes: Sequence[Node] = [
            _Recording("simulated-1", self),
            _Recording("simulated-2", self),
        ]
        self._new = not past
        for happening in past:
            self._do(happening)

    async def begin(self, funds: Mapping[str, int]) -> None:
        """See DemoChain."""
        if self._new:
            for address, wei in funds.items():
                self.happen("fund", target=address, amount=str(wei))
            for _ in range(FINALITY + 1):
                self.happen("mine")

    async def pay(self, target: str, amount: int) -> bytes:
        """See DemoChain."""
        return self.happen("pay", target=target, amount=str(amount))

    async def waiting(self) -> bool:
        """See DemoChain."""
        return self.chain.busy

    async def mine(self) -> None:
        """See DemoChain."""
        self.happen("mine")

    async def close(self) -> None:
        """See DemoChain."""
        os.close(self._fd)

    def happen(self, what: str, target: str = "", amount: str = "0", raw: bytes = b"") -> bytes:
        """Write it down and do it; a hash. Raises NodeRefused, of a transaction."""
        happening = Happening(what, self._clock.now(), target, amount, raw)
        done = self._do(happening)  # what is refused is not written: it changed nothing
        os.write(self._fd, _encode(happening) + b"\n")
        os.fsync(self._fd)
        return done

    def _do(self, happening: Happening) -> bytes:
        match happening.what:
            case "fund":
                self.chain.fund(happening.target, int(happening.amount))
                return b""
            case "pay":
                return self.chain.pay(STRANGER, (happening.target, "", int(happening.amount)))
            case "submit":
                return self.chain.submit(happening.raw)
            case _:
                return self.chain.mine(happening.time).hash


class _Recording(SimulatedNode):
    """A node through which transactions come."""

    def __init__(self, name: str, recorded: RecordedChain) -> None:
        super().__init__(name, recorded.chain)
        self._recorded = recorded

    @override
    async def broadcast(self, raw: bytes) -> None:
        """See Node."""
        self._recorded.happen("submit", raw=raw)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Happening).decode
