"""What a firm was asked about names, and what it has answered since.

A question is about one name under one version of the firm's lists, and has a reference that nobody
can guess and that tells nothing. It is the same question until the firm says that it could not
screen the name; then the next asking is another one. A firm that goes on watching answers again: a
HIT is never taken back by a later answer, since a person has to look, and each one is a hit of its
own, so that what a person has said of one holds for no other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Union

from msgspec import Struct

from compliance.kyc.events import Hit
from compliance.kyc.webhooks import Outcome, Posted
from compliance.screening.verdict import EQUAL

MAX_ANSWERS: Final = 100
"""To one question; a hundred hits of one name are as many as a person judges at once. With it all
ids that were taken stay known, as long as their questions."""


class Asked(Struct, frozen=True, array_like=True, tag=1):
    """A question, written down before it leaves. at: ns UTC. by: who asks. about: a person's id or
    a firm's name. source: the firm that is asked. version: of its lists."""

    at: int
    by: str
    reference: str
    about: str
    source: str
    version: str


class Taken(Struct, frozen=True, array_like=True, tag=2):
    """The firm has taken it on."""

    at: int
    reference: str


class Answered(Struct, frozen=True, array_like=True, tag=3):
    """The firm's word. id: of its message."""

    at: int
    reference: str
    id: str
    outcome: Outcome


QuestionEvent = Union[Asked, Taken, Answered]  # noqa: UP007 - msgspec wants the union as a value


class NoSuchQuestion(LookupError):
    """It was not asked."""


class TooManyAnswers(ValueError):
    """A question has MAX_ANSWERS of them."""


@dataclass(slots=True)
class Question:
    """last: what was answered last, if anything was."""

    asked: Asked
    taken: bool = False
    answers: int = 0
    last: Outcome | None = None
    hits: tuple[Hit, ...] = ()

    @property
    def says(self) -> bool:
        """Whether it tells something of the name: that it is clear, or on a list."""
        return bool(self.hits) or self.last is Outcome.CLEAR


class Questions:
    """All of them."""

    def __init__(self) -> None:
        self.by_reference: dict[str, Question] = {}
        self.known: set[str] = set()
        """Ids of messages that were taken."""
        self._about: dict[tuple[str, str], list[Question]] = {}
        self._answers = 0

    def take(self, event: QuestionEvent) -> None:
        """The next event."""
        match event:
            case Asked():
                assert event.reference not in self.by_reference
                question = Question(event)
                self.by_reference[event.reference] = question
                self._about.setdefault((event.source, event.about), []).append(question)
            case Taken():
                self.by_reference[event.reference].taken = True
            case Answered():
                question = self.by_reference[event.reference]
                self.known.add(event.id)
                self._answers += 1
                question.answers += 1
                question.last = event.outcome
                if event.outcome is Outcome.HIT:
                    hit = Hit(question.asked.source, self._answers, EQUAL)
                    question.hits = (*question.hits, hit)

    def answer(self, source: str, posted: Posted, at: int) -> Answered:
        """The event of a message whose id is new. Raises NoSuchQuestion, TooManyAnswers."""
        assert posted.id not in self.known
        question = self.by_reference.get(posted.reference)
        if question is None or question.asked.source != source:
            raise NoSuchQuestion(posted.reference)
        if question.answers >= MAX_ANSWERS:
            raise TooManyAnswers(posted.reference)
        return Answered(at, posted.reference, posted.id, posted.outcome)

    def says(self, source: str, about: str) -> Question | None:
        """The newest question about a name that tells something: what older ones told is over."""
        return next((q for q in self._newest(source, about) if q.says), None)

    def newest(self, source: str, about: str, version: str) -> Question | None:
        """The newest question about a name under a version."""
        return next((q for q in self._newest(source, about) if q.asked.version == version), None)

    def hits(self) -> Iterator[Question]:
        """For each name that is on a list the question that tells it."""
        for source, about in self._about:
            found = self.says(source, about)
            if found is not None and found.hits:
                yield found

    def _newest(self, source: str, about: str) -> Iterator[Question]:
        return reversed(self._about.get((source, about), []))
