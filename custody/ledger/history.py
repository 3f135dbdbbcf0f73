"""What a ledger was told before: in memory, or wherever a store keeps it. Pure.

A ledger itself holds accounts and what still waits. All else it asks its history for, by key, so
that a ledger of years needs no more memory than its accounts.
"""

from collections.abc import Mapping
from typing import Protocol

from custody.ledger.transfers import Pending, Posted


class History(Protocol):
    """All batches of a ledger, and every transfer that was ever pending."""

    def find(self, key: str) -> Posted | None:
        """The batch that was posted under a key."""
        ...

    def pending(self, identity: str) -> Pending | None:
        """A transfer that waits, or has ended."""
        ...

    def add(self, posted: Posted, pending: Mapping[str, Pending]) -> None:
        """A batch was posted; pending: what it began or ended, by identity."""
        ...


class Memory:
    """All of it in memory. posted: in order. pendings: by identity."""

    def __init__(self) -> None:
        self.posted: list[Posted] = []
        self.pendings: dict[str, Pending] = {}
        self._by_key: dict[str, Posted] = {}

    def find(self, key: str) -> Posted | None:
        """See History."""
        return self._by_key.get(key)

    def pending(self, identity: str) -> Pending | None:
        """See History."""
        return self.pendings.get(identity)

    def add(self, posted: Posted, pending: Mapping[str, Pending]) -> None:
        """See History."""
        self.posted.append(posted)
        self._by_key[posted.batch.key] = posted
        self.pendings.update(pending)
