"""Configuration: folded into reference data, or refused with nothing changed."""

from typing import Final

from engine.core.accounts import AccountState, Balance
from engine.core.risk import switch_rules
from engine.core.state import Market, MemberState, SessionState, State
from engine.model.commands import (
    ConfigCommand,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    DefineVenue,
    SetAccountLimits,
    SetFees,
    SetInstrumentLimits,
)
from engine.model.enums import DROP_COPY, MARKET_DATA, ORDER_ENTRY
from engine.model.events import CommandRefused, Event
from engine.model.identifiers import (
    is_country,
    is_currency,
    is_dti,
    is_isin,
    is_lei,
    is_mic,
)
from engine.model.ids import NOBODY, VENUE_ACCOUNT
from engine.model.money import INT64_MAX, PPM
from engine.model.refdata import Account, SessionInfo

MAX_SCALE: Final = 18
"""Most decimal places of an asset, a price or a quantity: int64 ends at 18 digits."""


def configure(state: State, c: ConfigCommand, number: int, time: int) -> list[Event]:
    """Apply a Define or Set command. Redefining something as it is changes nothing."""
    refusal = ""
    match c:
        case DefineAsset():
            refusal = _asset(state, c)
        case DefineInstrument():
            refusal = _instrument(state, c)
        case DefineMember():
            refusal = _member(state, c)
        case DefineAccount():
            refusal = _account(state, c)
        case DefineSession():
            refusal = _session(state, c)
        case SetInstrumentLimits():
            refusal = _instrument_limits(state, c)
        case SetAccountLimits():
            refusal = _account_limits(state, c)
        case SetFees():
            refusal = _fees(state, c)
        case DefineVenue():
            refusal = _venue(c)
    switch_rules(state)
    if refusal:
        return [CommandRefused(refusal)]
    state.refdata.note(c)
    return []


def _asset(state: State, c: DefineAsset) -> str:
    if (c.dti and not is_dti(c.dti)) or (c.currency and not is_currency(c.currency)):
        return f"asset {c.code}: neither a DTI nor a currency code"
    old = state.refdata.assets.get(c.asset)
    if old is not None:
        if (old.code, old.scale) == (c.code, c.scale):
            return ""
        return f"asset {c.asset} is {old.code} with scale {old.scale} and cannot change"
    if c.asset <= NOBODY or not c.code or not 0 <= c.scale <= MAX_SCALE:
        return f"asset {c.asset}: needs an id above 0, a code, and a scale of 0 to {MAX_SCALE}"
    state.refdata.apply(c)
    state.totals[c.asset] = 0
    for account in state.accounts.values():
        account.balances[c.asset] = Balance()
    return ""


def _instrument(state: State, c: DefineInstrument) -> str:
    refdata = state.refdata
    if c.instrument <= NOBODY or not c.symbol or c.base == c.quote:
        return f"instrument {c.instrument}: needs an id above 0, a symbol, and two assets"
    if c.isin and not is_isin(c.isin):
        return f"{c.symbol}: {c.isin} is no ISIN"
    if c.base not in refdata.assets or c.quote not in refdata.assets:
        return f"{c.symbol}: unknown asset"
    if not 0 <= c.price_places <= MAX_SCALE or not 0 <= c.qty_places <= MAX_SCALE:
        return f"{c.symbol}: decimal places go from 0 to {MAX_SCALE}"
    if c.tick_units <= 0 or c.lot_units <= 0 or not 0 <= c.reference_price <= INT64_MAX:
        return f"{c.symbol}: tick and lot must be above 0, the reference price not below"
    old = refdata.instruments.get(c.instrument)
    if old is None:
        try:
            refdata.apply(c)
        except ValueError as error:
            return str(error)
        state.markets[c.instrument] = Market(refdata.instruments[c.instrument])
        return ""
    terms = (old.symbol, old.base.id, old.quote.id, old.price_places, old.tick_units)
    terms_now = (c.symbol, c.base, c.quote, c.price_places, c.tick_units)
    lot, lot_now = (old.qty_places, old.lot_units), (c.qty_places, c.lot_units)
    if terms != terms_now or lot != lot_now:
        return f"{c.symbol}: symbol, assets, tick and lot of an instrument cannot change"
    if old.reference_price != c.reference_price:
        # Kept in place: the fold of a new definition would forget the fees.
        old.reference_price = c.reference_price
    return ""


def _member(state: State, c: DefineMember) -> str:
    if c.member <= NOBODY or not c.name:
        return f"member {c.member}: needs an id above 0 and a name"
    if c.lei and not is_lei(c.lei):
        return f"member {c.name}: {c.lei} is no LEI"
    if c.country and not is_country(c.country):
        return f"member {c.name}: {c.country} is no country code"
    state.refdata.apply(c)
    if c.member not in state.members:
        state.members[c.member] = MemberState(c.member)
    return ""


def _account(state: State, c: DefineAccount) -> str:
    if c.account <= VENUE_ACCOUNT or not c.name:
        return f"account {c.account}: needs an id above 0 and a name"
    if c.member not in state.members:
        return f"account {c.name}: unknown member {c.member}"
    old: Account | None = state.refdata.accounts.get(c.account)
    if old is not None and old.member != c.member:
        return f"account {c.name} belongs to member {old.member} and cannot move"
    state.refdata.apply(c)
    if old is None:
        account = AccountState(c.account, c.member)
        account.balances = {asset: Balance() for asset in state.refdata.assets}
        state.accounts[c.account] = account
    return ""


def _session(state: State, c: DefineSession) -> str:
    if c.session <= NOBODY or not c.comp_id or c.cl_ord_id_cap < 0:
        return f"session {c.session}: needs an id above 0, a CompID, and a cap"
    if c.kind not in (ORDER_ENTRY, DROP_COPY, MARKET_DATA):
        return f"session {c.comp_id}: unknown kind {c.kind}"
    if c.member not in state.members:
        return f"session {c.comp_id}: unknown member {c.member}"
    old: SessionInfo | None = state.refdata.sessions.get(c.session)
    if old is not None and (old.member, old.comp_id, old.kind) != (c.member, c.comp_id, c.kind):
        return f"session {old.comp_id}: member, CompID and kind cannot change"
    state.refdata.apply(c)
    if old is None:
        member = state.members[c.member]
        state.sessions[c.session] = SessionState(c.session, member, c.comp_id, c.cl_ord_id_cap)
    state.sessions[c.session].cap = c.cl_ord_id_cap
    return ""


def _instrument_limits(state: State, c: SetInstrumentLimits) -> str:
    market = state.markets.get(c.instrument)
    if market is None:
        return f"limits of unknown instrument {c.instrument}"
    limits = (c.max_order_lots, c.max_order_notional, c.collar_bps)
    if not all(0 <= limit <= INT64_MAX for limit in limits):
        return f"{market.instrument.symbol}: a limit is 0 (off) or above"
    market.max_order_lots, market.max_order_notional, market.collar_bps = limits
    return ""


def _account_limits(state: State, c: SetAccountLimits) -> str:
    account = state.accounts.get(c.account)
    if account is None or c.account == VENUE_ACCOUNT:
        return f"limits of unknown account {c.account}"
    limits = {}
    for instrument, lots, notional in c.per_instrument:
        if instrument not in state.markets:
            return f"account {c.account}: limits in unknown instrument {instrument}"
        if not (0 <= lots <= INT64_MAX and 0 <= notional <= INT64_MAX):
            return f"account {c.account}: a limit is 0 (off) or above"
        limits[instrument] = (lots, notional)
    if not 0 <= c.max_open_orders <= INT64_MAX:
        return f"account {c.account}: a limit is 0 (off) or above"
    account.limits = limits
    account.max_open_orders = c.max_open_orders
    return ""


def _fees(state: State, c: SetFees) -> str:
    market = state.markets.get(c.instrument)
    if market is None:
        return f"fees of unknown instrument {c.instrument}"
    if not (0 <= c.maker_ppm <= PPM and 0 <= c.taker_ppm <= PPM):
        return f"{market.instrument.symbol}: fees go from 0 to {PPM} parts per million"
    state.refdata.apply(c)
    market.adopt(state.refdata.instruments[c.instrument])
    return ""


def _venue(c: DefineVenue) -> str:
    if (c.mic and not is_mic(c.mic)) or (c.lei and not is_lei(c.lei)):
        return "the venue: neither a MIC nor an LEI"
    return ""
