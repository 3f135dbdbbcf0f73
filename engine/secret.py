"""Secrets as bytes and texts that are never shown: what prints one prints three dots.

A log line, a message or a traceback with its variables is written by people who do not think of
keys just then. So secrets are these from where they enter: all else works with them as before.
"""


# mypy: disable-error-code="explicit-override"
# typing has @override from 3.12.


class _Hidden:
    """What all of them say of themselves."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    def __str__(self) -> str:
        return "..."

    def __format__(self, spec: str) -> str:
        return "..."


class SecretBytes(_Hidden, bytes):
    """Keys, seeds, passwords. A slice of it is plain bytes: wrap what is kept."""

    __slots__ = ()


class SecretText(_Hidden, str):
    """URLs with a key or a password in them."""

    __slots__ = ()

    def reveal(self) -> str:
        """The text itself, for a library that makes a text of what it is given."""
        return str.__str__(self)
