"""What a screening came to. Pure."""

from typing import Final

from msgspec import Struct

EQUAL: Final = 10_000
"""The highest score. Scores are whole hundredths of a percent."""

MAX_MATCHES: Final = 100
"""Matches of one verdict, the highest scores: whoever has that many looks at the first."""


class Match(Struct, frozen=True):
    """source, number: which entry of which list. name: of its names, the one that scored."""

    source: str
    number: int
    name: str
    score: int


class Verdict(Struct, frozen=True):
    """What a screening came to, and by what: with what was asked, enough to do it again. That is
    not here, since it may be the name of a person. versions: (source, version) of each list.
    matches: the highest score first; empty: clear."""

    algorithm: str
    cut_off: int
    versions: tuple[tuple[str, str], ...]
    matches: tuple[Match, ...]

    @property
    def is_hit(self) -> bool:
        """Whether a person has to decide."""
        return bool(self.matches)
