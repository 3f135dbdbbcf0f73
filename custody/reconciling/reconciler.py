"""Books beside chain, now and then: each address of ours, at one final block.

    the block that was looked through last ─▶ what is under way ─▶ balances, some a step ─▶ report

What the books have at the beginning of a look, with what is known to be under way, is what the
nodes have to agree on at that block. The block is final, so it may take several steps to ask: what
was at an address then does not change any more.
"""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Engine, Row, insert, select, update

from custody.assets import ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.node import Block, Receipt
from custody.chains.quorum import Disagreement
from custody.deposits import store as deposit_store
from custody.outgoing.states import UNDER_WAY, OutgoingState
from custody.part import Means, Part
from custody.poster import LedgerPoster
from custody.reconciling import report
from custody.reconciling.breaks import Breaks
from custody.reconciling.look import Look
from custody.reconciling.under_way import Ended, Flight, Snapshot, Where, read_under_way
from custody.signing.requests import OwnWallets
from custody.store.custody_schema import addresses
from custody.store.database import for_reading
from custody.store.reconciling_schema import looks
from engine.model.clock import NANOS_PER_SECOND

LOOK_NANOS: Final = 60 * NANOS_PER_SECOND
"""From the end of a look to the beginning of the next one."""

PAUSE_NANOS: Final = 2 * NANOS_PER_SECOND
"""Between two steps of a look: the nodes are there for deposits and withdrawals first."""

BALANCES_A_STEP: Final = 40
"""Balances asked for in one step: some 2 s at the 20 questions a second of a node."""


class Agreed(Protocol):
    """What enough nodes say: custody.chains.quorum.Witnesses. None: too few do."""

    async def header(self, number: int) -> Block | None:
        """A block by its number."""
        ...

    async def receipt(self, tx: bytes) -> Receipt | None:
        """What became of a transaction."""
        ...

    async def nonce(self, address: str, block: bytes) -> int | None:
        """How many transactions an address had sent at the end of a block."""
        ...

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """What an address had at the end of a block."""
        ...


class Reconciler(Part):
    """Looks at all addresses, and finds breaks."""

    def __init__(
        self,
        means: Means,
        poster: LedgerPoster,
        agreed: Agreed,
        assets: ChainAssets,
        wallets: OwnWallets,
    ) -> None:
        super().__init__(means)
        self._poster = poster
        self._books = ChainBooks(poster)
        self._agreed = agreed
        self._assets = assets
        self._wallets = wallets
        self.breaks = Breaks(means, self._books)
        self._look: Look | None = None
        self._look_at = 0

    async def step(self) -> None:
        """Go on with a look, or begin one if it is time. Raises Disagreement of the nodes."""
        self.breaks.post()
        if self._clock.monotonic() < self._look_at:
            return
        self._rest(PAUSE_NANOS)
        if self._look is None:
            self._look = await self._begin()
        if self._look is None:
            return
        await self._ask(self._look)
        if not self._look.waiting:
            look, self._look = self._look, None
            self._rest(LOOK_NANOS)
            self._end(look)

    def _rest(self, nanos: int) -> None:
        self._look_at = self._clock.monotonic() + nanos

    # --- the beginning --------------------------------------------------------------------

    async def _begin(self) -> Look | None:
        """A look at the last block that was looked through; None if too few nodes know it."""
        with self._reading.begin() as connection:
            last = deposit_store.last_block(connection)
        if last is None:
            return None
        block = await self._agreed.header(last[0])
        if block is None or block.hash != last[1]:
            return None  # the chain has taken it back: the scanner deals with that first
        with self._reading.begin() as connection:
            snapshot = read_under_way(connection, block)
            given = [(row.asset, row.address) for row in connection.execute(select(addresses))]
        flight = Flight(self._assets, self._books, self._wallets)
        flight.take_deposits(snapshot)
        await self._take_transactions(flight, snapshot, block)
        own = self._wallets.addresses()
        given += [(code, wallet) for wallet in own for code in self._assets.by_code]
        place = (self._poster.last, self._poster.ledger.head.seq)
        accounts = self._poster.ledger.accounts
        return Look(block, accounts, place, flight, given, self._assets.by_code)

    async def _take_transactions(self, flight: Flight, snapshot: Snapshot, block: Block) -> None:
        """Each of ours that may be in the chain and not in the books, or the other way round."""
        wallets = sorted({row.wallet for row in snapshot.rows})
        counts = dict(zip(wallets, await self._nonces(wallets, block), strict=True))
        for row in snapshot.rows:
            count = counts[row.wallet]
            used = None if count is None else row.nonce < count
            end = _end_of(row)
            if used and end is None:
                end = await self._end_at(snapshot.forms.get(row.reference, ()), block)
            flight.take_transaction(row, snapshot.numbers, used, end)

    async def _nonces(self, wallets: Sequence[str], block: Block) -> Sequence[int | None]:
        return await asyncio.gather(*(self._agreed.nonce(w, block.hash) for w in wallets))

    async def _end_at(self, forms: Iterable[tuple[bytes, bool]], block: Block) -> Ended | None:
        """How a transaction ended whose nonce is used up at `block`, by the receipt of one of its
        forms; None if nobody says."""
        for tx, cancels in forms:
            try:
                receipt = await self._agreed.receipt(tx)
            except Disagreement:
                continue
            if receipt is not None and receipt.number <= block.number:
                state = OutgoingState.DONE if receipt.succeeded else OutgoingState.FAILED
                state = OutgoingState.CANCELLED if cancels else state
                return Ended(state, receipt.gas_used * receipt.gas_price)
        return None

    # --- balances -------------------------------------------------------------------------

    async def _ask(self, look: Look) -> None:
        """Some of the balances that are still unknown. Raises Disagreement when the rest is had."""
        some = look.take(BALANCES_A_STEP)
        answers = await asyncio.gather(
            *(self._balance(where, look.block) for where in some), return_exceptions=True
        )
        trouble: BaseException | None = None
        for where, answer in zip(some, answers, strict=True):
            if isinstance(answer, Disagreement):
                look.unknown(where, str(answer))
                trouble = answer
            elif isinstance(answer, BaseException):
                raise answer
            elif answer is None:
                look.unknown(where, "too few nodes say what is there")
            else:
                look.there(where, self._assets.by_code[where[0]].units(answer), answer)
        if trouble is not None:
            raise trouble

    async def _balance(self, where: Where, block: Block) -> int | None:
        code, address = where
        return await self._agreed.balance(address, self._assets.by_code[code].token, block.hash)

    # --- the end --------------------------------------------------------------------------

    def _end(self, look: Look) -> None:
        """What was found is posted; unless the block has turned out to be none."""
        with self._reading.begin() as connection:
            still = deposit_store.block_hash(connection, look.block.number)
        if still != look.block.hash:
            return
        for (asset, address), units in look.breaks():
            self.breaks.found(look.block, asset, address, units)
        self.breaks.post()
        self._keep(look)

    def _keep(self, look: Look) -> None:
        """The report, for whoever asks. What was broken stays in it until it is closed."""
        made = look.report(self._clock.now(), self.breaks.standing())
        data = report.encode(made)
        with self._database.begin() as connection:
            if connection.execute(update(looks).values(report=data)).rowcount == 0:
                connection.execute(insert(looks).values(one=1, report=data))


def last_look(database: Engine) -> report.ChainLook | None:
    """The report of the last look; None before the first."""
    with for_reading(database).begin() as connection:
        data = connection.execute(select(looks.c.report)).scalar()
    return None if data is None else report.decode_look(bytes(data))


_ENDED: Final = tuple(str(state) for state in OutgoingState if state not in UNDER_WAY)


def _end_of(row: Row[Any]) -> Ended | None:
    """How a transaction ended, if the database knows."""
    if row.state not in _ENDED:
        return None
    return Ended(OutgoingState(row.state), int(row.gas_paid))
