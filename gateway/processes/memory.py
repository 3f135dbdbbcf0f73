"""When Python collects garbage in a process that must not pause."""

import gc
from typing import Final

THRESHOLDS: Final = (100_000, 50, 1_000_000)
"""Collections while trading: young ones are rare and short, a full one never comes.

Nothing on the order path makes reference cycles; what recovery built is frozen.
"""


def freeze_what_there_is() -> None:
    """Collect once more, then leave alone what a start has built."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
