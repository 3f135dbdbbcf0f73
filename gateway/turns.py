"""Writing to a file of events to which others write as well: each in its turn."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from engine.model.errors import OperatorError

TRIES: Final = 40
TRY_SECONDS: Final = 0.05
"""How often, and how long apart, somebody is waited for who is writing: two seconds in all."""


Made = TypeVar("Made")


def by_turns(act: Callable[[], Made], busy: type[Exception], look: Callable[[], object]) -> Made:
    """Act, and give what it made; where somebody was faster, which raises `busy`, look, and act
    again. Raises OperatorError if others keep being faster."""
    for _ in range(TRIES):
        try:
            return act()
        except busy:
            time.sleep(TRY_SECONDS)
            look()
    raise OperatorError("others keep writing: try again")
