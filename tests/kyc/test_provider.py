"""A firm that answers later, and lists beside it: who is asked what, and what counts."""

import json

import pytest
import yaml

from compliance.kyc.provider import Both, NotAsked, basis_of, both, firm_basis
from compliance.kyc.questions import Asked, Taken
from compliance.kyc.webhooks import Outcome, Posted, sign
from compliance.question_file import QuestionFile
from compliance.screening.verdict import EQUAL, Match, Verdict
from compliance.screenings import SCREENINGS_NAME, ScreeningFile
from compliance.settings import ProviderSettings
from compliance.vault.events import ReadAllowed
from engine.model.errors import OperatorError
from gateway.at_the_venue import identity_at
from gateway.flow.system_clock import SystemClock, silent
from gateway.onboarding.firm import Firm
from gateway.onboarding.hits_applied import HitsApplied
from gateway.onboarding.question_book import QuestionBook, questions_at, read_secrets
from tests.kyc.support import BASIS
from tests.kyc.test_commands import ANNA, OWNER_NAME, application, onboard

CLEAR, ON_LIST, FAILED = Outcome
SECRET = b"s" * 32
AT = 1_800_000_000
ABOUT, NAME = "s-" + "a" * 32, "Maria Huber"
SETTINGS = ProviderSettings(
    name="vet", url="http://127.0.0.1:1/v1", secrets_files=("secret",), lists="2026-11"
)


class Clock:
    def now(self):
        return AT * 1_000_000_000


class Wire:
    """The line to a firm: what was sent, and how it ends."""

    def __init__(self):
        self.sent = []
        self.status = 202
        self.trouble = None

    def ask(self, url, body, headers):
        self.sent.append((url, json.loads(body), dict(headers)))
        assert dict(headers)["Fixgate-Signature"] == sign(SECRET, AT, body)
        if self.trouble is not None:
            raise self.trouble
        return self.status, b""


@pytest.fixture
def book(tmp_path):
    return QuestionBook(tmp_path / "provider", b"j" * 16)


@pytest.fixture
def wire():
    return Wire()


@pytest.fixture
def firm(book, wire):
    return Firm(SETTINGS, [SECRET], book, "anna", Clock(), wire.ask)


def says(book, reference, outcome):
    posted = Posted(f"m{book.count}", reference, outcome)
    book.do(lambda questions: questions.answer("vet", posted, 5))


def test_a_question_is_a_reference_and_a_name_and_is_written_down_by_id(firm, book, wire, tmp_path):
    reference = firm.submit(ABOUT, NAME)
    ((url, body, headers),) = wire.sent
    assert url == SETTINGS.url
    assert body == {"reference": reference, "name": NAME}
    assert headers["Content-Type"] == "application/json"
    assert firm.result(reference) is None
    events = QuestionFile(tmp_path / "provider", b"j" * 16).read(0)
    now = Clock().now()
    assert events == [
        Asked(now, "anna", reference, ABOUT, "vet", "2026-11"), Taken(now, reference),
    ]  # fmt: skip
    assert b"Huber" not in (tmp_path / "provider").read_bytes()


def test_it_is_the_same_question_until_it_is_answered(firm, book, wire):
    first = firm.submit(ABOUT, NAME)
    assert firm.submit(ABOUT, NAME) == first
    assert [sent[1]["reference"] for sent in wire.sent] == [first, first]
    says(book, first, CLEAR)
    assert firm.submit(ABOUT, NAME) == first
    assert len(wire.sent) == 2, "what is known is not asked"
    assert basis_of(firm.result(first)) == firm.basis == firm_basis("vet", "2026-11")
    assert firm.result(first).matches == ()


def test_what_has_failed_is_another_question(firm, book, wire):
    first = firm.submit(ABOUT, NAME)
    says(book, first, FAILED)
    assert firm.result(first) is None
    second = firm.submit(ABOUT, NAME)
    assert second != first
    says(book, second, ON_LIST)
    assert firm.result(second).matches == (Match("vet", 2, second, EQUAL),)


def test_other_lists_are_another_question(firm, book, wire):
    first = firm.submit(ABOUT, NAME)
    says(book, first, CLEAR)
    newer = ProviderSettings(
        name="vet", url=SETTINGS.url, secrets_files=("secret",), lists="2026-12"
    )
    later = Firm(newer, [SECRET], book, "anna", Clock(), wire.ask)
    second = later.submit(ABOUT, NAME)
    assert second != first
    assert later.result(second) is None


def test_a_firm_that_is_away_is_left_alone_and_asked_the_same_later(firm, book, wire):
    wire.trouble = TimeoutError("timed out")
    for about in (ABOUT, "s-" + "b" * 32):
        with pytest.raises(NotAsked, match="vet is not reached: timed out"):
            firm.submit(about, NAME)
    assert len(wire.sent) == 1, "a second name would wait as long"
    (question,) = book.questions.by_reference.values()
    assert not question.taken
    wire.trouble = None
    again = Firm(SETTINGS, [SECRET], book, "ben", Clock(), wire.ask)
    assert again.submit(ABOUT, NAME) == question.asked.reference
    assert question.taken


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404, 429, 500, 503, 199])
def test_only_a_200_is_taken(firm, book, wire, status):
    wire.status = status
    with pytest.raises(NotAsked, match=f"vet answers {status}"):
        firm.submit(ABOUT, NAME)
    assert [q.taken for q in book.questions.by_reference.values()] == [False]


# --- both ---------------------------------------------------------------------------------------

LIKE = Match("OFAC SDN", 25308, "HUBER, Maria", 9_000)
THEIRS = Match("vet", 1, "q", EQUAL)
FIRM = firm_basis("vet", "2026-11")


class Answers:
    """A provider that says one thing: matches, None for nothing yet, or what it raises."""

    def __init__(self, basis, says):
        self.basis = basis
        self.says = says

    def submit(self, about, name):
        if isinstance(self.says, NotAsked):
            raise self.says
        return about

    def result(self, reference):
        if self.says is None:
            return None
        return Verdict(self.basis.algorithm, self.basis.cut_off, self.basis.versions, self.says)


@pytest.mark.parametrize(
    ("lists", "firm", "matches", "basis"),
    [
        ((), (), (), both(BASIS, FIRM)),
        ((LIKE,), (), (LIKE,), both(BASIS, FIRM)),
        ((), (THEIRS,), (THEIRS,), both(BASIS, FIRM)),
        ((LIKE,), (THEIRS,), (LIKE, THEIRS), both(BASIS, FIRM)),
        ((LIKE,), None, (LIKE,), BASIS),
        ((LIKE,), NotAsked("away"), (LIKE,), BASIS),
        ((), None, None, None),
        (None, (), None, None),
        (None, (THEIRS,), (THEIRS,), FIRM),
    ],
)  # fmt: skip
def test_a_name_is_clear_that_both_clear_and_a_hit_of_one_waits_for_nobody(
    lists, firm, matches, basis
):
    provider = Both(Answers(BASIS, lists), Answers(FIRM, firm))
    assert provider.basis == both(BASIS, FIRM)
    found = provider.result(provider.submit(ABOUT, NAME))
    assert (found and found.matches) == matches
    assert (found and basis_of(found)) == basis


def test_a_firm_that_is_away_clears_nobody():
    provider = Both(Answers(BASIS, ()), Answers(FIRM, NotAsked("away")))
    reference = provider.submit(ABOUT, NAME)
    with pytest.raises(NotAsked, match="away"):
        provider.result(reference)


# --- over customers -----------------------------------------------------------------------------


@pytest.fixture
def asked(config, tmp_path, monkeypatch):
    """The venue's configuration names a firm beside its lists, which takes all that it is asked."""
    tree = yaml.safe_load(config.read_text())
    tree["compliance"]["provider"] = {
        "name": "vet", "url": SETTINGS.url, "secrets_files": ["secret"], "lists": "2026-11",
    }  # fmt: skip
    config.write_text(yaml.safe_dump(tree))
    (tmp_path / "secret").write_bytes(SECRET + b"\n")
    (tmp_path / "secret").chmod(0o600)
    monkeypatch.setattr("gateway.onboarding.firm.post", lambda *_: (202, b""))
    return config


def references(data):
    """By whose name it is, the newest question about it."""
    questions = questions_at(data).questions
    return {q.asked.about: q.asked.reference for q in questions.by_reference.values()}


def answer_all(data, outcome=CLEAR, about=None):
    book = questions_at(data)
    for whose, reference in references(data).items():
        if about in (None, whose):
            says(book, reference, outcome)


def applied(data, log):
    made = HitsApplied(data, SystemClock(silent), log)
    made.turn()
    return made


def test_screening_waits_for_the_firm_and_then_takes_what_is_clear(
    kyc, hand_in, data, asked, vault
):
    kyc("invite", "--member", "ACME", "--as", "anna")
    people = hand_in(1, application())
    assert kyc("screen", 1, *ANNA, configured=True, code=1) == []
    assert "no answer yet: screen it later" in kyc.said
    rows = kyc("questions")
    assert {row["name"] for row in rows} == {"Acme Trading Ltd", *people.values()}
    assert {row["waits"] for row in rows} == {"the provider"}
    answer_all(data)
    assert {row["waits"] for row in kyc("questions", "--waiting")} == {"kyc screen"}
    rows = kyc("screen", 1, *ANNA, configured=True)
    assert [row["clear"] for row in rows] == [True] * 3
    assert kyc("questions", "--waiting") == []
    said = ("--as", "anna", "--text", "known for years")
    assert kyc("assess", 1, *said, "--risk", "low", configured=True)["state"] == "review"
    assert {r.actor.purpose.value for r in vault.happened(ReadAllowed)} == {"sanctions"}


def screened_active(kyc, hand_in, data):
    """A customer that trades, cleared by both."""

    def answering(action, *words, **how):
        if action == "screen":
            kyc(action, *words, **{**how, "code": 1})
            answer_all(data)
        return kyc(action, *words, **how)

    return onboard(answering, hand_in)


def test_a_hit_suspends_whoever_trades_before_anybody_types_anything(
    kyc, hand_in, data, asked, capsys
):
    people = screened_active(kyc, hand_in, data)
    log = []
    made = applied(data, log.append)
    assert kyc("show", 1)["state"] == "active"
    answer_all(data, ON_LIST, people["o"])
    made.turn()
    shown = kyc("show", 1)
    assert shown["state"] == "suspended"
    assert shown["names"][1]["standing"] == "like: vet 4"
    reference = references(data)[people["o"]]
    assert log == [f"vet has a hit, {reference}: customer 1 is suspended"]
    identity = identity_at(data)
    last = ScreeningFile(data / "compliance" / SCREENINGS_NAME, identity).read(0)[-1]
    assert (last.by, last.asked) == ("webhooks", people["o"])
    assert last.verdict.matches == (Match("vet", 4, reference, EQUAL),)
    for _ in range(3):
        made.turn()
        applied(data, log.append)  # the process begins again
    assert len(log) == 1
    assert OWNER_NAME not in str(log)


@pytest.mark.proof
def test_a_hit_that_was_judged_is_over_and_the_next_one_is_another(kyc, hand_in, data, asked):
    people = screened_active(kyc, hand_in, data)
    answer_all(data, ON_LIST, people["o"])
    made = applied(data, str)
    said = ("--as", "ben", "--role", "mlro", "--text", "born in another year")
    kyc("judge", 1, people["o"], "--other", *said)
    kyc("propose", 1, "release", *ANNA, "--text", "see there")
    assert kyc("decide", 1, "agree", *said, configured=True)["state"] == "active"
    assert kyc("screen", *ANNA, configured=True) == []
    made.turn()
    assert kyc("show", 1)["state"] == "active"
    answer_all(data, CLEAR, people["o"])
    made.turn()
    assert kyc("show", 1)["state"] == "active"
    answer_all(data, ON_LIST, people["o"])
    made.turn()
    assert kyc("show", 1)["state"] == "suspended"


@pytest.mark.proof
def test_what_is_clear_later_takes_back_no_hit(kyc, hand_in, data, asked):
    people = screened_active(kyc, hand_in, data)
    answer_all(data, ON_LIST, people["o"])
    answer_all(data, CLEAR, people["o"])
    applied(data, str)
    assert kyc("show", 1)["state"] == "suspended"
    assert kyc("show", 1)["names"][1]["standing"] == "like: vet 4"


def test_a_hit_about_an_applicant_counts_before_lists_were_asked(kyc, hand_in, data, asked):
    kyc("invite", "--member", "ACME", "--as", "anna")
    people = hand_in(1, application())
    kyc("screen", 1, *ANNA, configured=True, code=1)
    answer_all(data, ON_LIST, people["o"])
    applied(data, str)
    assert kyc("show", 1)["names"][1]["standing"] == "like: vet 1"
    answer_all(data, CLEAR)
    rows = kyc("screen", 1, *ANNA, configured=True, code=10)
    assert [row["clear"] for row in rows] == [True, False, True]


@pytest.mark.proof
def test_a_clock_that_is_behind_is_told_once_and_grows_no_file(kyc, hand_in, data, asked):
    people = screened_active(kyc, hand_in, data)
    answer_all(data, ON_LIST, people["o"])
    log = []

    class Behind:
        def now(self):
            return 1

    made = HitsApplied(data, Behind(), log.append)
    for _ in range(3):
        made.turn()
    assert made.trouble
    assert log == [
        "ALARM: hits of a provider suspend nobody: the clock is behind what has happened to this"
        " customer"
    ]
    path = data / "compliance" / SCREENINGS_NAME
    rows = ScreeningFile(path, identity_at(data)).read(0)
    assert sum(row.by == "webhooks" for row in rows) == 1


@pytest.mark.parametrize(
    ("secret", "mode", "why"),
    [(b"s" * 31, 0o600, "32 bytes or more"), (SECRET, 0o644, "can be read by others")],
)
def test_a_secret_is_long_and_its_owners_alone(tmp_path, secret, mode, why):
    path = tmp_path / "secret"
    path.write_bytes(secret + b"\n")
    path.chmod(mode)
    with pytest.raises(OperatorError, match=why):
        read_secrets(tmp_path, SETTINGS)


@pytest.mark.proof
def test_hits_of_lists_stay_beside_those_of_the_firm(kyc, hand_in, data, asked, tmp_path):
    people = screened_active(kyc, hand_in, data)
    path = tmp_path / "sdn" / "sdn.csv"
    path.write_text(path.read_text().replace("DOE, John", "HUBER, Maria"))
    kyc("screen", *ANNA, configured=True, code=10)
    answer_all(data, ON_LIST, people["o"])
    applied(data, str)
    standing = kyc("show", 1)["names"][1]["standing"]
    assert standing == "like: OFAC SDN 25308, vet 4"
    assert kyc("screen", *ANNA, configured=True, code=10) == [], "both have said what they say"
