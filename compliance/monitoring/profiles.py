"""What customers have said of themselves, as far as monitoring compares it with what they do.

Ids only. It is an input of every alert, as rules and links are.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from compliance.monitoring.rules import MAX_UNITS
from compliance.surveillance.links import Links, links_digest

MAX_PROFILES: Final = 100_000
"""Members of a file: ten times those of a large venue."""


class Profiles(Struct, frozen=True, forbid_unknown_fields=True):
    """monthly: member to what it expects to move in and out in 30 days together, whole units of
    the reporting asset. Who is not there is not compared."""

    monthly: dict[int, int] = {}

    def __post_init__(self) -> None:
        if len(self.monthly) > MAX_PROFILES:
            raise ValueError(f"over {MAX_PROFILES} members")
        for member, units in self.monthly.items():
            if member < 1 or not 0 <= units <= MAX_UNITS:
                raise ValueError(f"monthly of {member} is {units}: 0 to {MAX_UNITS} units")

    def of_owners(self, links: Links) -> dict[int, int]:
        """Owner to what all of its members that have said something expect together."""
        found: dict[int, int] = {}
        for member, units in self.monthly.items():
            owner = links.owner(member)
            found[owner] = found.get(owner, 0) + units
        return found


def parse_profiles(text: bytes) -> Profiles:
    """Profiles from YAML. Raises msgspec.ValidationError or DecodeError, which name the place."""
    return msgspec.yaml.decode(text, type=Profiles, strict=True)


def inputs_digest(links: Links, profiles: Profiles) -> str:
    """SHA-256 of links and profiles, hexadecimal, whatever order they came in."""
    rows = (links_digest(links), sorted(profiles.monthly.items()))
    return sha256(msgspec.json.encode(rows)).hexdigest()
