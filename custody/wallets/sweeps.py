"""What is at deposit addresses is swept to the hot wallet.

A token's sweep needs coins for its gas, which the gas tank gives first.
"""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, and_, or_, select

from custody.alarms import EVERYTHING, stopped
from custody.assets import ChainAsset
from custody.chains.node import NATIVE, Fees
from custody.deposits.states import DepositState
from custody.ledger import chart
from custody.outgoing.fees import first_offer
from custody.outgoing.states import UNDER_WAY, Purpose
from custody.signing.requests import Fuel, Sweep, read_purpose
from custody.store.custody_schema import addresses, deposits, outgoing
from custody.wallets.moves import Moves
from custody.wallets.stock import COIN_GAS, TOKEN_GAS

SWEEPS_AT_ONCE: Final = 20
"""Sweeps under way at a time, so that withdrawals are not behind hundreds of them."""

FEE_ROOM: Final = 2
"""How many times the first offer is set aside for gas, so that a stuck sweep can offer more. What
has been set aside is the most that it may offer: the rest of the coins is on its way."""

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


class Prices(Protocol):
    """Nodes: custody.chains.quorum.Witnesses, as far as prices go."""

    async def fees(self) -> Fees | None:
        """What gas costs now; None if too few know."""
        ...


class Sweeps:
    """above: by asset, minor units; of an asset that is not there nothing is swept."""

    def __init__(self, moves: Moves, nodes: Prices, above: Mapping[str, int]) -> None:
        self._moves = moves
        self._nodes = nodes
        self._above = above

    async def plan(self) -> None:
        """Sweeps and fuel of all addresses that have enough and wait for nothing."""
        with self._moves.reading.begin() as connection:
            if stopped(connection, EVERYTHING):
                return
            busy = busy_addresses(connection) | _undecided(connection)
            rows = connection.execute(select(addresses)).all()
        room = SWEEPS_AT_ONCE - len(busy)
        fees = await self._nodes.fees() if room > 0 else None
        if fees is None:
            return
        cap = self._moves.max_fee
        price = min(FEE_ROOM * first_offer(fees, cap).max_fee, cap)
        for row in rows:
            if room > 0 and row.address not in busy:
                room -= await self._sweep(row, price)

    async def _sweep(self, row: Row[Any], price: int) -> int:
        """Plan what an address can have swept; how many transactions. price: wei a unit of gas."""
        moves = self._moves
        for asset in sorted(moves.assets.by_code.values(), key=lambda a: not a.token):
            least = self._above.get(asset.code)
            units = moves.books.balance(chart.chain(asset.code, row.address))
            amount = _atomic(asset, units)
            if least is None or not amount or asset.minor(amount) < max(least, 1):
                continue
            if asset.token:
                return await self._sweep_token(row, asset, amount, price)
            if amount > COIN_GAS * price:
                return await self._sweep_coins(row, amount - COIN_GAS * price, price)
        return 0

    async def _sweep_coins(self, row: Row[Any], amount: int, price: int) -> int:
        request = Sweep(row.number, NATIVE, amount)
        plan = self._moves.plan
        return await plan(row.address, Purpose.SWEEP, lambda _: request, COIN_GAS, price)

    async def _sweep_token(self, row: Row[Any], asset: ChainAsset, amount: int, price: int) -> int:
        moves = self._moves
        coin = moves.assets.by_token.get(NATIVE)
        assert coin is not None, "the chain's own coin pays for gas"
        there = _atomic(coin, moves.books.balance(chart.chain(coin.code, row.address)))
        need = TOKEN_GAS * price
        if there >= need // FEE_ROOM:
            request = Sweep(row.number, asset.token, amount)
            most = min(there // TOKEN_GAS, moves.max_fee)
            return await moves.plan(row.address, Purpose.SWEEP, lambda _: request, TOKEN_GAS, most)
        return await moves.fuel(row.number, need)


def busy_addresses(connection: Connection) -> set[str]:
    """Addresses that something is under way from or to, or has been and the ledger does not have
    its end yet: what gas has cost is still there by the books."""
    busy = set()
    query = select(outgoing).where(
        or_(
            outgoing.c.state.in_([str(state) for state in UNDER_WAY]),
            and_(outgoing.c.purpose != str(Purpose.WITHDRAWAL), ~outgoing.c.booked),
        )
    )
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


def _atomic(asset: ChainAsset, units: int) -> int:
    """Of the ledger's units, whole atomic units of the chain."""
    return max(units, 0) // asset.units(1)
