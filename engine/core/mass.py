"""Mass operations in slices: mass cancel, kill switch with cancel, end of day, hold.

Each first takes down which orders are open, so that it touches only orders that existed when it
came, and then works through them in slices, the first in its own record and the others by
ContinueMass, so that none of them holds the core for long.
"""

from typing import Final

from engine.core import reports
from engine.core.expiry import day_name, expire
from engine.core.holds import cancel_held, is_held_back
from engine.core.operations import (
    BLOCK_CANCEL,
    END_OF_DAY,
    HOLD_CANCEL,
    MASS_CANCEL,
    MassOperation,
)
from engine.core.orders import Order
from engine.core.risk import switch_rules
from engine.core.state import State
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import (
    Block,
    ContinueMass,
    EndOfDay,
    MassCancel,
    RefusedMassCancel,
    Unblock,
)
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    CANCELED,
    MASS_CANCEL_ALL,
    MASS_CANCEL_INSTRUMENT,
    MASS_REJ_NOT_SUPPORTED,
    MASS_REJ_UNKNOWN_SYMBOL,
    RESTATEMENT_MARKET_OPTION,
    RESTATEMENT_NONE,
)
from engine.model.events import (
    Blocked,
    CommandRefused,
    DayEnded,
    Event,
    MassCancelReported,
    Unblocked,
)
from engine.model.ids import NOBODY
from engine.model.money import INT64_MAX

MASS_SLICE: Final = 500
"""Orders that one record may end: 500 keep the core under 5 ms."""

MASS_EXAMINED: Final = 10_000
"""Candidates that one slice may look at, orders: those that do not match cost time too."""


def _open_ids(state: State) -> list[int]:
    """Ids of all open orders, which is their order of age."""
    ids: list[int] = []
    for session in state.sessions.values():
        ids += session.open
    ids.sort()
    return ids


def start(state: State, operation: MassOperation, events: list[Event]) -> list[Event]:
    """Do an operation's first slice; what is left waits for ContinueMass."""
    if not _run(state, operation, events):
        state.operations.append(operation)
        if operation.kind == END_OF_DAY:
            state.expiring += 1
    return events


def _run(state: State, operation: MassOperation, events: list[Event]) -> bool:
    """One slice. True if it was the last, the closing event included."""
    ids = operation.ids
    ended = 0
    stop = min(len(ids), operation.position + MASS_EXAMINED)
    while operation.position < stop:
        order = state.orders.get(ids[operation.position])
        if order is not None and _concerns(state, operation, order):
            if ended == MASS_SLICE:
                break
            ended += 1
            _end(state, operation, order, events)
        operation.position += 1
    operation.affected += ended
    if operation.position < len(ids):
        return False
    _finish(state, operation, events)
    return True


def _concerns(state: State, operation: MassOperation, order: Order) -> bool:
    return (
        order.is_open()
        and order.expire_at <= operation.expire_by
        and operation.account in (NOBODY, order.account)
        and operation.member in (NOBODY, order.member)
        and operation.instrument in (NOBODY, order.instrument)
        and (operation.kind != HOLD_CANCEL or is_held_back(state, order))
    )


def _end(state: State, operation: MassOperation, order: Order, events: list[Event]) -> None:
    if operation.kind == END_OF_DAY:
        expire(state, order, events)
        return
    if operation.kind == HOLD_CANCEL:
        cancel_held(state, order, events)
        return
    state.take_out(order, CANCELED)
    restatement = RESTATEMENT_NONE
    if operation.kind == BLOCK_CANCEL:
        restatement = RESTATEMENT_MARKET_OPTION
    member = state.members[order.member]
    events.append(reports.canceled(member, order, restatement=restatement, text=operation.text))


def _finish(state: State, operation: MassOperation, events: list[Event]) -> None:
    if operation.kind == END_OF_DAY:
        events.append(DayEnded(operation.day))
    elif operation.kind == MASS_CANCEL:
        member = state.sessions[operation.session].member
        member.appl_seq += 1
        events.append(
            MassCancelReported(
                member.id,
                operation.session,
                member.appl_seq,
                operation.cl_ord_id,
                b"%d" % operation.scope,
                operation.symbol,
                operation.scope,
                0,
                operation.affected,
                "",
                operation.trader,
            )
        )


def continue_mass(state: State, c: ContinueMass, number: int, time: int) -> list[Event]:
    """Apply ContinueMass: the next slice of the oldest unfinished operation."""
    if not state.operations or state.operations[0].number != c.operation:
        return [CommandRefused(f"{c.operation} is not the oldest unfinished mass operation")]
    events: list[Event] = []
    operation = state.operations[0]
    if _run(state, operation, events):
        state.operations.popleft()
        if operation.kind == END_OF_DAY:
            state.expiring -= 1
            assert state.expiring >= 0
    return events


def mass_cancel(state: State, c: MassCancel, number: int, time: int) -> list[Event]:
    """Apply MassCancel(35=q): the session's own open orders, all or of one instrument."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"mass cancel of unknown session {c.origin.session}")]
    symbol = b""
    reason = -1
    if c.scope == MASS_CANCEL_INSTRUMENT:
        market = state.markets.get(c.instrument)
        if market is None:
            reason = MASS_REJ_UNKNOWN_SYMBOL
        else:
            symbol = market.instrument.symbol.encode()
    elif c.scope != MASS_CANCEL_ALL:
        reason = MASS_REJ_NOT_SUPPORTED
    if reason >= 0:
        text = "unknown instrument" if reason else "only all orders or one instrument's"
        refused = RefusedMassCancel(c.origin, c.cl_ord_id, b"%d" % c.scope, symbol, reason, text)
        return refused_mass_cancel(state, refused, number, time)
    operation = MassOperation(
        number,
        MASS_CANCEL,
        list(session.open),
        INT64_MAX,
        "mass cancel " + c.cl_ord_id.decode("ascii", "backslashreplace"),
        instrument=c.instrument if symbol else NOBODY,
        session=session.id,
        cl_ord_id=c.cl_ord_id,
        scope=c.scope,
        symbol=symbol,
        trader=c.origin.trader,
    )
    return start(state, operation, [])


def refused_mass_cancel(state: State, c: RefusedMassCancel, number: int, time: int) -> list[Event]:
    """Number a refusal that the gateway found."""
    session = state.session_of(c.origin)
    if session is None:
        return [CommandRefused(f"refused mass cancel of unknown session {c.origin.session}")]
    member = session.member
    member.appl_seq += 1
    return [
        MassCancelReported(
            member.id,
            session.id,
            member.appl_seq,
            c.cl_ord_id,
            c.scope,
            c.symbol,
            0,
            c.reason,
            0,
            c.text,
            c.origin.trader,
        )
    ]


def block(state: State, c: Block, number: int, time: int) -> list[Event]:
    """Apply Block: new orders and replaces are refused from here on, before the first slice."""
    refusal = _unknown(state, c)
    if refusal:
        return [CommandRefused(refusal)]
    state.blocks[c.scope, c.target] = c.reason
    switch_rules(state)
    events: list[Event] = [Blocked(c.scope, c.target, c.reason)]
    if not c.cancel:
        return events
    if c.scope == BLOCK_SESSION:
        ids = list(state.sessions[c.target].open)
    else:
        ids = _open_ids(state)
    operation = MassOperation(
        number,
        BLOCK_CANCEL,
        ids,
        INT64_MAX,
        f"cancelled by the venue: {c.reason}",
        account=c.target if c.scope == BLOCK_ACCOUNT else NOBODY,
        member=c.target if c.scope == BLOCK_MEMBER else NOBODY,
        instrument=c.target if c.scope == BLOCK_INSTRUMENT else NOBODY,
    )
    return start(state, operation, events)


def unblock(state: State, c: Unblock, number: int, time: int) -> list[Event]:
    """Apply Unblock."""
    refusal = _unknown(state, c)
    if refusal:
        return [CommandRefused(refusal)]
    if (c.scope, c.target) not in state.blocks:
        return [CommandRefused(f"nothing to unblock: scope {c.scope}, target {c.target}")]
    del state.blocks[c.scope, c.target]
    switch_rules(state)
    return [Unblocked(c.scope, c.target, c.reason)]


def _unknown(state: State, c: Block | Unblock) -> str:
    """Why a block's origin or target does not exist; empty if both do."""
    if state.session_of(c.origin) is None and c.origin.session != NOBODY:
        return f"unknown origin: session {c.origin.session}"
    known = {
        BLOCK_SESSION: c.target in state.sessions,
        BLOCK_ACCOUNT: c.target in state.accounts and c.target != NOBODY,
        BLOCK_MEMBER: c.target in state.members,
        BLOCK_INSTRUMENT: c.target in state.markets,
        BLOCK_ALL: c.target == NOBODY,
    }
    if known.get(c.scope, False):
        return ""
    return f"unknown block target: scope {c.scope}, target {c.target}"


def end_of_day(state: State, c: EndOfDay, number: int, time: int) -> list[Event]:
    """Apply EndOfDay: expire the Day orders of that day and of earlier ones, once."""
    end = (c.day + 1) * NANOS_PER_DAY
    if end > time:
        return [CommandRefused(f"trading day {c.day} has not ended")]
    if end < state.day_end:
        return [CommandRefused(f"trading day {day_name(c.day)} was ended before")]
    state.day_end = end + NANOS_PER_DAY
    operation = MassOperation(number, END_OF_DAY, _open_ids(state), end, "", day=c.day)
    return start(state, operation, [])
