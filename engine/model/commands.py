"""Commands: everything that may change the venue, as versioned structs.

A command is stored in its record exactly as it was applied. Tags are never reused and fields are
only ever appended, with a default, so that a journal of any past release stays readable.
"""

from typing import Union

from msgspec import Struct

from engine.model.enums import SOURCE_SYSTEM


class Origin(Struct, frozen=True, array_like=True, gc=False):
    """Who sent a command, and what a regulator's order record needs beside it.

    received is the wall clock at the socket read, ns UTC. parties holds (PartyRole(452),
    PartyID(448)) short codes for roles 3, 12 and 122; capacity holds (tag, value) of
    OrderCapacity(528), OrderRestrictions(529), AccountType(581), CustOrderCapacity(582).
    Never personal data.

    trader is the short code of the executing trader (role 12), the first one if there are several;
    b"" if none was named. Core copies it into events. It stands beside parties because records
    from before it must go on to cause the events that they caused.
    """

    session: int
    seq: int
    received: int
    source: int = SOURCE_SYSTEM
    parties: tuple[tuple[int, bytes], ...] = ()
    capacity: tuple[tuple[int, bytes], ...] = ()
    trader: bytes = b""


# --- configuration: the venue's constitution, written by the first start -----------------------


class CoreStarted(Struct, frozen=True, array_like=True, gc=False, tag=1):
    """The core took the journal over; epoch grows by one at each start."""

    epoch: int
    version: str


class DefineAsset(Struct, frozen=True, array_like=True, gc=False, tag=2):
    """An asset with its venue scale: amounts are integers of 10**-scale.

    dti: its digital token identifier (ISO 24165). currency: its currency code (ISO 4217), of money
    that is no token. Empty where the venue was not told: both are for records to regulators.
    """

    asset: int
    code: str
    scale: int
    dti: str = ""
    currency: str = ""


class DefineInstrument(Struct, frozen=True, array_like=True, gc=False, tag=3):
    """A traded pair. tick = tick_units * 10**-price_places, lot = lot_units * 10**-qty_places.

    isin: what it is to regulators where it is a financial instrument (ISO 6166), empty where the
    venue was not told.
    """

    instrument: int
    symbol: str
    base: int
    quote: int
    price_places: int
    tick_units: int
    qty_places: int
    lot_units: int
    reference_price: int  # ticks
    isin: str = ""


class DefineMember(Struct, frozen=True, array_like=True, gc=False, tag=4):
    """A trading firm. What the venue was not told of it is empty, or None.

    lei: its legal entity identifier (ISO 17442). investment_firm: whether it is one by Directive
    2014/65/EU. country: of those of its people who are no algos (ISO 3166-1). algos: short codes
    in its orders' Parties that are algorithms.
    """

    member: int
    name: str
    lei: str = ""
    investment_firm: bool | None = None
    country: str = ""
    algos: tuple[str, ...] = ()


class DefineAccount(Struct, frozen=True, array_like=True, gc=False, tag=5):
    """An account of a member. The member's first account is its default."""

    account: int
    member: int
    name: str


class DefineSession(Struct, frozen=True, array_like=True, gc=False, tag=6):
    """A FIX session of a member, without secrets. kind is ORDER_ENTRY, DROP_COPY, MARKET_DATA."""

    session: int
    member: int
    comp_id: str
    kind: int
    cl_ord_id_cap: int


class SetInstrumentLimits(Struct, frozen=True, array_like=True, gc=False, tag=7):
    """Limits per order on an instrument; 0 switches a limit off.

    max_order_lots in lots, max_order_notional in quote minor units, collar_bps in basis points
    around the last trade, else the reference price.
    """

    instrument: int
    max_order_lots: int
    max_order_notional: int
    collar_bps: int


class SetAccountLimits(Struct, frozen=True, array_like=True, gc=False, tag=8):
    """Limits of an account; 0 switches a limit off.

    per_instrument rows are (instrument, max_order_lots, max_order_notional).
    """

    account: int
    max_open_orders: int
    per_instrument: tuple[tuple[int, int, int], ...] = ()


class SetFees(Struct, frozen=True, array_like=True, gc=False, tag=9):
    """Maker and taker fee of an instrument, parts per million of the notional, in quote."""

    instrument: int
    maker_ppm: int
    taker_ppm: int


class Deposit(Struct, frozen=True, array_like=True, gc=False, tag=10):
    """Money that entered the venue, in minor units. A reference is credited at most once."""

    account: int
    asset: int
    amount: int
    reference: str


class HoldWithdrawal(Struct, frozen=True, array_like=True, gc=False, tag=11):
    """Set money aside that is to leave the venue. amount and fee: minor units.

    A reference is decided on once, held or refused: whoever makes it chooses it and keeps it first,
    so that a command that is sent again changes nothing.
    """

    account: int
    asset: int
    amount: int
    fee: int
    reference: str


class ReleaseWithdrawal(Struct, frozen=True, array_like=True, gc=False, tag=12):
    """Give back what HoldWithdrawal of this reference has set aside."""

    reference: str
    reason: str


class SettleWithdrawal(Struct, frozen=True, array_like=True, gc=False, tag=13):
    """What was set aside has left: the amount is gone, the fee is the venue's."""

    reference: str


class ReverseDeposit(Struct, frozen=True, array_like=True, gc=False, tag=14):
    """A deposit that was credited has turned out never to have come.

    deposit: the reference that it was credited under; account, asset and amount: as then. What is
    not available any more stays owed outside the venue: see DepositReversed.
    """

    account: int
    asset: int
    amount: int
    deposit: str
    reference: str


class DefineVenue(Struct, frozen=True, array_like=True, gc=False, tag=15):
    """Who the venue is to regulators: its market identifier code (ISO 10383) and its legal entity
    identifier (ISO 17442), each empty where it is not known."""

    mic: str
    lei: str


# --- orders -----------------------------------------------------------------------------------


class NewOrder(Struct, frozen=True, array_like=True, gc=False, tag=20):
    """NewOrderSingle(35=D). qty in lots, price in ticks (0 for a market order)."""

    origin: Origin
    cl_ord_id: bytes
    account: int
    instrument: int
    side: int
    ord_type: int
    tif: int
    qty: int
    price: int
    poss_resend: bool = False


class CancelOrder(Struct, frozen=True, array_like=True, gc=False, tag=21):
    """OrderCancelRequest(35=F). order_id 0 where OrderID(37) was not sent."""

    origin: Origin
    cl_ord_id: bytes
    orig_cl_ord_id: bytes
    order_id: int
    instrument: int
    side: int
    poss_resend: bool = False


class ReplaceOrder(Struct, frozen=True, array_like=True, gc=False, tag=22):
    """OrderCancelReplaceRequest(35=G). qty is the new total, in lots; price in ticks.

    tif is -1 where TimeInForce(59) was not sent.
    """

    origin: Origin
    cl_ord_id: bytes
    orig_cl_ord_id: bytes
    order_id: int
    instrument: int
    side: int
    ord_type: int
    tif: int
    qty: int
    price: int
    poss_resend: bool = False


class MassCancel(Struct, frozen=True, array_like=True, gc=False, tag=23):
    """OrderMassCancelRequest(35=q) over the session's own orders.

    scope is MASS_CANCEL_ALL or MASS_CANCEL_INSTRUMENT; instrument 0 with MASS_CANCEL_ALL.
    """

    origin: Origin
    cl_ord_id: bytes
    scope: int
    instrument: int


class RefusedOrder(Struct, frozen=True, array_like=True, gc=False, tag=24):
    """A NewOrderSingle that cannot be expressed in ticks and lots, with the words it came in.

    The gateway found the reason (103) and the text; the core only numbers the refusal.
    """

    origin: Origin
    cl_ord_id: bytes
    account: bytes
    symbol: bytes
    side: bytes
    ord_type: bytes
    tif: bytes
    qty: bytes
    price: bytes
    reason: int
    text: str


class RefusedCancel(Struct, frozen=True, array_like=True, gc=False, tag=25):
    """An F (response_to 1) or G (response_to 2) that the gateway had to refuse (102, text)."""

    origin: Origin
    cl_ord_id: bytes
    orig_cl_ord_id: bytes
    response_to: int
    reason: int
    text: str


class RefusedMassCancel(Struct, frozen=True, array_like=True, gc=False, tag=26):
    """A q that the gateway had to refuse (532, text); scope as it came."""

    origin: Origin
    cl_ord_id: bytes
    scope: bytes
    symbol: bytes
    reason: int
    text: str


class RefusedMessage(Struct, frozen=True, array_like=True, gc=False, tag=27):
    """An order message of any type that the gateway refused unread, such as by a throttle.

    reason is BusinessRejectReason(380) of FIX's latest extension packs. It leaves no trace in the
    venue: its ClOrdID is not used up.
    """

    origin: Origin
    msg_type: bytes
    cl_ord_id: bytes
    reason: int
    text: str


# --- control ----------------------------------------------------------------------------------


class Block(Struct, frozen=True, array_like=True, gc=False, tag=30):
    """Refuse new orders and replaces of a target; cancels still work. cancel: mass cancel too.

    scope is one of enums.BLOCK_*; target is the id it names (0 for BLOCK_ALL).
    """

    origin: Origin
    scope: int
    target: int
    cancel: bool
    reason: str


class Unblock(Struct, frozen=True, array_like=True, gc=False, tag=31):
    """Lift a block of the same scope and target."""

    origin: Origin
    scope: int
    target: int
    reason: str


class SetHold(Struct, frozen=True, array_like=True, gc=False, tag=32):
    """Hold an account to what `level` lets it do: enums.HOLD_*; HOLD_NONE lets it do all again.

    A stricter hold, or as strict a one, is one person's word. Less takes two people's, each by a
    command of their own, and names the hold that it is about in `of`, by its reference: so that
    nobody lifts a hold that was set meanwhile. by: who says so, a short code. reason: for the
    venue alone, no member sees it; name a case rather than people. A reference is taken once.
    """

    origin: Origin
    account: int
    level: int
    reason: str
    reference: str
    by: str
    of: str = ""


class EndOfDay(Struct, frozen=True, array_like=True, gc=False, tag=40):
    """The journalled timer: trading day `day` (days since 1970-01-01 UTC) has ended."""

    day: int


class ContinueMass(Struct, frozen=True, array_like=True, gc=False, tag=41):
    """The next slice of the oldest unfinished mass operation, named by its first record."""

    operation: int


class ClockSampled(Struct, frozen=True, array_like=True, gc=False, tag=42):
    """How far the venue's time was from UTC, as far as its machine knows; it changes nothing.

    ahead: the machine's wall clock less the venue's time. offset: what UTC is ahead of the wall
    clock, by whoever disciplines that. max_error: that one's bound, -1 where nobody has one. limit:
    what the venue's class allows (RTS 25, (EU) 2017/574), 0 for anything. All in ns. source: who
    says so.
    """

    ahead: int
    offset: int
    max_error: int
    limit: int
    source: str


class Part(Struct, frozen=True, array_like=True, gc=False, tag=50):
    """Stands where a command would in the second and later parts of a record."""

    first: int


OrderCommand = Union[  # noqa: UP007 - msgspec wants the union as a value
    NewOrder,
    CancelOrder,
    ReplaceOrder,
    MassCancel,
    RefusedOrder,
    RefusedCancel,
    RefusedMassCancel,
    RefusedMessage,
]
ConfigCommand = Union[  # noqa: UP007
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineAccount,
    DefineSession,
    SetInstrumentLimits,
    SetAccountLimits,
    SetFees,
    DefineVenue,
]
CustodyCommand = Union[  # noqa: UP007
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    SettleWithdrawal,
    ReverseDeposit,
]
Command = Union[  # noqa: UP007
    OrderCommand,
    ConfigCommand,
    CustodyCommand,
    CoreStarted,
    Block,
    Unblock,
    SetHold,
    EndOfDay,
    ContinueMass,
    ClockSampled,
    Part,
]
