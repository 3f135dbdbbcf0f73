"""The customers of a data folder, as a command finds them."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from compliance.event_file import EventsBusy
from compliance.kyc.desk import KycDesk
from compliance.kyc.states import Customer
from compliance.kyc_file import KYC_NAME, KycFile
from engine.model.errors import OperatorError
from gateway.at_the_venue import identity_at
from gateway.flow.system_clock import SystemClock, silent
from gateway.turns import by_turns

OLD_NAMES: Final = "names.json"
"""Names of people, under DIR/compliance, as they were kept before the vault was asked."""


class Customers:
    """All of them. Raises OperatorError if there is no venue, or names of its customers' people are
    where nobody reads them any more."""

    def __init__(self, data: Path) -> None:
        old = data / "compliance" / OLD_NAMES
        if old.exists():
            raise OperatorError(
                f"{old} is read no more: the vault keeps names. Move it out of the data folder,"
                " hand each customer's file in again by `fixgate kyc submit`, then destroy it"
                " (docs/onboarding.md, 'Folders from before the vault')"
            )
        self.data = data
        self.clock = SystemClock(silent)
        self.desk = KycDesk(KycFile(data / "compliance" / KYC_NAME, identity_at(data)))

    def one(self, number: int) -> Customer:
        """Raises OperatorError."""
        if number not in self.desk.customers:
            raise OperatorError(f"there is no customer {number}: see `fixgate kyc list`")
        return self.desk.customers[number]

    def do(self, act: Callable[[KycDesk, int], object]) -> None:
        """Decide at this time; once more if somebody else is writing."""
        by_turns(lambda: act(self.desk, self.clock.now()), EventsBusy, self.desk.look)
