"""What money is worth in the reporting asset: exact, in integers, from the journal's own prices.

The price of an instrument is its last trade's; before its first one it is the reference price, as
for the collar. An asset's way goes over one instrument, or over two with an asset in between; of
several the one of the lowest numbers. A value is multiplied out first and rounded down once.
"""

from typing import Final

from compliance.monitoring.facts import NO_VALUE
from engine.model.money import INT64_MAX
from engine.model.refdata import Instrument, ReferenceData

Rate = tuple[int, int]
"""Minor units of the one for minor units of the other: numerator and denominator."""

PAR: Final = (1, 1)


class Prices:
    """last: the price of each instrument's last trade, ticks."""

    def __init__(self, refdata: ReferenceData, code: str) -> None:
        """code: of the reporting asset."""
        self.last: dict[int, int] = {}
        self._refdata = refdata
        self._code = code

    @property
    def reporting(self) -> int:
        """The reporting asset's id, 0 if the venue has none of that code."""
        assets = self._refdata.assets.values()
        return next((asset.id for asset in assets if asset.code == self._code), 0)

    @property
    def unit(self) -> int:
        """Minor units of one of it, 0 if there is none."""
        found = self._refdata.assets.get(self.reporting)
        return 0 if found is None else int(10**found.scale)

    def value(self, asset: int, amount: int) -> int:
        """What an amount is worth now; at most INT64_MAX, NO_VALUE without a price."""
        rate = self._rate(asset)
        if rate is None:
            return NO_VALUE
        return min(amount * rate[0] // rate[1], INT64_MAX)

    def traded(self, instrument: int, sum_: int) -> int:
        """What lots x ticks of an instrument are worth now, 0 without a price."""
        found = self._refdata.instruments[instrument]
        return max(0, self.value(found.quote.id, sum_ * found.quote_per_tick_lot))

    def _rate(self, asset: int) -> Rate | None:
        target = self.reporting
        if not target:
            return None
        if asset == target:
            return PAR
        if direct := self._across(asset, target):
            return direct
        for middle in sorted(self._refdata.assets):
            here, there = self._across(asset, middle), self._across(middle, target)
            if here and there:
                return here[0] * there[0], here[1] * there[1]
        return None

    def _across(self, one: int, other: int) -> Rate | None:
        """By one instrument between two assets, whichever is its base."""
        for ident in sorted(self._refdata.instruments):
            instrument = self._refdata.instruments[ident]
            pair = (instrument.base.id, instrument.quote.id)
            if pair in {(one, other), (other, one)} and (price := self._price(instrument)):
                rate = (price * instrument.quote_per_tick_lot, instrument.base_per_lot)
                return rate if pair == (one, other) else (rate[1], rate[0])
        return None

    def _price(self, instrument: Instrument) -> int:
        return self.last.get(instrument.id, 0) or instrument.reference_price
