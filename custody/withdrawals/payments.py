"""Paying out of the hot wallet: what the signer is asked, and whether a payment would work."""

from collections.abc import Callable

from sqlalchemy import Connection

from custody.chains.quorum import Witnesses
from custody.outgoing.gas import gas_of
from custody.policy.intents import Approval, Withdrawal
from custody.signing.requests import Pay, purpose_bytes


class HotWallet:
    """custody.withdrawals.lifecycle.Payments."""

    def __init__(
        self,
        wallet: str,
        max_fee: int,
        witnesses: Witnesses,
        waits: Callable[[Connection, Withdrawal], bool],
    ) -> None:
        """waits: whether a withdrawal waits for coins that are to be brought to the wallet."""
        self.wallet = wallet
        self.max_fee = max_fee
        self._witnesses = witnesses
        self.waits = waits

    def request(
        self, connection: Connection, intent: Withdrawal, approvals: list[Approval]
    ) -> bytes:
        """See Payments."""
        return purpose_bytes(Pay(intent, tuple(approvals)))

    async def gas(self, intent: Withdrawal) -> int | None:
        """See Payments."""
        return await gas_of(
            self._witnesses, self.wallet, intent.token, intent.destination, intent.amount
        )
