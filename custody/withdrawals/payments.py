"""Paying out of the hot wallet: what the signer is asked, and whether a payment would work."""

from collections.abc import Callable

from sqlalchemy import Connection

from custody.chains.calldata import transfer
from custody.chains.node import Call
from custody.chains.quorum import Witnesses
from custody.policy.intents import Approval, Withdrawal
from custody.signing.requests import Allowed, Pay, purpose_bytes

GAS_MARGIN = 5
"""A payment is given one fifth more gas than nodes say it takes: a token may need a bit more by the
time that it is in a block."""


class HotWallet:
    """custody.withdrawals.lifecycle.Payments."""

    def __init__(
        self,
        wallet: str,
        max_fee: int,
        witnesses: Witnesses,
        allowed: Callable[[Connection, Withdrawal], Allowed | None],
    ) -> None:
        self.wallet = wallet
        self.max_fee = max_fee
        self._witnesses = witnesses
        self._allowed = allowed

    def request(
        self, connection: Connection, intent: Withdrawal, approvals: list[Approval]
    ) -> bytes:
        """See Payments."""
        return purpose_bytes(Pay(intent, tuple(approvals), self._allowed(connection, intent)))

    async def gas(self, intent: Withdrawal) -> int | None:
        """See Payments."""
        if intent.token:
            call = Call(self.wallet, intent.token, 0, transfer(intent.destination, intent.amount))
        else:
            call = Call(self.wallet, intent.destination, intent.amount)
        gas = await self._witnesses.gas(call)
        if gas is None:
            return None
        if not intent.token and gas <= PLAIN_GAS:
            return gas
        return gas + gas // GAS_MARGIN


PLAIN_GAS = 21_000
"""A transfer to an address without code takes exactly this (Ethereum Yellow Paper, appendix G)."""
