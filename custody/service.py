"""Custody as a whole: what it is made of, and the order in which its parts take their steps."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy import Engine

from custody.alarms import open_alarms, raise_alarm
from custody.asking import Asking
from custody.assets import ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.quorum import Disagreement, Witnesses
from custody.changes.desk import ChangeDesk
from custody.changes.policies import Policies
from custody.changes.progress import Changes, Notary
from custody.decisions.desk import DecisionDesk
from custody.decisions.progress import Carrier, Decisions, Endings
from custody.decisions.store import counts as decision_counts
from custody.deposits.crediting import Crediting
from custody.deposits.releasing import Releasing
from custody.deposits.returning import Returning
from custody.deposits.scanner import Scanner
from custody.deposits.store import counts as deposit_counts
from custody.deposits.store import last_block
from custody.desk import Desk
from custody.holds import Holds
from custody.known import Known
from custody.outgoing.sender import Sender, Signer
from custody.part import Means
from custody.policy.intents import (
    AllowAddress,
    BookBreak,
    ChangePolicy,
    Decidable,
    ForbidAddress,
    GiveUp,
    ReleaseDeposit,
    Restock,
    ReturnDeposit,
    kind_of_type,
)
from custody.poster import LedgerPoster
from custody.reconciling.booking import Booking
from custody.reconciling.reconciler import Reconciler
from custody.screening import Screening
from custody.signing.requests import OwnWallets
from custody.store.database import for_reading
from custody.terms import Terms
from custody.venue_line import Line, Telling
from custody.wallets.bip32 import AddressBook
from custody.wallets.moves import Moves
from custody.wallets.refills import Refills
from custody.wallets.restocks import RESTOCK, RestockDesk, Restocks, Shortage
from custody.wallets.surplus import Limits, tiers_of
from custody.wallets.sweeps import Sweeps
from custody.wallets.treasury import Treasury
from custody.withdrawals.giving_up import GivingUp
from custody.withdrawals.lifecycle import Lifecycle
from custody.withdrawals.payments import HotWallet
from custody.withdrawals.rulings import PolicyRulings
from custody.withdrawals.store import counts as withdrawal_counts
from engine.model.clock import Clock
from engine.model.errors import FixgateError

RECORDS_A_TURN: Final = 500
"""Records posted before anybody else gets a turn: some 25 ms."""

IDLE: Final = timedelta(milliseconds=20)
"""Between two looks at the journal's end."""


class Signing(Signer, Notary, Protocol):
    """The signer, all of it."""


class Custody:
    """All parts, wired. Nothing here is a process: see gateway.processes.custody."""

    def __init__(
        self,
        terms: Terms,
        wallets: OwnWallets,
        journal: Path,
        database: Engine,
        witnesses: Witnesses,
        signer: Signing,
        line: Line,
        screening: Screening,
        parse_address: Callable[[str], str],
        clock: Clock,
        log: Callable[[str], None],
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """wallets: the signer's. reached: called with the name of each place where the process may
        be killed."""
        assets = ChainAssets(terms.assets)
        self.wallets = wallets
        self.database = database
        self.witnesses = witnesses
        self.poster = LedgerPoster(journal, database, assets.decimals())
        self._means = means = Means(database, clock, log, reached)
        self._poked = asyncio.Event()
        refdata = self.poster.postings.refdata
        self._refdata = refdata
        self.books = ChainBooks(self.poster)
        self.telling = Telling(line, clock)
        treasury = frozenset(wallets.addresses())
        self.scanner = Scanner(
            means, terms.chain, witnesses, self.books, assets, treasury, wallets.cold
        )
        self.crediting = Crediting(means, self.poster, self.telling, screening, assets)
        self._holds = Holds(self.poster, database)
        self.sender = Sender(means, witnesses, signer, self._holds)
        policies = Policies(database, terms.policy, clock)
        rulings = PolicyRulings(policies, assets, refdata, clock)
        self.moves = Moves(means, self.books, self.sender, assets, wallets, terms.max_fee)
        stock = self.moves.stock
        known = Known(assets, refdata, parse_address, treasury)
        decided = DecisionDesk(database, rulings, clock)
        restocks = RestockDesk(means, terms.chain, known, decided, stock)
        self.lifecycle = Lifecycle(
            means, self.books, self.telling, rulings, screening,
            HotWallet(wallets.hot, terms.max_fee, witnesses, stock.waits), self.sender,
            self._holds, assets, self._number_of,
        )  # fmt: skip
        self.treasury = self._treasury(terms, restocks)
        self.reconciler = Reconciler(means, self.poster, witnesses, assets, wallets)
        endings = Endings(means)
        carriers: dict[type[Decidable], Carrier] = dict.fromkeys(
            (AllowAddress, ForbidAddress, ChangePolicy), Changes(means, policies, signer, endings)
        )
        carriers |= self._carriers(terms.max_fee, assets, known, endings)
        by_kind = {kind_of_type(intent): carrier for intent, carrier in carriers.items()}
        self.decisions = Decisions(means, rulings, by_kind, endings)
        asked = ChangeDesk(database, terms.chain, known, decided, policies)
        asking = Asking(database, terms.chain, known, decided, wallets.hot)
        self.desk = Desk(
            database, terms.chain, known, AddressBook(wallets.xpub), rulings, asked, decided,
            asking, restocks, clock,
        )  # fmt: skip

    def _treasury(self, terms: Terms, restocks: RestockDesk) -> Treasury:
        """What moves coins between the venue's own wallets."""
        hot = Limits(terms.hot_most, terms.hot_keep)
        warm = Limits(terms.warm_most, terms.warm_keep)
        sweeps = Sweeps(self.moves, self.witnesses, terms.sweep_above)
        refills = Refills(self.moves, self.witnesses, tiers_of(self.wallets, hot, warm))
        shortage = Shortage(self._means, restocks, self.moves.stock)
        return Treasury(self.moves, shortage, sweeps, refills, self._means.clock)

    def _carriers(
        self, max_fee: int, assets: ChainAssets, known: Known, endings: Endings
    ) -> dict[type[Decidable], Carrier]:
        """Who carries out what custody does itself."""
        means = self._means
        return {
            GiveUp: GivingUp(means, endings),
            ReleaseDeposit: Releasing(means, assets, known.account, endings),
            ReturnDeposit: Returning(
                means, self.books, self.witnesses, self.sender, self._holds, self.moves, assets,
                self.wallets.hot, max_fee, endings,
            ),
            Restock: Restocks(means, self.moves, self.witnesses, endings),
            BookBreak: Booking(means, self.reconciler.breaks, endings),
        }  # fmt: skip

    def status(self) -> dict[str, int | dict[str, int]]:
        """How custody does: what gateway.metrics has under `fixgate_custody_`."""
        with for_reading(self.database).begin() as connection:
            last = last_block(connection)
            found = deposit_counts(connection)
            asked = withdrawal_counts(connection)
            up = decision_counts(connection, RESTOCK)
            alarms = open_alarms(connection)
        return {
            "ledger_record": self.poster.last,
            "ledger_behind_records": max(self.poster.behind, 0),
            "ledger_batches": self.poster.ledger.head.seq,
            "final_block": -1 if last is None else last[0],
            "nodes_failing": sum(h.failures > 0 for h in self.witnesses.health.values()),
            "alarms": alarms,
            "deposits": found,
            "withdrawals": asked,
            "restocks": up,
        }

    def poke(self) -> None:
        """Somebody has asked for something: the next step need not wait."""
        self._poked.set()

    def post(self) -> int:
        """Post the next records of the journal; how many."""
        return self.poster.step(RECORDS_A_TURN)

    async def step(self) -> None:
        """Everything that is not the journal, once, as far as it gets."""
        parts = (
            self.decisions, self.scanner, self.crediting, self.lifecycle, self.sender,
            self.treasury, self.reconciler,
        )  # fmt: skip
        for part in parts:
            try:
                await part.step()
            except Disagreement as error:
                self._alarm(error)
        await self.telling.send()

    async def run(self, stop: asyncio.Event, poll: timedelta) -> None:
        """Until `stop`. Raises what a part cannot go on from; whoever starts it again loses
        nothing."""
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(self._follow_journal()),
                group.create_task(self._follow_chain(poll)),
            ]
            await stop.wait()
            for task in tasks:
                task.cancel()

    def close(self) -> None:
        """Let go of the journal."""
        self.poster.close()

    async def _follow_journal(self) -> None:
        while True:
            busy = self.post() > 0
            await asyncio.sleep(0 if busy else IDLE.total_seconds())

    async def _follow_chain(self, poll: timedelta) -> None:
        while True:
            self._poked.clear()
            await self.step()
            with suppress(TimeoutError):
                async with asyncio.timeout(poll.total_seconds()):
                    await self._poked.wait()

    def _number_of(self, code: str) -> int:
        return next(a.id for a in self._refdata.assets.values() if a.code == code)

    def _alarm(self, error: FixgateError) -> None:
        means = self._means
        with means.database.begin() as connection:
            if raise_alarm(connection, "nodes", str(error), means.clock.now(), "withdrawals"):
                means.log(f"nodes disagree: {error}")
