"""What happens under the travel rule, as versioned structs: only ever appended.

`at` is ns UTC, `by` the opaque id of a principal: never a name. Tags are never reused and fields
only appended, with a default, so that old events stay readable.
"""

from typing import Union

from msgspec import Struct

from compliance.travel.records import Known, Subject


class _Event(Struct, frozen=True, array_like=True):
    """See above."""

    at: int
    by: str


class Proposed(_Event, frozen=True, array_like=True, tag=1):
    """One says what is known of a subject; its number is its place among the events, from 1."""

    subject: Subject
    known: Known


class Agreed(_Event, frozen=True, array_like=True, tag=2):
    """Another has looked at a proposal, by its number: it is in force."""

    proposal: int


class Revoked(_Event, frozen=True, array_like=True, tag=3):
    """One says that it is not known any more: what was in force is not, what was proposed
    lapses."""

    subject: Subject
    text: str


class Composed(_Event, frozen=True, array_like=True, tag=4):
    """The message of a withdrawal; a later one takes its place. amount: atomic units, as text for
    it may not fit 64 bits. sends: it goes to another provider. sha256: of the message, in
    hexadecimal."""

    withdrawal: str
    account: str
    asset: str
    amount: str
    destination: str
    sends: bool
    message: bytes
    sha256: str


class Sent(_Event, frozen=True, array_like=True, tag=5):
    """Somebody has sent the message of a withdrawal to the other provider, the one with this
    digest."""

    withdrawal: str
    sha256: str


TravelEvent = Union[Proposed, Agreed, Revoked, Composed, Sent]  # noqa: UP007 - msgspec wants the union as a value
