"""What others wrote, made fit for a terminal. Pure."""

from typing import Final

SHOWN_CHARACTERS: Final = 200
"""Longest text of others that is shown."""


def clean(text: str) -> str:
    """A text without anything that a terminal would obey, cut to a line."""
    return "".join(c if c.isprintable() else "?" for c in text[:SHOWN_CHARACTERS])
