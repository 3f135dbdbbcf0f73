"""Custody's control socket: a line of JSON asks, a line of JSON answers.

`fixgate withdrawals`, `addresses`, `deposits` and the API speak it. It is a local socket of the
venue's own user; what it can do is bounded by what Desk does: approvals carry signatures of their
own, and nobody is trusted for having got in.
"""

import asyncio
import socket
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Row

from custody.assets import ChainAsset
from custody.desk import Desk
from custody.known import DeskRefused
from custody.policy.history import as_told
from custody.policy.intents import Approval
from custody.policy.policy import MAX_POLICY_BYTES, Policy
from custody.wallets.restocks import RESTOCK
from engine.local_socket import is_own, listening

MAX_LINE: Final = MAX_POLICY_BYTES + 16_384
"""Longest line of a request, bytes: a whole policy. An approval has some 200."""

MAX_CONNECTIONS: Final = 32
"""Connections at a time: a few people, and the API."""

IDLE_SECONDS: Final = 60
"""How long a connection may say nothing."""

STATUS: Final = "status"

MOVING: Final = frozenset({
    "withdraw", "approve", "cancel", "give_up", "clear", "allow", "forbid", "propose",
    "approve_decision", "cancel_decision", "release", "send_back", "book", "restock",
})  # fmt: skip
"""Operations after which something may go on. Who only looks costs nodes nothing."""


class Asked(Struct, forbid_unknown_fields=True):
    """A request; what an operation does not need is left out."""

    op: str
    account: str = ""
    asset: str = ""
    amount: int = 0
    destination: str = ""
    who: str = ""
    id: str = ""
    approver: str = ""
    approves: bool = True
    signature: str = ""
    label: str = ""
    policy: Policy | None = None


class Control:
    """Serves the socket at `path`, which nobody else serves."""

    def __init__(
        self,
        path: Path,
        desk: Desk,
        status: Callable[[], Mapping[str, object]],
        log: Callable[[str], None],
        asked: Callable[[], None] = lambda: None,
        more: Mapping[str, Callable[[Asked], Awaitable[object]]] | None = None,
    ) -> None:
        """asked: is called when somebody has asked for something to happen. more: operations of the
        process."""
        self._path = path
        self._desk = desk
        self._status = status
        self._log = log
        self._connections = 0
        changes, decisions, asking = desk.changes, desk.decisions, desk.asking
        self._operations: dict[str, Callable[[Asked], object]] = {
            "address": self._address,
            "addresses": lambda a: _rows(desk.addresses(a.account)),
            "assets": lambda a: [_asset(asset) for asset in desk.assets()],
            "accounts": lambda a: [
                {"id": str(ident), "name": name} for ident, name in desk.accounts().items()
            ],
            "deposits": lambda a: _rows(desk.deposits(a.account)),
            "deposit": lambda a: _row(desk.deposit(a.id)),
            "withdraw": lambda a: {
                "id": desk.withdraw(a.account, a.asset, a.amount, a.destination, a.who)
            },
            "withdrawals": lambda a: _rows(desk.withdrawals(a.account)),
            "withdrawal": lambda a: _with_approvals(*desk.withdrawal(a.id)),
            "approve": lambda a: desk.approve(a.id, _approval(a)),
            "cancel": lambda a: desk.cancel(a.id, a.who),
            "allow": lambda a: {
                "id": changes.allow(a.account, a.asset, a.destination, a.label, a.who)
            },
            "forbid": lambda a: {"id": changes.forbid(a.account, a.asset, a.destination, a.who)},
            "listing": lambda a: _rows(changes.addresses(a.account)),
            "policy": lambda _: as_told(*changes.policy()),
            "propose": self._propose,
            "policies": lambda _: _rows(changes.policies()),
            "restock": lambda a: {"id": desk.restocks.request(a.asset, a.amount, a.who)},
            "restocks": lambda _: _rows(decisions.listed(RESTOCK)),
            "balances": lambda _: desk.restocks.balances(),
            "give_up": lambda a: {"id": asking.give_up(a.id, a.who)},
            "release": lambda a: {"id": asking.release(a.id, a.account, a.who)},
            "send_back": lambda a: {"id": asking.send_back(a.id, a.destination, a.who)},
            "book": lambda a: {"id": asking.book(a.asset, a.destination, a.label, a.who)},
            "breaks": lambda _: msgspec.to_builtins(asking.breaks()),
            "decisions": lambda a: _rows(decisions.listed(account=a.account)),
            "decision": lambda a: _with_approvals(*decisions.one(a.id)),
            "approve_decision": lambda a: decisions.approve(a.id, _approval(a)),
            "cancel_decision": lambda a: decisions.cancel(a.id, a.who),
            "alarms": lambda a: _rows(desk.alarms()),
            "clear": self._clear,
            STATUS: lambda a: dict(self._status()),
        }
        self._more = more or {}
        self._asked = asked

    async def serve(self) -> None:
        """For ever."""
        listener = listening(self._path, MAX_CONNECTIONS)
        server = await asyncio.start_unix_server(self._serve, sock=listener, limit=MAX_LINE)
        async with server:
            await server.serve_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: socket.socket = writer.get_extra_info("socket")
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS and is_own(peer):
                await self._talk(reader, writer)
        except (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError):
            pass  # it is gone, idle, or sent a line that never ends
        finally:
            self._connections -= 1
            writer.close()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                line = await reader.readline()
            if not line:
                return
            writer.write(_encode(await self._answer(line)) + b"\n")
            async with asyncio.timeout(IDLE_SECONDS):
                await writer.drain()

    async def _answer(self, line: bytes) -> dict[str, object]:
        try:
            asked = _decode(line)
            if asked.op in MOVING:
                self._asked()
            if asked.op in self._more:
                return {"done": await self._more[asked.op](asked)}
            operation = self._operations.get(asked.op)
            if operation is None:
                known = ", ".join(self._operations)
                return {"refused": f"no operation {asked.op[:40]!r}; these are: {known}"}
            return {"done": operation(asked)}
        except (DeskRefused, msgspec.DecodeError, UnicodeDecodeError) as error:
            return {"refused": str(error)}

    def _address(self, asked: Asked) -> dict[str, str]:
        return {"address": self._desk.deposit_address(asked.account, asked.asset)}

    def _clear(self, asked: Asked) -> None:
        who = self._desk.initiator(asked.who)
        self._desk.clear_alarm(asked.id)
        self._log(f"alarm {asked.id} is cleared by {who}")

    def _propose(self, asked: Asked) -> dict[str, str]:
        if asked.policy is None:
            raise DeskRefused("policy: missing")
        return {"id": self._desk.changes.change(asked.policy, asked.who)}


def _with_approvals(row: Row[Any], approvals: list[Approval]) -> dict[str, object]:
    """An intent's row, and who has said what of it."""
    said = [
        {
            "approver": a.approver,
            "approves": a.approves,
            "signature": b64encode(a.signature).decode(),
        }
        for a in approvals
    ]
    return {**_row(row), "approvals": said}


def _approval(asked: Asked) -> Approval:
    try:
        signature = b64decode(asked.signature, validate=True)
    except Base64Error:
        raise DeskRefused("signature: not base64") from None
    return Approval(asked.approver, asked.approves, signature)


def _asset(asset: ChainAsset) -> dict[str, object]:
    """What an asset's amounts mean: both scales as numbers, amounts as text."""
    money = ("min_deposit", "min_withdrawal", "withdrawal_fee")
    fields = msgspec.structs.asdict(asset)
    return {name: str(value) if name in money else value for name, value in fields.items()}


def _rows(rows: list[Row[Any]]) -> list[dict[str, object]]:
    return [_row(row) for row in rows]


def _row(row: Row[Any]) -> dict[str, object]:
    """A row for people: hashes in hex, intents and amounts as text (JSON has 53 bits)."""
    shown: dict[str, object] = {}
    for name, value in row._asdict().items():
        if name in ("intent", "policy"):
            shown[name] = bytes(value).decode()
        elif isinstance(value, bytes):
            shown[name] = "0x" + value.hex() if value else ""
        elif isinstance(value, int) and not isinstance(value, bool):
            shown[name] = str(value)
        else:
            shown[name] = value
    return shown


_decode = msgspec.json.Decoder(Asked).decode
_encode = msgspec.json.Encoder().encode
