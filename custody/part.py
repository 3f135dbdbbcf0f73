"""What the parts of custody have in common."""

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Engine

from custody.store.database import for_reading
from engine.model.clock import Clock


class Means(NamedTuple):
    """What every part works with. log: for people, a line at a time. reached: is called with the
    name of every place where a process may be killed, so that tests can do so."""

    database: Engine
    clock: Clock
    log: Callable[[str], None]
    reached: Callable[[str], None] = lambda _: None


class Part:
    """A part of custody: it keeps in the database what it must not forget, and takes its steps
    when custody.service says so."""

    def __init__(self, means: Means) -> None:
        self._database = means.database
        self._reading = for_reading(means.database)
        self._clock = means.clock
        self._log = means.log
        self._reached = means.reached
