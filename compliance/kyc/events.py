"""What happens to customers, as versioned structs: only ever appended, to a customer or to its end.

`at` is ns UTC, `by` the opaque id of a principal: never a name. Tags are never reused and fields
only appended, with a default, so that old customers stay readable.
"""

from typing import Final, Union

from msgspec import Struct

from compliance.kyc.institution import Institution
from compliance.kyc.words import Act, Risk, Role, State

MAX_TEXT: Final = 2_000
"""Characters of a reason: about a page."""


class Basis(Struct, frozen=True, array_like=True):
    """What a name was compared with, and how. versions: (source, version) of each list. cut_off:
    hundredths of a percent."""

    versions: tuple[tuple[str, str], ...]
    algorithm: str
    cut_off: int


class Hit(Struct, frozen=True, array_like=True):
    """An entry of a list that a name is like; compliance.screenings has what they are called."""

    source: str
    number: int
    score: int


class _Event(Struct, frozen=True, array_like=True):
    """customer counts from 1."""

    customer: int
    at: int
    by: str


class Invited(_Event, frozen=True, array_like=True, tag=1):
    """Somebody may apply. member: the name of the member of the venue that it will be."""

    member: str


class Submitted(_Event, frozen=True, array_like=True, tag=2):
    """Its file, or another one."""

    institution: Institution


class NameScreened(_Event, frozen=True, array_like=True, tag=3):
    """name: the firm's, or a person's id."""

    name: str
    basis: Basis
    hits: tuple[Hit, ...]


class HitsJudged(_Event, frozen=True, array_like=True, tag=4):
    """A person has compared a name with all that it is like. same: it is one of them."""

    name: str
    role: Role
    same: bool
    text: str


class Assessed(_Event, frozen=True, array_like=True, tag=5):
    """Its risk. basis: by what its names were clear."""

    risk: Risk
    text: str
    basis: Basis


class Proposed(_Event, frozen=True, array_like=True, tag=6):
    """One says what should be done; it lapses at `expires`, ns UTC. risk: the new one, of
    Act.RISK."""

    act: Act
    role: Role
    text: str
    expires: int
    risk: Risk | None = None


class Decided(_Event, frozen=True, array_like=True, tag=7):
    """Another has decided on the proposal. basis: by what the names were clear, if the act wants
    that."""

    agreed: bool
    role: Role
    text: str
    basis: Basis | None = None


class Activated(_Event, frozen=True, array_like=True, tag=8):
    """What was approved begins. basis: by what its names were clear."""

    basis: Basis


class Moved(_Event, frozen=True, array_like=True, tag=9):
    """One has held it to less, or sees it out."""

    to: State
    text: str


KycEvent = Union[  # noqa: UP007 - msgspec wants the union as a value
    Invited,
    Submitted,
    NameScreened,
    HitsJudged,
    Assessed,
    Proposed,
    Decided,
    Activated,
    Moved,
]
