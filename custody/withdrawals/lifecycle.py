"""Moves withdrawals on, from what the venue, the policy, the approvers and the chain have said.

Each step is written down before the next one begins, and what it told anybody can be told again:
so a process that ends anywhere goes on as if it had not.
"""

from collections.abc import Callable
from enum import Enum
from typing import Any, Final, Protocol

from msgspec import Struct
from sqlalchemy import Connection, Row

from custody.alarms import EVERYTHING, raise_alarm, stopped, stopping_account, stopping_asset
from custody.answers import Answer, Step
from custody.assets import ChainAssets
from custody.chain_books import ChainBooks, Move
from custody.chains.node import CallFails
from custody.holds import GOES_ON, HELD, Holds
from custody.ledger import chart
from custody.outgoing import store as outgoing
from custody.outgoing.sender import Sender
from custody.outgoing.states import OutgoingState, Purpose
from custody.part import Means, Part
from custody.policy.intents import Approval, Withdrawal
from custody.screening import Screening, Verdict, verdict_of
from custody.store.answer_store import find_answer
from custody.venue_line import Telling
from custody.withdrawals import store
from custody.withdrawals.states import RESTING
from custody.withdrawals.states import WithdrawalState as W
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import HoldWithdrawal, ReleaseWithdrawal, SettleWithdrawal

AT_ONCE: Final = 500
"""Withdrawals that one step moves on, the oldest first."""

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after an unknown verdict, or a payment that would fail, it is tried again."""

WAITS: Final = "waits for screening: "
"""What people read of what is not cleared; why follows."""

CLEARED: Final = "goes on: screening has answered"


class Verdicts(Enum):
    """What the policy says of a withdrawal."""

    ALLOWED = 1
    WAITING = 2
    BLOCKED = 3
    REJECTED = 4
    EXPIRED = 5


class Ruling(Struct, frozen=True):
    """text: which rule, or who, and why."""

    verdict: Verdicts
    text: str


class Rules(Protocol):
    """The policy, as far as withdrawals go."""

    def rule(self, connection: Connection, intent: Withdrawal, approvals: list[Approval]) -> Ruling:
        """What is to become of a withdrawal now."""
        ...


class Payments(Protocol):
    """What the venue's hot wallet needs to know to pay."""

    wallet: str
    max_fee: int
    """The most that a payment may offer, wei a unit of gas."""

    def request(
        self, connection: Connection, intent: Withdrawal, approvals: list[Approval]
    ) -> bytes:
        """What the signer will be asked."""
        ...

    @property
    def waits(self) -> Callable[[Connection, Withdrawal], bool]:
        """Whether a withdrawal waits for coins that are to be brought to the wallet."""
        ...

    async def gas(self, intent: Withdrawal) -> int | None:
        """How much gas the payment takes; None if no node says. Raises CallFails."""
        ...


def reference_of(ident: str) -> str:
    """What a withdrawal is called at the venue, in the ledger and among transactions."""
    return f"withdrawal/{ident}"


class Lifecycle(Part):
    """Every withdrawal, as far as it gets."""

    def __init__(
        self,
        means: Means,
        books: ChainBooks,
        telling: Telling,
        rules: Rules,
        screening: Screening,
        payments: Payments,
        sender: Sender,
        holds: Holds,
        assets: ChainAssets,
        number_of: Callable[[str], int],
    ) -> None:
        """number_of: an asset's id in the journal, by its code."""
        super().__init__(means)
        self._books = books
        self._telling = telling
        self._rules = rules
        self._screening = screening
        self._payments = payments
        self._sender = sender
        self._holds = holds
        self._assets = assets
        self._number_of = number_of
        self._ask_at: dict[str, int] = {}
        self._moves = 0
        """How often a row was written since it was last read."""

    async def step(self) -> None:
        """Every withdrawal that has not ended. Raises Disagreement of the nodes."""
        with self._reading.begin() as connection:
            rows = store.unfinished(connection, AT_ONCE)
        for row in rows:
            await self._as_far_as_it_gets(row)

    async def _as_far_as_it_gets(self, row: Row[Any]) -> None:
        """Between two states that need nothing of the chain nobody waits for its next look."""
        while W(row.state) not in RESTING:
            before, self._moves = row.state, 0
            await self._go_on(row)
            if not self._moves:
                return
            with self._reading.begin() as connection:
                now = store.find(connection, row.id)
            assert now is not None
            if now.state == before:
                return
            row = now

    async def _go_on(self, row: Row[Any]) -> None:
        match W(row.state):
            case W.REQUESTED:
                self._hold(row)
            case W.HELD | W.AWAITING:
                self._judge(row)
            case W.APPROVED:
                await self._send(row)
            case W.SENDING:
                self._watch(row)
            case W.PAID:
                self._settle(row)
            case W.RELEASING:
                self._release(row)
            case _:
                raise AssertionError(f"{row.id} is {row.state}, and not ended")

    # --- the venue ------------------------------------------------------------------------

    def _answer(self, row: Row[Any], step: Step) -> Answer | None:
        with self._reading.begin() as connection:
            return find_answer(connection, reference_of(row.id), step)

    def _hold(self, row: Row[Any]) -> None:
        answer = self._answer(row, Step.HOLD)
        if answer is None:
            asset = self._number_of(row.asset)
            self._telling.tell(
                HoldWithdrawal(row.account, asset, row.amount, row.fee, reference_of(row.id))
            )
        elif answer.taken:
            self._move(row, W.HELD)
            self._reached("withdrawal held")
        else:
            self._move(row, W.REFUSED, answer.text)

    def _release(self, row: Row[Any]) -> None:
        answer = self._answer(row, Step.RELEASE)
        if answer is not None and answer.taken:
            self._move(row, W(row.ending))
            self._reached("withdrawal released")
        else:
            self._telling.tell(ReleaseWithdrawal(reference_of(row.id), row.text[:200]))

    def _settle(self, row: Row[Any]) -> None:
        answer = self._answer(row, Step.SETTLE)
        if answer is not None and answer.taken:
            self._move(row, W.SETTLED)
            self._reached("withdrawal settled")
        else:
            self._telling.tell(SettleWithdrawal(reference_of(row.id)))

    # --- the decision ---------------------------------------------------------------------

    def _judge(self, row: Row[Any]) -> None:
        intent = store.intent_of(row)
        with self._reading.begin() as connection:
            approvals = store.approvals_of(connection, row.id)
            ruling = self._rules.rule(connection, intent, approvals)
        match ruling.verdict:
            case Verdicts.ALLOWED:
                self._move(row, W.APPROVED, ruling.text)
            case Verdicts.WAITING:
                if (row.state, row.text) != (str(W.AWAITING), ruling.text):
                    self._move(row, W.AWAITING, ruling.text)
            case Verdicts.BLOCKED:
                self._move(row, W.RELEASING, ruling.text, W.BLOCKED)
            case Verdicts.REJECTED:
                self._move(row, W.RELEASING, ruling.text, W.REJECTED)
            case Verdicts.EXPIRED:
                self._move(row, W.RELEASING, ruling.text, W.EXPIRED)
        self._reached("withdrawal judged")

    async def _send(self, row: Row[Any]) -> None:
        """Screened, tried out, and given its nonce: the last step that can be taken back."""
        now = self._clock.monotonic()
        if self._ask_at.get(row.id, now) > now:
            return
        intent = store.intent_of(row)
        if self._clock.now() >= intent.expires:
            self._move(row, W.RELEASING, "it expired before it was sent", W.EXPIRED)
            return
        if not self._is_let_go(row):
            return
        with self._reading.begin() as connection:
            waits = self._payments.waits(connection, intent)
        if waits or not await self._may_go(row, intent):
            self._ask_at[row.id] = now + ASK_AGAIN_NANOS
            return
        try:
            gas = await self._payments.gas(intent)
        except CallFails as error:
            self._ask_at[row.id] = now + ASK_AGAIN_NANOS
            self._tell_a_person(row, f"{row.id} would fail on the chain: {error}")
            return
        nonce = await self._sender.nonce_for(self._payments.wallet)
        if nonce is None or gas is None:
            return
        self._plan(row, intent, nonce, gas)

    def _is_let_go(self, row: Row[Any]) -> bool:
        """Whether the venue lets the account's money go; people see where it does not."""
        frozen = self._holds.frozen(row.account)
        if frozen is None:
            return False
        if frozen != (row.text == HELD):
            self._move(row, W.APPROVED, HELD if frozen else GOES_ON)
        return not frozen

    async def _may_go(self, row: Row[Any], intent: Withdrawal) -> bool:
        verdict, why = await verdict_of(self._screening.withdrawal(row.account, intent))
        if verdict == Verdict.HIT:
            self._tell_a_person(row, f"screening says no to {row.id}")
            why = "it says no"
        self._show(row, "" if verdict == Verdict.CLEAR else f"{WAITS}{why}"[: store.MAX_WORDS])
        return verdict == Verdict.CLEAR

    def _show(self, row: Row[Any], waits: str) -> None:
        """People see why it waits, or that it does not any more."""
        if waits and waits != row.text:
            self._move(row, W.APPROVED, waits)
        elif not waits and row.text.startswith(WAITS):
            self._move(row, W.APPROVED, CLEARED)

    def _plan(self, row: Row[Any], intent: Withdrawal, nonce: int, gas: int) -> None:
        if self._holds.frozen(row.account) is not False:
            return  # it may have been frozen while others were asked
        with self._database.begin() as connection:
            wallet = self._payments.wallet
            what = (EVERYTHING, stopping_account(row.account), stopping_asset(row.asset), wallet)
            if stopped(connection, *what):
                return
            approvals = store.approvals_of(connection, row.id)
            request = self._payments.request(connection, intent, approvals)
            now = self._clock.now()
            if not store.move(connection, row.id, [W.APPROVED], W.SENDING, now):
                return  # it was taken back meanwhile
            outgoing.plan(
                connection, wallet, nonce, Purpose.WITHDRAWAL, reference_of(row.id), request, gas,
                self._payments.max_fee, now,
            )  # fmt: skip
        self._moves += 1
        self._reached("nonce assigned")

    # --- what became of it ----------------------------------------------------------------

    def _watch(self, row: Row[Any]) -> None:
        with self._reading.begin() as connection:
            sent = outgoing.by_reference(connection, reference_of(row.id))
        assert sent is not None, f"{row.id} is being sent, and has no nonce"
        match OutgoingState(sent.state):
            case OutgoingState.DONE:
                self._paid(row, sent)
            case OutgoingState.FAILED:
                self._gas(row, sent)
                self._move(row, W.REVERTED, f"0x{sent.tx.hex()} is final and reverted")
                self._tell_a_person(row, f"{row.id} was reverted by the chain: nothing has moved")
            case OutgoingState.CANCELLED:
                self._gas(row, sent)
                self._move(row, W.RELEASING, "its nonce was used up by nothing", W.CANCELLED)
            case OutgoingState.PLANNED | OutgoingState.SENT:
                pass

    def _paid(self, row: Row[Any], sent: Row[Any]) -> None:
        asset = self._assets.by_code[row.asset]
        gone = self._books.opened(chart.outgoing(row.asset))
        units = asset.units_of_minor(row.amount)
        moves = self._books.leaving(row.asset, sent.wallet, gone, units)
        self._books.post([(f"{reference_of(row.id)}/paid", moves)])
        self._gas(row, sent)
        self._reached("payment posted")
        self._move(row, W.PAID, f"0x{sent.tx.hex()} is final")
        self._reached("withdrawal paid")

    def _gas(self, row: Row[Any], sent: Row[Any]) -> None:
        coin = self._assets.by_token.get("")
        if coin is None or not sent.gas_paid:
            return
        cost = self._books.opened(chart.gas(coin.code))
        units = coin.units(sent.gas_paid)
        moves: list[Move] = self._books.leaving(coin.code, sent.wallet, cost, units)
        self._books.post([(f"{reference_of(row.id)}/gas", moves)])

    # --- steps ----------------------------------------------------------------------------

    def _move(self, row: Row[Any], to: W, text: str = "", ending: W | None = None) -> None:
        with self._database.begin() as connection:
            self._moved(connection, row, to, text, ending)

    def _moved(
        self, connection: Connection, row: Row[Any], to: W, text: str, ending: W | None = None
    ) -> None:
        if store.move(connection, row.id, [W(row.state)], to, self._clock.now(), text, ending):
            self._moves += 1
            self._log(f"withdrawal {row.id} is {to}" + (f": {text}" if text else ""))

    def _tell_a_person(self, row: Row[Any], text: str) -> None:
        with self._database.begin() as connection:
            if raise_alarm(connection, reference_of(row.id), text, self._clock.now()):
                self._log(text)
