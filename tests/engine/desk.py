"""Scenario helper: sessions send orders in a line, and what was reported reads as lines."""

from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import CancelOrder, MassCancel, NewOrder, Origin, ReplaceOrder
from engine.model.enums import (
    BUY,
    GTC,
    LIMIT,
    MARKET,
    MASS_CANCEL_ALL,
    MASS_CANCEL_INSTRUMENT,
    SELL,
    SOURCE_FIX,
)
from tests.engine.streams import ACCOUNT_OF, BTC_USD, START, bootstrap

LOT = 1_000_000
"""Lots of one BTC."""


def said(event):
    """An event as a line."""
    kind = type(event).__name__
    match kind:
        case "OrderAccepted":
            return f"{event.cl_ord_id.decode()} accepted"
        case "OrderFilled":
            return (
                f"{event.cl_ord_id.decode()} filled {event.last_qty}@{event.last_price}"
                f" left {event.leaves}"
            )
        case "OrderCanceled":
            orig = event.orig_cl_ord_id.decode()
            return f"{event.cl_ord_id.decode()} canceled" + (f" {orig}" if orig else "")
        case "OrderExpired":
            return f"{event.cl_ord_id.decode()} expired"
        case "OrderReplaced":
            return (
                f"{event.cl_ord_id.decode()} replaced {event.orig_cl_ord_id.decode()}"
                f" left {event.leaves}@{event.price}"
            )
        case "OrderRejected":
            return f"{event.cl_ord_id.decode()} rejected {event.reason}"
        case "OrderStatusReported":
            return f"{event.cl_ord_id.decode()} status {event.status}"
        case "CancelRejected":
            return f"{event.cl_ord_id.decode()} cancel rejected {event.reason}"
        case "MassCancelReported":
            return f"{event.cl_ord_id.decode()} mass canceled {event.affected}"
        case _:
            return kind


class Desk:
    """A venue with ACME, BOREAS and CYGNUS; every command is followed by a full check,
    unless checks is off."""

    def __init__(self, **options):
        self.venue, self.number = bootstrap(**options)
        self.venue.check()
        self.time = START
        self.events = []
        self.checks = True

    def send(self, command):
        """Apply a command; the lines of what it caused. self.events keeps the events."""
        assert isinstance(self.venue, Venue)
        self.events = self.venue.apply(command, self.number, self.time)
        self.number += 1
        if self.checks:
            self.venue.check()
        return [said(event) for event in self.events]

    def wait(self, seconds):
        """Let time pass."""
        self.time += seconds * NANOS_PER_SECOND

    def origin(self, session):
        return Origin(session, self.number, 0, SOURCE_FIX)

    def order(
        self,
        session,
        name,
        side,
        qty,
        price,
        *,
        tif=GTC,
        ord_type=LIMIT,
        instrument=BTC_USD,
        account=None,
        resend=False,
    ):
        if account is None:
            account = ACCOUNT_OF[session]
        return self.send(
            NewOrder(
                self.origin(session),
                name.encode(),
                account,
                instrument,
                side,
                ord_type,
                tif,
                qty,
                price,
                resend,
            )
        )

    def buy(self, session, name, qty, price, **terms):
        return self.order(session, name, BUY, qty, price, **terms)

    def sell(self, session, name, qty, price, **terms):
        return self.order(session, name, SELL, qty, price, **terms)

    def market_buy(self, session, name, qty, **terms):
        return self.order(session, name, BUY, qty, 0, ord_type=MARKET, **terms)

    def market_sell(self, session, name, qty, **terms):
        return self.order(session, name, SELL, qty, 0, ord_type=MARKET, **terms)

    def cancel(
        self, session, name, orig, side=BUY, *, order_id=0, instrument=BTC_USD, resend=False
    ):
        return self.send(
            CancelOrder(
                self.origin(session),
                name.encode(),
                orig.encode(),
                order_id,
                instrument,
                side,
                resend,
            )
        )

    def replace(
        self,
        session,
        name,
        orig,
        qty,
        price,
        side=BUY,
        *,
        tif=-1,
        ord_type=LIMIT,
        instrument=BTC_USD,
        resend=False,
    ):
        return self.send(
            ReplaceOrder(
                self.origin(session),
                name.encode(),
                orig.encode(),
                0,
                instrument,
                side,
                ord_type,
                tif,
                qty,
                price,
                resend,
            )
        )

    def mass_cancel(self, session, name, instrument=0):
        scope = MASS_CANCEL_INSTRUMENT if instrument else MASS_CANCEL_ALL
        return self.send(MassCancel(self.origin(session), name.encode(), scope, instrument))

    def balance(self, account, asset):
        """(available, held)."""
        balance = self.venue.state.accounts[account].balances[asset]
        return balance.available, balance.held

    def status(self, session, name):
        """OrdStatus(39) of an order, or None if it is unknown."""
        report = self.venue.order_status(session, name.encode(), 0)
        return None if report is None else report.status
