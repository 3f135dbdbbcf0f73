"""The rules of monitoring: every number that decides, with its unit and where it comes from.

A name ends in its unit: s, days, bps (1/10,000), units (whole ones of the reporting asset), or a
count. "FATF 2020" is the FATF report "Virtual Assets: Red Flag Indicators of Money Laundering and
Terrorist Financing" of September 2020, with the section that the rule belongs to: from notes, not
verified against its text. "Own" marks a value of ours, to be calibrated on a venue's own customers.
"""

# mypy: disable-error-code="explicit-override"
# typing has @override from 3.12.

from typing import Final

import msgspec
from msgspec import Struct

from compliance.monitoring.facts import LOOK_BACK, SILENCE
from compliance.surveillance.alerts import NANOS_PER_S
from compliance.surveillance.rules import Parameters

RULES_VERSION: Final = 1
"""Grows with each change of what a parameter means: rules of another version are refused."""

MAX_UNITS: Final = 10**12
"""Largest value in a rule: more than any venue has."""

MAX_THRESHOLDS: Final = 8
"""Thresholds that transfers may be kept below: more than one country has."""


class MoneyParameters(Parameters, frozen=True, forbid_unknown_fields=True):
    """Rules of one alert. No window reaches further back than is remembered."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name.endswith("_s") and not 1 <= value * NANOS_PER_S <= LOOK_BACK:
                raise ValueError(f"{name} is not within 1 to {LOOK_BACK // NANOS_PER_S}")
            if name.endswith("_units") and value > MAX_UNITS:
                raise ValueError(f"{name} is over {MAX_UNITS}")
        super().__post_init__()


class Structuring(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """Transfers in one direction that are each just below a threshold (FATF 2020, transactions)."""

    thresholds: tuple[int, ...] = (1_000, 3_000, 10_000)
    """Whole units. 1,000: FATF recommendation 16, and (EU) 2023/1113 of own wallets; 3,000: the US
    travel rule; 10,000: US reports of cash, which people think of, though coins are none. Not
    verified."""
    within_bps: int = 1_000
    """Below the threshold."""
    day_transfers: int = 4
    """In 24 hours. Own."""
    week_transfers: int = 4
    """In 7 days. Own."""
    min_share_bps: int = 6_000
    """Of the owner's transfers in that direction in the window. Own: of many amounts some are near
    a threshold."""

    def __post_init__(self) -> None:
        if not 1 <= len(self.thresholds) <= MAX_THRESHOLDS:
            raise ValueError(f"thresholds are 1 to {MAX_THRESHOLDS}")
        if any(not 1 <= value <= MAX_UNITS for value in self.thresholds):
            raise ValueError(f"a threshold is not within 1 to {MAX_UNITS}")
        for name in ("within_bps", "day_transfers", "week_transfers", "min_share_bps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is below 1")


class Velocity(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """Many transfers, or much in several, in a short time, for this owner (FATF 2020, transaction
    patterns)."""

    window_s: int = 86_400
    min_transfers: int = 15
    """That are many by themselves. Own."""
    min_value_units: int = 250_000
    """That is much. Own."""
    value_transfers: int = 5
    """That much comes or goes in. Own: who funds an account does so in one or two."""
    max_traded_bps: int = 3_000
    """Traded in the window, of that much. Own: makers move what they trade with."""
    times_bps: int = 25_000
    """Of the owner's busiest day of the 38 before. Own: a window of 24 hours may have two days'
    business. Who was never busy has nothing to be compared with."""


class PassThrough(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """Money comes and goes again, with hardly any trading in between (FATF 2020, transactions)."""

    window_s: int = 3_600
    min_value_units: int = 1_000
    """What came. Own: as the travel rule's threshold."""
    match_bps: int = 8_000
    """What left of what came, of one asset. Own."""
    max_left_bps: int = 10_000
    """The same, at most. Own: who takes more out has more here, and moves its own."""
    max_traded_bps: int = 2_000
    """Traded in between, of what came. Own."""


class FirstDepositOut(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """A large first deposit that is withdrawn the day after (FATF 2020, transaction patterns of new
    users)."""

    window_s: int = 86_400
    """The first day, all deposits of which are the first one; and after the last of these."""
    min_value_units: int = 10_000
    """Own."""
    min_share_bps: int = 8_000
    """What left of what came. Own."""


class Dormant(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """After a long silence money moves (FATF 2020, transactions: previously inactive accounts)."""

    silence_days: int = 180
    """Without a transfer or a trade. Own."""
    window_s: int = 604_800
    """From the first act after it. Own."""
    min_value_units: int = 10_000
    """Moved in it, in or out. Own."""

    def __post_init__(self) -> None:
        if self.silence_days * 86_400 * NANOS_PER_S < SILENCE:
            raise ValueError(f"silence_days is below {SILENCE // NANOS_PER_S // 86_400}")
        super().__post_init__()


class ProfileMismatch(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """More comes and goes in 30 days than the customer said it would (FATF 2020, source of
    funds)."""

    times_bps: int = 15_000
    """Of what was said. Own."""


class RepeatedRefusals(MoneyParameters, frozen=True, forbid_unknown_fields=True):
    """Withdrawals that come to nothing, again and again: blocked, rejected, expired, taken back
    while people were asking, or asked for from a frozen account (FATF 2020, senders and
    recipients; anonymity)."""

    window_s: int = 604_800
    """Own."""
    min_refusals: int = 3
    """Own."""
    min_share_bps: int = 3_000
    """Of all withdrawals that were asked for in the window. Own."""


class MoneyRules(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. version: RULES_VERSION. name: what people call this set. reporting_asset: the
    code of the asset in which values are counted. quiet_s: after an alert no other of its kind
    about the same members; own."""

    version: int
    name: str
    reporting_asset: str = "USD"
    quiet_s: int = 86_400
    structuring: Structuring = Structuring()
    velocity: Velocity = Velocity()
    pass_through: PassThrough = PassThrough()
    first_deposit_out: FirstDepositOut = FirstDepositOut()
    dormant: Dormant = Dormant()
    profile_mismatch: ProfileMismatch = ProfileMismatch()
    repeated_refusals: RepeatedRefusals = RepeatedRefusals()

    def __post_init__(self) -> None:
        if self.version != RULES_VERSION:
            raise ValueError(f"rules of version {self.version}; this release reads {RULES_VERSION}")
        if not 1 <= len(self.reporting_asset) <= 32:  # as long as an asset's code may be
            raise ValueError("reporting_asset is the code of an asset")
        if self.quiet_s < 0:
            raise ValueError("quiet_s is below 0")


def parse_rules(text: bytes) -> MoneyRules:
    """Rules from YAML. Raises msgspec.ValidationError or DecodeError, which name the place."""
    return msgspec.yaml.decode(text, type=MoneyRules, strict=True)
