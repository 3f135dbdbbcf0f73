"""A real Ethereum node for the demo: anvil, as a child of this process, its state in a file."""

import asyncio
import ctypes
import os
import shutil
import signal
import socket
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final

import msgspec

from custody.chains.endpoint import Endpoint
from custody.chains.evm import EvmNode, Traces
from custody.chains.node import Node, NodeFailed
from custody.chains.wire import Hash, Quantity
from custody.demo.chain import FINALITY
from engine.model.errors import OperatorError

PROGRAM: Final = "FIXGATE_ANVIL"
"""The variable that names the program where it is not on the PATH."""

SLOTS: Final = FINALITY // 2
"""Of an epoch: anvil calls a block final that has two epochs behind it."""

STATE: Final = "anvil.json"
"""Where it keeps its state, in custody's folder."""

KEPT_STATES: Final = 64
"""Blocks of which the file has what everybody has: those that are not final, and some more. The
file is written every four seconds, long before a block that it lacks could be final."""

PROBE: Final = timedelta(milliseconds=50)
PROBES: Final = 400
"""How often it is asked at its start, and how many times."""

PER_SECOND: Final = 500
TIMEOUT_MS: Final = 5_000
_DEATH_SIGNAL: Final = 1
"""PR_SET_PDEATHSIG of prctl(2)."""


def find_anvil() -> str | None:
    """The program, if there is one."""
    return os.environ.get(PROGRAM) or shutil.which("anvil")


class AnvilChain:
    """custody.demo.chain.DemoChain. Everybody who can reach the node can do anything with it, so it
    listens on the loopback address alone."""

    def __init__(self, program: str, chain: int, folder: Path) -> None:
        self._program = program
        self._chain = chain
        self._state = folder / STATE
        self._process: asyncio.subprocess.Process | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.name = f"anvil at {self.url}"
        self._endpoint = Endpoint(self.url, "anvil", PER_SECOND, TIMEOUT_MS)
        self.nodes: Sequence[Node] = [EvmNode(self._endpoint, chain, Traces.FLAT)]

    async def begin(self, funds: Mapping[str, int]) -> None:
        """See DemoChain. Raises OperatorError if the program does not start."""
        self._process = await asyncio.create_subprocess_exec(
            self._program, "--host", "127.0.0.1", "--port", str(self._port), "--quiet",
            "--no-mining", "--slots-in-an-epoch", str(SLOTS), "--chain-id", str(self._chain),
            "--state", str(self._state), "--state-interval", "4",
            "--preserve-historical-states", "--prune-history", str(KEPT_STATES),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL, preexec_fn=_die_with_parent,
        )  # fmt: skip
        await self._answering()
        if not await self._endpoint.ask("eth_blockNumber", (), Quantity):
            for address, wei in funds.items():
                await self._ask("anvil_setBalance", address, hex(wei))
            await self._ask("anvil_mine", hex(FINALITY + 1))

    async def pay(self, target: str, amount: int) -> bytes:
        """See DemoChain: out of the first account that anvil has unlocked."""
        (payer, *_) = await self._endpoint.ask("eth_accounts", (), list[str])
        tx = {"from": payer, "to": target, "value": hex(amount)}
        return bytes(await self._endpoint.ask("eth_sendTransaction", (tx,), Hash))

    async def waiting(self) -> bool:
        """See DemoChain."""
        status = await self._endpoint.ask("txpool_status", (), dict[str, Quantity])
        return any(status.values())

    async def mine(self) -> None:
        """See DemoChain."""
        await self._ask("anvil_mine", "0x1")

    async def close(self) -> None:
        """See DemoChain. The node writes its state down."""
        await self._endpoint.close()
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def _ask(self, method: str, *params: object) -> None:
        await self._endpoint.ask(method, params, msgspec.Raw)

    async def _answering(self) -> None:
        process = self._process
        assert process is not None
        for _ in range(PROBES):
            if process.returncode is not None:
                raise OperatorError(f"{self._program} ended with {process.returncode}: try it")
            try:
                await self._endpoint.ask("eth_chainId", (), Quantity)
            except NodeFailed:
                await asyncio.sleep(PROBE.total_seconds())
            else:
                return
        raise OperatorError(f"{self._program} does not answer in time: try it")


def _die_with_parent() -> None:
    """Between fork and exec: a node without its custody would keep its port for ever."""
    ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
