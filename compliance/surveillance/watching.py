"""A watch: a reading of the journal and detectors together, one command after the other.

The same commands under the same rules and links give the same alerts, byte for byte, on any
machine; also when the state is written down and read back in between.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Alert, Detector, Finding, cited, restore
from engine.model.commands import Command
from engine.model.events import Event
from engine.model.money import INT64_MAX

MAX_QUIET: Final = 10_000
"""Alerts whose quiet time is remembered; of more the oldest may be raised again too soon."""

STATE_FORMAT: Final = 1
"""Grows with each change of what a saved state holds."""

Subject = tuple[str, int, tuple[int, ...]]
"""What an alert is about: its kind, its instrument, its members."""


class StateRefused(ValueError):
    """A saved state is of another release, or of other rules or links."""


class Stepping(Protocol):
    """What one command did, as detectors are told it."""

    @property
    def record(self) -> int:
        """Its first record."""
        ...

    @property
    def time(self) -> int:
        """Of that record, ns UTC."""
        ...

    @property
    def instrument(self) -> int:
        """What it is about; NOBODY for none."""
        ...

    @property
    def facts(self) -> Sequence[Any]:
        """In order."""
        ...


class Reads(Protocol):
    """What makes facts of records."""

    def take(
        self, first: int, last: int, time: int, command: Command, events: Sequence[Event]
    ) -> Sequence[Stepping]:
        """One command with all its events, records `first` to `last`."""
        ...

    def save(self) -> bytes:
        """All that later facts depend on."""
        ...

    def load(self, data: bytes) -> None:
        """Go on where `save` was called."""
        ...


class _Saved(Struct, array_like=True):
    format: int
    rules: str
    links: str
    reading: bytes
    detectors: dict[str, bytes]
    quiet: list[tuple[Subject, int]]


class Watching:
    """Alerts from a journal."""

    def __init__(
        self,
        reading: Reads,
        detectors: Sequence[Detector],
        quiet_s: int,
        rules_digest: str,
        links_digest: str,
    ) -> None:
        """quiet_s: after an alert no other of its kind about the same subject. The digests are of
        all that its alerts are judged by."""
        self.rules_digest = rules_digest
        self.links_digest = links_digest
        self._quiet_s = quiet_s
        self._reading = reading
        self._detectors = detectors
        self._quiet: dict[Subject, int] = {}
        """When each was raised last, ns UTC, the longest ago first."""
        self._hears: dict[type, list[Any]] = {}
        for detector in detectors:
            for kind in detector.hears:
                self._hears.setdefault(kind, []).append((detector.kind, detector.take))

    def take(
        self, first: int, last: int, time: int, command: Command, events: Sequence[Event]
    ) -> list[Alert]:
        """One command with all its events, in records `first` to `last`, and that record's time,
        ns UTC; the alerts that it completes."""
        alerts: list[Alert] = []
        hears = self._hears
        for step in self._reading.take(first, last, time, command, events):
            for fact in step.facts:
                for kind, take in hears[type(fact)]:
                    finding = take(step, fact)
                    if finding is not None:
                        alert = self._alert(kind, step, finding)
                        if alert is not None:
                            alerts.append(alert)
        return alerts

    def save(self) -> bytes:
        """All that later alerts depend on."""
        return _encode(
            _Saved(
                STATE_FORMAT,
                self.rules_digest,
                self.links_digest,
                self._reading.save(),
                {d.kind: _encode(d.state) for d in self._detectors},
                list(self._quiet.items()),
            )
        )

    def load(self, data: bytes) -> None:
        """Go on where `save` was called; nothing may have been taken yet. Raises StateRefused."""
        try:
            saved = _decode(data)
        except msgspec.DecodeError as error:
            raise StateRefused(f"not a state of surveillance: {error}") from None
        if saved.format != STATE_FORMAT:
            raise StateRefused("the state is of another release: read the journal from record 0")
        if (saved.rules, saved.links) != (self.rules_digest, self.links_digest):
            raise StateRefused("the state is of other rules or links: read from record 0")
        self._reading.load(saved.reading)
        for detector in self._detectors:
            restore(detector.state, saved.detectors[detector.kind])
        self._quiet = dict(saved.quiet)

    def _alert(self, kind: str, step: Stepping, finding: Finding) -> Alert | None:
        """The alert of a finding; None while its subject is to be left in peace."""
        members = tuple(sorted(set(finding.members)))
        subject = (kind, step.instrument, members)
        before = self._quiet.pop(subject, None)
        if before is not None and step.time - before < self._quiet_s * NANOS_PER_S:
            self._quiet[subject] = before
            return None
        self._quiet[subject] = step.time
        if len(self._quiet) > MAX_QUIET:
            del self._quiet[next(iter(self._quiet))]
        records = cited((*finding.records, step.record))
        return Alert(
            kind,
            self.rules_digest,
            self.links_digest,
            step.time,
            records[0],
            records[-1],
            records,
            members,
            step.instrument,
            tuple((name, min(value, INT64_MAX)) for name, value in finding.figures),
            finding.text,
        )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode
