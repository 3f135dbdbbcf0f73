"""The venue: a function of the log. One command in, its events out, nothing else is touched."""

from collections.abc import Callable
from typing import Any, Final

from engine.core import (
    amend,
    configuration,
    digest,
    entry,
    holding,
    invariants,
    mass,
    reports,
    risk,
    transfers,
)
from engine.core.state import CL_ORD_ID_LIFE, State
from engine.model import commands
from engine.model.clock import next_midnight
from engine.model.commands import ClockSampled, Command, CoreStarted
from engine.model.events import Event, OrderStatusReported
from engine.model.money import INT64_MAX
from engine.model.refdata import ReferenceData

Handler = Callable[[State, Any, int, int], list[Event]]


def _core_started(state: State, c: CoreStarted, number: int, time: int) -> list[Event]:
    """A start of the core changes nothing by itself."""
    return []


def _nothing(_state: State, _command: ClockSampled, _number: int, _time: int) -> list[Event]:
    """For what is only written down."""
    return []


_HANDLERS: Final[dict[type, Handler]] = {
    commands.CoreStarted: _core_started,
    commands.DefineAsset: configuration.configure,
    commands.DefineInstrument: configuration.configure,
    commands.DefineMember: configuration.configure,
    commands.DefineAccount: configuration.configure,
    commands.DefineSession: configuration.configure,
    commands.DefineVenue: configuration.configure,
    commands.SetInstrumentLimits: configuration.configure,
    commands.SetAccountLimits: configuration.configure,
    commands.SetFees: configuration.configure,
    commands.Deposit: transfers.deposit,
    commands.HoldWithdrawal: transfers.hold_withdrawal,
    commands.ReleaseWithdrawal: transfers.release_withdrawal,
    commands.SettleWithdrawal: transfers.settle_withdrawal,
    commands.ReverseDeposit: transfers.reverse_deposit,
    commands.NewOrder: entry.new_order,
    commands.CancelOrder: amend.cancel_order,
    commands.ReplaceOrder: amend.replace_order,
    commands.MassCancel: mass.mass_cancel,
    commands.RefusedOrder: entry.refused_order,
    commands.RefusedCancel: amend.refused_cancel,
    commands.RefusedMassCancel: mass.refused_mass_cancel,
    commands.RefusedMessage: entry.refused_message,
    commands.Block: mass.block,
    commands.Unblock: mass.unblock,
    commands.SetHold: holding.set_hold,
    commands.EndOfDay: mass.end_of_day,
    commands.ContinueMass: mass.continue_mass,
    commands.ClockSampled: _nothing,
}


class Venue:
    """All books, balances and counters, changed by nothing but `apply`."""

    __slots__ = ("state",)

    def __init__(self, state: State | None = None) -> None:
        """state: of a snapshot; else a venue before its first record."""
        self.state = state or State()
        risk.switch_rules(self.state)

    def apply(self, command: Command, number: int, time: int) -> list[Event]:
        """Apply one command; returns what it caused, in order.

        number is its record's, above all before; time its record's in ns UTC, never decreasing.
        A Part never comes here. Raises AssertionError on a bug of ours: the process must end.
        """
        state = self.state
        assert number > state.last_number
        assert time >= state.last_time
        state.last_number = number
        state.last_time = time
        ages = state.name_ages
        if ages and ages[0].time <= time - CL_ORD_ID_LIFE:
            state.forget(time)
        if state.day_end == INT64_MAX:
            state.day_end = next_midnight(time)
        return _HANDLERS[type(command)](state, command, number, time)

    @property
    def refdata(self) -> ReferenceData:
        """Names and scales, as readers fold them too."""
        return self.state.refdata

    @property
    def mass_pending(self) -> int:
        """Record number of the oldest unfinished mass operation, or -1."""
        operations = self.state.operations
        return operations[0].number if operations else -1

    @property
    def day_end(self) -> int:
        """When the next EndOfDay is due, ns UTC; INT64_MAX before the first record."""
        return self.state.day_end

    @property
    def last_inbound(self) -> dict[int, tuple[int, int]]:
        """Session id to (record, MsgSeqNum(34)) of its latest command that came over FIX."""
        sessions = self.state.sessions.values()
        return {s.id: s.last_inbound for s in sessions if s.last_inbound[0] >= 0}

    def order_status(
        self, session: int, cl_ord_id: bytes, order_id: int
    ) -> OrderStatusReported | None:
        """The state of a session's order, by its ClOrdID, else by its id; None if unknown.

        Finished and rejected orders are known until their ClOrdIDs are dropped.
        """
        owner = self.state.sessions.get(session)
        if owner is None:
            return None
        order = owner.names.get(cl_ord_id)
        if order is not None:
            return reports.status_of(order, cl_ord_id)
        order = self.state.orders.get(order_id)
        if order is None or order.session != session:
            return None
        return reports.status_of(order, order.cl_ord_id)

    def last_prices(self) -> dict[str, str]:
        """Symbol to the price of its last trade, as text, of every instrument that traded."""
        return {
            market.instrument.symbol: market.instrument.format_price(market.last_price).decode()
            for market in self.state.markets.values()
            if market.last_price
        }

    def open_orders(self) -> int:
        """How many orders are open."""
        return sum(len(session.open) for session in self.state.sessions.values())

    def state_hash(self) -> str:
        """Hex SHA-256 of all state; equal for equal journals on any machine."""
        return digest.state_hash(self.state)

    def check(self) -> None:
        """Assert every invariant in full."""
        invariants.check(self.state)
