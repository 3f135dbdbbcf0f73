"""Screening: a name against lists, with all that it takes to do it again. Pure.

One name meets 40,000: nothing but what can reach the cut-off is compared in full. What each part of
the list's names scores against each part of the name is worked out once for each different part.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct
from rapidfuzz import process
from rapidfuzz.distance import JaroWinkler

from compliance.screening.listed import Listed, SanctionsList
from compliance.screening.names import ALGORITHM, alike, part_score, parts_of, whole_score
from compliance.screening.verdict import EQUAL, MAX_MATCHES, Match, Verdict

MAX_ASKED: Final = 350
"""Longest name that is asked about, characters: as long as a list's may be."""


class NothingToCompare(ValueError):
    """A name of which nothing can be compared: it is not cleared, a person looks at it."""


class _Name(Struct, frozen=True):
    """One name of an entry."""

    source: str
    entry: Listed
    name: str
    parts: tuple[str, ...]


class Matcher:
    """Lists, ready to be asked about. cut_off: score from which on a name is a match."""

    def __init__(self, lists: Sequence[SanctionsList], cut_off: int) -> None:
        assert 0 < cut_off <= EQUAL
        self._versions = tuple((one.source, one.version) for one in lists)
        self._cut_off = cut_off
        self._near = (cut_off - 1) * EQUAL**-1
        """What rapidfuzz need not look at any further: a score is rounded from a little less."""
        self._names = sorted(_names_of(lists), key=lambda name: (name.source, name.entry.number))
        """As equal scores are told: the first ones first."""
        self._wholes = [" ".join(name.parts) for name in self._names]
        self._with: dict[str, list[int]] = {}
        """By part, the names that have it."""
        for at, name in enumerate(self._names):
            for part in dict.fromkeys(name.parts):
                self._with.setdefault(part, []).append(at)
        self._by_letter: dict[str, list[str]] = {}
        for part in self._with:
            self._by_letter.setdefault(part[0], []).append(part)

    def name(self, asked: str) -> Verdict:
        """Whether a name is like one on a list. Raises NothingToCompare."""
        parts = parts_of(asked[:MAX_ASKED])
        if len(asked) > MAX_ASKED or not parts:
            raise NothingToCompare(f"a name of 1 to {MAX_ASKED} characters, in Latin letters")
        whole = " ".join(parts)
        scores = self._by_parts(parts)
        for at, score in self._by_whole(whole, {part[0] for part in parts}):
            scores[at] = max(score, scores.get(at, 0))
        return self._verdict(scores)

    # --- both techniques ------------------------------------------------------------------

    def _by_whole(self, whole: str, letters: set[str]) -> Iterable[tuple[int, int]]:
        """Names that reach the cut-off as a whole."""
        near = process.extract_iter(
            whole, self._wholes, scorer=JaroWinkler.similarity, score_cutoff=self._near
        )
        for listed, _, at in near:
            if alike(whole, listed) and _shares_a_letter(self._names[at], letters):
                score = whole_score(whole, listed)
                if score >= self._cut_off:
                    yield at, score

    def _by_parts(self, parts: tuple[str, ...]) -> dict[int, int]:
        """Names that reach the cut-off by their parts: of each part that is asked, the best of the
        name's parts counts."""
        spare = (EQUAL - self._cut_off) * len(parts)
        """What all parts together may lack."""
        like = [self._like(part, EQUAL - spare) for part in parts]
        bests = [self._best(scores) for scores in like]
        # With less to spare than a whole part, a name has to have one like each of those asked.
        joined = set[int].union if spare >= EQUAL else set[int].intersection
        found = {}
        for at in joined(*map(set, bests)):
            score = sum(best.get(at, 0) for best in bests) // len(parts)
            if score >= self._cut_off:
                found[at] = score
        return found

    def _best(self, scores: dict[str, int]) -> dict[int, int]:
        """By name, the highest score of a part that it has."""
        best: dict[int, int] = {}
        for part in sorted(scores, key=scores.__getitem__):
            best.update(dict.fromkeys(self._with[part], scores[part]))
        return best

    def _like(self, part: str, least: int) -> dict[str, int]:
        """Parts of the lists' names with the same first letter, half alike, that score `least`."""
        scores = {}
        for there in self._by_letter.get(part[0], ()):
            if alike(part, there) and (score := part_score(part, there)) >= least:
                scores[there] = score
        return scores

    def _verdict(self, scores: dict[int, int]) -> Verdict:
        """The best name of each entry."""
        best: dict[tuple[str, int], Match] = {}
        for at, score in sorted(scores.items(), key=lambda found: (-found[1], found[0])):
            name = self._names[at]
            key = name.source, name.entry.number
            if key not in best:
                best[key] = Match(*key, name.name, score)
                if len(best) == MAX_MATCHES:
                    break
        return Verdict(ALGORITHM, self._cut_off, self._versions, tuple(best.values()))


def _names_of(lists: Sequence[SanctionsList]) -> Iterable[_Name]:
    for one in lists:
        for entry in one.entries:
            for name in entry.names:
                if parts := parts_of(name):
                    yield _Name(one.source, entry, name, parts)


def _shares_a_letter(name: _Name, letters: set[str]) -> bool:
    return any(part[0] in letters for part in name.parts)
