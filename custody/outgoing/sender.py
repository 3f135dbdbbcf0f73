"""Brings planned transactions onto the chain, each once, however often anything fails between.

    nonce on disk ▶ signed ▶ signed form on disk ▶ broadcast ▶ final

A second form of a transaction has the nonce of the first, so at most one of all forms is ever in
the chain. A nonce that the chain counts and that is none of ours means that somebody else has the
key: the wallet stands still.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import Row

from custody.alarms import raise_alarm, stopped
from custody.chains.node import Block, Fees, Receipt
from custody.chains.quorum import Disagreement
from custody.holds import Holds
from custody.outgoing import store
from custody.outgoing.fees import Offer, first_offer, next_offer
from custody.outgoing.states import OutgoingState
from custody.part import Means, Part
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import FixgateError

STUCK_NANOS: Final = 60 * NANOS_PER_SECOND
"""How long a form waits for a block before another one offers more: some five blocks."""

LOOK_NANOS: Final = NANOS_PER_SECOND
"""How long after a broadcast its receipt is asked for; and then between one look and the next."""

MISSING_NANOS: Final = 60 * NANOS_PER_SECOND
"""How long a nonce may be used up with no receipt to be had: nodes lag, and fail."""

UNSIGNED_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long a transaction may wait for its signature before no more nonces of its wallet are given
out: what has none yet can still be taken back."""

MAX_FORMS: Final = 24
"""Signed forms of one transaction: 12.5% more each time is seventeen times the first fee."""

AT_ONCE: Final = 64
"""Transactions that are looked after in one step; the lowest nonces of each wallet come first."""


class SignerAway(FixgateError):
    """Nobody signs now: what waits for a signature waits."""


class SignerRefused(FixgateError):
    """The signer said no, with its reason."""


class Signed(Struct, frozen=True):
    """A transaction as nodes take it, and its hash, known before anybody has seen it."""

    raw: bytes
    tx: bytes


class Signer(Protocol):
    """What signs. It builds the transaction by itself: nothing here says what its bytes are."""

    async def sign(self, request: bytes, nonce: int, gas: int, offer: Offer) -> Signed:
        """The transaction that `request` asks for. Raises SignerAway and SignerRefused."""
        ...

    async def sign_cancel(self, request: bytes, nonce: int, offer: Offer) -> Signed:
        """One of the same nonce that pays nobody. Raises as `sign`."""
        ...


class Said(StrEnum):
    """What became of a broadcast, at the best of the nodes."""

    TAKEN = "taken"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Network(Protocol):
    """The nodes: custody.chains.quorum.Witnesses, as far as sending goes. None: too few know."""

    async def finalized(self) -> Block | None:
        """The latest final block."""
        ...

    async def header(self, number: int) -> Block | None:
        """A block by its number."""
        ...

    async def receipt(self, tx: bytes) -> Receipt | None:
        """What became of a transaction."""
        ...

    async def heard_of(self, tx: bytes, final: Block) -> bool:
        """Whether any node at all may know a transaction."""
        ...

    async def nonce(self, address: str, block: bytes) -> int | None:
        """How many transactions an address had sent at the end of a block."""
        ...

    async def fees(self) -> Fees | None:
        """What gas costs now."""
        ...

    async def broadcast(self, raw: bytes) -> Mapping[str, object]:
        """Hand a transaction to every node, once."""
        ...


class Sender(Part):
    """Looks after every transaction that is under way."""

    def __init__(
        self,
        means: Means,
        network: Network,
        signer: Signer,
        holds: Holds,
    ) -> None:
        super().__init__(means)
        self._network = network
        self._signer = signer
        self._holds = holds
        self._looked: dict[bytes, int] = {}
        self._cancelling: set[str] = set()
        self._missing: dict[str, int] = {}

    async def step(self) -> None:
        """Every transaction, as far as it gets. Raises Disagreement of the nodes."""
        with self._reading.begin() as connection:
            rows = store.under_way(connection, AT_ONCE)
        if not rows:
            return
        final = await self._network.finalized()
        for row in rows:
            if self._stands_still(row.wallet):
                continue
            if row.state == str(OutgoingState.PLANNED):
                await self._sign_first(row)
            elif final is not None:
                await self._look(row, final)

    async def nonce_for(self, wallet: str) -> int | None:
        """The nonce that a new transaction of a wallet gets; None while that is not certain, and
        while nobody signs."""
        with self._reading.begin() as connection:
            if store.waits_unsigned(connection, wallet, self._clock.now() - UNSIGNED_NANOS):
                return None
            ours = store.next_nonce(connection, wallet)
        if ours is not None:
            return ours
        final = await self._network.finalized()
        return None if final is None else await self._network.nonce(wallet, final.hash)

    def cancel(self, reference: str) -> None:
        """Have the nonce of a transaction used up by one that pays nobody, if that still can be."""
        self._cancelling.add(reference)

    def _stands_still(self, wallet: str) -> bool:
        with self._reading.begin() as connection:
            return bool(stopped(connection, wallet))

    # --- signing --------------------------------------------------------------------------

    async def _sign_first(self, row: Row[Any]) -> None:
        fees = await self._network.fees()
        if fees is None:
            return
        offer = first_offer(fees, int(row.most))
        frozen = self._holds.frozen_of(row)
        if frozen is None:
            return
        if frozen and row.reference not in self._cancelling:
            # Those behind its nonce must not wait until the hold is over.
            self._cancelling.add(row.reference)
            self._log(f"{row.reference} is not signed: the venue holds its account")
        if row.reference not in self._cancelling:
            await self._sign(row, offer, cancels=False)
        if row.reference in self._cancelling:
            await self._sign(row, offer, cancels=True)

    async def _sign(self, row: Row[Any], offer: Offer, *, cancels: bool) -> None:
        try:
            if cancels:
                signed = await self._signer.sign_cancel(row.request, row.nonce, offer)
            else:
                signed = await self._signer.sign(row.request, row.nonce, row.gas, offer)
        except SignerAway as error:
            self._log(f"{row.reference} waits for the signer: {error}")
            return
        except SignerRefused as error:
            # Its nonce is used up by nothing then: those behind it must not wait for ever.
            self._cancelling.add(row.reference)
            self._tell_a_person(row, f"the signer refuses {row.reference}: {error}", row.reference)
            return
        self._reached("signed")
        with self._database.begin() as connection:
            store.keep_attempt(
                connection, row, signed.raw, signed.tx, offer.max_fee, offer.tip,
                self._clock.now(), cancels=cancels,
            )  # fmt: skip
        self._reached("signature kept")
        await self._broadcast(signed.tx, signed.raw)

    async def _broadcast(self, tx: bytes, raw: bytes) -> None:
        """Whatever the nodes say proves nothing: the receipt does, and the nonce."""
        await self._network.broadcast(raw)
        self._looked[tx] = self._clock.monotonic()
        self._reached("broadcast")

    # --- what became of it ----------------------------------------------------------------

    async def _look(self, row: Row[Any], final: Block) -> None:
        with self._reading.begin() as connection:
            forms = store.attempts_of(connection, row.wallet, row.nonce)
        assert forms, f"{row.reference} is sent, and no form of it is kept"
        newest = forms[-1]
        now = self._clock.monotonic()
        looked = self._looked.get(newest.tx)
        if looked is not None and now - looked < LOOK_NANOS:
            return
        self._looked[newest.tx] = now
        seen = False
        for form in forms:
            receipt = await self._receipt(form.tx)
            if receipt is None:
                continue
            seen = True
            if await self._is_final(receipt, final):
                self._end(row, form, receipt)
                return
        if seen or await self._foreign(row, final, forms):
            return
        if row.reference in self._cancelling and not newest.cancels:
            await self._replace(row, forms, cancels=True)
        elif self._clock.now() - newest.time > STUCK_NANOS:
            await self._replace(row, forms, cancels=newest.cancels)
        else:
            await self._broadcast_again(forms)

    async def _broadcast_again(self, forms: Sequence[Row[Any]]) -> None:
        """Every form, the dearest first: a pool may have lost them all, and not be able to take one
        that offers more than the wallet has."""
        for form in reversed(forms):
            await self._broadcast(form.tx, form.raw)

    async def _receipt(self, tx: bytes) -> Receipt | None:
        """What became of a form. Nodes may see it in different blocks, as long as none is final."""
        try:
            return await self._network.receipt(tx)
        except Disagreement:
            return None

    async def _is_final(self, receipt: Receipt, final: Block) -> bool:
        if receipt.number > final.number:
            return False
        block = await self._network.header(receipt.number)
        return block is not None and block.hash == receipt.block

    def _end(self, row: Row[Any], form: Row[Any], receipt: Receipt) -> None:
        state = OutgoingState.DONE if receipt.succeeded else OutgoingState.FAILED
        if form.cancels:
            state = OutgoingState.CANCELLED
        gas_paid = receipt.gas_used * receipt.gas_price
        with self._database.begin() as connection:
            now = self._clock.now()
            store.end(connection, row, state, form.tx, gas_paid, receipt.number, now)
        self._looked.pop(form.tx, None)
        self._cancelling.discard(row.reference)
        self._missing.pop(row.reference, None)
        self._log(f"{row.reference} is {state}, gas {gas_paid} wei, 0x{form.tx.hex()}")
        self._reached("final")

    async def _foreign(self, row: Row[Any], final: Block, forms: Sequence[Row[Any]]) -> bool:
        """Whether the chain has used this nonce up. It is somebody else's doing only if no node
        has heard of any form of ours, for a while, and enough of them have that block."""
        count = await self._network.nonce(row.wallet, final.hash)
        if count is None or count <= row.nonce:
            return False
        since = self._missing.setdefault(row.reference, self._clock.now())
        for form in forms:
            if await self._network.heard_of(form.tx, final):
                return True
        if self._clock.now() - since < MISSING_NANOS:
            return True
        self._tell_a_person(
            row,
            f"nonce {row.nonce} of {row.wallet} was used by a transaction that is none of ours:"
            " somebody else has the key, or a node hides a receipt. Nothing leaves this wallet",
            row.wallet,
        )
        return True

    async def _replace(self, row: Row[Any], forms: Sequence[Row[Any]], *, cancels: bool) -> None:
        fees = await self._network.fees()
        if fees is None:
            return
        newest = forms[-1]
        offer = next_offer(Offer(newest.max_fee, newest.tip), fees, int(row.most))
        if offer is None or len(forms) >= MAX_FORMS:
            self._tell_a_person(
                row, f"{row.reference} is stuck: it offers the most it may", f"{row.reference}/fee"
            )
            await self._broadcast_again(forms)
            return
        await self._sign(row, offer, cancels=cancels)

    def _tell_a_person(self, row: Row[Any], text: str, name: str) -> None:
        stops = row.wallet if name == row.wallet else ""
        with self._database.begin() as connection:
            if raise_alarm(connection, name, text, self._clock.now(), stops):
                self._log(text)
