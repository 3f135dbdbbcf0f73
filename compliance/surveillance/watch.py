"""The watch: reading and detectors together, one command after the other.

The same commands under the same rules and links give the same alerts, byte for byte, on any
machine; also when the state is written down and read back in between.
"""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import Struct

from compliance.surveillance.alerts import NANOS_PER_S, Alert, Detector, Finding, cited, restore
from compliance.surveillance.facts import Step
from compliance.surveillance.fleeting import FleetingDetector
from compliance.surveillance.floor_ceiling import FloorCeilingDetector
from compliance.surveillance.front_running import FrontRunningDetector
from compliance.surveillance.layering import LayeringDetector
from compliance.surveillance.links import Links, links_digest
from compliance.surveillance.marking_close import MarkingCloseDetector
from compliance.surveillance.momentum_ignition import MomentumIgnitionDetector
from compliance.surveillance.order_to_trade import OrderToTradeDetector
from compliance.surveillance.pinging import PingingDetector
from compliance.surveillance.price_fade import PriceFadeDetector
from compliance.surveillance.pump_and_dump import PumpAndDumpDetector
from compliance.surveillance.quote_stuffing import QuoteStuffingDetector
from compliance.surveillance.ramping import RampingDetector
from compliance.surveillance.reading import Reading
from compliance.surveillance.rules import Rules, rules_digest
from compliance.surveillance.spoofing import SpoofingDetector
from compliance.surveillance.wash_own import WashOwnDetector
from compliance.surveillance.wash_pair import WashPairDetector
from engine.model.commands import Command
from engine.model.events import Event

MAX_QUIET: Final = 10_000
"""Alerts whose quiet time is remembered; of more the oldest may be raised again too soon."""

STATE_FORMAT: Final = 1
"""Grows with each change of what a saved state holds."""

Subject = tuple[str, int, tuple[int, ...]]
"""What an alert is about: its kind, its instrument, its members."""


class StateRefused(ValueError):
    """A saved state is of another release, or of other rules or links."""


class _Saved(Struct, array_like=True):
    format: int
    rules: str
    links: str
    reading: bytes
    detectors: dict[str, bytes]
    quiet: list[tuple[Subject, int]]


def detectors(rules: Rules, links: Links) -> list[Detector]:
    """One of each, in the order in which their alerts of one fact are listed."""
    return [
        WashOwnDetector(rules.wash_own),
        WashPairDetector(rules.wash_pair),
        SpoofingDetector(rules.spoofing),
        LayeringDetector(rules.layering),
        QuoteStuffingDetector(rules.quote_stuffing),
        OrderToTradeDetector(rules.order_to_trade, links),
        FleetingDetector(rules.fleeting),
        PriceFadeDetector(rules.price_fade),
        MomentumIgnitionDetector(rules.momentum_ignition),
        RampingDetector(rules.ramping),
        MarkingCloseDetector(rules.marking_close),
        PumpAndDumpDetector(rules.pump_and_dump),
        FrontRunningDetector(rules.front_running, links),
        PingingDetector(rules.pinging),
        FloorCeilingDetector(rules.floor_ceiling),
    ]


class Watch:
    """All alerts of a venue, from its journal."""

    def __init__(self, rules: Rules, links: Links) -> None:
        self.rules = rules
        self.rules_digest = rules_digest(rules)
        self.links_digest = links_digest(links)
        self._reading = Reading(links)
        self._detectors = detectors(rules, links)
        self._quiet: dict[Subject, int] = {}
        """When each was raised last, ns UTC, the longest ago first."""
        self._hears: dict[type, list[Any]] = {}
        for detector in self._detectors:
            for kind in detector.hears:
                self._hears.setdefault(kind, []).append((detector.kind, detector.take))

    def take(
        self, first: int, last: int, time: int, command: Command, events: Iterable[Event]
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

    def _alert(self, kind: str, step: Step, finding: Finding) -> Alert | None:
        """The alert of a finding; None while its subject is to be left in peace."""
        members = tuple(sorted(set(finding.members)))
        subject = (kind, step.market.id, members)
        before = self._quiet.pop(subject, None)
        if before is not None and step.time - before < self.rules.quiet_s * NANOS_PER_S:
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
            step.market.id,
            finding.figures,
            finding.text,
        )


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode
