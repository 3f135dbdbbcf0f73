"""Names as they are compared, and how alike two of them are. Pure.

The score is read out of OFAC's FAQ 249 (2021-04-28): what is compared shares a first letter, and is
at least half alike by edit distance; whole names are compared by Jaro-Winkler, their parts by
Jaro-Winkler and Soundex, with one score for all parts; the higher of the two counts. The FAQ does
not say how Jaro-Winkler and Soundex of a part become one, nor the scores of all parts: here equal
codes take away half of what Jaro-Winkler lacks, and the score of all parts that were asked about is
their mean. OFAC's own tool may differ by some points: a cut-off has to leave room for that.

Scores are whole hundredths of a percent: 10,000 is equal.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

from jellyfish import soundex
from rapidfuzz.distance import JaroWinkler, Levenshtein

from compliance.screening.verdict import EQUAL

ALGORITHM: Final = "ofac-faq-249/1"
"""Which reading of it gave a score. It changes with any change that could change a score."""

MAX_PARTS: Final = 40
"""Parts of a name that are compared: a longer one is no name."""

CODES_KEPT: Final = 2**17
"""Parts whose code is remembered, some 20 MiB: all those of OFAC's lists."""

_NO_LETTER: Final = re.compile(r"[^A-Z0-9]+")
_SPELLED: Final = str.maketrans({
    "ß": "SS", "ẞ": "SS", "Æ": "AE", "æ": "AE", "Ø": "O", "ø": "O", "Œ": "OE", "œ": "OE",
    "Ł": "L", "ł": "L", "Đ": "D", "đ": "D", "Þ": "TH", "þ": "TH",
    "\N{LATIN SMALL LETTER DOTLESS I}": "I",
    "'": "", "\N{RIGHT SINGLE QUOTATION MARK}": "", "`": "",
})  # fmt: skip
"""Letters that no decomposition takes apart, and marks inside of a word."""


def parts_of(name: str) -> tuple[str, ...]:
    """A name's parts: capital letters A to Z and digits. Other scripts have to be transliterated
    before: of them nothing is left."""
    plain = unicodedata.normalize("NFKD", name.translate(_SPELLED)).upper()
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return tuple(_NO_LETTER.sub(" ", plain).split()[:MAX_PARTS])


def whole_score(asked: str, listed: str) -> int:
    """How alike two whole names are: their parts, with a blank between two."""
    return _similarity(asked, listed)


def part_score(asked: str, listed: str) -> int:
    """How alike two parts are."""
    score = _similarity(asked, listed)
    return raised(score) if code_of(asked) == code_of(listed) else score


def raised(score: int) -> int:
    """What equal codes make of a part's score."""
    return score + (EQUAL - score) // 2


@lru_cache(CODES_KEPT)
def code_of(part: str) -> str:
    """What a part sounds like. Of digits, themselves: no number sounds like another one."""
    return str(soundex(part)) if part.isalpha() else part


def alike(asked: str, listed: str) -> bool:
    """Whether two texts are half alike by edit distance: FAQ 249's 50%."""
    return 2 * Levenshtein.distance(asked, listed) <= max(len(asked), len(listed))


def _similarity(asked: str, listed: str) -> int:
    """Of Jaro and Winkler."""
    return round(EQUAL * JaroWinkler.similarity(asked, listed))
