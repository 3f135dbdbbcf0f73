"""What people ask of the travel rule's records: decided on here, kept by a store, folded again.

A decision looks at things as they are, makes an event, has it stored, and only then believes it.
The store refuses what was decided on an older picture than its own.
"""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from hashlib import sha256
from typing import Final, Protocol

from msgspec import Struct

from compliance.travel.events import Agreed, Composed, Proposed, Revoked, Sent, TravelEvent
from compliance.travel.records import Known, Seat, Subject, problem
from engine.model.clock import NANOS_PER_DAY

MAX_PRINCIPAL: Final = 60
"""Longest id of a principal, characters: as long as the venue takes one with a hold."""

MAX_TEXT: Final = 500
"""Characters of a reason."""

MAX_RECORDS: Final = 100_000
"""Subjects of which something was proposed. Own value: it bounds the memory of who reads them."""

_EPOCH: Final = date(1970, 1, 1)
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


class TravelRefused(ValueError):
    """It may not be done, or not by this principal, or not now: the text says why."""


class TravelStore(Protocol):
    """Where the events are kept, in order; what is appended is on disk when it returns."""

    def read(self, after: int) -> Iterable[TravelEvent]:
        """The events behind the first `after` ones, in the order in which they were appended."""
        ...

    def append(self, after: int, event: TravelEvent) -> None:
        """Keep an event behind the first `after` ones, or raise: if there are others, or it cannot
        be kept."""
        ...


class Record(Struct, frozen=True):
    """What is in force of a subject, by its proposal, and who agreed."""

    number: int
    proposal: Proposed
    agreed: Agreed


class Told(Struct, frozen=True):
    """The last message of a withdrawal, and whether it was sent. The event has its text."""

    sha256: str
    sends: bool
    sent: bool = False


def day_of(now: int) -> date:
    """The day of a time, ns UTC."""
    return _EPOCH + timedelta(days=now // NANOS_PER_DAY)


class TravelDesk:
    """All records and messages. `now` is an argument everywhere, ns UTC. Everything that people do
    raises TravelRefused, and changes nothing then."""

    def __init__(self, store: TravelStore) -> None:
        self.records: dict[Subject, Record] = {}
        self.proposals: dict[Subject, tuple[int, Proposed]] = {}
        """What waits for a second person, by its number."""
        self.told: dict[str, Told] = {}
        self._store = store
        self._count = 0
        self.look()

    def look(self) -> None:
        """Take in what others have appended since."""
        for event in self._store.read(self._count):
            self._take(event)

    def propose(self, subject: Subject, known: Known, by: str, now: int) -> int:
        """Say what is known; the number by which another agrees. It takes the place of what was
        proposed before."""
        assert isinstance(known, Seat) == (not subject.address)
        if wrong := problem(known, day_of(now)):
            raise TravelRefused(wrong)
        if subject not in self.proposals and len(self.proposals) + len(self.records) >= MAX_RECORDS:
            raise TravelRefused(f"{MAX_RECORDS:,} records are all that there may be")
        self._do(Proposed(now, by, subject, known))
        return self._count

    def agree(self, number: int, by: str, now: int) -> Subject:
        """Another's proposal is right."""
        for subject, (waiting, proposal) in self.proposals.items():
            if waiting == number:
                if proposal.by == by:
                    raise TravelRefused(f"{by} proposed it: somebody else has to agree")
                self._do(Agreed(now, by, number))
                return subject
        raise TravelRefused(f"no proposal {number} waits: see `fixgate travel list`")

    def revoke(self, subject: Subject, text: str, by: str, now: int) -> None:
        """One person's word: it is not known any more."""
        if subject not in self.records and subject not in self.proposals:
            raise TravelRefused("nothing is known, and nothing proposed: see `fixgate travel list`")
        if not text.strip() or len(text) > MAX_TEXT:
            raise TravelRefused(f"a reason has 1 to {MAX_TEXT} characters")
        self._do(Revoked(now, by, subject, text))

    def compose(self, event: Composed) -> None:
        """Keep a message, unless it is the last one of its withdrawal."""
        last = self.told.get(event.withdrawal)
        if last is None or (last.sha256, last.sends) != (event.sha256, event.sends):
            self._do(event)

    def sent(self, withdrawal: str, digest: str, by: str, now: int) -> None:
        """The last message of a withdrawal was sent, and is the one with this digest."""
        last = self.told.get(withdrawal)
        if last is None:
            raise TravelRefused(f"no message of {withdrawal} is composed yet")
        if not last.sends:
            raise TravelRefused(f"{withdrawal} goes to the customer's own address: nobody gets it")
        if last.sha256 != digest:
            hint = "" if _DIGEST.match(digest) else " (64 small hexadecimal digits)"
            raise TravelRefused(
                f"that is not the digest{hint} of the last message of {withdrawal}: see"
                f" `fixgate travel message {withdrawal}`, and send that one"
            )
        if not last.sent:
            self._do(Sent(now, by, withdrawal, digest))

    # --- below --------------------------------------------------------------------------------

    def _do(self, event: TravelEvent) -> None:
        """Store an event that is allowed now, then believe it."""
        by = event.by
        if not by.strip() or len(by) > MAX_PRINCIPAL or not by.isprintable():
            raise TravelRefused(
                f"somebody has to be named, by 1 to {MAX_PRINCIPAL} visible characters"
            )
        self._store.append(self._count, event)
        self._take(event)

    def _take(self, event: TravelEvent) -> None:
        self._count += 1
        match event:
            case Proposed():
                self.proposals[event.subject] = (self._count, event)
            case Agreed():
                self._agreed(event)
            case Revoked():
                self.records.pop(event.subject, None)
                self.proposals.pop(event.subject, None)
            case Composed():
                assert sha256(event.message).hexdigest() == event.sha256
                self.told[event.withdrawal] = Told(event.sha256, event.sends)
            case Sent():
                assert self.told[event.withdrawal].sha256 == event.sha256
                self.told[event.withdrawal] = Told(event.sha256, sends=True, sent=True)

    def _agreed(self, event: Agreed) -> None:
        (subject,) = (s for s, (number, _) in self.proposals.items() if number == event.proposal)
        number, proposal = self.proposals.pop(subject)
        assert proposal.by != event.by
        self.records[subject] = Record(number, proposal, event)
