"""docs/provider.md: its example is what the venue sends and takes, byte for byte."""

import re
from pathlib import Path

from compliance.kyc.provider import firm_basis
from compliance.kyc.questions import Asked
from compliance.kyc.webhooks import Outcome, Posted, receive
from compliance.settings import ProviderSettings
from gateway.flow.small_http import Post
from gateway.onboarding import firm as module
from gateway.onboarding.firm import Firm
from gateway.onboarding.question_book import QuestionBook
from gateway.onboarding.webhook_pages import WebhookPages

PAGE = (Path(__file__).parents[2] / "docs" / "provider.md").read_text()
AT = 1_800_000_000
REFERENCE = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"


class Clock:
    def now(self):
        return AT * 1_000_000_000


def secret():
    (found,) = re.findall(r"^under the secret `(\S+)`", PAGE, re.MULTILINE)
    return found.encode()


def examples():
    """Path, signature and body of each POST that the page shows."""
    shown = re.findall(
        r"^    POST (\S+) HTTP/1.1\n    Content-Type: application/json\n"
        r"    Fixgate-Signature: (\S+)\n\n    (\{.*\})$",
        PAGE,
        re.MULTILINE,
    )
    assert len(shown) == 2
    return shown


def test_the_question_is_what_is_sent(tmp_path, monkeypatch):
    path, signature, body = examples()[0]
    sent = []

    def ask(url, data, headers):
        sent.append((url, data.decode(), dict(headers)["Fixgate-Signature"]))
        return 204, b""

    monkeypatch.setattr(module.secrets, "token_hex", lambda _: REFERENCE)
    url = f"https://vet.example{path}"
    settings = ProviderSettings(name="vet", url=url, secrets_files=("a",), lists="2026-11")
    book = QuestionBook(tmp_path / "provider", b"j" * 16)
    firm = Firm(settings, [secret()], book, "anna", Clock(), ask)
    firm.submit("s-1", "Maria Huber")
    assert sent == [(url, body, signature)]
    assert firm.basis == firm_basis("vet", "2026-11")


def test_the_message_is_what_is_taken(tmp_path):
    path, signature, body = examples()[1]
    posted = receive([secret()], signature, body.encode(), (), Clock().now())
    assert posted == Posted("msg-1", REFERENCE, Outcome.HIT)

    book = QuestionBook(tmp_path / "provider", b"j" * 16)
    book.do(lambda _: Asked(1, "anna", REFERENCE, "s-1", "vet", "2026-11"))
    pages = WebhookPages("vet", [secret()], lambda: book, Clock(), print)
    headers = [(b"fixgate-signature", signature.encode())]
    assert pages.post(Post(path.encode(), body.encode(), headers))[0] == 200
    assert book.questions.by_reference[REFERENCE].hits


def test_every_status_of_the_page_is_one_that_is_answered():
    rows = set(map(int, re.findall(r"^\| (\d{3})\b", PAGE, re.MULTILINE)))
    assert rows == {200, 400, 401, 404, 409, 413, 429, 503}
