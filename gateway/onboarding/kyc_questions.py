"""`fixgate kyc questions`: what a firm was asked about names, and what it said. Nobody by name."""

import argparse
from typing import Final

from compliance.kyc.questions import Question, Questions
from compliance.kyc.states import SCREENED_IN
from compliance.kyc.webhooks import Outcome
from gateway.custody_commands.common import print_list, utc
from gateway.onboarding.customers import Customers
from gateway.onboarding.question_book import questions_at

COLUMNS: Final = {
    "reference": "REFERENCE", "provider": "PROVIDER", "lists": "LISTS", "name": "NAME",
    "asked": "ASKED", "answer": "ANSWER", "waits": "WAITS FOR",
}  # fmt: skip


def show_questions(args: argparse.Namespace, customers: Customers) -> int:
    """The newest first; the exit code."""
    questions = questions_at(args.data).questions
    rows = [
        _row(customers, questions, question)
        for question in reversed(questions.by_reference.values())
    ]
    if args.waiting:
        rows = [row for row in rows if row["waits"]]
    return print_list(args, COLUMNS, rows, "no questions")


def _row(customers: Customers, questions: Questions, question: Question) -> dict[str, str]:
    asked = question.asked
    answer = str(question.last or "")
    if question.hits:
        answer = "hit " + ", ".join(str(hit.number) for hit in question.hits)
    return {
        "reference": asked.reference,
        "provider": asked.source,
        "lists": asked.version,
        "name": asked.about,
        "asked": utc(asked.at),
        "answer": answer,
        "waits": _waits(customers, questions, question),
    }


def _waits(customers: Customers, questions: Questions, question: Question) -> str:
    """For whom a question waits, if it is still one: the provider, or whoever types `kyc screen`,
    which takes what is clear and asks again what has failed."""
    asked = question.asked
    standings = [
        customer.screened.get(asked.about)
        for customer in customers.desk.customers.values()
        if customer.state in SCREENED_IN and asked.about in customer.names
    ]
    newest = questions.newest(asked.source, asked.about, asked.version)
    if not standings or question is not newest:
        return ""
    if question.last is None:
        return "the provider" if question.taken else "kyc screen"
    if question.last is Outcome.FAILED and not question.hits:
        return "kyc screen"
    of = (asked.source, asked.version)
    taken = all(s is not None and of in s.basis.versions for s in standings)
    return "" if taken else "kyc screen"
