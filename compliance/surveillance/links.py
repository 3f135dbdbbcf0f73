"""What the journal does not say: who owns whom, whose accounts are whose. Filled by KYC.

Ids only. The links are an input of every alert, as the rules are: their digest is part of it.
"""

from hashlib import sha256

import msgspec
from msgspec import Struct


class Links(Struct, frozen=True, forbid_unknown_fields=True):
    """owners: member to beneficial owner, a number above 0; a member that is not there owns itself.

    house: accounts that trade for their member's own book or for its staff; all other accounts of
    such a member are its clients'. makers: members with a market making agreement.
    """

    owners: dict[int, int] = {}
    house: tuple[int, ...] = ()
    makers: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if any(owner <= 0 for owner in self.owners.values()):
            raise ValueError("the number of a beneficial owner is above 0")

    def owner(self, member: int) -> int:
        """The owner of a member; below 0 if nobody has said."""
        return self.owners.get(member, -member)


def parse_links(text: bytes) -> Links:
    """Links from YAML. Raises msgspec.ValidationError or DecodeError, which name the place."""
    return msgspec.yaml.decode(text, type=Links, strict=True)


def links_digest(links: Links) -> str:
    """SHA-256 of the links, hexadecimal, whatever order they came in."""
    rows = (sorted(links.owners.items()), sorted(links.house), sorted(links.makers))
    return sha256(msgspec.json.encode(rows)).hexdigest()
