"""The customers of a data folder, as a command finds them."""

from collections.abc import Callable
from pathlib import Path

from compliance.kyc.desk import KycDesk
from compliance.kyc.names import Names
from compliance.kyc.states import Customer
from compliance.kyc_file import KYC_NAME, KycBusy, KycFile
from compliance.name_file import NAMES_NAME, NameFile
from engine.model.errors import OperatorError
from gateway.at_the_venue import identity_at
from gateway.flow.system_clock import SystemClock, silent
from gateway.turns import by_turns


class Customers:
    """All of them, and names of people. Raises OperatorError if there is no venue."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = SystemClock(silent)
        self.desk = KycDesk(KycFile(data / "compliance" / KYC_NAME, identity_at(data)))
        self.names: Names = NameFile(data / "compliance" / NAMES_NAME)

    def one(self, number: int) -> Customer:
        """Raises OperatorError."""
        if number not in self.desk.customers:
            raise OperatorError(f"there is no customer {number}: see `fixgate kyc list`")
        return self.desk.customers[number]

    def do(self, act: Callable[[KycDesk, int], object]) -> None:
        """Decide at this time; once more if somebody else is writing."""
        by_turns(lambda: act(self.desk, self.clock.now()), KycBusy, self.desk.look)
