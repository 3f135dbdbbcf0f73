"""Custody's line to the signer."""

import asyncio
from pathlib import Path
from typing import Final

from custody.outgoing.fees import Offer
from custody.outgoing.sender import Signed, SignerAway, SignerRefused
from custody.signing import requests
from custody.signing.requests import (
    FrameMalformed,
    Gas,
    Note,
    Noted,
    OwnWallets,
    Refused,
    Reply,
    Request,
    Sign,
    Wallets,
)
from engine.local_socket import address

ANSWER_SECONDS: Final = 10
"""Longest wait for an answer: a slow HSM takes some 0.1 s."""

AWAY: Final = frozenset({"keys", "log"})
"""Reasons of refusals that pass by themselves once somebody has helped."""


class SignerLine:
    """custody.outgoing.sender.Signer over the signer's socket."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._one = asyncio.Lock()

    async def sign(self, request: bytes, nonce: int, gas: int, offer: Offer) -> Signed:
        """See Signer."""
        return await self._sign(request, nonce, gas, offer, cancels=False)

    async def sign_cancel(self, request: bytes, nonce: int, offer: Offer) -> Signed:
        """See Signer."""
        return await self._sign(request, nonce, CANCEL_GAS, offer, cancels=True)

    async def note(self, note: Note) -> Noted:
        """See custody.changes.progress.Notary."""
        reply = await self._ask(note)
        match reply:
            case Noted():
                return reply
            case Refused() if reply.reason in AWAY:
                raise SignerAway(reply.text)
            case Refused():
                raise SignerRefused(f"{reply.reason}: {reply.text}")
            case requests.Signed() | OwnWallets():
                raise SignerAway("it answers something else")

    async def wallets(self) -> OwnWallets:
        """Which wallets there are. Raises SignerAway."""
        reply = await self._ask(Wallets())
        if not isinstance(reply, OwnWallets):
            raise SignerAway(f"it says {reply}")
        return reply

    async def _sign(
        self, request: bytes, nonce: int, gas: int, offer: Offer, *, cancels: bool
    ) -> Signed:
        limits = Gas(gas, offer.max_fee, offer.tip)
        purpose = requests.read_purpose(request)
        reply = await self._ask(Sign(purpose, nonce, limits, cancels))
        match reply:
            case requests.Signed():
                return Signed(reply.raw, reply.tx)
            case Refused() if reply.reason in AWAY:
                raise SignerAway(reply.text)
            case Refused():
                raise SignerRefused(f"{reply.reason}: {reply.text}")
            case OwnWallets() | Noted():
                raise SignerAway("it answers something else")

    async def _ask(self, request: Request) -> Reply:
        async with self._one:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    return await self._exchange(request)
            except (OSError, TimeoutError, EOFError, FrameMalformed) as error:
                self.close()
                raise SignerAway(f"no answer ({type(error).__name__})") from None

    async def _exchange(self, request: Request) -> Reply:
        if self._writer is None:
            with address(self._path) as name:
                self._reader, self._writer = await asyncio.open_unix_connection(name)
        assert self._reader is not None
        self._writer.write(requests.frame(request))
        await self._writer.drain()
        buffer = bytearray()
        while True:
            data = await self._reader.read(65_536)
            if not data:
                raise EOFError
            buffer += data
            for payload in requests.take_frames(buffer):
                return requests.read_reply(payload)

    def close(self) -> None:
        """End the connection; the next question makes another."""
        if self._writer is not None:
            self._writer.close()
        self._reader = self._writer = None


CANCEL_GAS: Final = 21_000
"""What a transaction takes that moves nothing (EIP-2028's base cost)."""
