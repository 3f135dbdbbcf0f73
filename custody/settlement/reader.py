"""A period out of the ledger's database, in pages, also while custody writes there."""

from sqlalchemy import Engine

from custody.answers import Step
from custody.settlement.cut import Cut, Passing
from custody.settlement.period import Period
from custody.store.answer_store import find_answer
from custody.store.database import for_reading
from custody.store.reading import posted_up_to, read_books
from engine.model.errors import OperatorError


def read_period(database: Engine, start: Cut, end: Cut) -> Period:
    """What moved from `start` to `end`. All of the ledger is gone over: its chain is checked, and
    what its batches come to is compared with what its accounts have.

    Raises LedgerDamaged, and OperatorError if the ledger is empty.
    """
    books = read_books(database)
    reading = for_reading(database)

    def record_of(reference: str) -> int:
        with reading.begin() as connection:
            answer = find_answer(connection, reference, Step.HOLD)
        if answer is None:
            raise OperatorError(f"the ledger does not know in which record {reference} was held")
        return answer.record

    period = Period(Passing(start, record_of), Passing(end, record_of))
    period.go_over(posted_up_to(database, books.head.seq))
    period.fold.check_sums(books.accounts)
    return period
