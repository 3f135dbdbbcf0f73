"""Order records: every event of every order, by the codes of RTS 24, in the order of each book."""

import io
import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.exports.kinds import KINDS
from compliance.exports.orders import ORDERS
from compliance.exports.times import MICRO, Period, time_text
from compliance.exports.writing import write_export
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.commands import Block, DefineVenue, EndOfDay, Origin, RefusedOrder
from engine.model.enums import BLOCK_MEMBER, DAY, FOK, GTC, IOC
from engine.model.events import OrderAccepted, OrderFilled, OrderRefused, OrderRejected
from tests.engine.desk import LOT
from tests.engine.streams import ACME, ACME_OE1, ACME_OE2, BOREAS_OE1, START
from tests.exports.support import ALL, Scene, document, random_scene, records_of, validator


@pytest.fixture
def scene():
    made = Scene()
    made.send(DefineVenue("XFXG", "000000FIXGATE0000087"))
    return made


def told(scene, period=ALL):
    """Each record as a line: ClOrdID, event, what is left, ACTI or INAC; all are valid."""
    found = document(ORDERS, scene.wholes, period)
    validator(ORDERS).validate(found)
    lines = []
    for report in found["OrdrBookRpt"]["OrdrRpt"]:
        order = report["New"]["Ordr"]
        instrument = order["OrdrData"]["InstrData"]
        line = (order["SplmtryData"]["ClOrdId"], order["OrdrIdData"]["EvtTp"]["Cd"])
        lines.append(" ".join((*line, instrument.get("RmngQty", "?"), instrument["OrdrVldtySts"])))
    return lines


def orders(scene, period=ALL):
    return [row["New"]["Ordr"] for row in scene.rows(ORDERS, period)]


def trade_through(s):
    s.sell(ACME_OE1, "ask", LOT, 6_000_000)
    s.buy(BOREAS_OE1, "lift", 3 * LOT // 2, 6_000_000)


def cancel(s):
    s.buy(ACME_OE1, "bid", LOT, 5_990_000)
    s.cancel(ACME_OE1, "gone", "bid")


def immediate(s):
    s.sell(ACME_OE1, "ask", LOT, 6_000_000)
    s.buy(BOREAS_OE1, "ioc", 2 * LOT, 6_000_000, tif=IOC)


def fill_or_kill(s):
    s.sell(ACME_OE1, "ask", LOT, 6_000_000)
    s.buy(BOREAS_OE1, "fok", 2 * LOT, 6_000_000, tif=FOK)


def market(s):
    s.sell(ACME_OE1, "ask", LOT, 6_000_000)
    s.market_buy(BOREAS_OE1, "market", 2 * LOT)


def empty_market(s):
    s.market_buy(BOREAS_OE1, "market", LOT)


def replaced(s):
    s.buy(ACME_OE1, "bid", 2 * LOT, 5_990_000)
    s.replace(ACME_OE1, "less", "bid", LOT, 5_990_000)


def replaced_away(s):
    s.sell(BOREAS_OE1, "ask", LOT, 6_000_000)
    s.buy(ACME_OE1, "bid", 3 * LOT, 6_000_000)
    s.replace(ACME_OE1, "enough", "bid", LOT, 6_000_000)


def own_order(s):
    s.sell(ACME_OE1, "ask", LOT, 6_000_000)
    s.buy(ACME_OE2, "self", LOT, 6_000_000)


def mass_cancel(s):
    s.buy(ACME_OE1, "bid", LOT, 5_990_000)
    s.mass_cancel(ACME_OE1, "all")


def kill_switch(s):
    s.buy(ACME_OE1, "bid", LOT, 5_990_000)
    s.send(Block(Origin(0, 0, 0), BLOCK_MEMBER, ACME, True, "kill switch"))
    s.buy(ACME_OE1, "more", LOT, 5_990_000)


def end_of_day(s):
    s.buy(ACME_OE1, "day", LOT, 5_990_000, tif=DAY)
    s.buy(ACME_OE1, "gtc", LOT, 5_990_000, tif=GTC)
    s.wait(86_400)
    s.send(EndOfDay(START // NANOS_PER_DAY))


def unknown_terms(s):
    s.order(ACME_OE1, "odd", 5, LOT, 6_000_000)


def status_only(s):
    s.buy(ACME_OE1, "bid", LOT, 5_990_000)
    s.buy(ACME_OE1, "bid", LOT, 5_990_000, resend=True)


def off_lot(s):
    words = (b"", b"BTC-USD", b"1", b"2", b"1", b"0.0000001", b"60000")
    s.send(RefusedOrder(s.origin(ACME_OE1), b"dust", *words, 13, "off lot"))


def no_such_book(s):
    words = (b"\xff", b"X-Y", b"x", b"2", b"1", b"1e5", b"")
    s.send(RefusedOrder(s.origin(ACME_OE1), b"what\xff", *words, 1, "unknown symbol"))


EVENTS = [
    (trade_through, "ask NEWO 1 ACTI", "lift NEWO 1.5 ACTI", "ask FILL 0 INAC",
     "lift PARF 0.5 ACTI"),
    (cancel, "bid NEWO 1 ACTI", "gone CAME 0 INAC"),
    (immediate, "ask NEWO 1 ACTI", "ioc NEWO 2 ACTI", "ask FILL 0 INAC", "ioc PARF 1 ACTI",
     "ioc EXPI 0 INAC"),
    (fill_or_kill, "ask NEWO 1 ACTI", "fok NEWO 2 ACTI", "fok EXPI 0 INAC"),
    (market, "ask NEWO 1 ACTI", "market NEWO 2 ACTI", "ask FILL 0 INAC", "market PARF 1 ACTI",
     "market EXPI 0 INAC"),
    (empty_market, "market NEWO 1 ACTI", "market EXPI 0 INAC"),
    (replaced, "bid NEWO 2 ACTI", "less REME 1 ACTI"),
    (replaced_away, "ask NEWO 1 ACTI", "bid NEWO 3 ACTI", "ask FILL 0 INAC", "bid PARF 2 ACTI",
     "enough REME 0 INAC"),
    (own_order, "ask NEWO 1 ACTI", "self NEWO 1 ACTI", "self CAMO 0 INAC"),
    (mass_cancel, "bid NEWO 1 ACTI", "bid CAME 0 INAC"),
    (kill_switch, "bid NEWO 1 ACTI", "bid CAMO 0 INAC", "more REMO 0 INAC"),
    (end_of_day, "day NEWO 1 ACTI", "gtc NEWO 1 ACTI", "day EXPI 0 INAC"),
    (unknown_terms, "odd REMO 0 INAC"),
    (status_only, "bid NEWO 1 ACTI"),
    (off_lot, "dust REMO ? INAC"),
    (no_such_book, "what\\xff REMO ? INAC"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("happens", "lines"), [(row[0], row[1:]) for row in EVENTS], ids=[r[0].__name__ for r in EVENTS]
)
def test_each_thing_that_happens_to_an_order_is_a_record(scene, happens, lines):
    happens(scene)
    assert told(scene) == list(lines)


def test_a_record_says_all_of_an_order(scene):
    scene.parties = ((3, b"CL7"), (12, b"T1"), (122, b"ALGO9"))
    scene.capacity = ((528, b"P"), (529, b"1 5"))
    scene.buy(ACME_OE1, "bid", LOT // 2, 5_990_050)
    assert scene.rows(ORDERS) == [
        {
            "New": {
                "RptId": f"{scene.last}-1",
                "Ordr": {
                    "OrdrIdData": {
                        "OrdrBookId": "BTC-USD",
                        "SeqNb": 1,
                        "Prty": {"TmStmp": time_text(START, MICRO), "Sz": "0.5"},
                        "TmStmp": "2024-10-04T09:00:00.000000Z",
                        "TradVn": "XFXG",
                        "FinInstrm": {"DTI": "1BTC0000F"},
                        "OrdrId": str(scene.last),
                        "DtOfRct": "2024-10-04",
                        "VldtyPrd": "GTCV",
                        "EvtTp": {"Cd": "NEWO"},
                    },
                    "OrdrData": {
                        "SubmitgNtty": {"LEI": "000000ACME0000000063"},
                        "ClntId": {"ShrtCd": "CL7"},
                        "InvstmtDcsnPrsn": {"ShrtCd": "ALGO9"},
                        "ExctgPrsn": {"ShrtCd": "T1"},
                        "TradgCpcty": "DEAL",
                        "LqdtyPrvsnActvty": True,
                        "OrdrClssfctn": {"OrdrTp": "LIMIT", "OrdrTpClssfctn": "LMTO"},
                        "OrdrPrics": {
                            "LmtPric": "59900.5",
                            "PricCcy": {"Ccy": "USD"},
                            "PricNtn": "MONE",
                        },
                        "InstrData": {
                            "BuySellInd": "BUYI",
                            "OrdrVldtySts": "ACTI",
                            "OrdrSts": ["FIRM"],
                            "InitlQty": "0.5",
                            "RmngQty": "0.5",
                            "DispdQty": "0.5",
                            "QtyNtn": "UNIT",
                            "QtyCcy": {"DTI": "1BTC0000F"},
                            "PssvOnlyInd": False,
                            "SlfExctnPrvntn": True,
                        },
                    },
                    "SplmtryData": {
                        "ClOrdId": "bid",
                        "RctTmStmp": "2024-10-04T08:59:59.999995Z",
                        "Mmbr": "ACME",
                        "Acct": "ACME",
                    },
                },
            }
        }
    ]


def test_both_sides_of_a_trade_have_its_identifier_and_their_own_parties(scene):
    scene.parties = ((12, b"MAKER"),)
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.parties = ((12, b"TAKER"), (12, b"SECOND"))
    scene.buy(BOREAS_OE1, "lift", LOT, 6_000_100)
    trades = [order for order in orders(scene) if "TxData" in order["OrdrData"]]
    assert [(o["OrdrData"]["ExctgPrsn"], o["OrdrData"]["TxData"]) for o in trades] == [
        (
            {"ShrtCd": who},
            {"TxPric": "60000", "TraddQty": "1", "PssvOrAggrssvInd": how, "TxId": "1"},
        )
        for who, how in (("MAKER", "PASV"), ("TAKER", "AGRE"))
    ]


@pytest.mark.parametrize(
    ("word", "known"),
    [
        (b"0.0000001", True),
        (b"-1", True),
        (b".5", True),
        (b"9" * 20 + b"." + b"9" * 18, True),
        (b"9" * 21, False),
        (b"0." + b"0" * 18 + b"1", False),
        (b"1e5", False),
        (b"NaN", False),
        (b"", False),
        (b"\xff", False),
    ],
)
def test_words_that_no_format_holds_are_left_out(scene, word, known):
    words = (b"", b"BTC-USD", b"1", b"2", b"1", word, word)
    scene.send(RefusedOrder(scene.origin(ACME_OE1), b"odd", *words, 13, "off lot"))
    (order,) = orders(scene)
    assert ("InitlQty" in order["OrdrData"]["InstrData"]) == known
    assert ("LmtPric" in order["OrdrData"].get("OrdrPrics", {})) == known
    validator(ORDERS).validate(document(ORDERS, scene.wholes))
    write_export(ORDERS, "parquet", records_of(scene.wholes), ALL, io.BytesIO())


@pytest.mark.parametrize(
    ("qty", "price", "kept"),
    [
        (LOT, 5_990_000, True),
        (2 * LOT, 5_990_000, True),
        (3 * LOT, 5_990_000, False),
        (LOT, 5_990_001, False),
    ],
    ids=["less", "the same", "more", "another price"],
)
def test_a_replace_keeps_its_place_only_for_less_at_the_same_price(scene, qty, price, kept):
    scene.buy(ACME_OE1, "bid", 2 * LOT, 5_990_000)
    scene.wait(1)
    scene.replace(ACME_OE1, "other", "bid", qty, price)
    now = scene.time if not kept else START
    assert orders(scene)[-1]["OrdrIdData"]["Prty"]["TmStmp"] == time_text(now, MICRO)


def test_who_replaces_an_order_is_who_it_is_of(scene):
    scene.parties = ((12, b"T1"),)
    scene.buy(ACME_OE1, "bid", 2 * LOT, 5_990_000)
    scene.parties = ()
    scene.replace(ACME_OE1, "less", "bid", LOT, 5_990_000)
    scene.parties = ((12, b"T2"),)
    scene.replace(ACME_OE1, "lesser", "less", LOT // 2, 5_990_000)
    scene.parties = ((12, b"T3"),)
    scene.cancel(ACME_OE1, "gone", "lesser")
    traders = [order["OrdrData"]["ExctgPrsn"]["ShrtCd"] for order in orders(scene)]
    assert traders == ["T1", "T1", "T2", "T2"]


def test_each_book_counts_its_events_from_1_on_each_day(scene):
    for _ in range(2):
        scene.buy(ACME_OE1, f"a{scene.number}", LOT, 5_990_000)
        scene.buy(ACME_OE1, f"b{scene.number}", 10_000, 299_000, instrument=2)
        scene.buy(ACME_OE1, f"c{scene.number}", LOT, 5_990_000)
        scene.wait(86_400)
        scene.send(EndOfDay(scene.time // NANOS_PER_DAY - 1))
    found = [(o["OrdrIdData"]["OrdrBookId"], o["OrdrIdData"]["SeqNb"]) for o in orders(scene)]
    day = [("BTC-USD", 1), ("ETH-USD", 1), ("BTC-USD", 2)]
    assert found == day * 2


def test_a_period_goes_on_where_the_day_was(scene):
    """Sequence numbers, and what is known of orders, do not depend on where the period begins."""
    trade_through(scene)
    scene.wait(1)
    scene.cancel(BOREAS_OE1, "gone", "lift")
    later = Period(START + NANOS_PER_SECOND)
    assert scene.rows(ORDERS, later) == scene.rows(ORDERS)[-1:]
    assert orders(scene, later)[0]["OrdrIdData"]["SeqNb"] == 5


def test_one_members_records_are_its_own(scene):
    trade_through(scene)
    everything = scene.rows(ORDERS)
    of_acme = scene.rows(ORDERS, Period(member="ACME"))
    members = [row["New"]["Ordr"]["SplmtryData"]["Mmbr"] for row in everything]
    assert of_acme == [r for r, m in zip(everything, members, strict=True) if m == "ACME"]
    assert len(of_acme) == 2


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_records_are_complete_and_add_up_to_what_the_engine_has(seed):
    """Of random trading: every order begins, no number is left out, what was filled is what the
    engine says, and those that are still open are those of its books."""
    venue, wholes = random_scene(seed, 400)
    found = document(ORDERS, wholes)
    validator(ORDERS).validate(found)
    reports = [report["New"]["Ordr"] for report in found["OrdrBookRpt"]["OrdrRpt"]]
    sequence, begun, left = {}, {}, {}
    traded = Counter()
    for order in reports:
        data, instrument = order["OrdrIdData"], order["OrdrData"]["InstrData"]
        book = (data.get("OrdrBookId"), data["TmStmp"][:10])
        assert data["SeqNb"] == sequence.get(book, 0) + 1
        sequence[book] = data["SeqNb"]
        name, code = data["OrdrId"], data["EvtTp"]["Cd"]
        if name not in begun:
            assert code in ("NEWO", "REMO")
            begun[name] = code
        if instrument["OrdrVldtySts"] == "ACTI":
            left[name] = instrument["RmngQty"], data["Prty"]["Sz"] if "Prty" in data else None
        else:
            left.pop(name, None)
        if "TxData" in order["OrdrData"]:
            traded[order["OrdrData"]["TxData"]["TxId"]] += 1
    assert traded == dict.fromkeys(map(str, range(1, venue.state.match + 1)), 2)
    books = venue.state.markets
    resting = {
        str(order.id): books[order.instrument].instrument.format_qty(order.qty - order.cum).decode()
        for session in venue.state.sessions.values()
        for order in session.open.values()
    }
    assert left == {name: (qty, qty) for name, qty in resting.items()}
    kinds = Counter(type(event) for whole in wholes for event in whole.events)
    codes = Counter(begun.values())
    assert codes["NEWO"] == kinds[OrderAccepted]
    assert codes["REMO"] == kinds[OrderRejected] + kinds[OrderRefused]
    assert len([1 for o in reports if "TxData" in o["OrdrData"]]) == kinds[OrderFilled]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 2**32))
def test_the_stamps_of_resting_orders_are_in_the_order_of_the_book(seed):
    """Price-time priority can be shown from the records alone."""
    venue, wholes = random_scene(seed, 600)
    stamps = {}
    for row in ORDERS.derive(wholes, ALL):
        data = row["New"]["Ordr"]["OrdrIdData"]
        if "Prty" in data:
            stamps[int(data["OrdrId"])] = data["Prty"]["TmStmp"]
    for market in venue.state.markets.values():
        for side in (market.book.bids, market.book.asks):
            for level in side.levels.values():
                queue = [stamps[order.id] for order in level.orders.values()]
                assert queue == sorted(queue)


def test_a_schema_notices_what_is_wrong(scene):
    trade_through(scene)
    good = document(ORDERS, scene.wholes)
    checked = validator(ORDERS)
    assert checked.is_valid(good)
    for path, wrong in (
        (("OrdrIdData", "SeqNb"), 0),
        (("OrdrIdData", "EvtTp"), {"Cd": "DONE"}),
        (("OrdrIdData", "TmStmp"), "2024-10-04T09:00:00Z"),
        (("OrdrIdData", "FinInstrm"), {"DTI": "BTC"}),
        (("OrdrData", "TxData"), {"TxPric": "1"}),
        (("OrdrData", "Price"), "1"),
        (("SplmtryData", "Mmbr"), None),
    ):
        bad = json.loads(json.dumps(good))
        bad["OrdrBookRpt"]["OrdrRpt"][0]["New"]["Ordr"][path[0]][path[1]] = wrong
        assert not checked.is_valid(bad), path


def test_every_kind_that_is_json_has_a_schema():
    for kind in KINDS.values():
        if "json" in kind.formats:
            validator(kind)
