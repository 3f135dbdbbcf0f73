"""Writing to a file of events to which others write as well: each in its turn."""

import time
from collections.abc import Callable
from typing import Final

from engine.model.errors import OperatorError

TRIES: Final = 40
TRY_SECONDS: Final = 0.05
"""How often, and how long apart, somebody is waited for who is writing: two seconds in all."""


def by_turns(act: Callable[[], object], busy: type[Exception], look: Callable[[], object]) -> None:
    """Act; where somebody was faster, which raises `busy`, look, and act again. Raises
    OperatorError if others keep being faster."""
    for _ in range(TRIES):
        try:
            act()
        except busy:
            time.sleep(TRY_SECONDS)
            look()
            continue
        return
    raise OperatorError("others keep writing: try again")
