"""Which reports a drop copy has: a choice of accounts, sessions, symbols and kinds. Pure.

A report has to pass every list that is given, by any word of it. What a report does not say holds
nothing back: a cancel reject names no symbol, a mass cancel report no account, and an order may be
refused because its account is nobody's. So a filter lets through more than its words, never less.
"""

from collections.abc import Iterable
from typing import Final, TypeGuard

from engine.model.events import (
    CancelRejected,
    Event,
    MassCancelReported,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
)
from engine.model.refdata import ReferenceData
from gateway.config import CopyFilter, ReportKind
from gateway.reports import CopiedEvent

KINDS: Final[dict[type[Event], ReportKind]] = {
    OrderAccepted: "accepted",
    OrderFilled: "filled",
    OrderCanceled: "canceled",
    OrderReplaced: "replaced",
    OrderRejected: "rejected",
    OrderRefused: "rejected",
    OrderExpired: "expired",
    CancelRejected: "cancel_rejected",
    MassCancelReported: "mass_canceled",
}
"""Every event that has a copy, with the word for it; what is not here is copied to nobody: a status
answer and a refused message answer one session, and nothing happened."""


def is_copied(event: Event) -> TypeGuard[CopiedEvent]:
    """Whether drop copies have an event at all."""
    return type(event) in KINDS


class ReportFilter:
    """A choice of reports. A list that is None chooses all; names as in the configuration."""

    __slots__ = ("_accounts", "_kinds", "_sessions", "_symbols")

    def __init__(
        self,
        *,
        accounts: Iterable[str] | None = None,
        sessions: Iterable[str] | None = None,
        symbols: Iterable[str] | None = None,
        kinds: Iterable[str] | None = None,
    ) -> None:
        self._accounts = _choice(accounts)
        self._sessions = _choice(sessions)
        self._symbols = _choice(symbols)
        self._kinds = _choice(kinds)

    @classmethod
    def of(cls, chosen: CopyFilter | None) -> "ReportFilter | None":
        """The filter of a session in the configuration, None if it has none."""
        if chosen is None:
            return None
        return cls(
            accounts=chosen.accounts,
            sessions=chosen.sessions,
            symbols=chosen.symbols,
            kinds=chosen.kinds,
        )

    def passes(self, event: CopiedEvent, refdata: ReferenceData) -> bool:
        """Whether a report is chosen; refdata has to know the names of its record."""
        if self._kinds is not None and KINDS[type(event)] not in self._kinds:
            return False
        if self._sessions is not None:
            session = refdata.sessions[event.session].comp_id
            if session not in self._sessions:
                return False
        if self._accounts is not None:
            account = _account(event, refdata)
            if account and account not in self._accounts:
                return False
        if self._symbols is not None:
            symbol = _symbol(event, refdata)
            if symbol and symbol not in self._symbols:
                return False
        return True


def _choice(words: Iterable[str] | None) -> frozenset[str] | None:
    return None if words is None else frozenset(words)


def _account(event: CopiedEvent, refdata: ReferenceData) -> str:
    """The account that a report names, in the words of the order if it was refused unread; empty
    if it names none."""
    match event:
        case MassCancelReported():
            return ""
        case OrderRefused():
            return event.account.decode("latin-1")
        case _:
            account = refdata.accounts.get(event.account)
            return account.name if account else ""


def _symbol(event: CopiedEvent, refdata: ReferenceData) -> str:
    """The same of its symbol."""
    match event:
        case CancelRejected():
            return ""
        case OrderRefused() | MassCancelReported():
            return event.symbol.decode("latin-1")
        case _:
            return refdata.instruments[event.instrument].symbol
