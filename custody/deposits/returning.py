"""Carries out the return of deposits that waited for people: the coins are sent away again.

    fuel for a token's gas, if there is none ▶ nonce on disk, RETURNING ▶ sent ▶ booked ▶ RETURNED

The coins are where they came to: a deposit address keeps what waits for a person, and what came to
the hot wallet is paid out of it. Of the chain's own coins the gas comes out of the amount; what of
that is not used stays with the venue. One return is tried for a deposit: one that the chain
reverted might still be in some pool, and the signer signs no other.
"""

from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, select

from custody.alarms import EVERYTHING, clear_alarm, raise_alarm, stopped, stopping_asset
from custody.assets import ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.node import NATIVE, CallFails
from custody.decisions.progress import Endings
from custody.decisions.states import DecisionState
from custody.deposits import decided, store
from custody.deposits.states import DepositState as S
from custody.holds import GOES_ON, HELD, Holds, account_of_deposit
from custody.ledger import chart
from custody.outgoing import store as outgoing
from custody.outgoing.fees import first_offer
from custody.outgoing.gas import PLAIN_GAS, Tries, gas_of
from custody.outgoing.sender import Network, Sender
from custody.outgoing.states import UNDER_WAY, OutgoingState, Purpose
from custody.part import Means, Part
from custody.policy.intents import Approval, Decidable, ReturnDeposit
from custody.signing.requests import FROM_HOT, Return, purpose_bytes
from custody.store.custody_schema import addresses
from custody.wallets.stock import TOKEN_GAS
from custody.wallets.sweeps import FEE_ROOM, busy_addresses
from engine.model.clock import NANOS_PER_SECOND

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after a return that would fail it is tried again."""


class Fuelling(Protocol):
    """What gives a deposit address coins for gas: custody.wallets.moves.Moves."""

    async def fuel(self, number: int, amount: int) -> bool:
        """Plan it; whether it was. amount: wei."""
        ...


class Nodes(Network, Tries, Protocol):
    """What is asked of nodes: custody.chains.quorum.Witnesses."""


def reference_of(ident: str) -> str:
    """What the transaction of an intent is called."""
    return f"return/{ident}"


class Returning(Part):
    """custody.decisions.progress.Carrier of ReturnDeposit."""

    def __init__(
        self,
        means: Means,
        books: ChainBooks,
        network: Nodes,
        sender: Sender,
        holds: Holds,
        fuelling: Fuelling,
        assets: ChainAssets,
        hot: str,
        max_fee_cap: int,
        endings: Endings,
    ) -> None:
        """max_fee_cap: wei a unit of gas."""
        super().__init__(means)
        self._books = books
        self._network = network
        self._sender = sender
        self._holds = holds
        self._fuelling = fuelling
        self._assets = assets
        self._hot = hot
        self._cap = max_fee_cap
        self._endings = endings
        self._ask_at: dict[str, int] = {}

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier."""
        assert isinstance(intent, ReturnDeposit)
        with self._reading.begin() as connection:
            return decided.refusal(connection, intent)

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier."""
        assert isinstance(intent, ReturnDeposit)
        with self._reading.begin() as connection:
            sent = outgoing.by_reference(connection, reference_of(row.id))
        if sent is not None:
            if sent.booked:
                self._ended(row, intent, sent)
            return
        now = self._clock.monotonic()
        if self._ask_at.get(row.id, now) > now:
            return
        if self._clock.now() >= intent.expires:
            self._endings.fail(row, "it expired before it was sent")
        elif refusal := self.refusal(row, intent):
            self._endings.fail(row, refusal)
        elif not self._waits(intent) and self._is_let_go(row, intent):
            await self._send(row, intent, approvals)

    def _waits(self, intent: ReturnDeposit) -> bool:
        """Whether something else comes first: a person, or a transaction of a deposit address."""
        with self._reading.begin() as connection:
            if stopped(connection, EVERYTHING, stopping_asset(intent.asset), intent.source):
                return True
            return intent.source != self._hot and intent.source in busy_addresses(connection)

    def _is_let_go(self, row: Row[Any], intent: ReturnDeposit) -> bool:
        """Whether the venue lets the money go of the account that it came to; people see where it
        does not."""
        frozen = self._frozen(intent)
        if frozen is None:
            return False
        if frozen != (row.text == HELD):
            with self._database.begin() as connection:
                self._endings.end(
                    connection, row, DecisionState(row.state), HELD if frozen else GOES_ON
                )
        return not frozen

    def _frozen(self, intent: ReturnDeposit) -> bool | None:
        with self._reading.begin() as connection:
            account = account_of_deposit(connection, intent)
        return self._holds.frozen(account)

    # --- sending --------------------------------------------------------------------------

    async def _send(self, row: Row[Any], intent: ReturnDeposit, approvals: list[Approval]) -> None:
        fees = await self._network.fees()
        if fees is None:
            return
        price = min(FEE_ROOM * first_offer(fees, self._cap).max_fee, self._cap)
        least = 0 if intent.token else PLAIN_GAS * price
        if intent.amount <= least:
            self._endings.fail(row, f"its gas may cost {least} wei: nothing would be left")
            return
        if not intent.token and await self._is_short(intent):
            return
        try:
            gas = await gas_of(
                self._network, intent.source, intent.token, intent.destination,
                intent.amount - least,
            )  # fmt: skip
        except CallFails as error:
            self._ask_at[row.id] = self._clock.monotonic() + ASK_AGAIN_NANOS
            self._tell_a_person(row, f"{row.id} would fail on the chain: {error}")
            return
        if gas is None:
            return
        if gas > TOKEN_GAS:
            self._endings.fail(row, f"it would take {gas} units of gas; at most {TOKEN_GAS}")
        elif intent.token:
            await self._send_token(row, intent, approvals, gas, price)
        elif intent.amount > gas * price:
            await self._plan(row, intent, approvals, intent.amount - gas * price, gas, price)
        else:
            self._endings.fail(row, f"its gas may cost {gas * price} wei: nothing would be left")

    async def _is_short(self, intent: ReturnDeposit) -> bool:
        """Whether a deposit address has less coins than came: the gas of a return that did not go
        through is missing, which the gas tank gives."""
        if intent.source == self._hot:
            return False
        missing = intent.amount - self._coins_at(intent.source)
        if missing <= 0:
            return False
        with self._reading.begin() as connection:
            deposit = store.find(connection, intent.deposit)
        if deposit is not None and deposit.posted:
            await self._fuelling.fuel(self._number(intent.source), missing)
        return True

    async def _send_token(
        self,
        row: Row[Any],
        intent: ReturnDeposit,
        approvals: list[Approval],
        gas: int,
        price: int,
    ) -> None:
        """With coins for its gas: the hot wallet has some, a deposit address may need them."""
        if intent.source == self._hot:
            await self._plan(row, intent, approvals, intent.amount, gas, self._cap)
            return
        there = self._coins_at(intent.source)
        if there >= gas * price // FEE_ROOM:
            most = min(there // gas, self._cap)
            await self._plan(row, intent, approvals, intent.amount, gas, most)
        else:
            await self._fuelling.fuel(self._number(intent.source), gas * price)

    async def _plan(
        self,
        row: Row[Any],
        intent: ReturnDeposit,
        approvals: list[Approval],
        amount: int,
        gas: int,
        most: int,
    ) -> None:
        number = FROM_HOT if intent.source == self._hot else self._number(intent.source)
        request = purpose_bytes(Return(intent, tuple(approvals), number, amount))
        nonce = await self._sender.nonce_for(intent.source)
        if nonce is None or self._frozen(intent) is not False:
            return  # it may have been frozen while others were asked
        with self._database.begin() as connection:
            deposit = store.find(connection, intent.deposit)
            if deposit is None or decided.refusal(connection, intent):
                return  # the next step says so
            store.decide(
                connection, deposit, S.RETURNING, f"is returned by {intent.id}",
                amount=intent.amount, was=deposit.state,
            )  # fmt: skip
            outgoing.plan(
                connection, intent.source, nonce, Purpose.RETURN, reference_of(row.id), request,
                gas, most, self._clock.now(),
            )  # fmt: skip
        self._reached("return planned")

    def _coins_at(self, address: str) -> int:
        """wei that the ledger has at an address."""
        coin = self._assets.by_token[NATIVE]
        return self._books.balance(chart.chain(coin.code, address)) // coin.units(1)

    def _number(self, address: str) -> int:
        query = select(addresses.c.number).where(addresses.c.address == address)
        with self._reading.begin() as connection:
            return int(connection.execute(query).scalar_one())

    # --- what became of it ----------------------------------------------------------------

    def _ended(self, row: Row[Any], intent: ReturnDeposit, sent: Row[Any]) -> None:
        """Its transaction is final, and the ledger has it."""
        state = OutgoingState(sent.state)
        assert state not in UNDER_WAY
        with self._database.begin() as connection:
            deposit = store.find(connection, intent.deposit)
            assert deposit is not None
            if state == OutgoingState.DONE:
                self._gone(connection, row, deposit, f"0x{sent.tx.hex()} is final")
            else:
                self._back(connection, row, deposit, f"its transaction is {state}")
        self._reached("deposit returned")

    def _gone(self, connection: Connection, row: Row[Any], deposit: Row[Any], text: str) -> None:
        if self._endings.done(connection, row, text):
            words = f"returned by {row.id}: {text}"
            store.decide(connection, deposit, S.RETURNED, words)
            for alarm in (deposit.reference, reference_of(row.id)):
                clear_alarm(connection, alarm, self._clock.now())

    def _back(self, connection: Connection, row: Row[Any], deposit: Row[Any], text: str) -> None:
        if self._endings.end(connection, row, DecisionState.FAILED, text):
            words = f"{deposit.reference} was not returned by {row.id}: {text}"
            store.decide(connection, deposit, S(deposit.was), words)
            if raise_alarm(connection, reference_of(row.id), words, self._clock.now()):
                self._log(words)

    def _tell_a_person(self, row: Row[Any], text: str) -> None:
        with self._database.begin() as connection:
            if raise_alarm(connection, reference_of(row.id), text, self._clock.now()):
                self._log(text)
