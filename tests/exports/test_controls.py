"""Evidence of controls: what was in force when, whom it refused, what the venue cancelled."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.exports.controls import CONTROLS, THROTTLE, control_of
from compliance.exports.times import Period, time_text
from engine.core import risk
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import (
    Block,
    ContinueMass,
    DefineSession,
    NewOrder,
    Origin,
    RefusedMessage,
    RefusedOrder,
    SetAccountLimits,
    SetHold,
    SetInstrumentLimits,
    Unblock,
)
from engine.model.enums import (
    BLOCK_ALL,
    BLOCK_MEMBER,
    HOLD_FROZEN,
    HOLD_NONE,
    HOLD_RESTRICTED,
    ORDER_ENTRY,
)
from engine.model.events import OrderRejected
from gateway.order_entry.service import NO_SPACE
from tests.engine.desk import LOT
from tests.engine.streams import (
    ACME,
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS_OE1,
    BTC_USD,
    START,
)
from tests.exports.support import ALL, Scene, document, random_scene, validator

VENUE = Origin(0, 0, 0)
OPENED = START + NANOS_PER_SECOND
"""When the venue has its configuration."""


@pytest.fixture
def scene():
    made = Scene(balances={1: 10**9, 2: 10**9, 3: 10**13})
    made.wait(1)
    return made


def evidence(scene, period=None):
    """The rows of a period, each valid."""
    found = document(CONTROLS, scene.wholes, period or Period(OPENED))
    validator(CONTROLS).validate(found)
    return found["controls"]


def rows(scene, kind, *names):
    """Of one kind, the values of these names."""
    found = [row for row in evidence(scene) if row["row"] == kind]
    return [tuple(row.get(name) for name in names) for row in found]


# --- what is in force -----------------------------------------------------------------------------


def test_what_was_set_before_is_in_force_at_the_beginning(scene):
    scene.send(SetInstrumentLimits(BTC_USD, 5 * LOT, 0, 500))
    number = scene.last
    scene.wait(1)
    found = [r for r in evidence(scene, Period(scene.time)) if r["target"] == "BTC-USD"]
    assert found == [
        {
            "row": "in_force",
            "record": number,
            "time": time_text(scene.time),
            "since": time_text(OPENED),
            "control": "instrument_limits",
            "scope": "instrument",
            "target": "BTC-USD",
            "state": "set",
            "max_order_qty": "5",
            "max_order_notional": "off",
            "collar_percent": "5",
        }
    ]


def test_a_period_in_which_nothing_happens_has_what_is_in_force(scene):
    found = evidence(scene, Period(OPENED + 1, OPENED + 2))
    assert {row["target"] for row in found} == {"BTC-USD", "ETH-USD", "ETH-BTC"}
    assert {row["row"] for row in found} == {"in_force"}


def test_limits_of_an_account_name_their_instruments(scene):
    scene.send(SetAccountLimits(ACME_ACCOUNT, 7, ((BTC_USD, 2 * LOT, 10**12),)))
    (found,) = rows(scene, "changed", "target", "max_open_orders", "per_instrument")
    limits = {"symbol": "BTC-USD", "max_order_qty": "2", "max_order_notional": "10000"}
    assert found == ("ACME", "7", [limits])


def test_a_block_is_in_force_until_it_is_lifted(scene):
    scene.send(Block(VENUE, BLOCK_MEMBER, ACME, False, "breach"))
    blocked = scene.time
    scene.wait(1)
    scene.send(Unblock(VENUE, BLOCK_MEMBER, ACME, "solved"))
    scene.wait(1)
    assert rows(scene, "changed", "control", "target", "state", "reason", "kill_switch") == [
        ("block", "ACME", "set", "breach", False),
        ("block", "ACME", "lifted", "solved", None),
    ]

    def is_in_force(time):
        return any(r["control"] == "block" for r in evidence(scene, Period(time, time + 1))
                   if r["row"] == "in_force")  # fmt: skip

    assert [is_in_force(blocked + k * NANOS_PER_SECOND) for k in (0, 1, 2)] == [False, True, False]


def test_a_hold_stays_in_force_until_two_have_lifted_it(scene):
    scene.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_FROZEN, "case 7", "h1", "alice"))
    scene.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_NONE, "case 7 closed", "h2", "alice", "h1"))
    asked = scene.time
    scene.wait(1)
    scene.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_NONE, "case 7 closed", "h3", "bob", "h1"))
    assert rows(scene, "changed", "state", "level", "by") == [
        ("set", "frozen", "alice"),
        ("lift_asked", "none", "alice"),
        ("lifted", "none", "bob"),
    ]
    (held,) = [r for r in evidence(scene, Period(asked + 1, asked + 2)) if r["control"] == "hold"]
    assert (held["row"], held["level"], held["by"]) == ("in_force", "frozen", "alice")


def test_what_the_venue_did_not_allow_is_there_and_not_in_force(scene):
    scene.send(SetInstrumentLimits(99, 1, 1, 1))
    scene.send(SetInstrumentLimits(BTC_USD, -1, 0, 0))
    scene.send(SetAccountLimits(99, 1))
    scene.send(Block(VENUE, BLOCK_MEMBER, 99, True, "kill"))
    scene.send(Unblock(VENUE, BLOCK_ALL, 0, "nothing"))
    scene.send(SetHold(VENUE, 99, HOLD_FROZEN, "case", "h1", "alice"))
    found = rows(scene, "changed", "control", "target", "state")
    assert found == [
        ("instrument_limits", "99", "refused"),
        ("instrument_limits", "BTC-USD", "refused"),
        ("account_limits", "99", "refused"),
        ("block", "99", "refused"),
        ("block", "all", "refused"),
        ("hold", "99", "refused"),
    ]
    scene.wait(1)
    now = evidence(scene, Period(scene.time))
    assert {(r["control"], r.get("collar_percent")) for r in now} == {("instrument_limits", "20")}


# --- what was refused -----------------------------------------------------------------------------


def block(s):
    s.send(Block(VENUE, BLOCK_ALL, 0, False, "halt"))
    s.buy(ACME_OE1, "no", LOT, 6_000_000)


def hold(s):
    s.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_FROZEN, "case", "h1", "alice"))
    s.buy(ACME_OE1, "no", LOT, 6_000_000)


def restriction(s):
    s.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_RESTRICTED, "case", "h1", "alice"))
    s.buy(ACME_OE1, "no", LOT, 6_000_000)


def order_size(s):
    s.send(SetInstrumentLimits(BTC_USD, LOT // 2, 0, 0))
    s.buy(ACME_OE1, "no", LOT, 6_000_000)


def order_notional(s):
    s.send(SetAccountLimits(ACME_ACCOUNT, 0, ((BTC_USD, 0, 10**10),)))
    s.buy(ACME_OE1, "no", LOT, 6_000_000)


def open_orders(s):
    s.send(SetAccountLimits(ACME_ACCOUNT, 1))
    s.buy(ACME_OE1, "one", LOT, 5_990_000)
    s.buy(ACME_OE1, "no", LOT, 5_990_000)


def price_collar(s):
    s.buy(ACME_OE1, "no", LOT, 12_000_000)


def funds(s):
    s.buy(ACME_OE1, "no", 100 * LOT, 6_000_000)


def countable(s):
    s.buy(ACME_OE1, "no", 2**42, 6_000_000)


def cl_ord_id_cap(s):
    s.send(DefineSession(ACME_OE1, ACME, "ACME-OE1", ORDER_ENTRY, 1))
    s.buy(ACME_OE1, "one", LOT, 5_990_000)
    s.buy(ACME_OE1, "no", LOT, 5_990_000)


def duplicate(s):
    s.buy(ACME_OE1, "no", LOT, 5_990_000)
    s.buy(ACME_OE1, "no", LOT, 5_990_000)


def replace_over_a_limit(s):
    s.buy(ACME_OE1, "one", LOT, 5_990_000)
    s.send(SetInstrumentLimits(BTC_USD, LOT, 0, 0))
    s.replace(ACME_OE1, "no", "one", 2 * LOT, 5_990_000)


def order_age(s):
    words = (b"", b"BTC-USD", b"1", b"2", b"1", b"1", b"60000")
    text = "PossDup order older than 30 s by OrigSendingTime(122): send a new one"
    s.send(RefusedOrder(s.origin(ACME_OE1), b"no", *words, 4, text))


def journal_space(s):
    words = (b"", b"BTC-USD", b"1", b"2", b"1", b"1", b"60000")
    s.send(RefusedOrder(s.origin(ACME_OE1), b"no", *words, 99, NO_SPACE))


def throttle(s):
    s.send(RefusedMessage(s.origin(ACME_OE1), b"D", b"no", 8, "at most 100 in a second"))


REFUSALS = [
    (block, "block"), (hold, "hold"), (restriction, "hold"), (order_size, "order_size"),
    (order_notional, "order_notional"), (open_orders, "open_orders"),
    (price_collar, "price_collar"), (funds, "funds"), (countable, "countable"),
    (cl_ord_id_cap, "cl_ord_id_cap"), (duplicate, "duplicate"),
    (replace_over_a_limit, "order_size"), (order_age, "order_age"),
    (journal_space, "journal_space"), (throttle, THROTTLE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "control"), REFUSALS, ids=[happens.__name__ for happens, _ in REFUSALS]
)
def test_every_control_that_refuses_is_named(scene, happens, control):
    """By what the engine really says: a text that changes is noticed here."""
    happens(scene)
    refused = rows(scene, "refused", "control", "cl_ord_id", "member", "session", "record")
    assert refused == [(control, "no", "ACME", "ACME-OE1", scene.last)]


def test_a_refusal_says_what_was_asked_for(scene):
    price_collar(scene)
    (found,) = rows(scene, "refused", "symbol", "quantity", "price", "event")
    assert found == ("BTC-USD", "1", "120000", f"{scene.last}-1")


def test_what_is_malformed_or_too_late_is_no_control(scene):
    scene.order(ACME_OE1, "odd", 5, LOT, 6_000_000)
    scene.buy(ACME_OE1, "none", 0, 6_000_000)
    scene.cancel(ACME_OE1, "what", "nothing")
    assert rows(scene, "refused", "control") == []


# --- what was cancelled ---------------------------------------------------------------------------


def test_a_kill_switch_says_how_many_orders_it_ended_and_in_which_records(scene):
    for k in range(700):
        scene.buy(ACME_OE1, f"bid{k}", 1, 5_990_000)
    scene.send(Block(VENUE, BLOCK_MEMBER, ACME, True, "breach"))
    first = scene.last
    scene.send(ContinueMass(first))
    found = rows(scene, "cancelled", "control", "record", "orders", "operation")
    assert found == [("kill_switch", first, 500, None), ("kill_switch", first + 1, 200, first)]
    assert rows(scene, "changed", "kill_switch") == [(True,)]


def test_holds_and_self_match_prevention_cancel_too(scene):
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.buy(ACME_OE2, "own", LOT, 6_000_000)
    scene.send(SetHold(VENUE, ACME_ACCOUNT, HOLD_FROZEN, "case", "h1", "alice"))
    assert rows(scene, "cancelled", "control", "orders") == [("self_match", 1), ("hold", 1)]


def test_what_members_cancel_or_let_expire_is_no_control(scene):
    scene.buy(ACME_OE1, "bid", LOT, 5_990_000)
    scene.cancel(ACME_OE1, "gone", "bid")
    scene.buy(BOREAS_OE1, "bid", LOT, 5_990_000)
    scene.mass_cancel(BOREAS_OE1, "all")
    assert rows(scene, "cancelled", "control") == []


# --- all of it ------------------------------------------------------------------------------------


def test_every_rule_of_the_engine_is_a_control_or_is_known_to_be_none():
    """A rule that is added has to find its place here."""
    known = {name for _, name in REFUSALS} | {"blocks", "held", "own_terms"}
    none = {"known_account", "supported_terms", "positive_quantity", "positive_price", "fits_int64"}
    rules = {rule.__name__ for rule in (*risk.NEW_ORDER, *risk.OWN_TERMS, *risk.REPLACE)}
    assert rules <= known | none | {"duplicate_cl_ord_id"}


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 2**32))
def test_evidence_of_random_trading_validates_and_is_what_the_engine_has(seed):
    venue, wholes = random_scene(seed, 600)
    found = document(CONTROLS, wholes, ALL)
    validator(CONTROLS).validate(found)
    end = wholes[-1].time + 1
    now = list(CONTROLS.derive(wholes, Period(end)))
    blocks = Counter(row["reason"] for row in now if row["control"] == "block")
    assert blocks == Counter(venue.state.blocks.values())
    collars = {r["target"]: r["collar_percent"] for r in now if r["control"] == "instrument_limits"}
    for market in venue.state.markets.values():
        percent = f"{market.collar_bps // 100}.{market.collar_bps % 100:02}".rstrip("0").rstrip(".")
        assert collars[market.instrument.symbol] == (percent if market.collar_bps else "off")
    refused = [
        (whole.first, event.text)
        for whole in wholes
        for event in whole.events
        if isinstance(event, OrderRejected) and isinstance(whole.command, NewOrder)
    ]
    told = {(row["record"], row["text"]) for row in found["controls"] if row["row"] == "refused"}
    assert {(number, text) for number, text in refused if control_of(text)} <= told
