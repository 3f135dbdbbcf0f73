"""The venue's own wallets: what is at deposit addresses is swept to the hot one, and what that has
too much of goes to the cold one.

A token's sweep needs coins for its gas, which the gas tank gives first. Every move is an outgoing
transaction like a withdrawal's: one nonce, one final form, one entry in the ledger.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, Row, select

from custody.alarms import EVERYTHING, raise_alarm, stopped, stopping_asset
from custody.assets import ChainAsset, ChainAssets
from custody.chain_books import ChainBooks, Move
from custody.chains.node import NATIVE, CallFails
from custody.deposits.states import DepositState
from custody.ledger import chart
from custody.ledger.chart import SUSPENSE_PATH
from custody.outgoing import store
from custody.outgoing.fees import first_offer
from custody.outgoing.gas import Tries, gas_of
from custody.outgoing.sender import Network, Sender
from custody.outgoing.states import OutgoingState, Purpose
from custody.signing.requests import Fuel, Refill, Return, Sweep, purpose_bytes, read_purpose
from custody.store.custody_schema import addresses, deposits, outgoing
from custody.store.database import for_reading
from custody.wallets.surplus import Limits, Surplus, surplus_of
from engine.model.clock import NANOS_PER_SECOND, Clock

SWEEP_NANOS: Final = 5 * NANOS_PER_SECOND
"""Between two looks at what could be swept: nobody waits for it."""

SWEEPS_AT_ONCE: Final = 20
"""Sweeps under way at a time, so that withdrawals are not behind hundreds of them."""

COIN_GAS: Final = 21_000
TOKEN_GAS: Final = 90_000
"""Gas of a sweep, units: of coins, exactly; of a token, more than any kept one takes."""

FEE_ROOM: Final = 2
"""How many times the first offer is set aside for gas, so that a stuck sweep can offer more. What
has been set aside is the most that it may offer: the rest of the coins is on its way."""

REFILLS: Final = "refills"
"""The alarm of a refill that did not go through, and what it stops: one that fails again and again
would only burn gas."""

UNDECIDED: Final = tuple(
    str(state)
    for state in (
        DepositState.RECEIVED,
        DepositState.HELD,
        DepositState.MISMATCHED,
        DepositState.REVERSING,
        DepositState.RETURNING,
    )
)
"""States of deposits whose coins are mixed with nobody else's."""


class Nodes(Network, Tries, Protocol):
    """What the treasury asks nodes: custody.chains.quorum.Witnesses."""


class Treasury:
    """Plans sweeps and refills, and books what became of them. hot, gas_tank, cold: addresses."""

    def __init__(
        self,
        database: Engine,
        books: ChainBooks,
        network: Nodes,
        sender: Sender,
        assets: ChainAssets,
        sweep_above: Mapping[str, int],
        limits: Limits,
        hot: str,
        gas_tank: str,
        cold: str,
        max_fee_cap: int,
        clock: Clock,
        log: Callable[[str], None],
        reached: Callable[[str], None] = lambda _: None,
    ) -> None:
        """sweep_above: by asset, minor units; of an asset that is not there nothing is swept."""
        self._database = database
        self._reading = for_reading(database)
        self._books = books
        self._network = network
        self._sender = sender
        self._assets = assets
        self._above = sweep_above
        self._limits = limits
        self._hot = hot
        self._cold = cold
        self._tank = gas_tank
        self._cap = max_fee_cap
        self._clock = clock
        self._log = log
        self._reached = reached
        self._look_at = 0

    async def step(self) -> None:
        """Book what has ended; and now and then plan what can be swept."""
        self._book()
        now = self._clock.monotonic()
        if now < self._look_at:
            return
        self._look_at = now + SWEEP_NANOS
        await self._plan_sweeps()
        if self._cold:
            await self._plan_refill()

    # --- planning -------------------------------------------------------------------------

    async def _plan_sweeps(self) -> None:
        with self._reading.begin() as connection:
            if stopped(connection, EVERYTHING):
                return
            busy = busy_addresses(connection) | _undecided(connection)
            rows = connection.execute(select(addresses)).all()
        room = SWEEPS_AT_ONCE - len(busy)
        fees = await self._network.fees() if room > 0 else None
        if fees is None:
            return
        price = min(FEE_ROOM * first_offer(fees, self._cap).max_fee, self._cap)
        for row in rows:
            if room > 0 and row.address not in busy:
                room -= await self._sweep(row, price)

    async def _sweep(self, row: Row[Any], price: int) -> int:
        """Plan what an address can have swept; how many transactions. price: wei a unit of gas."""
        for asset in sorted(self._assets.by_code.values(), key=lambda a: not a.token):
            least = self._above.get(asset.code)
            units = self._books.balance(chart.chain(asset.code, row.address))
            amount = _atomic(asset, units)
            if least is None or not amount or asset.minor(amount) < max(least, 1):
                continue
            if asset.token:
                return await self._sweep_token(row, asset, amount, price)
            left = amount - COIN_GAS * price
            if left > 0:
                request = Sweep(row.number, NATIVE, left)
                return await self._plan(row.address, Purpose.SWEEP, request, COIN_GAS, price)
        return 0

    async def _sweep_token(self, row: Row[Any], asset: ChainAsset, amount: int, price: int) -> int:
        coin = self._assets.by_token.get(NATIVE)
        assert coin is not None, "the chain's own coin pays for gas"
        there = _atomic(coin, self._books.balance(chart.chain(coin.code, row.address)))
        need = TOKEN_GAS * price
        if there >= need // FEE_ROOM:
            request = Sweep(row.number, asset.token, amount)
            most = min(there // TOKEN_GAS, self._cap)
            return await self._plan(row.address, Purpose.SWEEP, request, TOKEN_GAS, most)
        return await self.fuel(row.number, need)

    async def fuel(self, number: int, amount: int) -> int:
        """Plan coins of the gas tank for a deposit address; how many transactions. amount: wei."""
        fuel = Fuel(number, amount)
        return await self._plan(self._tank, Purpose.FUEL, fuel, COIN_GAS, self._cap)

    async def _plan_refill(self) -> None:
        with self._reading.begin() as connection:
            found = surplus_of(connection, self._books, self._assets, self._limits, self._hot)
            if found is None or stopped(connection, REFILLS, stopping_asset(found.asset.code)):
                return
        try:
            gas = await gas_of(
                self._network, self._hot, found.asset.token, self._cold, found.amount
            )
        except CallFails as error:
            self._tell_a_person(f"the cold wallet would not take {found.asset.code}: {error}")
            return
        nonce = await self._sender.nonce_for(self._hot)
        if gas is None or nonce is None:
            return
        amount = _after_gas(found, gas * self._cap)
        if amount > 0:
            refill = Refill(str(nonce), found.asset.token, amount)
            await self._plan(self._hot, Purpose.REFILL, refill, gas, self._cap)

    async def _plan(
        self,
        wallet: str,
        purpose: Purpose,
        request: Sweep | Fuel | Refill,
        gas: int,
        most: int,
    ) -> int:
        nonce = await self._sender.nonce_for(wallet)
        if nonce is None:
            return 0
        with self._database.begin() as connection:
            if stopped(connection, wallet, EVERYTHING):
                return 0
            store.plan(
                connection, wallet, nonce, purpose, f"{purpose}/{wallet}/{nonce}",
                purpose_bytes(request), gas, most, self._clock.now(),
            )  # fmt: skip
        self._reached(f"{purpose} planned")
        return 1

    # --- booking --------------------------------------------------------------------------

    def _book(self) -> None:
        """What has ended since the last look. The ledger knows what it has booked."""
        with self._reading.begin() as connection:
            rows = _unbooked(connection)
        for row in rows:
            if moves := self._moves(row):
                self._books.post([(f"{row.reference}/done", moves)])
            with self._database.begin() as connection:
                store.mark_booked(connection, row)
            if row.purpose == str(Purpose.REFILL) and row.state != str(OutgoingState.DONE):
                self._tell_a_person(f"{row.reference} is {row.state}: nothing went to cold")
            self._reached(f"{row.purpose} booked")

    def _moves(self, row: Row[Any]) -> list[Move]:
        coin = self._assets.by_token[NATIVE]
        cost = self._books.opened(chart.gas(coin.code))
        moves: list[Move] = []
        if row.state == str(OutgoingState.DONE):
            moves += self._carried(row)
        if row.gas_paid:
            moves += self._books.leaving(coin.code, row.wallet, cost, coin.units(row.gas_paid))
        return moves

    def _carried(self, row: Row[Any]) -> list[Move]:
        """What a transaction has brought from one of our addresses to another."""
        purpose = read_purpose(row.request)
        match purpose:
            case Sweep():
                asset, target = self._assets.by_token[purpose.token], self._hot
            case Fuel():
                asset, target = self._assets.by_token[NATIVE], self._deposit(purpose.number)
            case Refill():
                asset, target = self._assets.by_token[purpose.token], self._cold
            case Return():
                return self._returned(row, purpose)
            case _:
                raise AssertionError(f"{row.reference} is no move between our own addresses")
        there = self._books.opened(chart.chain(asset.code, target))
        return self._books.leaving(asset.code, row.wallet, there, asset.units(purpose.amount))

    def _returned(self, row: Row[Any], purpose: Return) -> list[Move]:
        """What nobody was credited with has left; what its gas was to cost at most is kept."""
        intent = purpose.intent
        asset = self._assets.by_code[intent.asset]
        arrival = self._books.find(intent.deposit)
        assert arrival is not None, "it was posted before anything was sent"
        suspense = arrival.batch.transfers[0].credit
        assert SUSPENSE_PATH in suspense, f"{intent.deposit} is somebody's"
        moves = self._books.leaving(asset.code, row.wallet, suspense, asset.units(purpose.amount))
        kept = asset.units(intent.amount - purpose.amount)
        if kept:
            moves.append((suspense, self._books.opened(chart.found(asset.code)), kept))
        return moves

    def _tell_a_person(self, text: str) -> None:
        with self._database.begin() as connection:
            if raise_alarm(connection, REFILLS, text, self._clock.now(), REFILLS):
                self._log(text)

    def _deposit(self, number: int) -> str:
        query = select(addresses.c.address).where(addresses.c.number == number)
        with self._reading.begin() as connection:
            return str(connection.execute(query).scalar_one())


def _after_gas(found: Surplus, cost: int) -> int:
    """Of a surplus, what can go once its own gas is paid for: atomic units; not above 0 if nothing
    can. cost: wei, at most."""
    if found.asset.token:
        return found.amount if found.spare >= cost else 0
    return min(found.amount, found.spare - cost)


def busy_addresses(connection: Connection) -> set[str]:
    """Addresses that something is under way from or to."""
    busy = set()
    query = select(outgoing).where(outgoing.c.state.in_(["planned", "sent"]))
    numbers = {}
    for row in connection.execute(query):
        busy.add(row.wallet)
        if row.purpose == str(Purpose.FUEL):
            purpose = read_purpose(row.request)
            assert isinstance(purpose, Fuel)
            numbers[purpose.number] = row.reference
    for row in connection.execute(select(addresses).where(addresses.c.number.in_(numbers))):
        busy.add(row.address)
    return busy


def _undecided(connection: Connection) -> set[str]:
    """Addresses with coins that a person or the screening has not let in: they stay apart."""
    query = select(deposits.c.address).where(deposits.c.state.in_(UNDECIDED)).distinct()
    return {row.address for row in connection.execute(query)}


def _unbooked(connection: Connection) -> Sequence[Row[Any]]:
    query = select(outgoing).where(
        outgoing.c.purpose != str(Purpose.WITHDRAWAL),
        outgoing.c.state.in_(["done", "failed", "cancelled"]),
        ~outgoing.c.booked,
    )
    return connection.execute(query.order_by(outgoing.c.wallet, outgoing.c.nonce).limit(100)).all()


def _atomic(asset: ChainAsset, units: int) -> int:
    """Of the ledger's units, whole atomic units of the chain."""
    return max(units, 0) // asset.units(1)
