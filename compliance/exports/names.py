"""Names of what the journal has ids for, as they were at the record that is looked at. Pure."""

from collections.abc import Iterable, Iterator

from compliance.exports.errors import ExportRefused
from compliance.exports.kind import Row
from engine.model.commands import (
    Command,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineVenue,
)
from engine.model.ids import NOBODY
from engine.model.refdata import ReferenceData, configuration_key
from engine.replay import Whole


class Names:
    """Reference data, folded, with the identifiers that regulators know."""

    def __init__(self) -> None:
        self.refdata = ReferenceData()

    def take(self, whole: Whole) -> bool:
        """Learn what a command defines; whether it did. What the venue refused defines nothing."""
        if configuration_key(whole.command) is None or whole.events:
            return False
        self.refdata.apply(whole.command)
        return True

    def save(self) -> list[Command]:
        """The commands that define all that is known."""
        return list(self.refdata.configured.values())

    def load(self, commands: Iterable[Command]) -> None:
        """Be as after `save`."""
        self.refdata = ReferenceData()
        for command in commands:
            self.refdata.apply(command)

    def venue(self) -> DefineVenue:
        """Who the venue is; empty identifiers if it was never told."""
        found = self.refdata.configured.get(("venue", NOBODY))
        return found if isinstance(found, DefineVenue) else DefineVenue("", "")

    def member(self, member: int) -> str:
        """A member's name."""
        return self.refdata.members[member].name

    def refuse_unknown(self, member: str) -> None:
        """Raise ExportRefused if no member has that name; "" is everybody's."""
        if member and all(m.name != member for m in self.refdata.members.values()):
            raise ExportRefused(f"there is no member {member}")

    def account(self, account: int) -> str:
        """An account's name; empty for none, which is that of an order that was refused."""
        found = self.refdata.accounts.get(account)
        return "" if found is None else found.name

    def firm(self, member: int) -> DefineMember:
        """A member, with what regulators know it by, as far as the venue was told."""
        found = self.refdata.configured[("member", member)]
        assert isinstance(found, DefineMember)
        return found

    def lei(self, member: int) -> str:
        """A member's legal entity identifier, empty if it is not known."""
        return self.firm(member).lei

    def isin(self, instrument: int) -> str:
        """An instrument's identification number, empty if it is not known."""
        found = self.refdata.configured.get(("instrument", instrument))
        return found.isin if isinstance(found, DefineInstrument) else ""

    def token(self, asset: int) -> Row:
        """An asset as {"DTI"} or {"Ccy"}; empty if neither is known."""
        found = self.refdata.configured.get(("asset", asset))
        if not isinstance(found, DefineAsset):
            return {}
        return (
            {"DTI": found.dti} if found.dti else {"Ccy": found.currency} if found.currency else {}
        )


def exec_ids(whole: Whole) -> Iterator[str]:
    """ExecID(17) of each event: its record's number and its place there, from 1."""
    for k, count in enumerate(whole.counts or (len(whole.events),)):
        for place in range(1, count + 1):
            yield f"{whole.first + k}-{place}"


def words(text: bytes) -> str:
    """What a member has sent, as text: bytes that are none are spelled out."""
    return text.decode("utf-8", "backslashreplace")
