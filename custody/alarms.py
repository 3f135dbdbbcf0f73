"""What a person has to look at, and what waits meanwhile."""

from typing import Final

from sqlalchemy import Connection, func, insert, select, update

from custody.store.custody_schema import alarms

EVERYTHING: Final = "withdrawals"
"""Stands for all withdrawals where what an alarm stops is named."""

MAX_WORDS: Final = 500
"""Longest text of an alarm, characters."""


def stopping_account(account: int) -> str:
    """What stands for the withdrawals of one account."""
    return f"account/{account}"


def stopping_asset(code: str) -> str:
    """What stands for the withdrawals of one asset."""
    return f"asset/{code}"


def raise_alarm(connection: Connection, name: str, text: str, now: int, stops: str = "") -> bool:
    """Say that something is wrong; whether it is news. stops: what waits until it is cleared."""
    there = connection.execute(select(alarms).where(alarms.c.name == name)).first()
    if there is not None and not there.cleared:
        return False
    row = {"text": text[:MAX_WORDS], "since": now, "stops": stops, "cleared": 0}
    if there is None:
        connection.execute(insert(alarms).values(name=name, **row))
    else:
        connection.execute(update(alarms).where(alarms.c.name == name).values(**row))
    return True


def clear_alarm(connection: Connection, name: str, now: int) -> bool:
    """A person has looked at it; whether there was one."""
    change = update(alarms).where(alarms.c.name == name, alarms.c.cleared == 0)
    return connection.execute(change.values(cleared=now)).rowcount > 0


def stopped(connection: Connection, *what: str) -> str:
    """The text of an alarm that one of `what` waits for; empty if there is none."""
    query = select(alarms.c.text).where(alarms.c.cleared == 0, alarms.c.stops.in_(what))
    row = connection.execute(query.order_by(alarms.c.since)).first()
    return "" if row is None else str(row.text)


def open_alarms(connection: Connection) -> int:
    """How many wait for a person."""
    query = select(func.count()).select_from(alarms).where(alarms.c.cleared == 0)
    return int(connection.execute(query).scalar_one())
