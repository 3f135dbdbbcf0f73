"""Carries out the release of deposits that waited for people: they are credited like any other."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from custody.alarms import clear_alarm
from custody.assets import ChainAssets
from custody.decisions.progress import Endings
from custody.deposits import decided, store
from custody.deposits.states import DepositState
from custody.part import Means, Part
from custody.policy.intents import Approval, Decidable, ReleaseDeposit


class Releasing(Part):
    """custody.decisions.progress.Carrier of ReleaseDeposit."""

    def __init__(
        self,
        means: Means,
        assets: ChainAssets,
        number_of: Callable[[str], int],
        endings: Endings,
    ) -> None:
        """number_of: an account's id in the journal, by its name."""
        super().__init__(means)
        self._assets = assets
        self._number_of = number_of
        self._endings = endings

    def refusal(self, row: Row[Any], intent: Decidable) -> str:
        """See Carrier."""
        assert isinstance(intent, ReleaseDeposit)
        with self._reading.begin() as connection:
            if words := decided.refusal(connection, intent):
                return words
            deposit = store.find(connection, intent.deposit)
        assert deposit is not None
        asset, account = self._assets.by_code[intent.asset], self._number_of(intent.account)
        return decided.refusal_of_credit(deposit, asset, account)

    async def carry(self, row: Row[Any], intent: Decidable, approvals: list[Approval]) -> None:
        """See Carrier: the deposit is cleared, to be credited under its own reference."""
        assert isinstance(intent, ReleaseDeposit)
        if refusal := self.refusal(row, intent):
            self._endings.fail(row, refusal)
            return
        asset = self._assets.by_code[intent.asset]
        with self._database.begin() as connection:
            deposit = store.find(connection, intent.deposit)
            assert deposit is not None
            if self._endings.done(connection, row):
                store.decide(
                    connection, deposit, DepositState.CLEARED, f"released by {intent.id}",
                    account=self._number_of(intent.account), amount=intent.amount,
                    credit=asset.minor(intent.amount),
                )  # fmt: skip
                clear_alarm(connection, intent.deposit, self._clock.now())
        self._reached("deposit released")
