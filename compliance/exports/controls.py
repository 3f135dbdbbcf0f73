"""Evidence of risk controls (RTS 7, (EU) 2017/584, Articles 18 and 20): which limits, collars,
blocks and holds were in force when, since which record; every refusal by one; how many orders the
venue cancelled. Pure.

Throttles are the gateway's, and no record has their rates: what they refused is here.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from compliance.exports.kind import Column, Kind, Row
from compliance.exports.names import Names, exec_ids, words
from compliance.exports.times import Period, time_text
from engine.model.commands import (
    Block,
    Command,
    ContinueMass,
    NewOrder,
    RefusedOrder,
    ReplaceOrder,
    SetAccountLimits,
    SetHold,
    SetInstrumentLimits,
    Unblock,
)
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    BUSINESS_THROTTLED,
    HOLD_FROZEN,
    HOLD_NONE,
    HOLD_RESTRICTED,
    RESTATEMENT_NONE,
)
from engine.model.events import (
    Blocked,
    CancelRejected,
    CommandRefused,
    Event,
    HoldLiftAsked,
    HoldSet,
    MessageRefused,
    OrderCanceled,
    OrderRefused,
    OrderRejected,
    Unblocked,
)
from engine.model.money import format_scaled
from engine.model.refdata import Instrument
from engine.replay import Whole

THROTTLE: Final = "throttle"

BY_WORDS: Final = (
    (" is blocked: ", "block"),
    ("the account is held by the venue", "hold"),
    ("the account may only sell what it has for money", "hold"),
    ("order size limit", "order_size"),
    ("order notional limit", "order_notional"),
    (" orders are open, the account may have ", "open_orders"),
    (" is outside the collar of ", "price_collar"),
    ("insufficient funds", "funds"),
    (" is worth more than the venue can count", "countable"),
    ("the most that it may have known in 24 hours", "cl_ord_id_cap"),
    (" was used before; use a new one", "duplicate"),
    (" s by OrigSendingTime(122)", "order_age"),
    ("the venue's journal has no room for new orders", "journal_space"),
)
"""What a member reads of each control, and its name here: a reason code stands for several."""

SCOPES: Final = {
    BLOCK_SESSION: "session",
    BLOCK_ACCOUNT: "account",
    BLOCK_MEMBER: "member",
    BLOCK_INSTRUMENT: "instrument",
    BLOCK_ALL: "venue",
}

LEVELS: Final = {HOLD_NONE: "none", HOLD_RESTRICTED: "restricted", HOLD_FROZEN: "frozen"}

OFF: Final = "off"


class Refusal(NamedTuple):
    """Of a member's message. control: that did it, "" if none of these has."""

    member: int
    session: int
    cl_ord_id: bytes
    control: str
    text: str


def control_of(text: str) -> str:
    """The control that refuses with these words; "" for none, such as of a malformed order."""
    return next((name for part, name in BY_WORDS if part in text), "")


class Controls:
    """The evidence of a period."""

    def __init__(self, period: Period) -> None:
        self._names = Names()
        self._begin = period.begin
        self._in_force: dict[tuple[str, str, str], Row] = {}
        """By control, scope and target: its row, as it was set."""

    def opening(self) -> Iterator[Row]:
        """See Fold."""
        for row in self._in_force.values():
            yield {**row, "row": "in_force", "time": time_text(self._begin), "since": row["time"]}

    def closing(self) -> Iterator[Row]:
        """See Fold."""
        return iter(())

    def save(self) -> bytes:
        """See Fold."""
        return msgspec.msgpack.encode((self._names.save(), list(self._in_force.values())))

    def load(self, data: bytes) -> None:
        """See Fold."""
        names, rows = msgspec.msgpack.decode(data, type=tuple[list[Command], list[Row]])
        self._names.load(names)
        self._in_force = {(row["control"], row["scope"], row["target"]): row for row in rows}

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        self._names.take(whole)
        for found in self._set(whole):
            row = {"row": "changed", "record": whole.first, "time": time_text(whole.time), **found}
            self._keep(row)
            if inside:
                yield row
        if not inside:
            return
        cancelled: Counter[str] = Counter()
        for exec_id, event in zip(exec_ids(whole), whole.events, strict=True):
            if (refusal := _refusal(event)) is not None:
                if refusal.control:
                    yield self._refused(whole, exec_id, refusal)
            elif isinstance(event, OrderCanceled) and event.restatement != RESTATEMENT_NONE:
                cancelled[event.text] += 1
        for text, count in cancelled.items():
            yield self._cancelled(whole, text, count)

    def _keep(self, row: Row) -> None:
        """Remember what is in force. A lift that one person has asked for, is not yet."""
        key = row["control"], row["scope"], row["target"]
        if row["state"] == "lifted":
            self._in_force.pop(key, None)
        elif row["state"] == "set":
            self._in_force[key] = row

    # --- what was set -------------------------------------------------------------------------

    def _set(self, whole: Whole) -> Iterator[Row]:
        """What a record sets, lifts, or was not allowed to."""
        command = whole.command
        refused = [e.text for e in whole.events if isinstance(e, CommandRefused)]
        if refused and isinstance(command, _SETTING):
            yield {**self._asked(command), "state": "refused", "text": refused[0]}
            return
        match command:
            case SetInstrumentLimits():
                yield {**self._asked(command), **self._instrument_limits(command)}
            case SetAccountLimits():
                yield from self._account_limits(command)
            case _:
                for event in whole.events:
                    yield from self._restrained(command, event)

    def _asked(self, command: Command) -> Row:
        """Which control a command is about."""
        known = self._names.refdata
        match command:
            case SetInstrumentLimits():
                instrument = known.instruments.get(command.instrument)
                target = str(command.instrument) if instrument is None else instrument.symbol
                return {"control": "instrument_limits", "scope": "instrument", "target": target}
            case SetAccountLimits():
                name = self._names.account(command.account) or str(command.account)
                return {"control": "account_limits", "scope": "account", "target": name}
            case SetHold():
                name = self._names.account(command.account) or str(command.account)
                return {"control": "hold", "scope": "account", "target": name}
            case Block() | Unblock():
                return self._blocked(command.scope, command.target)
            case _:
                raise AssertionError(command)

    def _blocked(self, scope: int, target: int) -> Row:
        """Which block an event or command is about."""
        known = self._names.refdata
        session, instrument = known.sessions.get(target), known.instruments.get(target)
        member = known.members.get(target)
        names = {
            BLOCK_SESSION: session and session.comp_id,
            BLOCK_ACCOUNT: self._names.account(target),
            BLOCK_MEMBER: member and member.name,
            BLOCK_INSTRUMENT: instrument and instrument.symbol,
            BLOCK_ALL: "all",
        }
        name = names.get(scope) or str(target)
        return {"control": "block", "scope": SCOPES.get(scope, str(scope)), "target": name}

    def _restrained(self, command: Command, event: Event) -> Iterator[Row]:
        """A block or a hold that was set, lifted, or is asked to be."""
        match event:
            case Blocked():
                row = self._blocked(event.scope, event.target)
                row |= {"state": "set", "reason": event.reason}
                if isinstance(command, Block):
                    row["kill_switch"] = command.cancel
                yield row
            case Unblocked():
                row = self._blocked(event.scope, event.target)
                yield row | {"state": "lifted", "reason": event.reason}
            case HoldSet() | HoldLiftAsked():
                row = {"control": "hold", "scope": "account"}
                row["target"] = self._names.account(event.account)
                if isinstance(event, HoldLiftAsked):
                    row["state"] = "lift_asked"
                else:
                    row["state"] = "set" if event.level != HOLD_NONE else "lifted"
                row |= {"level": LEVELS[event.level], "reason": event.reason, "by": event.by}
                yield row
            case _:
                pass

    def _instrument_limits(self, command: SetInstrumentLimits) -> Row:
        instrument = self._names.refdata.instruments[command.instrument]
        collar = command.collar_bps
        return {
            "state": "set",
            **_sizes(instrument, command.max_order_lots, command.max_order_notional),
            "collar_percent": format_scaled(collar, 2).decode() if collar else OFF,
        }

    def _account_limits(self, command: SetAccountLimits) -> Iterator[Row]:
        """One row for the account as a whole, with its limits in each instrument that has some."""
        known = self._names.refdata
        row = {**self._asked(command), "state": "set"}
        row["max_open_orders"] = str(command.max_open_orders) if command.max_open_orders else OFF
        row["per_instrument"] = [
            {"symbol": known.instruments[ident].symbol}
            | _sizes(known.instruments[ident], lots, notional)
            for ident, lots, notional in command.per_instrument
        ]
        yield row

    # --- what was refused, and cancelled ------------------------------------------------------

    def _refused(self, whole: Whole, exec_id: str, refusal: Refusal) -> Row:
        row: Row = {
            "row": "refused",
            "record": int(exec_id.partition("-")[0]),
            "time": time_text(whole.time),
            "control": refusal.control,
            "event": exec_id,
            "member": self._names.member(refusal.member),
            "session": self._names.refdata.sessions[refusal.session].comp_id,
            "cl_ord_id": words(refusal.cl_ord_id),
            "text": refusal.text,
        }
        command = whole.command
        if isinstance(command, NewOrder | ReplaceOrder):
            instrument = self._names.refdata.instruments.get(command.instrument)
            if instrument is not None:
                row["symbol"] = instrument.symbol
                row["quantity"] = instrument.format_qty(command.qty).decode()
                row["price"] = instrument.format_price(command.price).decode()
        elif isinstance(command, RefusedOrder):
            row["symbol"] = words(command.symbol)
        return row

    def _cancelled(self, whole: Whole, text: str, count: int) -> Row:
        """Orders that the venue cancelled in one record, with the words that their members read."""
        row: Row = {
            "row": "cancelled",
            "record": whole.first,
            "time": time_text(whole.time),
            "control": "self_match" if text.startswith("self-match") else "kill_switch",
            "orders": count,
            "text": text,
        }
        if control_of(text) == "hold":
            row["control"] = "hold"
        if isinstance(whole.command, ContinueMass):
            row["operation"] = whole.command.operation
        return row


_SETTING: Final = (SetInstrumentLimits, SetAccountLimits, SetHold, Block, Unblock)


def _refusal(event: Event) -> Refusal | None:
    """What an event refuses, if it is a refusal."""
    match event:
        case MessageRefused():
            throttled = event.reason == BUSINESS_THROTTLED
        case OrderRejected() | OrderRefused() | CancelRejected():
            throttled = False
        case _:
            return None
    control = THROTTLE if throttled else control_of(event.text)
    return Refusal(event.member, event.session, event.cl_ord_id, control, event.text)


def _sizes(instrument: Instrument, lots: int, notional: int) -> Row:
    quote = instrument.quote
    return {
        "max_order_qty": instrument.format_qty(lots).decode() if lots else OFF,
        "max_order_notional": format_scaled(notional, quote.scale).decode() if notional else OFF,
    }


CONTROLS: Final = Kind(
    "controls",
    1,
    ("json",),
    Controls,
    (Column(("row",)), Column(("record",), "integer"), Column(("time",), "time")),
    begin=b'{"controls":[',
)
