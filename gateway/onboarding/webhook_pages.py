"""What a firm posts: believed by its signature, and on disk before it is answered.

Whoever is not believed is not told why; the log is, without anything of what was posted.
"""

from collections.abc import Callable, Sequence
from typing import Final

from compliance.kyc.questions import NoSuchQuestion, QuestionEvent, Questions, TooManyAnswers
from compliance.kyc.webhooks import (
    MAX_BODY_BYTES,
    SIGNATURE_HEADER,
    WebhookMalformed,
    WebhookRefused,
    receive,
)
from engine.model.clock import Clock
from engine.model.errors import OperatorError
from gateway.flow.peer_rate import PeerRate
from gateway.flow.small_http import Answer, Post, SmallHttpServer
from gateway.onboarding.question_book import QuestionBook

PREFIX: Final = "/v1/webhooks/"

MAX_CONNECTIONS: Final = 64
"""At a time: a firm needs a few, each for milliseconds."""

PER_PEER: Final = 16
"""Of these from one address, so that one peer that says nothing keeps no other out."""

REQUESTS: Final = (50, 500)
"""Requests a second of one address, and at once: a firm that answers a whole customer base at once
is slowed down, and told to come again."""

TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")

_HEADER: Final = SIGNATURE_HEADER.lower().encode()


class WebhookPages:
    """Takes the messages of one firm, one after the other."""

    def __init__(
        self,
        source: str,
        secrets: Sequence[bytes],
        open_book: Callable[[], QuestionBook],
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        """open_book: gives the questions, once the venue has any. log: is given what strangers can
        cause, and so has a limit of its own."""
        self._path = (PREFIX + source).encode()
        self._source = source
        self._secrets = secrets
        self._open_book = open_book
        self._book: QuestionBook | None = None
        self._clock = clock
        self._log = log

    def get(self, path: bytes) -> Answer:
        """Of a GET: nothing is to be read here."""
        return self._refused(405 if path == self._path else 404, "only POST is taken here")

    def post(self, posted: Post) -> Answer:
        """Of a POST."""
        if posted.path != self._path:
            return self._refused(404, "nobody's messages are taken here")
        signatures = [value for name, value in posted.headers if name == _HEADER]
        try:
            self._keep(signatures, posted.body)
        except WebhookMalformed:
            self._log(f"a message of {self._source} is signed, but is none of the protocol")
            return self._refused(400, "no message: see the protocol")
        except WebhookRefused as error:
            self._log(f"a message to {self._source} is not believed: {error}")
            return self._refused(401, "not believed")
        except NoSuchQuestion:
            self._log(f"a message of {self._source} answers what was not asked")
            return self._refused(404, "no such reference")
        except TooManyAnswers as error:
            self._log(f"{self._source} answers {error} again and again: ask them why")
            return self._refused(409, "this reference has been answered too often")
        except (OperatorError, OSError) as error:
            self._log(f"an answer of {self._source} cannot be kept: {error}")
            return self._refused(503, "it cannot be kept: try again")
        return 200, [TEXT], b"kept\n"

    def _keep(self, signatures: Sequence[bytes], body: bytes) -> None:
        """On disk when it returns, once. Nothing is read for whoever has not signed."""
        if len(signatures) != 1:
            raise WebhookRefused("no signature, or several headers of it")
        header = signatures[0].decode("latin-1")
        now = self._clock.now()
        posted = receive(self._secrets, header, body, (), now)
        assert posted is not None
        if self._book is None:
            self._book = self._open_book()
        self._book.look()

        def decide(questions: Questions) -> QuestionEvent | None:
            known = posted.id in questions.known
            return None if known else questions.answer(self._source, posted, now)

        self._book.do(decide)

    @staticmethod
    def _refused(status: int, text: str) -> Answer:
        more = [("Retry-After", "5")] if status == 503 else []
        return status, [TEXT, *more], f"{text}\n".encode()


def webhook_server(pages: WebhookPages, monotonic: Callable[[], int]) -> SmallHttpServer:
    """Serves them. monotonic: gives ns."""
    rate = PeerRate(*REQUESTS, monotonic)
    return SmallHttpServer(
        pages.get, MAX_CONNECTIONS, pages.post, MAX_BODY_BYTES, PER_PEER, rate.take
    )
