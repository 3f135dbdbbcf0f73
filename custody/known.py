"""What people mean by the names that they give: accounts, assets, addresses."""

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, select

from custody.assets import ChainAsset, ChainAssets
from custody.store.custody_schema import addresses
from engine.model.errors import FixgateError
from engine.model.refdata import ReferenceData

MAX_INITIATOR: Final = 64
"""Longest name of whoever asks, characters."""


class DeskRefused(FixgateError):
    """Nothing was done; the text says why."""


class Known:
    """Everything raises DeskRefused with what is wrong.

    refdata: accounts of the journal, kept up to date by whoever reads it. parse_address: an address
    as `0x` and lower-case digits; raises FixgateError. wallets: the venue's own.
    """

    def __init__(
        self,
        assets: ChainAssets,
        refdata: ReferenceData,
        parse_address: Callable[[str], str],
        wallets: frozenset[str],
    ) -> None:
        self.assets = assets
        self.refdata = refdata
        self._parse_address = parse_address
        self._wallets = wallets

    def account(self, name: str) -> int:
        """An account's id in the journal."""
        for account in self.refdata.accounts.values():
            if account.name == name:
                return account.id
        raise DeskRefused(f"there is no account {name}")

    def name_of(self, account: int) -> str:
        """The name of an account of the journal; empty for 0, which is nobody's."""
        return next((a.name for a in self.refdata.accounts.values() if a.id == account), "")

    def asset(self, code: str) -> ChainAsset:
        """An asset that is on the chain."""
        asset = self.assets.by_code.get(code)
        if asset is None:
            known = ", ".join(self.assets.by_code)
            raise DeskRefused(f"{code} is not on the chain; these are: {known}")
        return asset

    def initiator(self, name: str) -> str:
        """Whoever asks."""
        if not 0 < len(name) <= MAX_INITIATOR:
            raise DeskRefused(f"initiator: 1 to {MAX_INITIATOR} characters")
        return name

    def destination(self, text: str) -> str:
        """An address, `0x` and 40 lower-case hex digits."""
        try:
            return self._parse_address(text)
        except FixgateError as error:
            raise DeskRefused(f"destination: {error}") from None

    def refuse_own(self, connection: Connection, target: str) -> None:
        """Whether an address is somebody else's than this venue's: what came to one of its own
        wallets as a payment would be nobody's."""
        if target in self._wallets:
            raise DeskRefused("the destination is a wallet of this venue")
        if self.is_deposit_address(connection, target):
            raise DeskRefused("the destination is a deposit address of this venue")

    def is_deposit_address(self, connection: Connection, address: str) -> bool:
        """Whether it was given to an account."""
        query = select(addresses.c.number).where(addresses.c.address == address)
        return connection.execute(query).first() is not None
