"""A firm that is asked about names over HTTP, and answers by webhooks (docs/onboarding.md).

A question is on disk before it leaves, and leaves again under the same reference each time that its
name is screened, until the firm answers. What leaves is the reference and the name.
"""

import secrets
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from compliance.kyc.provider import NotAsked, firm_basis, verdict_of
from compliance.kyc.questions import Asked, Question, QuestionEvent, Questions, Taken
from compliance.kyc.webhooks import SIGNATURE_HEADER, Outcome, sign
from compliance.screening.verdict import Verdict
from compliance.settings import ProviderSettings
from engine.model.clock import NANOS_PER_SECOND, Clock
from gateway.flow.small_client import post
from gateway.onboarding.question_book import QuestionBook

REFERENCE_BYTES: Final = 16
"""Of chance in a reference: nobody guesses one, and none comes twice."""

Ask = Callable[[str, bytes, Sequence[tuple[str, str]]], tuple[int, bytes]]
"""Status and body of the answer to a POST with headers. Raises OSError."""


class Firm:
    """A Provider; who: the person that asks."""

    def __init__(
        self,
        settings: ProviderSettings,
        keys: Sequence[bytes],
        book: QuestionBook,
        who: str,
        clock: Clock,
        ask: Ask | None = None,
    ) -> None:
        self.basis = firm_basis(settings.name, settings.lists)
        self._settings = settings
        self._keys = keys
        self._book = book
        self._who = who
        self._clock = clock
        self._ask = post if ask is None else ask
        self._away = ""
        """Why it was not reached; it is then left alone."""

    def submit(self, about: str, name: str) -> str:
        """See Provider. Raises NotAsked, OSError if the question cannot be kept."""
        self._book.look()
        if (told := self._told(about)) is not None:
            return told.asked.reference
        if self._away:
            raise NotAsked(self._away)
        self._book.do(lambda questions: self._asked(questions, about))
        question = self._newest(self._book.questions, about)
        assert question is not None
        reference = question.asked.reference
        if question.last is None:
            self._post(reference, name)
            self._book.do(lambda questions: self._taken(questions, reference))
        return reference

    def result(self, reference: str) -> Verdict | None:
        """See Provider."""
        question = self._book.questions.by_reference[reference]
        return verdict_of(question) if question.says else None

    def _told(self, about: str) -> Question | None:
        """What it has said of a name by the lists that it states now."""
        found = self._book.questions.says(self._settings.name, about)
        return found if found and found.asked.version == self._settings.lists else None

    def _newest(self, questions: Questions, about: str) -> Question | None:
        return questions.newest(self._settings.name, about, self._settings.lists)

    def _asked(self, questions: Questions, about: str) -> QuestionEvent | None:
        """A new question, unless one waits: the same name is the same question."""
        newest = self._newest(questions, about)
        if newest is not None and newest.last is not Outcome.FAILED:
            return None
        reference = secrets.token_hex(REFERENCE_BYTES)
        name, lists = self._settings.name, self._settings.lists
        return Asked(self._clock.now(), self._who, reference, about, name, lists)

    def _taken(self, questions: Questions, reference: str) -> QuestionEvent | None:
        taken = questions.by_reference[reference].taken
        return None if taken else Taken(self._clock.now(), reference)

    def _post(self, reference: str, name: str) -> None:
        """Raises NotAsked. Neither name nor address is told."""
        body = msgspec.json.encode({"reference": reference, "name": name})
        seconds = self._clock.now() // NANOS_PER_SECOND
        headers = (
            ("Content-Type", "application/json"),
            (SIGNATURE_HEADER, sign(self._keys[0], seconds, body)),
        )
        try:
            status, _ = self._ask(self._settings.url, body, headers)
        except (OSError, ValueError) as error:
            self._away = f"{self._settings.name} is not reached: {error}"
            raise NotAsked(self._away) from None
        if not 200 <= status < 300:
            raise NotAsked(f"{self._settings.name} answers {status}")
