"""Names of people: the one place of them, so that all else knows ids alone."""

from collections.abc import Mapping
from typing import Protocol


class Names(Protocol):
    """Names by ids. An id is one name's for ever: who gets another name gets another id, and is
    screened as somebody new."""

    def name(self, person: str) -> str | None:
        """The name of an id; None if nobody knows it, or it was erased. Raises OSError."""
        ...

    def add(self, names: Mapping[str, str]) -> None:
        """Keep names by new ids; they are on disk when it returns. Raises ValueError if an id is
        another name's, and OSError."""
        ...
