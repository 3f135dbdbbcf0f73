"""Looking through final blocks, one after the other, each exactly once.

Nothing is taken from a block before two nodes call it final by the same hash; its parent must be
the block that was looked through before it. A chain that takes such a block back has broken its
promise: what came in it is reversed, and a person is called.
"""

from collections.abc import Sequence
from typing import Final, Protocol

from sqlalchemy import Connection

from custody.alarms import EVERYTHING, raise_alarm
from custody.assets import ChainAssets
from custody.chain_books import ChainBooks, Move
from custody.chains.node import Block, Movement
from custody.deposits import leaving, store
from custody.deposits.judge import Owner, Received, expected_changes, judge
from custody.deposits.leaving import took_out
from custody.deposits.states import DepositState
from custody.ledger import chart
from custody.part import Means, Part

BLOCKS_A_STEP: Final = 50
"""Final blocks looked through in one step: a second's work, so that withdrawals go on between."""


OPENED: Final = "chain/opening"
"""The name of the ledger's entry for what the venue's wallets had at first."""


class Agreed(leaving.Agreed, Protocol):
    """What enough nodes say: custody.chains.quorum.Witnesses. None: too few do."""

    async def finalized(self) -> Block | None:
        """The latest final block."""
        ...

    async def header(self, number: int) -> Block | None:
        """A block by its number."""
        ...

    async def movements(self, block: bytes, targets: Sequence[str]) -> tuple[Movement, ...] | None:
        """What came to `targets` in a block."""
        ...

    async def balance(self, address: str, token: str, block: bytes) -> int | None:
        """What an address had at the end of a block."""
        ...


class Unknown(Exception):
    """Too few nodes say what is needed to go on."""


class Scanner(Part):
    """Deposits out of final blocks, into the database."""

    def __init__(
        self,
        means: Means,
        chain: int,
        agreed: Agreed,
        books: ChainBooks,
        assets: ChainAssets,
        treasury: frozenset[str],
        cold: str = "",
    ) -> None:
        """treasury: addresses of the venue's own wallets, which deposits may come to by mistake;
        cold: that one of them which people send from."""
        super().__init__(means)
        self._chain = chain
        self._agreed = agreed
        self._assets = assets
        self._treasury = treasury
        self._cold = cold
        self._books = books

    async def step(self) -> int:
        """Look through the next final blocks; how many. Raises Disagreement of the nodes."""
        final = await self._agreed.finalized()
        if final is None:
            return 0
        with self._reading.begin() as connection:
            last = store.last_block(connection)
            owners = store.owners(connection)
        if last is None:
            return await self._begin(final)
        try:
            if await self._taken_back(last):
                return 0
            done = 0
            while done < BLOCKS_A_STEP and last[0] < final.number:
                last = await self._look_through(last, owners)
                done += 1
        except Unknown:
            return 0
        return done

    async def _begin(self, final: Block) -> int:
        """The first block that is looked at is the last one that is final: nobody was given an
        address of ours before it. What our own wallets have there is the ledger's beginning."""
        moves: list[Move] = []
        for address in sorted(self._treasury):
            for asset in self._assets.by_code.values():
                there = await self._agreed.balance(address, asset.token, final.hash)
                if there is None:
                    return 0
                if there:
                    debit = self._books.opened(chart.chain(asset.code, address))
                    credit = self._books.opened(chart.opening(asset.code))
                    moves.append((debit, credit, asset.units(there)))
        if moves:
            self._books.post([(OPENED, moves)])
        with self._database.begin() as connection:
            store.keep_block(connection, final)
        self._log(f"watching the chain from block {final.number}")
        return 1

    async def _look_through(
        self, last: tuple[int, bytes], owners: dict[str, Owner]
    ) -> tuple[int, bytes]:
        block = await self._agreed.header(last[0] + 1)
        if block is None or block.parent != last[1]:
            raise Unknown
        targets = [*owners, *self._treasury]
        movements = await self._agreed.movements(block.hash, targets)
        if movements is None:
            raise Unknown
        changes = await self._changes(block, movements)
        found = judge(
            self._chain, block, movements, owners, self._treasury, self._assets, changes, self._cold
        )
        with self._database.begin() as connection:
            store.keep_block(connection, block)
            store.keep_received(connection, found)
            for deposit in found:
                self._tell_a_person(connection, deposit)
        if found:
            self._reached("deposit found")
        return block.number, block.hash

    async def _changes(
        self, block: Block, movements: Sequence[Movement]
    ) -> dict[tuple[str, str], int]:
        """How far the balances really moved that token events speak of, apart from what we sent to
        others."""
        changes = {}
        for (address, token), said in expected_changes(movements).items():
            if token not in self._assets.by_token:
                continue
            after = await self._agreed.balance(address, token, block.hash)
            before = await self._agreed.balance(address, token, block.parent)
            if after is None or before is None:
                raise Unknown
            changes[address, token] = after - before
            if after - before != said:
                out = await took_out(self._database, self._agreed, block, address, token)
                if out is None:
                    raise Unknown
                changes[address, token] += out
        return changes

    def _tell_a_person(self, connection: Connection, deposit: Received) -> None:
        if deposit.state in (DepositState.MISMATCHED, DepositState.UNATTRIBUTED):
            raise_alarm(connection, deposit.reference, deposit.text, self._clock.now())

    async def _taken_back(self, last: tuple[int, bytes]) -> bool:
        """Whether the chain has taken back what it had called final; if so, it is dealt with."""
        there = await self._agreed.header(last[0])
        if there is None:
            raise Unknown
        if there.hash == last[1]:
            return False
        number = await self._parting(last[0])
        now = self._clock.now()
        with self._database.begin() as connection:
            gone = store.above(connection, number)
            store.move(
                connection,
                [row.reference for row in gone],
                DepositState.REVERSING,
                f"block {number + 1} is another now",
            )
            store.forget_blocks(connection, number)
            raise_alarm(
                connection,
                f"finality/{number + 1}",
                f"the chain took back final blocks above {number}: {len(gone)} deposits are"
                " reversed. Compare with other sources before you clear this",
                now,
                EVERYTHING,
            )
        self._reached("finality broken")
        self._log(f"FINALITY IS BROKEN above block {number}: {len(gone)} deposits are reversed")
        return True

    async def _parting(self, number: int) -> int:
        """The last block that is still the one that was looked through."""
        while True:
            number -= 1
            with self._reading.begin() as connection:
                ours = store.block_hash(connection, number)
            assert ours is not None, "the chain has another past than all that is remembered"
            there = await self._agreed.header(number)
            if there is None:
                raise Unknown
            if there.hash == ours:
                return number
