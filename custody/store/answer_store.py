"""The venue's answers in the database, written with the cursor that moves past them."""

from collections.abc import Iterable

from sqlalchemy import Connection, insert, select, update

from custody.answers import Answer, Step
from custody.store.custody_schema import answers


def keep_answers(connection: Connection, found: Iterable[Answer]) -> None:
    """Keep each answer, unless there is one already: only what was refused may yet be done."""
    for answer in found:
        there = find_answer(connection, answer.reference, answer.step)
        row = {"record": answer.record, "taken": answer.taken, "text": answer.text}
        if there is None:
            keys = {"reference": answer.reference, "step": str(answer.step)}
            connection.execute(insert(answers).values(**keys, **row))
        elif answer.taken:
            assert not there.taken, f"the venue did {answer.step} of {answer.reference} twice"
            change = update(answers).where(
                answers.c.reference == answer.reference, answers.c.step == str(answer.step)
            )
            connection.execute(change.values(**row))


def find_answer(connection: Connection, reference: str, step: Step) -> Answer | None:
    """What the venue decided, if its journal has been read so far."""
    query = select(answers).where(answers.c.reference == reference, answers.c.step == str(step))
    row = connection.execute(query).first()
    if row is None:
        return None
    return Answer(row.reference, Step(row.step), row.record, row.taken, row.text)
