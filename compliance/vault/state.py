"""The vault as its events have made it: whose values are there, who may what, what waits."""

from typing import Final

import msgspec
from msgspec import Struct

from compliance.vault.events import (
    ErasureDecided,
    ErasureProposed,
    Founded,
    Granted,
    GrantProposed,
    KeyFoundAgain,
    Retained,
    Revoked,
    RotationBegun,
    RotationDone,
    SubjectAdded,
    SubjectErased,
    ValuePut,
    VaultEvent,
)
from compliance.vault.policy import Role, excludes
from compliance.vault.retention import Basis, day
from engine.model.clock import NANOS_PER_DAY

LEAST_ADMINS: Final = 2
"""With fewer nobody would ever be granted anything again: it takes two."""

PROPOSAL_AGE: Final = 7 * NANOS_PER_DAY
"""How long a proposal waits for the second person, ns: who decides knows why it was made."""


class Subject(Struct):
    """slot: of its data key. values: the newest of each field. places: of all of its tags in the
    index. asked: a proposal to erase it. gone: that was decided; destroyed: and done."""

    slot: int
    values: dict[str, ValuePut] = msgspec.field(default_factory=dict)
    places: list[int] = msgspec.field(default_factory=list)
    kept: dict[Basis, int] = msgspec.field(default_factory=dict)
    asked: ErasureProposed | None = None
    gone: bool = False
    destroyed: bool = False

    def held(self, now: int) -> str:
        """Why it may not be erased now; nothing if it may."""
        if not self.kept:
            return "nobody has said until when a law has it kept: see `vault retain`"
        basis, until = max(self.kept.items(), key=lambda item: item[1])
        return f"{basis} has it kept until {day(until)}" if until > now else ""


class VaultState:
    """All of it; `take` the events in order."""

    def __init__(self) -> None:
        self.tenant = ""
        self.subjects: dict[str, Subject] = {}
        self.grants: set[tuple[str, Role]] = set()
        self.asked: dict[tuple[str, Role], GrantProposed] = {}
        self.pending: set[str] = set()
        """Subjects whose keys are still to be destroyed."""
        self.places = 0
        """Places of the index that are taken."""
        self.rotating = 0
        """The key that data keys are being wrapped by; 0 while they are not."""
        self.last_key = 0

    def take(self, event: VaultEvent) -> None:
        """Fold an event."""
        match event:
            case Founded(tenant=tenant, admins=admins, key=key):
                self.tenant, self.last_key = tenant, key
                self.grants.update((admin, Role.ADMIN) for admin in admins)
            case SubjectAdded(subject=name, slot=slot):
                assert slot == len(self.subjects), "slots are taken without holes"
                self.subjects[name] = Subject(slot)
            case ValuePut():
                self._put(event)
            case Retained(subject=name, basis=basis, until=until):
                self.subjects[name].kept[basis] = until
            case ErasureProposed(subject=name):
                self.subjects[name].asked = event
            case ErasureDecided(subject=name) | KeyFoundAgain(subject=name):
                self._go(name)
            case SubjectErased(subject=name):
                self.subjects[name].destroyed = True
                self.pending.discard(name)
            case _:
                self._take_keys(event)

    def _take_keys(self, event: VaultEvent) -> None:
        """Fold what is of grants and keys; all else changes nothing."""
        match event:
            case GrantProposed(principal=principal, role=role):
                self.asked[principal, role] = event
            case Granted(principal=principal, role=role):
                self.asked.pop((principal, role), None)
                self.grants.add((principal, role))
            case Revoked(principal=principal, role=role):
                self.grants.discard((principal, role))
            case RotationBegun(key=key):
                self.rotating = self.last_key = key
            case RotationDone():
                self.rotating = 0
            case _:
                pass

    def clash(self, principal: str, role: Role) -> str:
        """Why somebody may not have a role besides those that they have; nothing if they may."""
        for other in Role:
            if (principal, other) in self.grants and excludes(role, other):
                return f"{principal} is {other}: nobody is that and {role}"
        return ""

    @property
    def admins(self) -> list[str]:
        """Who give access."""
        return sorted(who for who, role in self.grants if role is Role.ADMIN)

    def _put(self, event: ValuePut) -> None:
        subject = self.subjects[event.subject]
        subject.values[event.field] = event
        if event.place >= 0:
            assert event.place == self.places, "places are taken without holes"
            self.places += 1
            subject.places.append(event.place)

    def _go(self, name: str) -> None:
        subject = self.subjects[name]
        subject.gone, subject.destroyed, subject.asked = True, False, None
        subject.values.clear()
        self.pending.add(name)
