"""Events: what a command caused, complete enough to render every report without state.

An event is named `<record>-<k>`: its record's number and its place in it, counted from 1. That
name is the ExecID(17) of its report. Every event that reports to a member carries the member's
next application sequence number (ApplSeqNum(1181)): a count from 1 without holes, the same on
every transport. A status answer changes nothing and carries 0.

trader, the last field of each event about an order or a request, is the short code of the trader
who sent what the event answers: of the request if it named one, else of the order; b"" for none.
"""

from typing import Union

from msgspec import Struct

from engine.model.enums import RESTATEMENT_NONE


class OrderEvent(Struct, frozen=True, array_like=True, gc=False):
    """The state of an order right after the event.

    qty, cum, leaves in lots; price in ticks (0: none); cum_value is the sum over fills of
    lots * ticks, from which AvgPx(6) follows; status is OrdStatus(39).
    """

    member: int
    session: int
    appl_seq: int
    order_id: int
    cl_ord_id: bytes
    account: int
    instrument: int
    side: int
    ord_type: int
    tif: int
    qty: int
    price: int
    status: int
    cum: int
    leaves: int
    cum_value: int


class OrderAccepted(OrderEvent, frozen=True, array_like=True, gc=False, tag=10):
    """ExecType(150)=0."""

    trader: bytes = b""


class OrderFilled(OrderEvent, frozen=True, array_like=True, gc=False, tag=11):
    """ExecType(150)=F: one side of a trade; the other side's event has the same match number.

    last_qty in lots, last_price in ticks, fee in quote minor units, liquidity MAKER or TAKER.
    """

    last_qty: int
    last_price: int
    fee: int
    match: int
    liquidity: int
    trader: bytes = b""


class OrderCanceled(OrderEvent, frozen=True, array_like=True, gc=False, tag=12):
    """ExecType(150)=4. Unsolicited ones have restatement (378) and text (58).

    A solicited cancel has its own ClOrdID in cl_ord_id and the order's in orig_cl_ord_id.
    """

    orig_cl_ord_id: bytes = b""
    restatement: int = RESTATEMENT_NONE
    text: str = ""
    trader: bytes = b""


class OrderExpired(OrderEvent, frozen=True, array_like=True, gc=False, tag=13):
    """ExecType(150)=C: a Day order at the end of its day."""

    text: str = ""
    trader: bytes = b""


class OrderReplaced(OrderEvent, frozen=True, array_like=True, gc=False, tag=14):
    """ExecType(150)=5; cl_ord_id is the new one, orig_cl_ord_id the one it replaced."""

    orig_cl_ord_id: bytes = b""
    trader: bytes = b""


class OrderRejected(OrderEvent, frozen=True, array_like=True, gc=False, tag=15):
    """ExecType(150)=8 of an order that the core refused: reason is OrdRejReason(103)."""

    reason: int = 99
    text: str = ""
    trader: bytes = b""


class OrderStatusReported(OrderEvent, frozen=True, array_like=True, gc=False, tag=16):
    """ExecType(150)=I: answers a PossResend of a known ClOrdID, or a status request."""

    orig_cl_ord_id: bytes = b""
    text: str = ""
    trader: bytes = b""


class OrderRefused(Struct, frozen=True, array_like=True, gc=False, tag=17):
    """ExecType(150)=8 of an order that could not be put into ticks and lots; words as they came."""

    member: int
    session: int
    appl_seq: int
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
    trader: bytes = b""


class CancelRejected(Struct, frozen=True, array_like=True, gc=False, tag=18):
    """OrderCancelReject(35=9). order_id 0 and status REJECTED where the order is unknown."""

    member: int
    session: int
    appl_seq: int
    order_id: int
    cl_ord_id: bytes
    orig_cl_ord_id: bytes
    account: int
    status: int
    response_to: int
    reason: int
    text: str
    trader: bytes = b""


class MassCancelReported(Struct, frozen=True, array_like=True, gc=False, tag=19):
    """OrderMassCancelReport(35=r), after its last cancel. response 0: refused, see reason (532)."""

    member: int
    session: int
    appl_seq: int
    cl_ord_id: bytes
    scope: bytes
    symbol: bytes
    response: int
    reason: int
    affected: int
    text: str
    trader: bytes = b""


class MessageRefused(Struct, frozen=True, array_like=True, gc=False, tag=20):
    """BusinessMessageReject(35=j) of an order message that was refused unread.

    It answers its session alone and is no report of the member's: it has no ApplSeqNum. seq is
    the message's MsgSeqNum(34), reason BusinessRejectReason(380).
    """

    member: int
    session: int
    seq: int
    msg_type: bytes
    cl_ord_id: bytes
    reason: int
    text: str


class Blocked(Struct, frozen=True, array_like=True, gc=False, tag=30):
    """A block is in force."""

    scope: int
    target: int
    reason: str


class Unblocked(Struct, frozen=True, array_like=True, gc=False, tag=31):
    """A block was lifted."""

    scope: int
    target: int
    reason: str


class HoldSet(Struct, frozen=True, array_like=True, gc=False, tag=32):
    """An account is held to `level`; HOLD_NONE: it is not held any more. Nothing for a member."""

    account: int
    level: int
    reason: str
    reference: str
    by: str


class HoldLiftAsked(Struct, frozen=True, array_like=True, gc=False, tag=33):
    """One person has asked to hold an account to less: the hold `of` stays until another does."""

    account: int
    level: int
    reason: str
    reference: str
    by: str
    of: str


class DayEnded(Struct, frozen=True, array_like=True, gc=False, tag=40):
    """All Day orders of `day` are expired."""

    day: int


class Deposited(Struct, frozen=True, array_like=True, gc=False, tag=50):
    """A deposit was credited; available is the balance after it, in minor units."""

    account: int
    asset: int
    amount: int
    available: int
    reference: str


class WithdrawalHeld(Struct, frozen=True, array_like=True, gc=False, tag=52):
    """Amount and fee are set aside; available is the balance after it. All in minor units."""

    account: int
    asset: int
    amount: int
    fee: int
    available: int
    reference: str


class WithdrawalReleased(Struct, frozen=True, array_like=True, gc=False, tag=53):
    """Amount and fee are available again; available is the balance after it."""

    account: int
    asset: int
    amount: int
    fee: int
    available: int
    reference: str
    reason: str


class WithdrawalSettled(Struct, frozen=True, array_like=True, gc=False, tag=54):
    """The amount has left the venue, the fee is the venue's; available has not changed."""

    account: int
    asset: int
    amount: int
    fee: int
    available: int
    reference: str


class DepositReversed(Struct, frozen=True, array_like=True, gc=False, tag=55):
    """Of a deposit that never came, `taken` was still available and is gone. What is missing of
    `amount` the account owes the venue."""

    account: int
    asset: int
    amount: int
    taken: int
    available: int
    deposit: str
    reference: str


class CommandRefused(Struct, frozen=True, array_like=True, gc=False, tag=51):
    """A system command that changed nothing, with the reason."""

    text: str


OrderReport = Union[  # noqa: UP007 - msgspec wants the union as a value
    OrderAccepted,
    OrderFilled,
    OrderCanceled,
    OrderExpired,
    OrderReplaced,
    OrderRejected,
    OrderStatusReported,
]
MemberEvent = Union[  # noqa: UP007
    OrderReport, OrderRefused, CancelRejected, MassCancelReported, MessageRefused
]
CustodyEvent = Union[  # noqa: UP007
    Deposited, WithdrawalHeld, WithdrawalReleased, WithdrawalSettled, DepositReversed
]
Event = Union[  # noqa: UP007
    MemberEvent,
    CustodyEvent,
    Blocked,
    Unblocked,
    HoldSet,
    HoldLiftAsked,
    DayEnded,
    CommandRefused,
]
