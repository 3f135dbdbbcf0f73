"""Coins that go up from the warm wallet to the hot one: never without the policy, and nowhere else.

Custody asks for them by itself where withdrawals that are approved wait for coins, and people do at
the desk. Both are an intent, decided on like every other; the signer decides on it once more.
"""

from typing import Any, Final

from sqlalchemy import Row

from custody.alarms import EVERYTHING, clear_alarm, raise_alarm, stopped, stopping_asset
from custody.assets import ChainAsset
from custody.chains.node import CallFails
from custody.decisions import store as decisions
from custody.decisions.desk import DecisionDesk
from custody.decisions.progress import Endings
from custody.decisions.states import UNDER_WAY, DecisionState
from custody.known import DeskRefused, Known
from custody.outgoing import store as outgoing
from custody.outgoing.gas import Tries, gas_of
from custody.outgoing.states import OutgoingState, Purpose
from custody.part import Means, Part
from custody.policy.intents import Approval, Decidable, Restock, kind_of_type
from custody.signing.requests import WarmPay
from custody.wallets.moves import WARM_REFILLS, Moves
from custody.wallets.stock import Stock
from engine.model.clock import NANOS_PER_SECOND
from engine.model.money import format_scaled

RESTOCK: Final = kind_of_type(Restock)

CUSTODY: Final = "custody"
"""Who asks where custody does so by itself: nobody else may ask under this name."""

ASK_AGAIN_NANOS: Final = 10 * NANOS_PER_SECOND
"""How long after a restock could not be sent it is tried again."""


class RestockDesk(Part):
    """Takes requests for restocks in. Everything raises DeskRefused."""

    def __init__(
        self, means: Means, chain: int, known: Known, decided: DecisionDesk, stock: Stock
    ) -> None:
        super().__init__(means)
        self._chain = chain
        self._known = known
        self._decided = decided
        self._stock = stock

    def request(self, asset: str, amount: int, initiator: str) -> str:
        """What a person asks for; the intent's name. amount: minor units of the venue."""
        if self._known.initiator(initiator) == CUSTODY:
            raise DeskRefused(f"initiator: {CUSTODY} asks by itself")
        known = self._known.asset(asset)
        atomic = known.atomic(amount) if amount > 0 else None
        if atomic is None:
            raise DeskRefused(f"{known.code} has {known.decimals} decimals on the chain")
        return self.ask(known, atomic, initiator)

    def ask(self, asset: ChainAsset, amount: int, initiator: str) -> str:
        """A new intent; its name. amount: atomic units."""
        if not self._stock.wallets.warm:
            raise DeskRefused("there is no warm wallet: custody.warm of the configuration")
        subject = _subject(asset.code)
        with self._database.begin() as connection:
            new = self._decided.begin(connection, RESTOCK, subject)
            intent = Restock(
                new.id, initiator, self._chain, asset.code, asset.token, amount, new.requested,
                new.expires,
            )  # fmt: skip
            decisions.keep(connection, intent, subject)
        return new.id

    def balances(self) -> list[dict[str, str]]:
        """What the books have in each wallet of the venue's, by asset; minor units as text."""
        wallets, found = self._stock.wallets, []
        for name in ("hot", "warm", "cold", "gas_tank"):
            address = getattr(wallets, name)
            for code, asset in self._stock.assets.by_code.items() if address else ():
                there = str(asset.minor(max(self._stock.there(asset, address), 0)))
                found.append({"wallet": name, "address": address, "asset": code, "amount": there})
        return found


class Restocks(Part):
    """custody.decisions.progress.Carrier of Restock."""

    def __init__(self, means: Means, moves: Moves, nodes: Tries, endings: Endings) -> None:
        super().__init__(means)
        self._moves = moves
        self._stock = moves.stock
        self._nodes = nodes
        self._endings = endings
        self._ask_at: dict[str, int] = {}

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier."""
        return "" if self._stock.wallets.warm else "there is no warm wallet any more"

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier: give it a nonce, and see what becomes of it."""
        assert isinstance(intent, Restock)
        with self._reading.begin() as connection:
            sent = outgoing.by_reference(connection, _reference(intent))
        now = self._clock.monotonic()
        if sent is not None:
            self._watch(row, sent)
        elif self._clock.now() >= intent.expires:
            self._endings.fail(row, "it expired before it was sent")
        elif self._ask_at.get(row.id, now) <= now:
            self._ask_at[row.id] = now + ASK_AGAIN_NANOS
            await self._send(row, intent, approvals)

    async def _send(self, row: Row[Any], intent: Restock, approvals: list[Approval]) -> None:
        stock, warm = self._stock, self._stock.wallets.warm
        with self._reading.begin() as connection:
            if stopped(connection, EVERYTHING, stopping_asset(intent.asset), WARM_REFILLS):
                return
            if outgoing.is_busy(connection, warm):
                return
        asset = stock.assets.by_code[intent.asset]
        if stock.there(asset, warm) < intent.amount:
            self._endings.fail(row, "the warm wallet has less")
            return
        try:
            gas = await gas_of(
                self._nodes, warm, intent.token, stock.wallets.hot, intent.amount
            )  # fmt: skip
        except CallFails as error:
            self._endings.fail(row, f"it would fail on the chain: {error}")
            return
        if gas is None:
            return
        spare = stock.there(stock.coin, warm) - (0 if asset.token else intent.amount)
        short = gas * self._moves.max_fee - spare
        if short <= 0:
            pay = WarmPay(intent, tuple(approvals))
            await self._moves.plan(
                warm, Purpose.RESTOCK, lambda _: pay, gas, self._moves.max_fee, _reference(intent)
            )
        elif asset.token:
            await self._moves.fuel_warm(short)
        else:
            self._endings.fail(row, "it leaves too little in the warm wallet for its own gas")

    def _watch(self, row: Row[Any], sent: Row[Any]) -> None:
        if not sent.booked:
            return
        if sent.state != str(OutgoingState.DONE):
            self._endings.fail(row, f"its transaction is {sent.state}: nothing has moved")
            return
        with self._database.begin() as connection:
            self._endings.done(connection, row, f"0x{sent.tx.hex()} is final")
        self._reached("restock ended")


class Shortage(Part):
    """Has restocks asked for where withdrawals that are approved wait for coins."""

    def __init__(self, means: Means, desk: RestockDesk, stock: Stock) -> None:
        super().__init__(means)
        self._desk = desk
        self._stock = stock

    def look(self) -> None:
        """One under way at a time for each asset; and not again for what was not let through,
        before more is needed than it was for."""
        if not self._stock.wallets.warm:
            return
        with self._reading.begin() as connection:
            lacking = self._stock.lacking(connection)
            last = {code: decisions.last_about(connection, _subject(code)) for code in lacking}
            could = {
                code: self._stock.for_hot(connection, self._stock.assets.by_code[code])
                for code in lacking
            }
        for code, lack in lacking.items():
            before = last[code]
            if before is not None and DecisionState(before.state) in UNDER_WAY:
                continue
            amount = min(lack, could[code])
            if amount > 0 and amount > _refused(before):
                self._desk.ask(self._stock.assets.by_code[code], amount, CUSTODY)
        self._tell({code: lack for code, lack in lacking.items() if lack > could[code]})

    def _tell(self, short: dict[str, int]) -> None:
        """People know what has to come from the cold wallet, as long as it has to."""
        now = self._clock.now()
        with self._database.begin() as connection:
            for code, asset in self._stock.assets.by_code.items():
                if code not in short:
                    clear_alarm(connection, f"short/{code}", now)
                    continue
                lack = format_scaled(short[code], asset.decimals).decode()
                text = f"approved withdrawals lack {lack} {code}: the warm wallet has less"
                raise_alarm(connection, f"short/{code}", text, now)


def _reference(intent: Restock) -> str:
    return f"{RESTOCK}/{intent.id}"


def _subject(code: str) -> str:
    """Of all restocks of an asset, of which one at a time is under way."""
    return f"{RESTOCK}/{code}"


def _refused(before: Row[Any] | None) -> int:
    """What was asked for and did not come, atomic units; 0 if all did."""
    if before is None or before.state == str(DecisionState.DONE):
        return 0
    intent = decisions.intent_of(before)
    assert isinstance(intent, Restock)
    return intent.amount
