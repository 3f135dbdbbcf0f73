"""Whoever says whether a name is on a list: the operator's own files, or a firm that is paid.

A firm answers later, by a webhook (compliance.kyc.webhooks); files answer at once. Onboarding knows
no difference: what was not answered is not cleared. Where both are asked, a name is clear that both
clear, and a hit of one is a hit, whether or not the other has answered.
"""

from typing import Final, Protocol

from compliance.kyc.events import Basis, Hit
from compliance.kyc.questions import Question
from compliance.screening.verdict import Match, Verdict
from engine.model.errors import OperatorError

BY_THE_FIRM: Final = "as the provider says"
"""The algorithm of a verdict that is a firm's: how it compares is its own business."""


class NotAsked(OperatorError):
    """A name could not be asked about; the text says why, without the name."""


class Provider(Protocol):
    """Screening of names."""

    @property
    def basis(self) -> Basis:
        """What is in force now: a verdict by anything else does not count any more."""
        ...

    def submit(self, about: str, name: str) -> str:
        """Ask about a name; a reference of the answer. about: whose it is, a person's id or a
        firm's name. The same again under the same basis is the same question. Raises
        NothingToCompare, NotAsked, and OperatorError if nobody can be asked about."""
        ...

    def result(self, reference: str) -> Verdict | None:
        """The answer; None until there is one. Raises OperatorError."""
        ...


class Both:
    """Lists and a firm, asked together: see Provider."""

    def __init__(self, lists: Provider, firm: Provider) -> None:
        self.basis = both(lists.basis, firm.basis)
        self._lists = lists
        self._firm = firm
        self._references: dict[str, tuple[str, str]] = {}
        self._trouble: dict[str, NotAsked] = {}

    def submit(self, about: str, name: str) -> str:
        """See Provider. A firm that cannot be asked keeps no hit of a list from counting."""
        own, theirs = self._lists.submit(about, name), ""
        try:
            theirs = self._firm.submit(about, name)
            self._trouble.pop(about, None)
        except NotAsked as error:
            self._trouble[about] = error
        self._references[about] = (own, theirs)
        return about

    def result(self, reference: str) -> Verdict | None:
        """See Provider."""
        own, theirs = self._references[reference]
        listed = self._lists.result(own)
        said = self._firm.result(theirs) if theirs else None
        if listed is None:
            return said if said is not None and said.is_hit else None
        if said is None:
            if listed.is_hit:
                return listed
            if reference in self._trouble:
                raise self._trouble[reference]
            return None
        joined = both(basis_of(listed), basis_of(said))
        matches = (*listed.matches, *said.matches)
        return Verdict(joined.algorithm, joined.cut_off, joined.versions, matches)


def firm_basis(source: str, version: str) -> Basis:
    """What a firm alone is asked with."""
    return Basis(((source, version),), BY_THE_FIRM, 0)


def both(lists: Basis, firm: Basis) -> Basis:
    """What lists and a firm are asked with."""
    return Basis((*lists.versions, *firm.versions), lists.algorithm, lists.cut_off)


def verdict_of(question: Question) -> Verdict:
    """What a firm has said. A match is named by the question's reference, by which the firm knows
    whom it means; its number is that of the answer."""
    asked = question.asked
    basis = firm_basis(asked.source, asked.version)
    matches = tuple(Match(h.source, h.number, asked.reference, h.score) for h in question.hits)
    return Verdict(basis.algorithm, basis.cut_off, basis.versions, matches)


def basis_of(verdict: Verdict) -> Basis:
    """By what it was made."""
    return Basis(verdict.versions, verdict.algorithm, verdict.cut_off)


def hits_of(verdict: Verdict) -> tuple[Hit, ...]:
    """What of it onboarding decides on: which entries, by what score."""
    return tuple(Hit(match.source, match.number, match.score) for match in verdict.matches)
