"""What can be asked for of a book, over FIX as over WebSocket. Pure."""

from typing import Final

DEPTHS: Final = (1, 5, 10, 20, 50, 100, 500, 1_000)
"""Levels of a book that can be asked for, beside all of them: few, so that many share one."""

INTERVALS_MS: Final = (0, 100, 250, 500, 1_000, 5_000)
"""Times between two messages of a book that can be asked for; 0: every change by itself."""

STATISTICS_MS: Final = 250
"""What an interval of 0 means for 24 hour statistics, milliseconds: each change of them by itself
would help nobody."""
