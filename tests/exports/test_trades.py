"""Trades as rows: both sides, their fees, their names, and who came last."""

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.exports.times import Period, time_text
from compliance.exports.trades import TRADES
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import DefineMember
from engine.model.events import OrderFilled
from engine.model.ids import VENUE_ACCOUNT
from engine.replay import folder_records, join_parts
from tests.engine.desk import LOT
from tests.engine.streams import (
    ACME,
    ACME_OE1,
    BOREAS_OE1,
    CYGNUS_OE1,
    LEIS,
    START,
)
from tests.exports.support import ALL, AuditedVenue, Scene, random_scene


@pytest.fixture
def scene():
    return Scene()


def test_a_row_says_all_of_both_sides(scene):
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    maker = scene.last
    scene.wait(1)
    scene.buy(BOREAS_OE1, "lift", LOT // 2, 6_000_100)
    taker = scene.last
    assert scene.rows(TRADES) == [
        {
            "trade": 1,
            "record": taker,
            "time": time_text(START + NANOS_PER_SECOND),
            "symbol": "BTC-USD",
            "price": "60000",
            "quantity": "0.5",
            "base": "BTC",
            "notional": "30000",
            "quote": "USD",
            "aggressor": "buyer",
            "buyer": {
                "member": "BOREAS",
                "account": "BOREAS",
                "order": taker,
                "cl_ord_id": "lift",
                "exec_id": f"{taker}-3",
                "fee": "15",
                "lei": "000000BOREAS00000017",
            },
            "seller": {
                "member": "ACME",
                "account": "ACME",
                "order": maker,
                "cl_ord_id": "ask",
                "exec_id": f"{taker}-2",
                "fee": "3",
                "lei": "000000ACME0000000063",
            },
        }
    ]


def test_who_sells_into_the_book_is_the_aggressor(scene):
    scene.buy(ACME_OE1, "bid", LOT, 6_000_000)
    scene.market_sell(BOREAS_OE1, "hit", LOT)
    (row,) = scene.rows(TRADES)
    assert (row["aggressor"], row["seller"]["member"]) == ("seller", "BOREAS")


def test_a_replace_that_trades_makes_rows(scene):
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.buy(BOREAS_OE1, "low", LOT, 5_999_000)
    scene.replace(BOREAS_OE1, "up", "low", LOT, 6_000_000)
    (row,) = scene.rows(TRADES)
    assert row["buyer"]["cl_ord_id"] == "up"
    assert row["record"] == scene.last


def test_a_period_is_half_open(scene):
    for name in ("1", "2", "3"):
        scene.sell(ACME_OE1, f"ask{name}", LOT, 6_000_000)
        scene.buy(BOREAS_OE1, f"lift{name}", LOT, 6_000_000)
        scene.wait(1)
    second = START + NANOS_PER_SECOND
    rows = scene.rows(TRADES, Period(second, second + NANOS_PER_SECOND))
    assert [row["buyer"]["cl_ord_id"] for row in rows] == ["lift2"]
    assert scene.rows(TRADES, Period(second, second)) == []


def test_an_identifier_is_what_it_was_at_the_record(scene):
    for lei in ("", LEIS[ACME]):
        scene.send(DefineMember(ACME, "ACME", lei))
        scene.sell(ACME_OE1, f"ask{lei}", LOT, 6_000_000)
        scene.buy(BOREAS_OE1, f"lift{lei}", LOT, 6_000_000)
    assert [row["seller"].get("lei") for row in scene.rows(TRADES)] == [None, LEIS[ACME]]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_rows_add_up_to_what_the_engine_has(seed):
    venue, wholes = random_scene(seed, 600)
    rows = list(TRADES.derive(wholes, ALL))
    assert [row["trade"] for row in rows] == list(range(1, venue.state.match + 1))
    fees = Counter()
    for row in rows:
        assert Decimal(row["notional"]) == Decimal(row["price"]) * Decimal(row["quantity"])
        fees[row["quote"]] += Decimal(row["buyer"]["fee"]) + Decimal(row["seller"]["fee"])
    earned = venue.state.accounts[VENUE_ACCOUNT].balances
    settled = {
        asset.code: Decimal(earned[asset.id].available).scaleb(-asset.scale)
        for asset in venue.refdata.assets.values()
    }
    assert {code: amount for code, amount in settled.items() if amount} == {
        code: amount for code, amount in fees.items() if amount
    }


def test_names_of_executions_are_those_of_the_records_that_hold_them(tmp_path):
    """An order that trades with so many that its record has parts."""
    venue = AuditedVenue(tmp_path)
    desk = Scene()
    for k in range(900):
        desk.sell(ACME_OE1, f"ask{k}", 1, 6_000_000)
    desk.buy(CYGNUS_OE1, "sweep", 900, 6_000_000)
    for command in (whole.command for whole in desk.wholes[-901:]):
        venue.submit(command)
    venue.close()
    held = [
        f"{record.number}-{k}"
        for record in folder_records(tmp_path / "journal")
        for k, event in enumerate(record.events, 1)
        if isinstance(event, OrderFilled)
    ]
    wholes = list(join_parts(folder_records(tmp_path / "journal")))
    assert wholes[-1].last > wholes[-1].first
    rows = list(TRADES.derive(wholes, ALL))
    assert [row[side]["exec_id"] for row in rows for side in ("seller", "buyer")] == held
    assert len(rows) == 900
    assert rows[-1]["record"] == wholes[-1].last
