"""Events to FIX: the exact body of every report, and that FIX 4.4 has every tag in it."""

from decimal import ROUND_HALF_UP, Context, Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.venue import Venue
from engine.model import events
from engine.model.clock import NANOS_PER_DAY, next_midnight
from engine.model.commands import (
    CancelOrder,
    ContinueMass,
    EndOfDay,
    MassCancel,
    NewOrder,
    Origin,
    RefusedCancel,
    RefusedMassCancel,
    RefusedMessage,
    RefusedOrder,
    ReplaceOrder,
)
from engine.model.enums import (
    BUY,
    CANCELED,
    DAY,
    EXPIRED,
    FILLED,
    GTC,
    IOC,
    LIMIT,
    MAKER,
    MARKET,
    NEW,
    PARTIALLY_FILLED,
    REJECTED,
    SELL,
    TAKER,
)
from engine.model.events import (
    CancelRejected,
    MassCancelReported,
    MessageRefused,
    OrderAccepted,
    OrderCanceled,
    OrderExpired,
    OrderFilled,
    OrderRefused,
    OrderRejected,
    OrderReplaced,
    OrderStatusReported,
)
from engine.model.money import format_scaled
from engine.model.record import Record
from gateway.bootstrap import bootstrap_commands
from gateway.fix.codec import encode
from gateway.fix.decoder import Decoder
from gateway.reports import REPORTED, TEXT_CACHE_ENTRIES, ReportRenderer, _Words
from tests.gateway.support import (
    BTC_JPY,
    BTC_USD,
    JPY_USD,
    VENUE,
    configured,
    ns,
    pipes,
    refdata_of,
    soh,
    stock_dictionary,
    venue_dictionary,
)

TIME = ns("20260301-12:00:00") + 123_456_789
NUMBER = 4711
EXTENSION_TAGS = {20001, 880, 1180, 1181}

ORDER = {
    "member": 1,
    "session": 1,
    "appl_seq": 12,
    "order_id": 4700,
    "cl_ord_id": b"a1",
    "account": 1,
    "instrument": BTC_USD,
    "side": BUY,
    "ord_type": LIMIT,
    "tif": GTC,
    "qty": 500_000,
    "price": 6_000_001,
    "status": NEW,
    "cum": 0,
    "leaves": 500_000,
    "cum_value": 0,
}


def order(kind, **changed):
    """An event of that kind about ORDER, with some of its state changed."""
    return kind(**ORDER | changed)


PARTIAL = {"status": PARTIALLY_FILLED, "cum": 3, "leaves": 499_997, "cum_value": 2 * 600 + 700}
"""2 lots at 6.00 and 1 at 7.00: 6.33333333 on average, to eight decimals."""

BODIES = [
    (
        "accepted",
        order(OrderAccepted),
        "37=4700|11=a1|17=4711-1|150=0|39=0|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=1|"
        "151=0.5|14=0|6=0|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "accepted, a day order to sell of another account",
        order(
            OrderAccepted,
            side=SELL,
            tif=DAY,
            account=2,
            instrument=BTC_JPY,
            price=9,
            qty=3,
            leaves=3,
        ),
        "37=4700|11=a1|17=4711-1|150=0|39=0|1=ACME-HEDGE|55=BTC-JPY|54=2|38=0.75|40=2|44=45|59=0|"
        "151=0.75|14=0|6=0|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "accepted, a market order has no price",
        order(OrderAccepted, ord_type=MARKET, price=0),
        "37=4700|11=a1|17=4711-1|150=0|39=0|1=ACME|55=BTC-USD|54=1|38=0.5|40=1|59=1|"
        "151=0.5|14=0|6=0|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "filled in part, as maker",
        order(OrderFilled, **PARTIAL, last_qty=1, last_price=700, fee=7, match=88, liquidity=MAKER),
        "37=4700|11=a1|17=4711-1|150=F|39=1|32=0.000001|31=7|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|"
        "44=60000.01|59=1|151=0.499997|14=0.000003|6=6.33333333|60={time}|851=1|"
        "136=1|137=0.00000007|138=USD|139=4|",
        "880=88|1180=ACME|1181=12|20001=4711|",
    ),
    (
        "filled, as taker, in yen",
        order(
            OrderFilled,
            instrument=BTC_JPY,
            qty=3,
            price=9,
            status=FILLED,
            cum=3,
            leaves=0,
            cum_value=27,
            last_qty=2,
            last_price=9,
            fee=1234,
            match=89,
            liquidity=TAKER,
        ),
        "37=4700|11=a1|17=4711-1|150=F|39=2|32=0.5|31=45|1=ACME|55=BTC-JPY|54=1|38=0.75|40=2|44=45|"
        "59=1|151=0|14=0.75|6=45|60={time}|851=2|136=1|137=12.34|138=JPY|139=4|",
        "880=89|1180=ACME|1181=12|20001=4711|",
    ),
    (
        "filled without a fee",
        order(OrderFilled, **PARTIAL, last_qty=1, last_price=700, fee=0, match=88, liquidity=MAKER),
        "37=4700|11=a1|17=4711-1|150=F|39=1|32=0.000001|31=7|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|"
        "44=60000.01|59=1|151=0.499997|14=0.000003|6=6.33333333|60={time}|851=1|",
        "880=88|1180=ACME|1181=12|20001=4711|",
    ),
    (
        "canceled on request",
        order(OrderCanceled, status=CANCELED, leaves=0, cl_ord_id=b"c1", orig_cl_ord_id=b"a1"),
        "37=4700|11=c1|17=4711-1|150=4|39=4|41=a1|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0|14=0|6=0|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "canceled unasked",
        order(OrderCanceled, status=CANCELED, leaves=0, restatement=8, text="why: \u00e4"),
        "37=4700|11=a1|17=4711-1|150=4|39=4|378=8|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0|14=0|6=0|60={time}|58=why: \u00c3\u00a4|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "canceled for a reason numbered 0",
        order(OrderCanceled, status=CANCELED, leaves=0, restatement=0),
        "37=4700|11=a1|17=4711-1|150=4|39=4|378=0|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0|14=0|6=0|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "expired",
        order(OrderExpired, status=EXPIRED, leaves=0, tif=DAY, text="end of day"),
        "37=4700|11=a1|17=4711-1|150=C|39=C|378=8|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=0|"
        "151=0|14=0|6=0|60={time}|58=end of day|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "replaced after a fill",
        order(OrderReplaced, **PARTIAL, cl_ord_id=b"r1", orig_cl_ord_id=b"a1"),
        "37=4700|11=r1|17=4711-1|150=5|39=1|41=a1|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0.499997|14=0.000003|6=6.33333333|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "rejected",
        order(OrderRejected, status=REJECTED, leaves=0, reason=3, text="insufficient funds"),
        "37=4700|11=a1|17=4711-1|150=8|39=8|103=3|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0|14=0|6=0|60={time}|58=insufficient funds|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "rejected without an account of the member",
        order(OrderRejected, status=REJECTED, leaves=0, account=0, reason=15, text="whose"),
        "37=4700|11=a1|17=4711-1|150=8|39=8|103=15|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|"
        "59=1|151=0|14=0|6=0|60={time}|58=whose|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "status of an order",
        order(OrderStatusReported, **PARTIAL, appl_seq=0),
        "37=4700|11=a1|17=0|150=I|39=1|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=1|"
        "151=0.499997|14=0.000003|6=6.33333333|60={time}|",
        "20001=4711|",
    ),
    (
        "status of an order under an older ClOrdID",
        order(
            OrderStatusReported,
            appl_seq=0,
            status=CANCELED,
            leaves=0,
            orig_cl_ord_id=b"r1",
            text="gone",
        ),
        "37=4700|11=a1|17=0|150=I|39=4|41=r1|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=1|"
        "151=0|14=0|6=0|60={time}|58=gone|",
        "20001=4711|",
    ),
    (
        "status of an order that the gateway refused",
        order(
            OrderStatusReported,
            appl_seq=0,
            account=0,
            instrument=0,
            side=0,
            ord_type=0,
            tif=0,
            qty=0,
            price=0,
            leaves=0,
            status=REJECTED,
            text="off tick",
        ),
        "37=NONE|11=a1|17=0|150=I|39=8|55=[N/A]|54=7|151=0|14=0|6=0|60={time}|58=off tick|",
        "20001=4711|",
    ),
    (
        "refused, in the words that came",
        OrderRefused(
            1, 1, 12, b"a1", b"NOBODY", b"BTC-USD", b"5", b"2", b"6", b"0.5", b"1.001", 15, "no"
        ),
        "37=NONE|11=a1|17=4711-1|150=8|39=8|103=15|1=NOBODY|55=BTC-USD|54=5|38=0.5|40=2|44=1.001|"
        "59=6|151=0|14=0|6=0|60={time}|58=no|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "refused, with fewer words",
        OrderRefused(2, 4, 1, b"a1", b"", b"X", b"1", b"1", b"", b"1", b"", 1, "unknown"),
        "37=NONE|11=a1|17=4711-1|150=8|39=8|103=1|55=X|54=1|38=1|40=1|151=0|14=0|6=0|60={time}|"
        "58=unknown|",
        "1180=BOREAS|1181=1|20001=4711|",
    ),
    (
        "a cancel rejected",
        CancelRejected(1, 1, 12, 4700, b"c1", b"a1", 1, FILLED, 1, 0, "the order is finished"),
        "37=4700|11=c1|41=a1|39=2|1=ACME|434=1|102=0|60={time}|58=the order is finished|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "a replace of an unknown order rejected",
        CancelRejected(1, 1, 12, 0, b"r1", b"a9", 0, REJECTED, 2, 1, "no order"),
        "37=NONE|11=r1|41=a9|39=8|434=2|102=1|60={time}|58=no order|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "a mass cancel done",
        MassCancelReported(1, 1, 12, b"m1", b"7", b"", 7, 0, 3, ""),
        "37=4711-1|11=m1|530=7|531=7|533=3|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "a mass cancel of a symbol that had none",
        MassCancelReported(1, 1, 12, b"m1", b"1", b"BTC-USD", 1, 0, 0, ""),
        "37=4711-1|11=m1|530=1|531=1|533=0|55=BTC-USD|60={time}|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "a mass cancel refused",
        MassCancelReported(1, 1, 12, b"m1", b"4", b"", 0, 0, 0, "only 1 and 7"),
        "37=4711-1|11=m1|530=4|531=0|532=0|60={time}|58=only 1 and 7|",
        "1180=ACME|1181=12|20001=4711|",
    ),
    (
        "a message refused because a field lacks",
        MessageRefused(1, 1, 42, b"D", b"a1", 5, "OrderQty(38) is missing"),
        "45=42|372=D|379=a1|380=5|58=OrderQty(38) is missing|",
        "",
    ),
    (
        "a message without a ClOrdID refused",
        MessageRefused(1, 1, 42, b"q", b"", 0, "rate limit"),
        "45=42|372=q|380=0|58=rate limit|",
        "",
    ),
]
CASES = pytest.mark.parametrize(
    ("event", "body", "extras"), [row[1:] for row in BODIES], ids=[row[0] for row in BODIES]
)

TIMES = {
    3: "20260301-12:00:00.123",
    6: "20260301-12:00:00.123456",
    9: "20260301-12:00:00.123456789",
}


@pytest.fixture(scope="module")
def refdata(tmp_path_factory):
    return refdata_of(tmp_path_factory.mktemp("venue"))


def record(*caused):
    return Record(NUMBER, TIME, bytes(16), ContinueMass(0), caused)


def message_type(event):
    kinds = {CancelRejected: b"9", MassCancelReported: b"r", MessageRefused: b"j"}
    return kinds.get(type(event), b"8")


def decode(dictionary, msg_type, body):
    """The report as the member's engine reads it."""
    head = b"35=%b\x0149=FIXGATE\x0156=ACME-OE1\x0134=2\x0152=20260301-12:00:00.000\x01" % msg_type
    return Decoder(dictionary).decode(encode(b"FIX.4.4", head + body))


# --- exact bodies ---------------------------------------------------------------------------------


@CASES
@pytest.mark.parametrize("digits", [3, 6, 9])
@pytest.mark.parametrize("extensions", [False, True], ids=["standard", "extended"])
def test_a_report_has_exactly_this_body(refdata, event, body, extras, digits, extensions):
    renderer = ReportRenderer(refdata, digits=digits, extensions=extensions)
    msg_type, rendered = renderer.render(record(event), 1)
    expected = body.replace("{time}", TIMES[digits]) + (extras if extensions else "")
    assert pipes(rendered) == expected
    assert msg_type == message_type(event)


@CASES
@pytest.mark.parametrize("extensions", [False, True], ids=["standard", "extended"])
def test_a_report_is_good_by_the_venues_own_dictionary(refdata, event, body, extras, extensions):
    renderer = ReportRenderer(refdata, digits=9, extensions=extensions)
    message = decode(venue_dictionary(), *renderer.render(record(event), 1))
    assert message.error is None
    extended = extensions and extras != ""
    assert EXTENSION_TAGS.isdisjoint(tag for tag, _ in message.pairs()) is not extended


@CASES
def test_without_extensions_stock_fix_44_knows_every_tag(refdata, event, body, extras):
    renderer = ReportRenderer(refdata, digits=3, extensions=False)
    assert decode(stock_dictionary(), *renderer.render(record(event), 1)).error is None


# --- drop copy ------------------------------------------------------------------------------------

COPY = "797=Y|453=1|448=ACME-OE{session}|447=D|452=55|"
COPY_OF_TRADER = "797=Y|453=2|448=ACME-OE{session}|447=D|452=55|448=ANN|447=D|452=12|"


@pytest.fixture(scope="module")
def copier(refdata):
    return ReportRenderer(refdata, digits=3, extensions=True, drop_copy=True)


@CASES
@pytest.mark.parametrize("trader", [b"", b"ANN"], ids=["nobody", "Ann"])
def test_a_copy_says_that_it_is_one_and_of_which_session_and_trader(
    refdata, copier, event, body, extras, trader
):
    copied = not isinstance(event, MessageRefused)
    if copied:
        event = replace(event, member=1, session=2, trader=trader)
    rendered = ReportRenderer(refdata, digits=3, extensions=True).render(record(event), 1)
    expected = (COPY_OF_TRADER if trader else COPY).format(session=2) if copied else ""
    msg_type, copy = copier.render(record(event), 1)
    assert (msg_type, pipes(copy)) == (rendered[0], pipes(rendered[1]) + expected)
    message = decode(venue_dictionary(), msg_type, copy)
    assert message.error is None
    roles = {12: b"ANN", 55: b"ACME-OE2"} if trader else {55: b"ACME-OE2"}
    if copied:
        assert {int(p.get(452)): p.get(448) for p in message.group(453)} == roles


def test_order_entry_says_nothing_of_traders(refdata):
    renderer = ReportRenderer(refdata, digits=3, extensions=True)
    known = renderer.render(record(order(OrderAccepted, trader=b"ANN")), 1)
    assert known == renderer.render(record(order(OrderAccepted)), 1)


def test_a_reason_that_stock_fix_44_does_not_know_is_sent_as_an_extension_only(refdata):
    throttled = record(MessageRefused(1, 1, 42, b"D", b"a1", 8, "rate limit"))
    standard = ReportRenderer(refdata, digits=3, extensions=False).render(throttled, 1)
    assert pipes(standard[1]) == "45=42|372=D|379=a1|380=0|58=rate limit|"
    assert decode(stock_dictionary(), *standard).error is None
    extended = ReportRenderer(refdata, digits=3, extensions=True).render(throttled, 1)
    assert pipes(extended[1]) == "45=42|372=D|379=a1|380=8|58=rate limit|"
    assert decode(venue_dictionary(), *extended).error is None
    assert decode(stock_dictionary(), *extended).error is not None


def test_stock_fix_44_does_not_know_the_extensions(refdata):
    """What the test above would look like if it could not fail."""
    renderer = ReportRenderer(refdata, digits=3, extensions=True)
    error = decode(stock_dictionary(), *renderer.render(record(order(OrderAccepted)), 1)).error
    assert error is not None
    assert error.ref_tag in EXTENSION_TAGS


def test_every_event_that_reports_has_a_body_above_and_no_other_is_rendered(refdata):
    assert {type(row[1]) for row in BODIES} == REPORTED
    renderer = ReportRenderer(refdata, digits=3, extensions=True)
    others = [
        events.Blocked(5, 0, "why"),
        events.Unblocked(5, 0, "why"),
        events.HoldSet(1, 2, "why", "h1", "ann"),
        events.HoldLiftAsked(1, 0, "why", "l1", "ben", "h1"),
        events.DayEnded(20_000),
        events.Deposited(1, 1, 5, 5, "opening/ACME/USD"),
        events.CommandRefused("why"),
    ]
    for event in others:
        assert type(event) not in REPORTED
        with pytest.raises(KeyError):
            renderer.render(record(event), 1)


@CASES
def test_an_execution_report_has_what_clients_build_on(refdata, event, body, extras):
    """docs/fix.md: 11, 37, 17, 150, 39, 55, 54, 14, 151, 6, 60 always."""
    message = decode(
        venue_dictionary(),
        *ReportRenderer(refdata, digits=3, extensions=False).render(record(event), 1),
    )
    if message.msg_type == b"j":
        assert {45, 372, 380, 58} <= {tag for tag, _ in message.pairs()}
        return
    if message.msg_type != b"8":
        assert {37, 11, 60} <= {tag for tag, _ in message.pairs()}
        return
    present = {tag for tag, _ in message.pairs()}
    assert {11, 37, 17, 150, 39, 55, 54, 14, 151, 6, 60} <= present
    if isinstance(event, OrderFilled):
        assert {31, 32, 851} <= present
    if isinstance(event, OrderRejected | OrderRefused):
        assert {103, 58} <= present


# --- names and times ------------------------------------------------------------------------------


def test_the_exec_id_is_record_and_place(refdata):
    renderer = ReportRenderer(refdata, digits=3, extensions=False)
    many = record(*[order(OrderAccepted)] * 12)
    bodies = [pipes(renderer.render(many, k)[1]) for k in range(1, 13)]
    assert [body.split("|")[2] for body in bodies] == [f"17=4711-{k}" for k in range(1, 13)]


def test_a_status_is_named_0_whatever_its_client_called_it(refdata):
    """A ClOrdID that looks like the ExecID is not touched."""
    renderer = ReportRenderer(refdata, digits=3, extensions=False)
    status = order(OrderStatusReported, appl_seq=0, cl_ord_id=b"17=4711-1")
    body = pipes(renderer.render(record(status), 1)[1])
    assert body.startswith("37=4700|11=17=4711-1|17=0|150=I|")


def test_the_same_record_is_rendered_to_the_same_bytes_by_anybody(refdata):
    """A resend, also in another process, repeats the report."""
    one = ReportRenderer(refdata, digits=6, extensions=True)
    for _, event, _, _ in BODIES:
        one.render(record(event), 1)
    for _, event, _, _ in reversed(BODIES):
        other = ReportRenderer(refdata, digits=6, extensions=True)
        assert one.render(record(event), 1) == other.render(record(event), 1)


def test_the_time_is_the_records_and_is_cut_not_rounded(refdata):
    renderer = ReportRenderer(refdata, digits=3, extensions=False)
    event = order(OrderAccepted)
    for time, text in (
        ("20260301-23:59:59.999999999", b"\x0160=20260301-23:59:59.999\x01"),
        ("20260302-00:00:00", b"\x0160=20260302-00:00:00.000\x01"),
        ("20260301-23:59:59.999999999", b"\x0160=20260301-23:59:59.999\x01"),
    ):
        assert text in renderer.render_event(1, ns(time), 1, event)[1]


# --- AvgPx(6) -------------------------------------------------------------------------------------

EXACT = Context(prec=120)


@st.composite
def fills(draw):
    """(lots, ticks) of up to six fills."""
    return draw(
        st.lists(st.tuples(st.integers(1, 10**9), st.integers(1, 10**9)), min_size=1, max_size=6)
    )


@settings(max_examples=300)
@given(fills(), st.sampled_from([BTC_USD, BTC_JPY, JPY_USD]))
def test_the_average_price_is_right_to_six_more_decimals_half_up(words, fills, instrument):
    """Against decimal.Decimal: as many decimals as the price has, and six."""
    words = words[instrument]
    lots = sum(lots for lots, _ in fills)
    value = sum(lots * ticks for lots, ticks in fills)
    i = words.instrument
    tick = EXACT.scaleb(Decimal(i.tick_units), -i.price_places)
    oracle = EXACT.divide(EXACT.multiply(Decimal(value), tick), Decimal(lots))
    unit = EXACT.scaleb(Decimal(1), -(i.price_places + 6))
    rounded = oracle.quantize(unit, rounding=ROUND_HALF_UP, context=EXACT)
    text = words.avg_px(value, lots)
    assert Decimal(text.decode()) == rounded
    assert text == format_scaled(int(EXACT.divide(rounded, unit)), i.price_places + 6)


@pytest.fixture(scope="module")
def words(refdata):
    return {ident: _Words(instrument) for ident, instrument in refdata.instruments.items()}


@pytest.mark.parametrize(
    ("value", "lots", "text"),
    [
        (0, 0, b"0"),
        (600, 1, b"6"),
        (601, 1, b"6.01"),
        (1, 3, b"0.00333333"),
        (2, 3, b"0.00666667"),
        (1, 2_000_000, b"0.00000001"),  # half of the last decimal goes up
        (1, 2_000_001, b"0"),
        (3, 2_000_000, b"0.00000002"),
        (2**63 - 1, 2, b"46116860184273879.035"),
    ],
)
def test_average_prices(words, value, lots, text):
    assert words[BTC_USD].avg_px(value, lots) == text


def test_the_memory_of_texts_is_bounded_and_never_wrong(refdata):
    words = _Words(refdata.instruments[BTC_USD])
    for count in range(TEXT_CACHE_ENTRIES + 10):
        assert words.price(count) == format_scaled(count, 2)
        assert words.qty(count) == format_scaled(count, 6)
    assert (len(words.prices), len(words.qtys)) == (10, 10)
    assert (words.price(5), words.qty(5)) == (b"0.05", b"0.000005")


def test_a_body_ends_each_field_with_soh(refdata):
    _, body = ReportRenderer(refdata, digits=3, extensions=True).render(
        record(order(OrderAccepted)), 1
    )
    assert body == soh(pipes(body))
    assert body.endswith(b"\x01")
    assert b"\x01\x01" not in body


# --- what the core says ---------------------------------------------------------------------------


@pytest.mark.parametrize("extensions", [False, True], ids=["standard", "extended"])
def test_whatever_the_core_answers_can_be_rendered_and_is_good_fix(tmp_path, extensions):
    """One message of every kind and fate through the core, each answer through the decoder."""
    core = Venue()
    stock = stock_dictionary()
    dictionary = venue_dictionary() if extensions else stock
    for number, command in enumerate(bootstrap_commands(configured(tmp_path, VENUE), core.refdata)):
        core.apply(command, number, TIME)
    renderer = ReportRenderer(core.refdata, digits=3, extensions=extensions)
    seen, number = set(), 1000

    def answers(command, time=TIME):
        nonlocal number
        number += 1
        caused = core.apply(command, number, time)
        assert caused
        for k, event in enumerate(caused, 1):
            if type(event) not in REPORTED:
                continue
            seen.add(type(event))
            message = decode(dictionary, *renderer.render_event(number, time, k, event))
            assert message.error is None, message.error
        return caused

    def new(cl_ord_id, side=BUY, qty=100, price=6_000_000, tif=GTC, session=1, **more):
        account = 1 if session == 1 else 3
        origin = Origin(session, number, TIME, 1)
        kind = LIMIT if price else MARKET
        return NewOrder(origin, cl_ord_id, account, BTC_USD, side, kind, tif, qty, price, **more)

    mine = Origin(1, 1, TIME, 1)
    refused = RefusedOrder(mine, b"bad", b"", b"?", b"1", b"2", b"", b"1", b"1", 1, "unknown")
    answers(refused)
    answers(new(b"bad", poss_resend=True))
    answers(new(b"a1"))
    answers(new(b"a1"))
    answers(new(b"a1", poss_resend=True))
    answers(new(b"b1", side=SELL, qty=30, session=4))
    answers(new(b"b2", side=SELL, qty=30, price=0, tif=IOC, session=4))
    answers(new(b"own", side=SELL, qty=30))
    answers(new(b"none", side=SELL, qty=30, price=0, session=4, tif=IOC))
    answers(ReplaceOrder(mine, b"r1", b"a1", 0, BTC_USD, BUY, LIMIT, -1, 90, 6_000_001))
    answers(ReplaceOrder(mine, b"r2", b"r1", 0, BTC_USD, SELL, LIMIT, -1, 90, 6_000_001))
    answers(RefusedCancel(mine, b"r3", b"r1", 2, 99, "off tick"))
    answers(CancelOrder(mine, b"c0", b"bad", 0, BTC_USD, BUY))
    answers(CancelOrder(mine, b"c1", b"r1", 0, BTC_USD, BUY))
    answers(CancelOrder(mine, b"c2", b"r1", 0, BTC_USD, BUY))
    answers(new(b"day", tif=DAY))
    answers(new(b"more"))
    answers(MassCancel(mine, b"m1", 1, BTC_JPY))
    answers(RefusedMassCancel(mine, b"m2", b"4", b"", 0, "only 1 and 7"))
    answers(RefusedMessage(mine, b"D", b"fast", 8, "rate limit"))
    answers(MassCancel(mine, b"m3", 7, 0))
    answers(new(b"night", tif=DAY))
    answers(EndOfDay(TIME // NANOS_PER_DAY), next_midnight(TIME))
    assert seen == REPORTED
    for cl_ord_id in (b"bad", b"a1", b"b2", b"more", b"night"):
        status = core.order_status(4 if cl_ord_id == b"b2" else 1, cl_ord_id, 0)
        assert status is not None
        message = decode(dictionary, *renderer.render_event(number, TIME, 0, status))
        assert message.error is None
        assert message.get(17) == b"0"
