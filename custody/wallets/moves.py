"""Moves between the venue's own addresses: given a nonce here, and booked here when they are final.

Every move is an outgoing transaction like a withdrawal's: one nonce, one final form, one entry in
the ledger.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from custody.alarms import EVERYTHING, raise_alarm, stopped
from custody.assets import ChainAssets
from custody.chain_books import ChainBooks, Move
from custody.chains.node import NATIVE
from custody.ledger import chart
from custody.outgoing import store
from custody.outgoing.sender import Sender
from custody.outgoing.states import OutgoingState
from custody.outgoing.states import Purpose as For
from custody.part import Means, Part
from custody.signing.requests import (
    Fuel,
    OwnWallets,
    Pay,
    Purpose,
    Refill,
    Return,
    Sweep,
    WarmFuel,
    WarmPay,
    purpose_bytes,
    read_purpose,
)
from custody.store.custody_schema import addresses, outgoing
from custody.wallets.stock import COIN_GAS, TOKEN_GAS, Stock
from engine.model.errors import OperatorError

REFILLS: Final = "refills"
"""The alarm of a refill that did not go through, and what it stops: one that fails again and again
would only burn gas."""

WARM_REFILLS: Final = "refills/warm"
"""The same of all that the warm wallet sends, up or down, and of coins for its gas."""

DOUBTED: Final = (For.REFILL, For.WARM_FUEL, For.RESTOCK)
"""Purposes of which one that fails stops those that would follow."""

ENDED: Final = [str(OutgoingState.DONE), str(OutgoingState.FAILED), str(OutgoingState.CANCELLED)]


class Moves(Part):
    """max_fee: wei a unit of gas that any of them may offer."""

    def __init__(
        self,
        means: Means,
        books: ChainBooks,
        sender: Sender,
        assets: ChainAssets,
        wallets: OwnWallets,
        max_fee: int,
    ) -> None:
        super().__init__(means)
        self.reading = self._reading
        self.books = books
        self._sender = sender
        self.assets = assets
        self.wallets = wallets
        self.max_fee = max_fee
        self.stock = Stock(books, assets, wallets, max_fee)

    # --- planning -------------------------------------------------------------------------

    async def plan(
        self,
        wallet: str,
        what: For,
        make: Callable[[int], Purpose],
        gas: int,
        most: int,
        reference: str = "",
    ) -> bool:
        """Give a nonce out, if that is certain and nothing stops it; whether it was. make: what the
        signer is asked, of a nonce. gas: units; most: wei a unit. reference: where it is for
        something that has a name."""
        nonce = await self._sender.nonce_for(wallet)
        if nonce is None:
            return False
        with self._database.begin() as connection:
            if stopped(connection, wallet, EVERYTHING):
                return False
            store.plan(
                connection, wallet, nonce, what, reference or f"{what}/{wallet}/{nonce}",
                purpose_bytes(make(nonce)), gas, most, self._clock.now(),
            )  # fmt: skip
        self._reached(f"{what} planned")
        return True

    async def fuel(self, number: int, amount: int) -> bool:
        """Have the gas tank give a deposit address coins, wei; whether that was planned."""
        fuel, tank = Fuel(number, amount), self.wallets.gas_tank
        return await self.plan(tank, For.FUEL, lambda _: fuel, COIN_GAS, self.max_fee)

    async def fuel_warm(self, short: int) -> bool:
        """Have the gas tank give the warm wallet what it is short of, wei, unless it does already;
        one that needs more than a token's move gets the rest afterwards."""
        with self.reading.begin() as connection:
            if store.is_unbooked(connection, For.WARM_FUEL):
                return False
        amount = min(short, TOKEN_GAS * self.max_fee)
        return await self.plan(
            self.wallets.gas_tank, For.WARM_FUEL, lambda _: WarmFuel(amount), COIN_GAS,
            self.max_fee,
        )  # fmt: skip

    # --- booking --------------------------------------------------------------------------

    def book(self) -> None:
        """What has ended since the last look. The ledger knows what it has booked."""
        with self.reading.begin() as connection:
            rows = _unbooked(connection)
        for row in rows:
            if entry := self._entry(row):
                self.books.post([(f"{row.reference}/done", entry)])
            with self._database.begin() as connection:
                store.mark_booked(connection, row)
            self._doubt(row)
            self._reached(f"{row.purpose} booked")

    def tell_a_person(self, alarm: str, text: str) -> None:
        """It is not tried again until somebody has cleared the alarm, which stops what it names."""
        with self._database.begin() as connection:
            if raise_alarm(connection, alarm, text, self._clock.now(), alarm):
                self._log(text)

    def _doubt(self, row: Row[Any]) -> None:
        if row.state == str(OutgoingState.DONE) or row.purpose not in DOUBTED:
            return
        alarm = REFILLS if row.wallet == self.wallets.hot else WARM_REFILLS
        self.tell_a_person(alarm, f"{row.reference} is {row.state}: nothing has moved")

    def _entry(self, row: Row[Any]) -> list[Move]:
        coin = self.assets.by_token[NATIVE]
        cost = self.books.opened(chart.gas(coin.code))
        entry: list[Move] = []
        if row.state == str(OutgoingState.DONE):
            purpose = read_purpose(row.request)
            entry += (
                self._returned(row, purpose)
                if isinstance(purpose, Return)
                else self._moved(row, purpose)
            )
        if row.gas_paid:
            entry += self.books.leaving(coin.code, row.wallet, cost, coin.units(row.gas_paid))
        return entry

    def _moved(self, row: Row[Any], purpose: Purpose) -> list[Move]:
        token, target, amount = carried(purpose, self.wallets, self._deposit_address)
        assert target, f"{row.reference} is no move between our own addresses"
        asset = self.assets.by_token[token]
        there = self.books.opened(chart.chain(asset.code, target))
        return self.books.leaving(asset.code, row.wallet, there, asset.units(amount))

    def _returned(self, row: Row[Any], purpose: Return) -> list[Move]:
        """What nobody was credited with has left; what its gas was to cost at most is kept."""
        intent = purpose.intent
        asset = self.assets.by_code[intent.asset]
        arrival = self.books.find(intent.deposit)
        assert arrival is not None, "it was posted before anything was sent"
        suspense = arrival.batch.transfers[0].credit
        assert chart.SUSPENSE_PATH in suspense, f"{intent.deposit} is somebody's"
        moves = self.books.leaving(asset.code, row.wallet, suspense, asset.units(purpose.amount))
        kept = asset.units(intent.amount - purpose.amount)
        if kept:
            moves.append((suspense, self.books.opened(chart.found(asset.code)), kept))
        return moves

    def _deposit_address(self, number: int) -> str:
        query = select(addresses.c.address).where(addresses.c.number == number)
        with self.reading.begin() as connection:
            return str(connection.execute(query).scalar_one())


def carried(
    purpose: Purpose, wallets: OwnWallets, deposit_address: Callable[[int], str]
) -> tuple[str, str, int]:
    """What a transaction takes from its wallet, and to which of ours: (token, target, atomic
    units); target is empty where it goes to somebody else. Raises OperatorError if it is under way
    to a wallet that the settings do not name any more."""
    match purpose:
        case Pay():
            return purpose.intent.token, "", purpose.intent.amount
        case Return():
            return purpose.intent.token, "", purpose.amount
        case Sweep():
            return purpose.token, wallets.hot, purpose.amount
        case Fuel():
            return NATIVE, deposit_address(purpose.number), purpose.amount
        case WarmPay():
            return purpose.intent.token, wallets.hot, purpose.intent.amount
        case WarmFuel():
            return NATIVE, _there("warm", wallets.warm), purpose.amount
        case Refill(way="hot-warm"):
            return purpose.token, _there("warm", wallets.warm), purpose.amount
        case Refill():
            return purpose.token, _there("cold", wallets.cold), purpose.amount


def _there(name: str, wallet: str) -> str:
    if not wallet:
        raise OperatorError(
            f"coins are under way to the {name} wallet, which custody.{name} of the configuration"
            " does not name any more: put it back until they have come"
        )
    return wallet


def _unbooked(connection: Connection) -> Sequence[Row[Any]]:
    query = select(outgoing).where(
        outgoing.c.purpose != str(For.WITHDRAWAL), outgoing.c.state.in_(ENDED), ~outgoing.c.booked
    )
    return connection.execute(query.order_by(outgoing.c.wallet, outgoing.c.nonce).limit(100)).all()
