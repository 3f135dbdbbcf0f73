"""What the wallets have by the books, and who waits for it."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import Connection, func, select

from custody.assets import ChainAsset, ChainAssets
from custody.chain_books import ChainBooks
from custody.chains.node import NATIVE
from custody.decisions.states import DecisionState
from custody.ledger import chart
from custody.outgoing.states import UNDER_WAY
from custody.policy.intents import Restock, Withdrawal, kind_of_type, read_intent, scope_of
from custody.signing.requests import OwnWallets
from custody.store.custody_schema import decisions, outgoing, withdrawals
from custody.withdrawals.states import WithdrawalState as W

COIN_GAS: Final = 21_000
TOKEN_GAS: Final = 90_000
"""Gas of a move, units: of coins, exactly; of a token, more than any kept one takes."""

PROMISED: Final = (W.HELD, W.AWAITING, W.APPROVED, W.SENDING, W.REVERTED)
"""States of withdrawals that the hot wallet has still to pay, or may have to."""

APPROVED: Final = (W.APPROVED, W.SENDING)
"""Of those that it has to pay now."""


class Stock:
    """max_fee: wei a unit of gas, at most. Amounts are atomic units of the chain."""

    def __init__(
        self, books: ChainBooks, assets: ChainAssets, wallets: OwnWallets, max_fee: int
    ) -> None:
        self._books = books
        self.assets = assets
        self.wallets = wallets
        self._max_fee = max_fee

    @property
    def coin(self) -> ChainAsset:
        """The chain's own, which pays for gas."""
        return self.assets.by_token[NATIVE]

    def there(self, asset: ChainAsset, wallet: str) -> int:
        """What is in a wallet; below 0 for nothing whole."""
        return self._books.balance(chart.chain(asset.code, wallet)) // asset.units(1)

    def free(self, connection: Connection, asset: ChainAsset, wallet: str) -> int:
        """What is in the hot or the warm wallet that nobody waits for, below 0 if there is less
        than they do; of coins also without what transactions under way may cost."""
        if wallet == self.wallets.hot:
            waiting = promised(connection, asset, PROMISED)
        else:
            waiting = agreed(connection, asset)
        gas = 0 if asset.token else gas_under_way(connection, wallet)
        return self.there(asset, wallet) - waiting - gas

    def waits(self, connection: Connection, intent: Withdrawal) -> bool:
        """Whether the hot wallet lacks the coins for a withdrawal, beside those that are on their
        way out, and may get them from a warm one."""
        if not self.wallets.warm:
            return False
        asset = self.assets.by_code[intent.asset]
        wanted = promised(connection, asset, (W.SENDING,)) + intent.amount
        if not asset.token:
            wanted += gas_under_way(connection, self.wallets.hot) + self._cost(asset)
        return self.there(asset, self.wallets.hot) < wanted

    def lacking(self, connection: Connection) -> dict[str, int]:
        """By asset's code, what approved withdrawals wait for beyond what the hot wallet has."""
        found = {}
        for code, asset in self.assets.by_code.items():
            wanted = promised(connection, asset, APPROVED)
            if not asset.token:
                wanted += gas_under_way(connection, self.wallets.hot)
                wanted += sum(
                    count * self._cost(self.assets.by_code[paid])
                    for paid, count in waiting_by_asset(connection).items()
                )
            if (lack := wanted - self.there(asset, self.wallets.hot)) > 0:
                found[code] = lack
        return found

    def for_hot(self, connection: Connection, asset: ChainAsset) -> int:
        """What the warm wallet could give the hot one, its own gas apart; below 0 for nothing."""
        free = self.free(connection, asset, self.wallets.warm)
        return free if asset.token else free - self._cost(asset)

    def _cost(self, asset: ChainAsset) -> int:
        """What the gas of one payment costs at most, wei."""
        return (TOKEN_GAS if asset.token else COIN_GAS) * self._max_fee


def promised(connection: Connection, asset: ChainAsset, states: Iterable[W]) -> int:
    """What withdrawals in some states are to pay, atomic units."""
    query = select(func.sum(withdrawals.c.amount)).where(
        withdrawals.c.asset == asset.code, withdrawals.c.state.in_([str(s) for s in states])
    )
    minor = int(connection.execute(query).scalar() or 0)
    return asset.units_of_minor(minor) // asset.units(1)


def waiting_by_asset(connection: Connection) -> dict[str, int]:
    """How many withdrawals are approved and have no nonce yet, by asset's code."""
    query = (
        select(withdrawals.c.asset, func.count())
        .where(withdrawals.c.state == str(W.APPROVED))
        .group_by(withdrawals.c.asset)
    )
    return {row[0]: row[1] for row in connection.execute(query)}


def agreed(connection: Connection, asset: ChainAsset) -> int:
    """What restocks are to bring up, or are bringing, atomic units."""
    query = select(decisions.c.intent).where(
        decisions.c.kind == kind_of_type(Restock),
        decisions.c.asset == asset.code,
        decisions.c.state == str(DecisionState.AGREED),
    )
    return sum(scope_of(read_intent(row.intent)).amount or 0 for row in connection.execute(query))


def gas_under_way(connection: Connection, wallet: str) -> int:
    """Wei that transactions under way may still cost a wallet."""
    query = select(outgoing.c.gas, outgoing.c.most).where(
        outgoing.c.wallet == wallet, outgoing.c.state.in_([str(state) for state in UNDER_WAY])
    )
    return sum(row.gas * int(row.most) for row in connection.execute(query))
