"""Pre-trade rules and configuration: what is refused, with which code and which words."""

import pytest

from engine.core import risk
from engine.model.commands import (
    Block,
    CancelOrder,
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    DefineVenue,
    Deposit,
    MassCancel,
    NewOrder,
    Origin,
    RefusedCancel,
    RefusedMassCancel,
    RefusedMessage,
    RefusedOrder,
    ReplaceOrder,
    SetAccountLimits,
    SetFees,
    SetInstrumentLimits,
    Unblock,
)
from engine.model.enums import (
    BLOCK_ACCOUNT,
    BLOCK_ALL,
    BLOCK_INSTRUMENT,
    BLOCK_MEMBER,
    BLOCK_SESSION,
    BUY,
    GTC,
    IOC,
    LIMIT,
    MASS_CANCEL_ALL,
    SELL,
)
from tests.engine.desk import LOT, Desk
from tests.engine.streams import (
    ACME,
    ACME_ACCOUNT,
    ACME_OE1,
    ACME_OE2,
    BOREAS,
    BOREAS_ACCOUNT,
    BOREAS_OE1,
    BTC,
    BTC_USD,
    RANDOM_BALANCES,
    REFERENCE,
    USD,
    bootstrap,
    bootstrap_commands,
    random_commands,
)

SYSTEM = Origin(0, 0, 0)
NOBODY = Origin(99, 1, 0)


def refusal(desk: Desk, lines: list[str]) -> str:
    assert len(lines) == 1
    assert "rejected" in lines[0]
    return f"{desk.events[0].reason} {desk.events[0].text}"


def test_the_rules_of_a_new_order_have_a_fixed_order() -> None:
    rules = list(risk.NEW_ORDER)
    at = rules.index(risk.own_terms)
    rules[at : at + 1] = risk.OWN_TERMS
    assert [rule.__name__ for rule in rules] == [
        "blocks",
        "held",
        "duplicate_cl_ord_id",
        "cl_ord_id_cap",
        "known_account",
        "supported_terms",
        "positive_quantity",
        "positive_price",
        "fits_int64",
        "order_size",
        "order_notional",
        "open_orders",
        "price_collar",
        "funds",
    ]


def test_an_account_that_is_not_the_members_is_unknown() -> None:
    desk = Desk()
    for account in (0, BOREAS_ACCOUNT, 99):
        assert desk.buy(ACME_OE1, f"b{account}", 1, 6_000_000, account=account) == [
            f"b{account} rejected 15"
        ]
        assert desk.events[0].account == 0


@pytest.mark.parametrize(
    ("side", "ord_type", "tif"),
    [(b"5"[0], LIMIT, GTC), (BUY, b"3"[0], GTC), (BUY, LIMIT, b"2"[0]), (0, 0, -1)],
)
def test_a_side_type_or_time_in_force_that_is_not_traded_is_refused(side, ord_type, tif) -> None:
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 1, 6_000_000)
    order = (ACME_ACCOUNT, BTC_USD, side, ord_type, tif, 1, 6_000_000)
    assert desk.send(NewOrder(Origin(ACME_OE1, 1, 0), b"b2", *order)) == ["b2 rejected 11"]
    assert desk.status(ACME_OE1, "b1") is not None


def test_quantity_and_price_must_be_above_zero() -> None:
    desk = Desk()
    assert desk.buy(ACME_OE1, "b1", -3, 6_000_000) == ["b1 rejected 13"]
    assert desk.buy(ACME_OE1, "b2", 1, 0) == ["b2 rejected 99"]


def test_the_order_size_limit_names_limit_and_value() -> None:
    desk = Desk()
    desk.send(SetInstrumentLimits(BTC_USD, 2 * LOT, 0, 0))
    assert desk.buy(ACME_OE1, "b1", 2 * LOT, 6_000_000) == ["b1 accepted"]
    text = refusal(desk, desk.buy(ACME_OE1, "b2", 2 * LOT + 1, 6_000_000))
    assert text == (
        "3 OrderQty 2.000001 is above the order size limit of the instrument, 2; "
        "send a smaller order"
    )


def test_the_notional_limit_holds_for_market_orders_by_what_they_would_fill() -> None:
    desk = Desk()
    desk.send(SetInstrumentLimits(BTC_USD, 0, 60_000 * 10**8, 0))
    desk.sell(BOREAS_OE1, "s1", LOT // 2, 6_000_000)
    desk.sell(BOREAS_OE1, "s2", LOT // 2, 6_000_000)
    assert "notional 60000.06 USD" in refusal(desk, desk.buy(ACME_OE1, "b1", LOT, 6_000_006))
    assert desk.market_buy(ACME_OE1, "m1", 5 * LOT)[0] == "m1 accepted"
    desk.sell(BOREAS_OE1, "s3", LOT, 6_000_000)
    desk.sell(BOREAS_OE1, "s4", LOT, 6_000_000)
    assert "3 notional 120000 USD" in refusal(desk, desk.market_buy(ACME_OE1, "m2", 5 * LOT))


def test_an_account_has_limits_of_its_own_per_instrument() -> None:
    desk = Desk()
    desk.send(SetAccountLimits(ACME_ACCOUNT, 0, ((BTC_USD, LOT, 50_000 * 10**8),)))
    assert "of the account, 1;" in refusal(desk, desk.buy(ACME_OE1, "b1", LOT + 1, 5_000_000))
    assert "of the account, 50000 USD" in refusal(desk, desk.buy(ACME_OE1, "b2", LOT, 6_000_000))
    assert desk.buy(BOREAS_OE1, "b3", 2 * LOT, 6_000_000) == ["b3 accepted"]


def test_open_orders_of_an_account_are_limited_but_not_those_that_never_rest() -> None:
    desk = Desk()
    desk.send(SetAccountLimits(ACME_ACCOUNT, 1))
    desk.buy(ACME_OE1, "b1", 1, 6_000_000)
    assert desk.buy(ACME_OE2, "b2", 1, 6_000_000) == ["b2 rejected 3"]
    assert desk.buy(ACME_OE2, "b3", 1, 6_000_000, tif=IOC)[0] == "b3 accepted"
    desk.cancel(ACME_OE1, "c1", "b1")
    assert desk.buy(ACME_OE2, "b4", 1, 6_000_000) == ["b4 accepted"]


def test_the_collar_stands_around_the_reference_until_there_is_a_trade() -> None:
    desk = Desk(collar_bps=1_000)
    assert desk.buy(ACME_OE1, "b1", 1, 6_600_000) == ["b1 accepted"]
    assert refusal(desk, desk.buy(ACME_OE1, "b2", 1, 6_600_001)) == (
        "99 Price 66000.01 is outside the collar of 10% around 60000; "
        "send a price from 54000 to 66000"
    )
    desk.sell(BOREAS_OE1, "s1", 1, 6_600_000)
    assert desk.buy(ACME_OE1, "b3", 1, 6_600_001) == ["b3 accepted"]
    assert "around 66000" in refusal(desk, desk.sell(BOREAS_OE1, "s2", 1, 5_939_999))


def test_funds_must_cover_cost_and_worst_fee() -> None:
    desk = Desk(balances={BTC: 10**8, USD: 60_030 * 10**8})
    assert desk.buy(ACME_OE1, "b1", LOT, 6_000_000) == ["b1 accepted"]
    assert refusal(desk, desk.buy(ACME_OE2, "b2", 1, 6_000_000)) == (
        "3 insufficient funds: the order needs 0.06003 USD with fees, available are 0 USD; "
        "deposit or send a smaller order"
    )
    assert "1.000001 BTC" in refusal(desk, desk.sell(ACME_OE1, "s1", LOT + 1, 7_000_000))


def test_an_order_worth_more_than_int64_is_refused() -> None:
    desk = Desk(collar_bps=0)
    assert desk.buy(ACME_OE1, "b1", 2**62, 2**62) == ["b1 rejected 3"]
    assert desk.sell(ACME_OE1, "s1", 2**62, 1) == ["s1 rejected 3"]


def test_a_sell_counts_at_the_bid_that_it_would_fill_at() -> None:
    desk = Desk(collar_bps=0)
    top = 10**10
    desk.buy(ACME_OE1, "b1", 1, top)
    assert desk.sell(BOREAS_OE1, "s1", 10**9, 1) == ["s1 rejected 3"]
    assert desk.sell(BOREAS_OE1, "s2", 10**8, 1)[0] == "s2 accepted"


@pytest.mark.parametrize(
    ("scope", "target", "words"),
    [
        (BLOCK_SESSION, ACME_OE1, "session ACME-OE1 is blocked: fat finger"),
        (BLOCK_ACCOUNT, ACME_ACCOUNT, "account ACME is blocked"),
        (BLOCK_MEMBER, ACME, "the member is blocked"),
        (BLOCK_INSTRUMENT, BTC_USD, "BTC-USD is blocked"),
        (BLOCK_ALL, 0, "the venue is blocked"),
    ],
)
def test_a_block_refuses_orders_and_replaces_and_lets_cancels_through(scope, target, words) -> None:
    desk = Desk()
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    assert desk.send(Block(SYSTEM, scope, target, False, "fat finger")) == ["Blocked"]
    assert words in refusal(desk, desk.buy(ACME_OE1, "b2", 5, 6_000_000))
    assert desk.events[0].reason == 0
    assert desk.replace(ACME_OE1, "r1", "b1", 4, 6_000_000) == ["r1 cancel rejected 2"]
    assert desk.send(Unblock(SYSTEM, scope, target, "sorted out")) == ["Unblocked"]
    assert desk.replace(ACME_OE1, "r2", "b1", 4, 6_000_000)[0].startswith("r2 replaced")
    desk.send(Block(SYSTEM, scope, target, False, "again"))
    assert desk.cancel(ACME_OE1, "c1", "b1") == ["c1 canceled r2"]


def test_a_replace_passes_the_same_limits() -> None:
    desk = Desk(collar_bps=1_000)
    desk.buy(ACME_OE1, "b1", 5, 6_000_000)
    desk.send(SetInstrumentLimits(BTC_USD, 10, 7_000_000 * 9, 1_000))
    for name, qty, price in (
        ("size", 11, 6_000_000),
        ("notional", 10, 6_500_000),
        ("collar", 5, 6_600_001),
        ("qty", 0, 6_000_000),
        ("price", 5, 0),
    ):
        assert desk.replace(ACME_OE1, name, "b1", qty, price) == [f"{name} cancel rejected 99"]
    assert desk.status(ACME_OE1, "size") is None


def test_a_deposit_is_credited_once_per_reference() -> None:
    desk = Desk(balances={})
    assert desk.send(Deposit(ACME_ACCOUNT, USD, 5, "d1")) == ["Deposited"]
    assert desk.send(Deposit(ACME_ACCOUNT, USD, 5, "d1")) == ["CommandRefused"]
    assert desk.send(Deposit(BOREAS_ACCOUNT, USD, 2**63 - 5, "d2")) == ["CommandRefused"]
    assert desk.send(Deposit(BOREAS_ACCOUNT, USD, 2**63 - 6, "d2")) == ["Deposited"]
    assert desk.balance(ACME_ACCOUNT, USD) == (5, 0)


def test_the_same_configuration_again_changes_nothing() -> None:
    desk = Desk()
    fees = desk.venue.refdata.instruments[BTC_USD].taker_ppm
    for command in bootstrap_commands():
        lines = desk.send(command)
        assert lines == (["CommandRefused"] if isinstance(command, Deposit) else [])
    assert desk.venue.refdata.instruments[BTC_USD].taker_ppm == fees > 0


@pytest.mark.parametrize(
    "command",
    [
        DefineAsset(BTC, "BTC", 9),
        DefineAsset(0, "SOL", 9),
        DefineAsset(9, "", 9),
        DefineAsset(9, "SOL", 19),
        DefineAsset(9, "SOL", 9, "4H95J0R2C"),
        DefineAsset(9, "EUR", 2, "", "EURO"),
        DefineMember(ACME, "ACME", "000000ACME0000000064"),
        DefineMember(ACME, "ACME", country="GERMANY"),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 2, 1, 5, 1, 0, "US0378331006"),
        DefineVenue("XFX", ""),
        DefineVenue("XFXG", "000000FIXGATE0000086"),
        DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 5, 6, 1, REFERENCE[BTC_USD]),
        DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 1, 5, 1, REFERENCE[BTC_USD]),
        DefineInstrument(9, "BTC-NONE", BTC, 77, 2, 1, 5, 1, 0),
        DefineInstrument(9, "BTC-BTC", BTC, BTC, 2, 1, 5, 1, 0),
        DefineInstrument(9, "", BTC, USD, 2, 1, 5, 1, 0),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 19, 1, 5, 1, 0),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 2, 1, -1, 1, 0),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 2, 0, 5, 1, 0),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 2, 1, 5, 1, -1),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 2, 1, 9, 1, 0),
        DefineInstrument(9, "BTC-USD2", BTC, USD, 4, 1, 6, 1, 0),
        DefineAccount(ACME_ACCOUNT, BOREAS, "ACME"),
        DefineAccount(0, ACME, "VENUE"),
        DefineAccount(7, 99, "NOBODY"),
        DefineSession(ACME_OE1, BOREAS, "ACME-OE1", 1, 100),
        DefineSession(9, 99, "NOBODY-OE1", 1, 100),
        DefineSession(9, ACME, "", 1, 100),
        DefineSession(9, ACME, "ACME-OE9", 77, 100),
        DefineSession(9, ACME, "ACME-OE9", 1, -1),
        DefineMember(0, "NOBODY"),
        SetFees(99, 0, 0),
        SetFees(BTC_USD, -1, 0),
        SetInstrumentLimits(99, 0, 0, 0),
        SetInstrumentLimits(BTC_USD, 0, -1, 0),
        SetAccountLimits(99, 0),
        SetAccountLimits(ACME_ACCOUNT, 0, ((99, 1, 1),)),
        SetAccountLimits(ACME_ACCOUNT, 0, ((BTC_USD, -1, 1),)),
        SetAccountLimits(ACME_ACCOUNT, -1),
        Deposit(99, USD, 1, "x"),
        Deposit(0, USD, 1, "x"),
        Deposit(ACME_ACCOUNT, 99, 1, "x"),
        Block(SYSTEM, BLOCK_MEMBER, 99, True, "x"),
        Block(Origin(99, 0, 0), BLOCK_ALL, 0, True, "x"),
        Unblock(SYSTEM, BLOCK_ALL, 0, "x"),
        Unblock(SYSTEM, BLOCK_MEMBER, 99, "x"),
        NewOrder(NOBODY, b"a", ACME_ACCOUNT, BTC_USD, BUY, LIMIT, GTC, 1, 1),
        NewOrder(Origin(ACME_OE1, 1, 0), b"a", ACME_ACCOUNT, 99, BUY, LIMIT, GTC, 1, 1),
        CancelOrder(NOBODY, b"b", b"a", 0, BTC_USD, BUY),
        ReplaceOrder(NOBODY, b"b", b"a", 0, BTC_USD, BUY, LIMIT, GTC, 1, 1),
        MassCancel(NOBODY, b"q", MASS_CANCEL_ALL, 0),
        RefusedOrder(NOBODY, b"a", b"", b"", b"1", b"2", b"", b"", b"", 99, "x"),
        RefusedCancel(NOBODY, b"b", b"a", 1, 99, "x"),
        RefusedMassCancel(NOBODY, b"q", b"7", b"", 99, "x"),
        RefusedMessage(NOBODY, b"D", b"a", 0, "x"),
    ],
)
def test_a_contradicting_command_is_refused_and_changes_nothing(command) -> None:
    desk = Desk()
    state = desk.venue.state
    desk.send(SetFees(BTC_USD, 100, 500))
    before = desk.venue.state_hash()
    assert desk.send(command) == ["CommandRefused"]
    assert desk.events[0].text
    state.last_number -= 1
    assert desk.venue.state_hash() == before


def test_a_new_reference_price_moves_the_collar_and_keeps_fees_and_book() -> None:
    desk = Desk(collar_bps=1_000)
    desk.buy(ACME_OE1, "b1", 1, 6_000_000)
    assert desk.send(DefineInstrument(BTC_USD, "BTC-USD", BTC, USD, 2, 1, 6, 1, 9_000_000)) == []
    assert desk.buy(BOREAS_OE1, "b2", 1, 6_000_000) == ["b2 rejected 99"]
    assert desk.order(BOREAS_OE1, "s1", SELL, 1, 9_000_000) == ["s1 accepted"]
    assert desk.venue.refdata.instruments[BTC_USD].taker_ppm == 500


def test_the_one_look_refuses_what_the_rules_refuse_one_by_one(monkeypatch) -> None:
    """Over a long random stream, with rules that disagree made to fail."""
    seen = {"passed": 0, "refused": 0}
    one_look = risk.own_terms

    def both(request: risk.Request):
        found = one_look(request)
        assert found == risk.first_refusal(risk.OWN_TERMS, request)
        seen["refused" if found else "passed"] += 1
        return found

    rules = tuple(both if rule is one_look else rule for rule in risk.NEW_ORDER)
    assert both in rules
    monkeypatch.setattr(risk, "NEW_ORDER", rules)
    venue, _ = bootstrap(balances=RANDOM_BALANCES)
    for command, number, time in random_commands(7, 4_000):
        venue.apply(command, number, time)
    assert seen["passed"] > 1_000
    assert seen["refused"] > 50
