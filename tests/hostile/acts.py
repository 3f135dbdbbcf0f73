"""What a bad peer's behaviour is made of.

A behaviour is a generator of acts: bytes to send, seconds to wait, or one of the words below. It is
seeded, so that a run can be repeated, and ends after some seconds, or when the venue closes. What
it sends is capped at about a megabyte: it is to hurt by what it says, not by bandwidth.
"""

from collections.abc import Iterator
from enum import Enum, auto


class Act(Enum):
    """What a peer does beside sending and waiting."""

    STOP_READING = auto()
    READ_SLOWLY = auto()
    """From now on a few bytes at a time."""
    RESET = auto()
    """Close so that the other side gets RST."""
    HALF_CLOSE = auto()
    """Say that nothing more comes, and go on reading."""


Acts = Iterator[bytes | float | Act]
