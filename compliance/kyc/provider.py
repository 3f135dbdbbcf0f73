"""Whoever says whether a name is on a list: the operator's own files, or a firm that is paid.

A firm answers later, by a webhook (compliance.kyc.webhooks) or when it is asked again; files answer
at once. Onboarding knows no difference: what was not answered is not cleared.
"""

from typing import Protocol

from compliance.kyc.events import Basis, Hit
from compliance.screening.verdict import Verdict


class Provider(Protocol):
    """Screening of names."""

    @property
    def basis(self) -> Basis:
        """What is in force now: a verdict by anything else does not count any more."""
        ...

    def submit(self, name: str) -> str:
        """Ask about a name; a reference of the answer. The same name again under the same basis is
        the same question. Raises NothingToCompare, and OperatorError if it cannot be asked."""
        ...

    def result(self, reference: str) -> Verdict | None:
        """The answer; None until there is one. Raises OperatorError."""
        ...


def basis_of(verdict: Verdict) -> Basis:
    """By what it was made."""
    return Basis(verdict.versions, verdict.algorithm, verdict.cut_off)


def hits_of(verdict: Verdict) -> tuple[Hit, ...]:
    """What of it onboarding decides on: which entries, by what score."""
    return tuple(Hit(match.source, match.number, match.score) for match in verdict.matches)
