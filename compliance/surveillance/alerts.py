"""Alerts: what was seen, in which records, under which rules. Ids only, never personal data."""

from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

MAX_CITED: Final = 64
"""Records that an alert cites: who looks into it reads the journal between the first and the last
anyway."""

NANOS_PER_MS: Final = 1_000_000
NANOS_PER_S: Final = 1_000_000_000

Figures = tuple[tuple[str, int], ...]
"""What the alert rests on: names that end in their unit, and integers; in an alert at most int64,
as all that is kept."""


class Finding(Struct, frozen=True):
    """What a detector has found. members and records are in no order yet."""

    members: tuple[int, ...]
    records: tuple[int, ...]
    figures: Figures
    text: str


class Alert(Struct, frozen=True):
    """One alert. time: ns UTC of the record that completed it, `last_record`.

    rules, links: the digests of what it was judged by. records: at most MAX_CITED of those that
    it rests on, among them the first and the last.
    """

    kind: str
    rules: str
    links: str
    time: int
    first_record: int
    last_record: int
    records: tuple[int, ...]
    members: tuple[int, ...]
    instrument: int
    figures: Figures
    text: str


class Detector(Protocol):
    """One alert's detector."""

    @property
    def kind(self) -> str:
        """What its alerts are called: the name of its rules."""
        ...

    @property
    def hears(self) -> tuple[type, ...]:
        """The facts that it is told."""
        ...

    @property
    def state(self) -> Struct:
        """All that it remembers, so that it can be written down."""
        ...

    def take(self, step: Any, fact: Any) -> Finding | None:  # noqa: ANN401 - those it hears
        """One fact of a step; what it completes. All that they show is as after the whole
        command."""
        ...


def restore(state: Struct, data: bytes) -> None:
    """Put a detector's state back from its bytes. Raises msgspec.DecodeError."""
    saved = msgspec.msgpack.decode(data, type=type(state))
    for name in state.__struct_fields__:
        setattr(state, name, getattr(saved, name))


def cited(records: tuple[int, ...]) -> tuple[int, ...]:
    """In order, each once; of too many the first ones and the last one."""
    ordered = sorted(set(records))
    if len(ordered) > MAX_CITED:
        ordered = [*ordered[: MAX_CITED - 1], ordered[-1]]
    return tuple(ordered)


def write_alerts(alerts: list[Alert]) -> bytes:
    """One JSON object a line: the same alerts are the same bytes."""
    return b"".join(_encode(alert) + b"\n" for alert in alerts)


_encode = msgspec.json.Encoder(order="deterministic").encode
