"""A firm's hits, told to onboarding as soon as they are there: whoever trades is suspended by them,
and nobody has to type anything first.

What is clear waits for `fixgate kyc screen`, which asks the lists, too. A hit stands beside what is
known of the name by lists, and is written down before it counts, as all screenings are.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from compliance.event_file import EventsBusy
from compliance.kyc.desk import KycDesk, KycRefused
from compliance.kyc.events import Basis, Hit
from compliance.kyc.provider import firm_basis, verdict_of
from compliance.kyc.questions import Question
from compliance.kyc.states import SCREENED_IN, Customer
from compliance.kyc_file import KYC_NAME, KycFile
from compliance.screenings import Screened
from engine.model.clock import Clock
from engine.model.errors import OperatorError
from gateway.at_the_venue import identity_at
from gateway.onboarding.question_book import questions_at
from gateway.screening.evidence import Keeper, open_screenings

BY: Final = "webhooks"
"""Who does it: the process."""


class HitsApplied:
    """Does what is new in turns. Raises OSError everywhere, and OperatorError at the start."""

    def __init__(self, data: Path, clock: Clock, log: Callable[[str], None]) -> None:
        """Raises OperatorError as long as the journal has no record."""
        self._book = questions_at(data)
        self._desk = KycDesk(KycFile(data / "compliance" / KYC_NAME, identity_at(data)))
        self._keeper = Keeper(open_screenings(data))
        self._clock = clock
        self._log = log
        self.trouble = ""
        """Why hits are told to nobody, empty if they are."""
        self._seen = (-1, -1)
        """Events of questions and of customers that all was told of."""
        self._written: set[tuple[int, str, int]] = set()
        """Customer, reference and hits that are written down, told or not."""

    def turn(self) -> bool:
        """Tell what is not known there yet; False, for there is no more."""
        try:
            self._book.look()
            self._desk.look()
            if self._seen == (self._book.count, self._desk.count):
                return False
            for customer, question in list(self._untold()):
                self._tell(customer, question)
        except EventsBusy:
            return False  # the next turn is soon
        except (KycRefused, OperatorError) as error:
            if str(error) != self.trouble:
                self._log(f"ALARM: hits of a provider suspend nobody: {error}")
            self.trouble = str(error)
            return False
        self.trouble = ""
        self._seen = (self._book.count, self._desk.count)
        return False

    def close(self) -> None:
        """Nothing is open."""

    @property
    def waiting(self) -> int:
        """Questions without an answer."""
        return sum(q.last is None for q in self._book.questions.by_reference.values())

    def _untold(self) -> Iterator[tuple[Customer, Question]]:
        for question in self._book.questions.hits():
            for customer in self._desk.customers.values():
                if customer.state in SCREENED_IN and question.asked.about in customer.names:
                    standing = customer.screened.get(question.asked.about)
                    if standing is None or not set(question.hits) <= set(standing.hits):
                        yield customer, question

    def _tell(self, customer: Customer, question: Question) -> None:
        about, reference = question.asked.about, question.asked.reference
        key = (customer.id, reference, len(question.hits))
        if key not in self._written:
            what = f"kyc: customer {customer.id}, {about}"
            verdict = verdict_of(question)
            self._keeper.keep(Screened(self._clock.now(), BY, what, verdict, about))
            self._written.add(key)
        basis, hits = beside(customer, question)
        self._desk.screened(customer.id, about, basis, hits, BY, self._clock.now())
        self._log(
            f"{question.asked.source} has a hit, {reference}:"
            f" customer {customer.id} is {customer.state}"
        )


def beside(customer: Customer, question: Question) -> tuple[Basis, tuple[Hit, ...]]:
    """What lists say of a name as it is known, and beside it what a firm says now."""
    source = question.asked.source
    firm = firm_basis(source, question.asked.version)
    standing = customer.screened.get(question.asked.about)
    if standing is None:
        return firm, question.hits
    known = standing.basis
    lists = tuple(row for row in known.versions if row[0] != source)
    hits = tuple(hit for hit in standing.hits if hit.source != source)
    versions = (*lists, *firm.versions)
    return Basis(versions, known.algorithm, known.cut_off), (*hits, *question.hits)
