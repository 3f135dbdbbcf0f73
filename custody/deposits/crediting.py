"""From a final deposit to its owner's balance: screened, posted, and told to the venue.

The ledger sees the coins first, under the deposit's own name, and only then is the venue told, as
often as it takes until its journal has the credit.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row

from custody.alarms import raise_alarm, stopping_account
from custody.answers import Step
from custody.assets import ChainAsset, ChainAssets
from custody.chain_books import ChainBooks, Move
from custody.deposits import store
from custody.deposits.states import SUSPENSE, DepositState
from custody.ledger import chart
from custody.ledger.chart import SUSPENSE_PATH
from custody.outgoing import store as outgoing
from custody.outgoing.states import Purpose
from custody.part import Means, Part
from custody.poster import LedgerPoster
from custody.screening import Screening, Verdict, verdict_of
from custody.store.answer_store import find_answer
from custody.venue_line import Telling
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import Deposit, ReverseDeposit

DEPOSITS_A_STEP: Final = 2_000
"""Deposits that one step moves on: a block full of them."""

ASKED_AT_ONCE: Final = 50
"""Deposits whose screening is waited for at a time."""

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after an unknown verdict it is asked for again."""

Entry = tuple[str, list[Move]]
"""The name of a batch, and what it moves."""

MOVING: Final = (DepositState.RECEIVED, DepositState.CLEARED, DepositState.REVERSING)
"""States that a deposit does not stay in."""

NO: Final = "screening says no"


class Crediting(Part):
    """Moves deposits on, from what the chain, the screening and the venue have said."""

    def __init__(
        self,
        means: Means,
        poster: LedgerPoster,
        telling: Telling,
        screening: Screening,
        assets: ChainAssets,
    ) -> None:
        super().__init__(means)
        self._books = ChainBooks(poster)
        self._refdata = poster.postings.refdata
        self._telling = telling
        self._screening = screening
        self._assets = assets
        self._ask_at: dict[str, int] = {}

    async def step(self) -> None:
        """Every deposit, as far as it gets."""
        rows = self._in(*MOVING)
        if received := _of(rows, DepositState.RECEIVED):
            await self._screen(received)
        if suspended := self._in(*SUSPENSE, unposted=True):
            self._hold(suspended)
        if internal := self._in(DepositState.INTERNAL, unposted=True):
            self._arrive([row for row in internal if not self._too_early(row)])
        if cleared := _of(rows, DepositState.CLEARED):
            self._credit(cleared)
        if reversing := _of(rows, DepositState.REVERSING):
            self._reverse(reversing)

    def _in(self, *states: DepositState, unposted: bool = False) -> Sequence[Row[Any]]:
        with self._reading.begin() as connection:
            return store.in_state(connection, states, DEPOSITS_A_STEP, unposted=unposted)

    async def _screen(self, rows: Sequence[Row[Any]]) -> None:
        """Ask about each, some at a time; who does not answer is asked again after a while."""
        now = self._clock.monotonic()
        due = [row for row in rows if self._ask_at.get(row.reference, now) <= now]
        for k in range(0, len(due), ASKED_AT_ONCE):
            some = due[k : k + ASKED_AT_ONCE]
            verdicts = await asyncio.gather(*(self._verdict(row) for row in some))
            self._screened(some, verdicts)

    async def _verdict(self, row: Row[Any]) -> Verdict:
        asked = self._screening.deposit(row.account, row.asset, row.source, row.amount)
        return (await verdict_of(asked))[0]

    def _screened(self, rows: Sequence[Row[Any]], verdicts: Sequence[Verdict]) -> None:
        by_verdict: dict[Verdict, list[str]] = {verdict: [] for verdict in Verdict}
        for row, verdict in zip(rows, verdicts, strict=True):
            by_verdict[verdict].append(row.reference)
            self._ask_at.pop(row.reference, None)
        for reference in by_verdict[Verdict.UNKNOWN]:
            self._ask_at[reference] = self._clock.monotonic() + ASK_AGAIN_NANOS
        with self._database.begin() as connection:
            store.move(connection, by_verdict[Verdict.CLEAR], DepositState.CLEARED)
            store.move(connection, by_verdict[Verdict.HIT], DepositState.HELD, NO)
            for reference in by_verdict[Verdict.HIT]:
                raise_alarm(connection, reference, NO, self._clock.now())
        self._reached("deposit screened")

    def _hold(self, rows: Sequence[Row[Any]]) -> None:
        """The ledger has what is on the chain, whoever it will belong to; dust adds up."""
        self._arrive(rows)
        owners = {(r.account, r.asset) for r in rows if r.state == str(DepositState.DUST)}
        for account, code in sorted(owners):
            self._add_up(account, self._assets.by_code[code])

    def _arrive(self, rows: Sequence[Row[Any]]) -> None:
        """Post what is at the addresses, before anybody is told of it."""
        new = [row for row in rows if not row.posted]
        if not new:
            return
        self._books.post(self._arrival(row) for row in new)
        self._reached("deposit posted")
        with self._database.begin() as connection:
            store.mark_posted(connection, [row.reference for row in new])

    def _too_early(self, row: Row[Any]) -> bool:
        """Whether the cold wallet gives what the ledger does not know yet that it has: a refill is
        in the chain, and is not booked."""
        asset = self._assets.by_code[row.asset]
        there = self._books.balance(chart.chain(asset.code, row.source))
        if there >= asset.units(row.amount):
            return False
        with self._reading.begin() as connection:
            return outgoing.is_unbooked(connection, Purpose.REFILL)

    def _add_up(self, account: int, asset: ChainAsset) -> None:
        with self._database.begin() as connection:
            rows = store.dust(connection, account, asset.code)
            total = sum(asset.minor(row.amount) for row in rows)
            if total >= asset.min_deposit:
                whole = [row.reference for row in rows if row.credit]
                store.move(connection, whole, DepositState.CLEARED, "adds up to the least deposit")

    def _credit(self, rows: Sequence[Row[Any]]) -> None:
        self._arrive(rows)
        self._books.post(release for row in rows if (release := self._release(row)) is not None)
        done = []
        for row in rows:
            if self._answered(row.reference, Step.CREDIT):
                done.append(row.reference)
            else:
                self._telling.tell(self._deposit(row))
        if done:
            with self._database.begin() as connection:
                store.move(connection, done, DepositState.CREDITED)
            self._reached("deposit credited")

    def _reverse(self, rows: Sequence[Row[Any]]) -> None:
        """What was told to the venue has to be credited before it can be taken back."""
        for row in rows:
            if not row.account or self._in_suspense(row) or self._books.find(row.reference) is None:
                self._unpost(row)
            elif not self._answered(row.reference, Step.CREDIT):
                self._telling.tell(self._deposit(row))
            elif not self._answered(f"{row.reference}/back", Step.REVERSE):
                self._telling.tell(self._reversal(row))
            else:
                self._unpost(row)

    # --- the ledger -----------------------------------------------------------------------

    def _arrival(self, row: Row[Any]) -> Entry:
        """The coins are at the address."""
        asset = self._assets.by_code[row.asset]
        there = self._books.opened(chart.chain(asset.code, row.address))
        if row.state == str(DepositState.INTERNAL):
            units = asset.units(row.amount)
            return row.reference, self._books.leaving(asset.code, row.source, there, units)
        why = SUSPENSE.get(DepositState(row.state))
        if why is None:
            return row.reference, self._shares(asset, there, row)
        target = self._books.opened(chart.suspense(asset.code, why))
        return row.reference, [(there, target, asset.units(row.amount))]

    def _release(self, row: Row[Any]) -> Entry | None:
        """What was in suspense is its owner's; None if it never was there."""
        arrival = self._books.find(row.reference)
        assert arrival is not None
        source = arrival.batch.transfers[0].credit
        if SUSPENSE_PATH not in source:
            return None
        asset = self._assets.by_code[row.asset]
        return f"{row.reference}/released", self._shares(asset, source, row)

    def _shares(self, asset: ChainAsset, source: str, row: Row[Any]) -> list[Move]:
        """Whole minor units to the owner; what is left over is dust."""
        whole = asset.units_of_minor(row.credit)
        rest = asset.units(row.amount) - whole
        shares = [(source, self._books.opened(chart.incoming(asset.code)), whole)]
        if rest:
            shares.append((source, self._books.opened(chart.dust(asset.code)), rest))
        return shares

    def _in_suspense(self, row: Row[Any]) -> bool:
        """Whether the coins are nobody's at the venue."""
        arrival = self._books.find(row.reference)
        if arrival is None or SUSPENSE_PATH not in arrival.batch.transfers[0].credit:
            return False
        return self._books.find(f"{row.reference}/released") is None

    def _unpost(self, row: Row[Any]) -> None:
        """The coins never came: every transfer of theirs the other way round."""
        there = chart.chain(row.asset, row.address).name
        back: list[Move] = []
        for key in (f"{row.reference}/released", row.reference):
            arrival = self._books.find(key)
            for t in arrival.batch.transfers if arrival else ():
                if t.debit == there:
                    back += self._books.leaving(row.asset, row.address, t.credit, t.amount)
                else:
                    back.append((t.credit, t.debit, t.amount))
        if back:
            self._books.post([(f"{row.reference}/gone", back)])
        owed = self._books.balance(chart.owed(row.asset, row.account))
        with self._database.begin() as connection:
            store.move(connection, [row.reference], DepositState.REVERSED)
            if owed:
                raise_alarm(
                    connection, f"{row.reference}/back",
                    f"account {row.account} owes {owed} units of {row.asset}",
                    self._clock.now(), stopping_account(row.account),
                )  # fmt: skip
        self._log(f"deposit {row.reference} is reversed")

    # --- the venue ------------------------------------------------------------------------

    def _answered(self, reference: str, step: Step) -> bool:
        with self._reading.begin() as connection:
            answer = find_answer(connection, reference, step)
        return answer is not None and answer.taken

    def _number(self, code: str) -> int:
        return next(a.id for a in self._refdata.assets.values() if a.code == code)

    def _deposit(self, row: Row[Any]) -> Deposit:
        return Deposit(row.account, self._number(row.asset), row.credit, row.reference)

    def _reversal(self, row: Row[Any]) -> ReverseDeposit:
        return ReverseDeposit(
            row.account, self._number(row.asset), row.credit, row.reference,
            f"{row.reference}/back",
        )  # fmt: skip


def _of(rows: Sequence[Row[Any]], state: DepositState) -> list[Row[Any]]:
    return [row for row in rows if row.state == str(state)]
