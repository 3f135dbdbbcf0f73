"""The order: what the venue remembers of it until its last ClOrdID is dropped."""

from typing import Final

from msgspec import Struct

from engine.model.enums import BUY, NEW, PARTIALLY_FILLED
from engine.model.money import PPM

GOOD_TILL_CANCEL: Final = 2**63 - 1
"""expire_at of an order that never expires, ns UTC."""


class Order(Struct, array_like=True, gc=False, eq=False):
    """One order. qty, cum in lots; price in ticks (0: market); held in minor units.

    A struct with slots and outside the garbage collector: a venue holds millions, they never form
    cycles, and nothing else in the core costs a collection so much.

    id is the number of the record that created it. held is what the account holds for it: quote
    for a buy, base for a sell. The fee rates are those of its acceptance (or last replace), so a
    later change of fees never leaves a hold short. created and expire_at are ns UTC. names
    counts the ClOrdIDs by which its session can find it. text is why it was rejected. trader
    is Origin.trader of the command that created it.
    """

    id: int
    session: int
    member: int
    account: int
    instrument: int
    side: int
    ord_type: int
    tif: int
    qty: int
    price: int
    cl_ord_id: bytes
    created: int
    expire_at: int
    maker_ppm: int
    taker_ppm: int
    cum: int = 0
    cum_value: int = 0
    status: int = NEW
    held: int = 0
    names: int = 0
    text: str = ""
    trader: bytes = b""

    def is_open(self) -> bool:
        """Whether it may still trade."""
        return self.status <= PARTIALLY_FILLED


def hold_of(order: Order, quote_per_tick_lot: int, base_per_lot: int) -> int:
    """What an order's open quantity must hold, in minor units of what it pays with.

    A buy holds leaves x price + ceil(leaves x price x worst fee); a sell holds
    its lots, because its fee comes out of its proceeds.
    """
    leaves = order.qty - order.cum
    if order.side != BUY:
        return leaves * base_per_lot
    notional = leaves * order.price * quote_per_tick_lot
    worst = order.taker_ppm
    if order.maker_ppm > worst:
        worst = order.maker_ppm
    return notional - (-notional * worst // PPM)
