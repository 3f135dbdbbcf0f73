"""All that is looked for in the journal: abuse of the market, and money that moves strangely. One
stream of alerts."""

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from compliance.monitoring.profiles import Profiles
from compliance.monitoring.reading import concerns
from compliance.monitoring.rules import MoneyRules
from compliance.monitoring.watch import MoneyWatch
from compliance.surveillance.alerts import Alert
from compliance.surveillance.links import Links
from compliance.surveillance.rules import Rules
from compliance.surveillance.watch import Watch
from compliance.surveillance.watching import StateRefused
from engine.model.commands import Command
from engine.model.events import Event

STATE_FORMAT: Final = 2
"""Of what is saved here. 1 was the market's alone."""


class Inputs(Struct, frozen=True):
    """What alerts are judged by, besides the journal."""

    rules: Rules
    links: Links
    money: MoneyRules
    profiles: Profiles


class _Saved(Struct, array_like=True):
    format: int
    market: bytes
    money: bytes


class Watches:
    """The watch over the market and the one over money, command by command."""

    def __init__(self, inputs: Inputs) -> None:
        self._market = Watch(inputs.rules, inputs.links)
        self._money = MoneyWatch(inputs.money, inputs.links, inputs.profiles)

    def take(
        self, first: int, last: int, time: int, command: Command, events: Sequence[Event]
    ) -> list[Alert]:
        """One command with all its events, in records `first` to `last`, and that record's time,
        ns UTC; the alerts that it completes."""
        alerts = self._market.take(first, last, time, command, events)
        if concerns(command, events):
            alerts += self._money.take(first, last, time, command, events)
        return alerts

    def save(self) -> bytes:
        """All that later alerts depend on."""
        return _encode(_Saved(STATE_FORMAT, self._market.save(), self._money.save()))

    def load(self, data: bytes) -> None:
        """Go on where `save` was called; nothing may have been taken yet. Raises StateRefused;
        then only new ones go on, from record 0."""
        try:
            saved = _decode(data)
        except msgspec.DecodeError:
            raise StateRefused("the state is of another release: read from record 0") from None
        if saved.format != STATE_FORMAT:
            raise StateRefused("the state is of another release: read from record 0")
        self._market.load(saved.market)
        self._money.load(saved.money)


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode
