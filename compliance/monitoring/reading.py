"""From journal records to facts about money: the one place of monitoring that knows commands and
events.

Most records are orders. They are told apart by their command's type and number of events; of a
trade only its price and each side's sum are kept.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from compliance.monitoring.facts import (
    LOOK_BACK,
    MAX_FAILED,
    MAX_MOVES,
    Customer,
    Fact,
    Failed,
    Failure,
    Move,
    Moved,
    Settled,
    Step,
)
from compliance.monitoring.prices import Prices
from compliance.surveillance.links import Links
from compliance.surveillance.windows import Series
from engine.model.commands import (
    Command,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    Deposit,
    HoldWithdrawal,
    NewOrder,
    ReleaseWithdrawal,
    ReplaceOrder,
    ReverseDeposit,
    SetHold,
    SettleWithdrawal,
)
from engine.model.enums import HOLD_FROZEN, TAKER
from engine.model.events import (
    CommandRefused,
    Deposited,
    DepositReversed,
    Event,
    HoldSet,
    OrderFilled,
    WithdrawalHeld,
    WithdrawalReleased,
    WithdrawalSettled,
)
from engine.model.money import INT64_MAX
from engine.model.refdata import OPENING_REFERENCE, ReferenceData

LEAST_EVENTS: Final = 3
"""Of a command that traded: the order's own, and two sides of a trade."""

Definition = DefineAsset | DefineInstrument


class _Saved(Struct, array_like=True):
    assets: list[DefineAsset]
    instruments: list[DefineInstrument]
    members: dict[int, int]
    frozen: list[int]
    prices: dict[int, int]
    customers: list[Customer]


class Reading:
    """Folds whole commands, in the journal's order."""

    def __init__(self, links: Links, reporting: str) -> None:
        """reporting: code of the asset in which values are counted."""
        self.customers: dict[int, Customer] = {}
        """By owner: as many as the configuration has members, at most."""
        self._of_member: dict[int, Customer] = {}
        """The same by member, as far as they were asked for."""
        self._links = links
        self._code = reporting
        self._refdata = ReferenceData()
        self._defined: dict[tuple[type, int], Definition] = {}
        """The latest definition of each asset and instrument."""
        self._members: dict[int, int] = {}
        """Account to its member."""
        self._frozen: set[int] = set()
        """Accounts that the venue holds so that nothing leaves."""
        self._prices = Prices(self._refdata, reporting)

    def take(
        self, first: int, last: int, time: int, command: Command, events: Sequence[Event]
    ) -> Sequence[Step]:
        """One command with all its events: a step if it moved money, or was to."""
        if not concerns(command, events):
            return ()
        read = _READ.get(type(command))
        if read is None:
            self._trades(time, events)
            return ()
        fact = read(self, first, time, command, events)
        if fact is None:
            return ()
        return (Step(first, time, self._prices.unit, self._code, [fact]),)

    def save(self) -> bytes:
        """All that later facts depend on; `load` is the inverse."""
        rows = self._defined.values()
        return _encode(
            _Saved(
                [row for row in rows if isinstance(row, DefineAsset)],
                [row for row in rows if isinstance(row, DefineInstrument)],
                self._members,
                sorted(self._frozen),
                self._prices.last,
                list(self.customers.values()),
            )
        )

    def load(self, data: bytes) -> None:
        """Go on where `save` was called; nothing may have been taken yet."""
        assert not self.customers
        saved = _decode(data)
        for asset in saved.assets:
            self._define(asset)
        for instrument in saved.instruments:
            self._define(instrument)
        self._members = saved.members
        self._frozen = set(saved.frozen)
        self._prices.last = saved.prices
        self.customers = {customer.owner: customer for customer in saved.customers}

    # --- trades -------------------------------------------------------------------------------

    def _trades(self, time: int, events: Sequence[Event]) -> None:
        for event in events:
            if type(event) is OrderFilled:
                customer = self._customer(event.member)
                customer.active(time)
                instrument, traded = event.instrument, customer.traded
                value = traded.get(instrument, 0) + event.last_qty * event.last_price
                traded[instrument] = min(INT64_MAX, value)
                if event.liquidity == TAKER:
                    self._prices.last[instrument] = event.last_price

    def _customer(self, member: int) -> Customer:
        found = self._of_member.get(member)
        if found is None:
            owner = self._links.owner(member)
            found = self.customers.setdefault(owner, Customer(owner))
            self._of_member[member] = found
        return found

    # --- definitions --------------------------------------------------------------------------

    def _define(self, command: Definition) -> None:
        ident = command.asset if isinstance(command, DefineAsset) else command.instrument
        self._defined[type(command), ident] = command
        self._refdata.apply(command)

    def defined(self, record: int, time: int, command: Definition, events: Sequence[Event]) -> None:
        """An asset or an instrument."""
        self._define(command)

    def account(
        self, record: int, time: int, command: DefineAccount, events: Sequence[Event]
    ) -> None:
        """An account and its member."""
        self._members[command.account] = command.member

    def hold(self, record: int, time: int, command: SetHold, events: Sequence[Event]) -> None:
        """An account may or may not let money go."""
        for event in events:
            if isinstance(event, HoldSet):
                if event.level >= HOLD_FROZEN:
                    self._frozen.add(event.account)
                else:
                    self._frozen.discard(event.account)

    # --- money --------------------------------------------------------------------------------

    def deposit(
        self, record: int, time: int, command: Deposit, events: Sequence[Event]
    ) -> Fact | None:
        """Money that came; an opening balance of the configuration came before all of it."""
        if not isinstance(events[0], Deposited):
            return None
        member = self._members[command.account]
        customer = self._customer(member)
        customer.active(time)
        opening = command.reference.startswith(OPENING_REFERENCE)
        if customer.first < 0:
            customer.first, customer.opened = time, opening
        if opening:
            return None
        move = self._move(record, time, customer, member, command, inward=True)
        self._happened(customer, time, move.value)
        return Moved(move, customer)

    def held(
        self, record: int, time: int, command: HoldWithdrawal, events: Sequence[Event]
    ) -> Fact | None:
        """Money that is to leave; refused, it counts where the account is frozen. A command that
        is sent again, which is refused as well, does not."""
        member = self._members.get(command.account)
        if member is None:
            return None
        customer = self._customer(member)
        if isinstance(events[0], WithdrawalHeld):
            customer.active(time)
            move = self._move(record, time, customer, member, command, inward=False)
            return Moved(move, customer)
        assert isinstance(events[0], CommandRefused)
        known = {move.reference for move in customer.moves}
        known |= {failure.reference for failure in customer.failed}
        if command.account not in self._frozen or command.reference in known:
            return None
        return self._failed(customer, Failure(time, record, member, command.reference))

    def released(
        self, record: int, time: int, command: ReleaseWithdrawal, events: Sequence[Event]
    ) -> Fact | None:
        """It does not leave: as a movement it is forgotten."""
        event = events[0]
        if not isinstance(event, WithdrawalReleased):
            return None
        member = self._members[event.account]
        customer = self._customer(member)
        self._forget(customer, event.reference)
        return self._failed(customer, Failure(time, record, member, event.reference))

    def settled(
        self, record: int, time: int, command: SettleWithdrawal, events: Sequence[Event]
    ) -> Fact | None:
        """It has left."""
        event = events[0]
        if not isinstance(event, WithdrawalSettled):
            return None
        member = self._members[event.account]
        customer = self._customer(member)
        self._happened(customer, time, self._prices.value(event.asset, event.amount))
        return Settled(member, customer)

    def reversed(
        self, record: int, time: int, command: ReverseDeposit, events: Sequence[Event]
    ) -> None:
        """The chain took it back: it never came. What its day has counted stays."""
        if isinstance(events[0], DepositReversed):
            member = self._members[command.account]
            self._forget(self._customer(member), command.deposit)

    # --- what a customer has ------------------------------------------------------------------

    def _move(
        self, record: int, time: int, customer: Customer, member: int,
        c: Deposit | HoldWithdrawal, *, inward: bool,
    ) -> Move:  # fmt: skip
        value = self._prices.value(c.asset, c.amount)
        traded = sum(self._prices.traded(*row) for row in customer.traded.items())
        traded += customer.carried
        customer.traded.clear()
        customer.carried = 0
        move = Move(
            time, record, member, c.asset, c.amount, inward, value, min(traded, INT64_MAX),
            c.reference,
        )  # fmt: skip
        moves = customer.moves
        moves.append(move)
        del moves[:-MAX_MOVES]
        while moves[0].time < time - LOOK_BACK:
            del moves[0]
        return move

    def _happened(self, customer: Customer, time: int, value: int) -> None:
        """Count a movement to its day; a day's value stays within INT64_MAX."""
        customer.counts.add(time, 1)
        values: Series = customer.values
        values.roll(time)
        values.add(time, min(max(0, value), INT64_MAX - values.sums[-1]))

    def _failed(self, customer: Customer, failure: Failure) -> Failed:
        customer.failed.append(failure)
        del customer.failed[:-MAX_FAILED]
        return Failed(failure, customer)

    def _forget(self, customer: Customer, reference: str) -> None:
        """Take a movement out; what was traded before it counts to the one after it."""
        moves = customer.moves
        for k, move in enumerate(moves):
            if move.reference == reference:
                del moves[k]
                if k == len(moves):
                    customer.carried = min(customer.carried + move.traded, INT64_MAX)
                else:
                    traded = min(moves[k].traded + move.traded, INT64_MAX)
                    moves[k] = msgspec.structs.replace(moves[k], traded=traded)
                return


def concerns(command: Command, events: Sequence[Event]) -> bool:
    """Whether a command can have to do with money: quick to say, for most have not."""
    kind = type(command)
    if kind is NewOrder or kind is ReplaceOrder:
        return len(events) >= LEAST_EVENTS
    return kind in _READ


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Saved).decode

_READ: Final[dict[type, Callable[..., Any]]] = {
    DefineAsset: Reading.defined,
    DefineInstrument: Reading.defined,
    DefineAccount: Reading.account,
    SetHold: Reading.hold,
    Deposit: Reading.deposit,
    HoldWithdrawal: Reading.held,
    ReleaseWithdrawal: Reading.released,
    SettleWithdrawal: Reading.settled,
    ReverseDeposit: Reading.reversed,
}
