"""SetHold: one person's word holds an account, two people's let it go.

The venue does not know people: by whom a command is is what its sender says, a process of the
venue's own (gateway.ingress). What it does know, it keeps to: that the two who lift a hold have
two names, and that both have said so of the hold that is in force.
"""

from typing import Final

from msgspec.structs import replace

from engine.core.accounts import Hold
from engine.core.mass import start
from engine.core.operations import HOLD_CANCEL, MassOperation
from engine.core.risk import switch_rules
from engine.core.state import State
from engine.core.transfers import MAX_REFERENCE, REFERENCE
from engine.model.commands import SetHold
from engine.model.enums import HOLD_FROZEN, HOLD_NONE, HOLD_RESTRICTED
from engine.model.events import CommandRefused, Event, HoldLiftAsked, HoldSet
from engine.model.ids import NOBODY, VENUE_ACCOUNT
from engine.model.money import INT64_MAX

MAX_REASON: Final = 200
"""Longest reason, characters: the name of a case and a few words."""

MAX_NAME: Final = 60
"""Longest short code of a person, characters."""

LEVELS: Final = (HOLD_NONE, HOLD_RESTRICTED, HOLD_FROZEN)


def set_hold(state: State, c: SetHold, number: int, time: int) -> list[Event]:
    """Apply SetHold: in force from here on, before the first order is cancelled."""
    if refusal := _malformed(state, c) or _out_of_place(state, c):
        return [CommandRefused(f"hold {c.reference[:MAX_REFERENCE]}: {refusal}")]
    state.references[c.reference] = number
    now = state.holds.get(c.account)
    if now is not None and c.level < now.level and not (now.asked_by and now.asked == c.level):
        state.holds[c.account] = replace(now, asked=c.level, asked_by=c.by)
        return [HoldLiftAsked(c.account, c.level, c.reason, c.reference, c.by, c.of)]
    if c.level == HOLD_NONE:
        del state.holds[c.account]
    else:
        state.holds[c.account] = Hold(c.level, c.reference, c.by, c.reason)
    switch_rules(state)
    events: list[Event] = [HoldSet(c.account, c.level, c.reason, c.reference, c.by)]
    if c.level == HOLD_NONE:
        return events
    member = state.accounts[c.account].member
    sessions = [s for s in state.sessions.values() if s.member.id == member]
    ids = sorted(ident for session in sessions for ident in session.open)
    operation = MassOperation(number, HOLD_CANCEL, ids, INT64_MAX, "", account=c.account)
    return start(state, operation, events)


def _malformed(state: State, c: SetHold) -> str:
    """What is wrong with a command by itself; "" for nothing."""
    if c.origin.session != NOBODY:
        return "only the venue itself holds accounts"
    if c.account not in state.accounts or c.account == VENUE_ACCOUNT:
        return f"unknown account {c.account}"
    if c.level not in LEVELS:
        return f"unknown level {c.level}"
    if not REFERENCE.match(c.reference):
        return f"a reference has 1 to {MAX_REFERENCE} letters, digits and :/._+-"
    if not REFERENCE.match(c.by) or len(c.by) > MAX_NAME:
        return f"needs whose word it is, in 1 to {MAX_NAME} letters, digits and :/._+-"
    if not 0 < len(c.reason) <= MAX_REASON:
        return f"needs a reason of 1 to {MAX_REASON} characters"
    return ""


def _out_of_place(state: State, c: SetHold) -> str:
    """Why a command does not fit what is in force; "" if it does."""
    if c.reference in state.references:
        return "this reference was used before"
    now = state.holds.get(c.account)
    if now is None:
        return "the account is not held" if c.level == HOLD_NONE else ""
    if c.level >= now.level:
        return ""
    if c.of != now.reference:
        return f"the hold in force is {now.reference}: look at it before it is lifted"
    if now.asked_by == c.by and now.asked == c.level:
        return f"{c.by} has asked for that before: another person has to"
    return ""
