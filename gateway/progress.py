"""A line of progress on a terminal: nothing where nobody looks at it."""

import sys
from typing import Final

PROGRESS_RECORDS: Final = 100_000
"""Records between two words of progress."""


class Progress:
    """Writes over one line of stderr."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._told = ("", 0)
        self._width = 0

    def tell(self, doing: str, records: int) -> None:
        """So many records are done, counted from 1."""
        steps = records // PROGRESS_RECORDS
        if self._terminal and steps and self._told != (doing, steps):
            self._told = doing, steps
            text = f"{doing} {records:,} records"
            self._width = max(self._width, len(text))
            print(f"\r{text:{self._width}}", end="", file=sys.stderr)

    def close(self) -> None:
        """Leave the line."""
        if self._width:
            print(file=sys.stderr)
            self._width = 0
