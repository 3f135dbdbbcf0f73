"""Who may connect: how many from one address, and how long after how many failed Logons not.

Pure: addresses and monotonic ns in, verdicts out. A failure is counted where it was made, at the
address and at the pair (address, CompID), never at a CompID alone: else any stranger could lock a
member out by guessing badly in his name. Who is logged on is never asked here, so a neighbour's
failures behind a shared address end nobody's session.
"""

import ipaddress
from collections.abc import Hashable
from enum import StrEnum
from typing import Final, Generic, TypeVar

from engine.model.clock import NANOS_PER_SECOND
from gateway.config import Limits

MAX_TRACKED: Final = 4_096
"""Sources of failed Logons that are remembered, entries of some 300 bytes. When it is full the
one that failed first gives way: an attacker with that many addresses is not stopped by counting
them, and the others must not be forgotten for him any sooner."""

NO_SESSION: Final = b""
"""Stands for the CompID of a first message that names no session of ours."""

IPV6_SUBSCRIBER_BITS: Final = 64
"""What one subscriber holds of an IPv6 address: whoever has one address of it has all."""

Key = TypeVar("Key", bound=Hashable)


class Refusal(StrEnum):
    """Why a connection was closed at once, unread. No session ever learns of it."""

    ADDRESS_BLOCKED = "address_blocked"
    """Too many failed Logons came from the address."""
    ADDRESS_FULL = "address_full"
    """The address has as many connections as one may have."""
    PROCESS_FULL = "process_full"
    """The process has as many connections as it may have, all of them logged on."""
    SHUTDOWN = "shutdown"


def source_of(peer: str) -> str:
    """What stands for the owner of `address:port`: an IPv4 address, or an IPv6 network of 64 bits.

    A text that is no address stands for itself.
    """
    text = peer.rpartition(":")[0].partition("%")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return text
    if isinstance(address, ipaddress.IPv4Address):
        return text
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    network = int(address) >> (128 - IPV6_SUBSCRIBER_BITS)
    return f"{network:x}/{IPV6_SUBSCRIBER_BITS}"


class Failures(Generic[Key]):
    """Sources that failed, and which of them are blocked. Times in monotonic ns.

    limit: failures within `window` that block for `block`; 0: nobody is ever blocked.
    """

    __slots__ = ("_block", "_limit", "_seen", "_window")

    def __init__(self, limit: int, window: int, block: int) -> None:
        self._limit = limit
        self._window = window
        self._block = block
        # key -> (window began, failures in it, blocked until)
        self._seen: dict[Key, tuple[int, int, int]] = {}

    def __len__(self) -> int:
        return len(self._seen)

    def failed(self, key: Key, mono: int) -> bool:
        """One more failure; whether it blocks the source from now on."""
        if not self._limit:
            return False
        began, count, until = self._seen.pop(key, (mono, 0, 0))
        if mono - began >= self._window:
            began, count = mono, 0
        count += 1
        blocks = count >= self._limit and until <= mono
        if blocks:
            until, count, began = mono + self._block, 0, mono
        if len(self._seen) >= MAX_TRACKED:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = (began, count, until)
        return blocks

    def blocked(self, key: Key, mono: int) -> bool:
        """Whether the source is blocked now."""
        found = self._seen.get(key)
        return found is not None and found[2] > mono

    def forget(self, key: Key) -> None:
        """The source has shown that it knows better."""
        self._seen.pop(key, None)


class Admission:
    """The door of one process."""

    def __init__(self, limits: Limits) -> None:
        window = limits.failed_logon_window_s * NANOS_PER_SECOND
        block = limits.failed_logon_block_s * NANOS_PER_SECOND
        self.by_pair = Failures[tuple[str, bytes]](limits.failed_logons, window, block)
        self.by_source = Failures[str](limits.failed_logons_per_address, window, block)
        self.total = 0
        """Connections there are, logged on or not."""
        self._per_address = limits.connections_per_address
        self._open: dict[str, int] = {}  # as many entries as there are connections, at most

    def refusal(self, source: str, mono: int) -> Refusal | None:
        """Why another connection from `source` is not taken; None if it is."""
        if self.source_blocked(source, mono):
            return Refusal.ADDRESS_BLOCKED
        if self._per_address and self._open.get(source, 0) >= self._per_address:
            return Refusal.ADDRESS_FULL
        return None

    def opened(self, source: str) -> None:
        """A connection was taken."""
        self.total += 1
        self._open[source] = self._open.get(source, 0) + 1

    def closed(self, source: str) -> None:
        """It is gone."""
        self.total -= 1
        left = self._open[source] - 1
        if left:
            self._open[source] = left
        else:
            del self._open[source]

    def source_blocked(self, source: str, mono: int) -> bool:
        """Whether nobody may log on from there: it named no session of ours, or guessed, often."""
        return self.by_pair.blocked((source, NO_SESSION), mono) or self.by_source.blocked(
            source, mono
        )

    def blocked(self, source: str, comp_id: bytes, mono: int) -> bool:
        """Whether this CompID may not log on from there."""
        return self.source_blocked(source, mono) or self.by_pair.blocked((source, comp_id), mono)

    def failed(self, source: str, comp_id: bytes, mono: int) -> bool:
        """A first message was no Logon, named no session of ours (NO_SESSION), or had a wrong
        password; whether somebody is blocked for it."""
        pair = self.by_pair.failed((source, comp_id), mono)
        return self.by_source.failed(source, mono) or pair

    def succeeded(self, source: str, comp_id: bytes) -> None:
        """The password was right: what went wrong before for this CompID there is forgiven."""
        self.by_pair.forget((source, comp_id))
