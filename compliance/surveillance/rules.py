"""The rules: every number that decides about an alert, with its unit and where it comes from.

A name ends in its unit: s, ms, bps (1/10,000), lots, or a count. "Own" marks a value of ours, to be
calibrated on a venue's own flow. The rules' digest is part of every alert, so that whoever has the
journal can run them again, or run others.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from compliance.surveillance.facts import TRAIL_ROWS

RULES_VERSION: Final = 1
"""Grows with each change of what a parameter means: rules of another version are refused."""

MAX_COUNT: Final = 10_000
"""Largest count of a rule that a detector has to remember one by one."""


COUNTED: Final = frozenset({"messages", "top_changes", "history_windows", "history_buckets"})
"""Parameters that are 1 to MAX_COUNT, because so many things are remembered."""
PERIODS: Final = frozenset({"window_s", "window_ms", "bucket_s", "fixing_every_s"})
"""Parameters by which time is divided."""


class Parameters(Struct, frozen=True, forbid_unknown_fields=True):
    """Rules of one alert. No number is below 0, and no period of time is 0."""

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value = getattr(self, name)
            if name in COUNTED and not 1 <= value <= MAX_COUNT:
                raise ValueError(f"{name} is not within 1 to {MAX_COUNT}")
            if value < 0 or (value == 0 and name in PERIODS):
                raise ValueError(f"{name} is {value}")


class WashOwn(Parameters, frozen=True, forbid_unknown_fields=True):
    """One beneficial owner on both sides (wash type 1; Prism Labs: window of a day, count 1)."""

    window_s: int = 86_400
    min_trades: int = 1
    min_share_bps: int = 100
    """Of what the owner traded in the window. Own: two desks of a house that meet once in a
    thousand trades have crossed by accident. 0 is Prism's."""


class WashPair(Parameters, frozen=True, forbid_unknown_fields=True):
    """Two owners who mostly trade with each other, and end where they began (Prism type 2; IEEE
    7298451)."""

    window_s: int = 3_600
    min_trades: int = 10
    min_share_bps: int = 6_000
    """Mutual volume of all that each of the two traded in the window."""
    max_net_bps: int = 500
    """What one of them has gained from the other, of their mutual volume."""
    max_rest_ms: int = 60_000
    """Own: an order that was left longer was there for anybody."""


class Spoofing(Parameters, frozen=True, forbid_unknown_fields=True):
    """A large order that loads one side, a fill on the other, and the large order is gone
    (Trillium Surveyor's five conditions; Horizon Flow; Lee, Eom and Park 2013)."""

    size_bps: int = 30_000
    """Of the typical level: 3 times."""
    bait_to_fill_bps: int = 50_000
    """What was pulled, of what was filled on the other side. Own: 5 times."""
    imbalance_bps: int = 50_000
    """At the fill, what the owner had on the bait's side of what it had on the other. Own: who
    quotes both sides alike leans on neither."""
    cancel_ms: int = 5_000
    """From the fill to the cancel."""
    max_filled_bps: int = 1_000
    """Of the bait. Own: who lets it trade means it."""
    near_bps: int = 50
    """Behind the best price. Own: farther away nobody is moved by it."""


class Layering(Parameters, frozen=True, forbid_unknown_fields=True):
    """Several prices of a side at once, an execution on the other, and all are gone (delegated
    regulation (EU) 2016/522, Annex II, I.5(e))."""

    min_levels: int = 3
    window_ms: int = 10_000
    """Between the first cancel and the last. Own."""
    min_canceled_bps: int = 8_000
    """Of the lots of these orders."""
    size_bps: int = 30_000
    """All layers together, of the typical level. Own."""
    bait_to_fill_bps: int = 30_000
    """Own."""
    imbalance_bps: int = 40_000
    """As for spoofing. Own."""
    near_bps: int = 100
    """Own."""


class QuoteStuffing(Parameters, frozen=True, forbid_unknown_fields=True):
    """Bursts of messages that change the top of the book, or just load everybody (KX)."""

    window_ms: int = 5_000
    top_changes: int = 60
    messages: int = 250
    """In the window, wherever in the book. Own: 50 a second."""
    max_fills_bps: int = 1_500
    """Fills, of the messages of the window. Own: who trades does not only make noise."""


class OrderToTrade(Parameters, frozen=True, forbid_unknown_fields=True):
    """Messages per trade of a member, instrument and bucket (KX)."""

    bucket_s: int = 600
    max_ratio: int = 15
    maker_times: int = 10
    """A market maker by agreement may have so many times max_ratio. Own."""
    min_messages: int = 200
    """Of the bucket. Own: a ratio of few messages says nothing."""


class Fleeting(Parameters, frozen=True, forbid_unknown_fields=True):
    """Orders that are canceled before anybody can trade with them (KX)."""

    hold_ms: int = 50
    """KX has 1 ms, in colocation. Own: what a member over a network could not have answered."""
    min_orders: int = 750
    """In a day, UTC."""


class PriceFade(Parameters, frozen=True, forbid_unknown_fields=True):
    """Lots that go away whenever somebody trades with that side (KX: 1 ms, 100 ms, 1 s)."""

    pull_ms: int = 100
    watch_ms: int = 1_000
    """After the trade; what comes back by then was a new quote."""
    min_times_trade_bps: int = 10_000
    """What the owner still has there, of the trade. Own: a size that mattered."""
    pulled_bps: int = 8_000
    """Of what was there. Own."""
    restored_bps: int = 2_000
    """Of what was there, within watch_ms. Own."""
    min_fades: int = 8
    """In window_s. Own: to pull back once is prudence."""
    min_share_bps: int = 6_000
    """Of the trades at that owner's price. Own."""
    window_s: int = 3_600


class MomentumIgnition(Parameters, frozen=True, forbid_unknown_fields=True):
    """A run of takes that moves the price, and the way back at a profit (truststreet; TT)."""

    min_trades: int = 5
    min_move_bps: int = 50
    gap_s: int = 60
    """Without another take of the owner the run is over. Own."""
    reversal_s: int = 300
    min_reversed_bps: int = 5_000
    """Of the lots of the run. Own."""
    min_share_bps: int = 5_000
    """Of all that was taken on that side during the run. Own: who follows others has less."""


class Ramping(Parameters, frozen=True, forbid_unknown_fields=True):
    """Trades at ever better prices by one owner, with a spike of volume (Prism Labs)."""

    window_s: int = 30
    min_move_bps: int = 200
    """Prism has 300. Own: a ramp that takes three quarters of a minute is one."""
    history_windows: int = 20
    sigmas_bps: int = 10_000
    max_dip_bps: int = 30
    """Behind the best price so far. Own: the book closes a little after each take."""
    min_orders: int = 3
    """Own: one order that sweeps the book is a big order."""
    min_share_bps: int = 5_000
    """Of what was taken on that side in the window. Own."""


class MarkingClose(Parameters, frozen=True, forbid_unknown_fields=True):
    """Taking much right before a fixing, with a move in that direction (TT)."""

    window_s: int = 300
    fixing_every_s: int = 86_400
    """Times of day that are fixings: all multiples of it, from 00:00 UTC on, when the trading day
    ends. A venue whose funding is every eight hours has 28,800."""
    min_share_bps: int = 3_000
    """What the owner took in the move's direction, of all volume of the window."""
    min_orders: int = 3
    """Of the owner in the window. Own: in a thin market one order is all of the volume."""
    sigmas_bps: int = 20_000
    history_windows: int = 48
    """Moves of so many windows before are what the move is compared to. Own: four hours."""
    min_move_bps: int = 5
    """Own: in a market that stands still two sigmas are nothing."""


class PumpAndDump(Parameters, frozen=True, forbid_unknown_fields=True):
    """An hour of unheard-of rise and volume, and who bought into it sells (Prism)."""

    bucket_s: int = 3_600
    history_buckets: int = 24
    min_history: int = 12
    """Hours with a price before anything is unheard of. Own."""
    sigmas_bps: int = 40_000
    min_share_bps: int = 1_500
    """What the owner was ahead by at most, bought less sold, of all volume in the pump and the
    hours that count to it. Own."""
    min_taken_bps: int = 5_000
    """Bought by taking, of what it was ahead by. Own: makers buy what others dump, and do not
    pump."""
    before_buckets: int = 6
    """Hours of buying before the pump that count to it. Own."""
    dump_buckets: int = 6
    """Hours after the pump in which the dump may come. Own."""
    min_sold_bps: int = 5_000
    """Of what it was ahead by. Own."""


class FrontRunning(Parameters, frozen=True, forbid_unknown_fields=True):
    """A member's own account takes ahead of a client's block, and gains by it (TT)."""

    ahead_s: int = 60
    min_block_bps: int = 500
    """Of the last 24 hours' volume."""
    profit_s: int = 60
    """After the block the price is looked at. Own."""
    min_profit_bps: int = 5
    """Own: more than the noise of a spread."""
    min_own_bps: int = 100
    """What the own account took, of the block. Own: what is less gains nothing."""


class Pinging(Parameters, frozen=True, forbid_unknown_fields=True):
    """Many tiny orders that ask the market how it answers, then a large one (TT). Books here hide
    nothing: what tiny orders find out is who reacts."""

    max_size_bps: int = 500
    """Of the typical level. Own."""
    min_pings: int = 10
    """In window_s. Own."""
    window_s: int = 60
    """Own."""
    large_bps: int = 20_000
    """The large order, of the typical level. Own."""
    after_s: int = 15
    """From the last ping to the large order. Own."""


class FloorCeiling(Parameters, frozen=True, forbid_unknown_fields=True):
    """A wall at a price, put up again whenever it is worn down (TT; all values our own)."""

    min_s: int = 600
    """How long it holds. Own."""
    min_refreshes: int = 4
    """Own."""
    size_bps: int = 30_000
    """Each time it is put up, of the typical level. Own."""
    min_share_bps: int = 5_000
    """Of all that was sold into the floor's side meanwhile (bought, for a ceiling). Own."""


class Rules(Struct, frozen=True, forbid_unknown_fields=True):
    """All of them. version: RULES_VERSION. name: what people call this set.

    quiet_s: after an alert no other of its kind about the same members and instrument. Own: the
    first one is what a person has to look at.
    """

    version: int
    name: str
    quiet_s: int = 3_600
    wash_own: WashOwn = WashOwn()
    wash_pair: WashPair = WashPair()
    spoofing: Spoofing = Spoofing()
    layering: Layering = Layering()
    quote_stuffing: QuoteStuffing = QuoteStuffing()
    order_to_trade: OrderToTrade = OrderToTrade()
    fleeting: Fleeting = Fleeting()
    price_fade: PriceFade = PriceFade()
    momentum_ignition: MomentumIgnition = MomentumIgnition()
    ramping: Ramping = Ramping()
    marking_close: MarkingClose = MarkingClose()
    pump_and_dump: PumpAndDump = PumpAndDump()
    front_running: FrontRunning = FrontRunning()
    pinging: Pinging = Pinging()
    floor_ceiling: FloorCeiling = FloorCeiling()

    def __post_init__(self) -> None:
        if self.version != RULES_VERSION:
            raise ValueError(f"rules of version {self.version}; this release reads {RULES_VERSION}")
        if self.quiet_s < 0:
            raise ValueError("quiet_s is below 0")
        if self.marking_close.fixing_every_s % self.marking_close.window_s:
            raise ValueError("marking_close: a fixing does not end a window")


def parse_rules(text: bytes) -> Rules:
    """Rules from YAML. Raises msgspec.ValidationError or DecodeError, which name the place: for
    unknown names, text where a number belongs, a value below 0, another version."""
    return msgspec.yaml.decode(text, type=Rules, strict=True)


def rules_digest(rules: Struct) -> str:
    """SHA-256 of rules, of whatever kind, hexadecimal: of what they say, not of how their file is
    written."""
    return sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()


assert TRAIL_ROWS >= 16, "spoofing and layering look back on an owner's trails"
