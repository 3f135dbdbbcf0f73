"""The demo's customer: it pays coins in over the chain, sells some, and takes some out again.

It does what a member and their approver do, over FIX and custody's local socket, a step at a time,
and says how far it has come.
"""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final

import trio

from custody.control_client import ask
from custody.demo.approver import NAME, demo_key
from custody.policy.intents import read_intent, signed_text
from engine.model.clock import Clock
from engine.model.errors import FixgateError
from engine.model.money import format_scaled
from gateway.bots.client import BotClient
from gateway.config import BotConfig

ASSET: Final = "ETH"
SYMBOL: Final = "ETH-USD"
SCALE: Final = 8
"""Decimals of the demo's ETH at the venue."""

PAID_IN: Final = 2 * 10**SCALE
SOLD: Final = "1"
TAKEN_OUT: Final = 9 * 10**SCALE // 10
"""What goes in, is sold, and goes out in a round: minor units, text for FIX, minor units."""

DESTINATION: Final = "0x" + "c1" * 20
"""The customer's own wallet, outside the venue."""

LOOK_SECONDS: Final = 0.5
STEP_SECONDS: Final = 60
"""Longest wait for one step: a block a second, and nine of them to be final."""

PAUSE_SECONDS: Final = 900
"""Between two rounds."""


class Late(FixgateError):
    """A step has taken too long."""


class Customer:
    """One customer of the demo, whose account is named as its member. control: custody's socket."""

    def __init__(
        self,
        config: BotConfig,
        account: str,
        venue: str,
        address: tuple[str, int],
        control: Path,
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        self._config = config
        self._account = account
        self._venue = venue
        self._address = address
        self._control = control
        self._clock = clock
        self._log = log

    async def run(self) -> None:
        """A round now and then, for ever."""
        while True:
            try:
                await self._round()
            except* FixgateError as group:
                self._log(f"{self._account}: {group.exceptions[0]}")
            except* (OSError, trio.BrokenResourceError):
                self._log(f"{self._account}: no connection; trying again")
            await trio.sleep(PAUSE_SECONDS)

    async def _round(self) -> None:
        paid = await self._deposit()
        self._log(f"{self._account}: {paid} is final, and credited; selling {SOLD} of it")
        report = await self._sell()
        self._log(f"{self._account}: sold {report.get(14)} at {report.get(6)}; withdrawing")
        left = await self._withdraw()
        self._log(f"{self._account}: {left}")

    # --- in -------------------------------------------------------------------------------

    async def _deposit(self) -> str:
        """Coins from outside; what came, once it is in the account."""
        told = await self._ask(op="address", account=self._account, asset=ASSET)
        paid = await self._ask(op="demo_pay", destination=told["address"], amount=PAID_IN)
        text = f"a deposit of {format_scaled(PAID_IN, SCALE).decode()} {ASSET} ({paid['tx'][:12]})"
        self._log(f"{self._account}: {text} is on its way to {told['address']}")

        async def credited() -> bool:
            rows = await self._ask(op="deposits", account=self._account)
            return any(row["tx"] == paid["tx"] and row["state"] == "credited" for row in rows)

        await self._until(credited, "the deposit is not credited")
        return text

    # --- traded ---------------------------------------------------------------------------

    async def _sell(self) -> dict[int, str]:
        """Sell at the market; the last report."""
        stream = await trio.open_tcp_stream(*self._address)
        async with stream:
            client = BotClient(stream, self._config.comp_id, self._venue, self._clock)
            await client.logon(self._config.password)
            with trio.move_on_after(STEP_SECONDS):
                async for fields in client.messages():
                    if fields.get(35) == "A":
                        name = f"c{self._clock.now() // 1_000_000:x}"
                        order = [(11, name), (55, SYMBOL), (54, "2"), (38, SOLD), (40, "1")]
                        await client.send("D", order)
                    elif fields.get(35) == "8" and fields.get(151) == "0":
                        return fields
        raise Late("no final report on a market order")

    # --- out ------------------------------------------------------------------------------

    async def _withdraw(self) -> str:
        """Coins back out, with an approver's signature; what became of it."""
        asked = await self._ask(
            op="withdraw", account=self._account, asset=ASSET, amount=TAKEN_OUT,
            destination=DESTINATION, who=self._account,
        )  # fmt: skip
        row: dict[str, Any] = {}

        async def is_in(*states: str) -> bool:
            row.update(await self._ask(op="withdrawal", id=asked["id"]))
            return row["state"] in states

        await self._until(lambda: is_in("awaiting"), f"{asked['id']} does not ask for approval")
        intent = read_intent(row["intent"].encode())
        signature = demo_key().sign(signed_text(intent, approves=True))
        await self._ask(
            op="approve", id=asked["id"], approver=NAME, approves=True,
            signature=b64encode(signature).decode(),
        )  # fmt: skip
        self._log(f"{self._account}: {asked['id']} to {DESTINATION[:12]} is approved by {NAME}")
        await self._until(lambda: is_in("settled"), f"{asked['id']} is not settled")
        return f"{asked['id']} of {format_scaled(TAKEN_OUT, SCALE).decode()} {ASSET}: {row['text']}"

    # --- steps ----------------------------------------------------------------------------

    async def _ask(self, **asked: object) -> Any:  # noqa: ANN401 - what JSON holds
        return await trio.to_thread.run_sync(lambda: ask(self._control, **asked))

    async def _until(self, true: Callable[[], Awaitable[bool]], text: str) -> None:
        with trio.move_on_after(STEP_SECONDS):
            while not await true():  # noqa: ASYNC110 - another process knows, and does not call
                await trio.sleep(LOOK_SECONDS)
            return
        raise Late(f"{text} after {STEP_SECONDS} s")
