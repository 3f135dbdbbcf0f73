"""The endpoint: what it answers, what it keeps, and what its log says of it."""

import itertools
import json
from collections import Counter
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from compliance.kyc.questions import Asked
from compliance.kyc.webhooks import sign
from engine.model.errors import OperatorError
from gateway.flow.small_http import Post
from gateway.onboarding.question_book import QuestionBook
from gateway.onboarding.webhook_pages import WebhookPages
from tests.audit.test_faults import CALLS, AuditDisk
from tests.simulation.disk import FATES, Killed, Machine, PowerLost

SECRET, OTHER = b"s" * 32, b"x" * 32
AT = 1_800_000_000
JOURNAL = b"j" * 16
PATH = b"/v1/webhooks/vet"
PLACE = Path("/compliance/provider")
FILE = "provider"


class Clock:
    def now(self):
        return AT * 1_000_000_000


class Desk:
    """The endpoint over a file with one question, q1."""

    def __init__(self, path, **disk):
        self.open = lambda: QuestionBook(path, JOURNAL, **disk)
        self.log = []
        self.pages = WebhookPages("vet", [SECRET, OTHER], self.open, Clock(), self.log.append)

    def ask(self):
        self.open().do(lambda _: Asked(1, "anna", "q1", "s-1", "vet", "v1"))
        return self

    def post(self, body, header=None, path=PATH, more=()):
        signature = sign(SECRET, AT, body) if header is None else header
        headers = [(b"host", b"h"), (b"fixgate-signature", signature.encode("latin-1")), *more]
        return self.pages.post(Post(path, body, headers))[0]

    def kept(self):
        questions = self.open().questions
        return questions.by_reference["q1"].answers, sorted(questions.known)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / FILE).ask()


def message(**changed):
    fields = {"id": "m1", "reference": "q1", "outcome": "hit", "theirs": "Maria Huber"}
    return json.dumps(fields | changed).encode()


BODY = message()


@pytest.mark.parametrize(
    ("status", "case"),
    [
        (200, {}),
        (200, {"header": sign(OTHER, AT, BODY)}),
        (200, {"header": sign(SECRET, AT - 300, BODY)}),
        (401, {"header": sign(SECRET, AT - 301, BODY)}),
        (401, {"header": sign(SECRET, AT + 301, BODY)}),
        (401, {"header": sign(b"y" * 32, AT, BODY)}),
        (401, {"header": ""}),
        (401, {"header": "\xff\xb2"}),
        (401, {"header": sign(SECRET, AT, BODY).upper()}),
        (401, {"more": [(b"fixgate-signature", b"t=1")]}),
        (401, {"body": b"x" * 65_537}),
        (404, {"path": PATH + b"s"}),
        (404, {"path": b"/"}),
        (404, {"body": message(reference="q2")}),
        (400, {"body": b""}),
        (400, {"body": b"\xff"}),
        (400, {"body": message(outcome="Maria Huber")}),
        (400, {"body": message(id="m\n1")}),
        (400, {"body": message(id="m" * 101)}),
        (400, {"body": b"[" * 60_000}),
        (400, {"body": b'{"id":"m1","id":"m2"}'}),
    ],
)  # fmt: skip
def test_what_is_posted_and_what_is_answered(desk, status, case):
    assert desk.post(**{"body": BODY, **case}) == status
    assert desk.kept() == ((1, ["m1"]) if status == 200 else (0, []))
    said = "".join(desk.log)
    for secret in ("Huber", "ssss", "xxxx", "v1="):
        assert secret not in said


def test_nobody_is_told_why_it_is_not_believed(desk):
    answers = set()
    for header in (
        "",
        "t=1,v1=" + "0" * 64,
        sign(SECRET, AT - 999, BODY),
        sign(b"y" * 32, AT, BODY),
    ):
        headers = [(b"fixgate-signature", header.encode())]
        answers.add(desk.pages.post(Post(PATH, BODY, headers))[2])
    assert answers == {b"not believed\n"}
    assert len(set(desk.log)) == 3


def test_a_get_reads_nothing(desk):
    assert [desk.pages.get(path)[0] for path in (PATH, b"/", b"/metrics")] == [405, 404, 404]


def test_a_message_that_comes_again_is_answered_as_before_and_kept_once(desk, tmp_path):
    for seconds, _ in itertools.product((AT, AT + 7, AT - 7), range(2)):
        assert desk.post(BODY, sign(SECRET, seconds, BODY)) == 200
    other = Desk(tmp_path / FILE)  # the process begins again
    assert other.post(BODY) == 200
    assert other.post(message(id="m2")) == 200
    assert desk.post(message(id="m2")) == 200
    assert desk.kept() == (2, ["m1", "m2"])


def test_whoever_is_answered_too_often_is_asked_why(desk, monkeypatch):
    monkeypatch.setattr("compliance.kyc.questions.MAX_ANSWERS", 1)
    assert [desk.post(message(id=name)) for name in ("m1", "m2", "m1")] == [200, 409, 200]
    assert "again and again" in desk.log[0]


def test_what_cannot_be_kept_is_to_come_again(tmp_path):
    def away():
        raise OperatorError("the journal has no record yet")

    log = []
    pages = WebhookPages("vet", [SECRET], away, Clock(), log.append)
    headers = [(b"fixgate-signature", sign(SECRET, AT, BODY).encode())]
    status, answered, _ = pages.post(Post(PATH, BODY, headers))
    assert (status, ("Retry-After", "5") in answered) == (503, True)
    assert "cannot be kept: the journal has no record" in log[0]
    pages.post(Post(PATH, BODY, [(b"fixgate-signature", b"t=1")]))
    assert "cannot" not in log[-1], "nothing is opened for whom nobody believes"


IDS = ("m1", "m2", "m3")


def post_all(disk, taken):
    """Post each message until it is taken, as a provider does; ids that were answered by 200."""
    desk = Desk(PLACE, disk=disk)
    if not desk.open().questions.by_reference:
        desk.ask()
    for name in IDS:
        if name not in taken:
            while desk.post(message(id=name)) != 200:
                pass
            taken.append(name)


def plain(machine):
    return AuditDisk(machine, lambda: None, lambda: None)


@pytest.mark.parametrize("error", [Killed, PowerLost])
def test_a_stop_at_any_call_loses_nothing_that_was_taken_and_doubles_nothing(error):
    for n in range(14):
        for fate in sorted(set(FATES)):
            machine, taken = Machine(Random(n), Counter()), []
            disk = plain(machine)
            disk.end(error, CALLS, n)
            with suppress(error):
                post_all(disk, taken)
            disk.kill()
            if error is PowerLost:
                machine.lose_power(fate)
            answered = list(taken)
            known = Desk(PLACE, disk=plain(machine)).open().questions.known
            assert known >= set(answered)
            post_all(plain(machine), taken)
            machine.lose_power("drop")
            assert Desk(PLACE, disk=plain(machine)).kept() == (3, list(IDS))


@pytest.mark.parametrize("kind", ["make_folder", "pwrite", "sync_data", "truncate"])
def test_a_call_that_fails_is_a_503_and_the_next_time_is_the_first(kind):
    for n in range(3):
        machine = Machine(Random(n), Counter())
        desk = Desk(PLACE, disk=plain(machine)).ask()
        failing = plain(machine)
        failing.fail(frozenset({kind}), n)
        bad = Desk(PLACE, disk=failing)
        statuses = [bad.post(message(id=name)) for name in IDS]
        assert set(statuses[n:]) == {503}
        assert set(statuses[:n]) <= {200}
        good = Desk(PLACE, disk=plain(machine))
        assert [good.post(message(id=name)) for name in IDS] == [200] * 3
        machine.lose_power("drop")
        assert desk.kept() == (3, list(IDS))


def test_a_file_that_became_shorter_is_not_taken_for_whole(desk, tmp_path):
    path = tmp_path / FILE
    before = path.read_bytes()
    assert desk.post(BODY) == 200
    whole = path.read_bytes()
    path.write_bytes(before)
    assert [desk.post(message(id=name)) for name in ("m1", "m2")] == [503, 503]
    assert "is shorter than it was: put back its copy" in desk.log[-1]
    path.write_bytes(whole)
    assert desk.post(message(id="m2")) == 200
    assert desk.kept() == (2, ["m1", "m2"])
