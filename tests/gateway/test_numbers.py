"""Text and integers: exact both ways, or refused. decimal.Decimal is the oracle throughout."""

from decimal import Context, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.model.money import INT64_MAX, MAX_DECIMAL_CHARS, format_scaled, is_decimal, parse_scaled
from engine.model.refdata import Asset, Instrument

EXACT = Context(prec=200)

places = st.integers(0, 18)
units = st.integers(-INT64_MAX, INT64_MAX)


@st.composite
def instruments(draw):
    """Instruments with any tick and lot that a configuration can have."""
    return Instrument(
        id=1,
        symbol="X-Y",
        base=Asset(1, "X", 8),
        quote=Asset(2, "Y", 8),
        price_places=draw(places),
        tick_units=draw(st.integers(1, 10**9)),
        qty_places=draw(places),
        lot_units=draw(st.integers(1, 10**9)),
        reference_price=1,
        quote_per_tick_lot=1,
        base_per_lot=1,
    )


@st.composite
def decimal_texts(draw):
    """Texts that are FIX floats, in every shape that FIX allows."""
    sign = draw(st.sampled_from(["", "-"]))
    whole = draw(st.text("0123456789", max_size=20))
    fraction = draw(st.text("0123456789", max_size=18 if whole else 20))
    if not whole and not fraction:
        whole = draw(st.sampled_from("0123456789"))
    point = "." if fraction else draw(st.sampled_from(["", "."]) if whole else st.just("."))
    return f"{sign}{whole}{point}{fraction}".encode()


def exact(text: bytes) -> Decimal:
    """What a FIX float says."""
    return EXACT.create_decimal(text.decode())


def scaled(value: int, unit_places: int) -> Decimal:
    return EXACT.scaleb(Decimal(value), -unit_places)


# --- scaled integers ------------------------------------------------------------------------------


@given(decimal_texts(), places)
def test_a_text_becomes_the_integer_that_it_says_or_none(text, unit_places):
    value = parse_scaled(text, unit_places)
    said = EXACT.scaleb(exact(text), unit_places)
    if value is None:
        assert said != said.to_integral_value(context=EXACT)
    else:
        assert said == value


@given(units, places)
def test_what_is_written_is_read_back(value, unit_places):
    text = format_scaled(value, unit_places)
    assert exact(text) == scaled(value, unit_places)
    assert parse_scaled(text, unit_places) == value


@given(units, places)
def test_what_is_written_is_the_shortest_text(value, unit_places):
    """No zeros at the end of a fraction, no point without one, one digit before the point."""
    text = format_scaled(value, unit_places)
    assert is_decimal(text)
    assert text == format(scaled(value, unit_places).normalize(EXACT), "f").encode()


@given(st.text(alphabet="0123456789.-+eE_ \tNaInfx", max_size=12))
def test_a_text_is_a_fix_float_or_nothing(text):
    raw = text.encode()
    value = parse_scaled(raw, 4)
    if value is not None:
        assert set(text) <= set("0123456789.-")
        assert EXACT.scaleb(exact(raw), 4) == value


NO_FLOATS = [
    *["", " ", ".", "-", "-.", "--1", "1-", "1.2.3", "1,5", "1e5", "1E5", "1_000", "+1", " 1"],
    *["1 ", "NaN", "nan", "Infinity", "-Infinity", "inf", "0x1", "0b1", "1f", "٣", "1\n", "\n1"],
    *["1\x00", "½", "1" * (MAX_DECIMAL_CHARS + 1)],
]


@pytest.mark.parametrize("text", NO_FLOATS)
@pytest.mark.parametrize("unit_places", [0, 2])
def test_what_is_no_fix_float_is_none(text, unit_places):
    assert parse_scaled(text.encode(), unit_places) is None


@pytest.mark.parametrize(
    ("text", "unit_places", "value"),
    [
        (b"0", 0, 0),
        (b".0", 0, 0),
        (b"-.0", 0, 0),
        (b".00", 0, 0),
        (b".5", 0, None),
        (b"5.", 0, 5),
        (b"-5.", 2, -500),
        (b"-.5", 1, -5),
        (b"-.05", 2, -5),
        (b"-0", 3, 0),
        (b"007", 0, 7),
        (b"1.0000", 2, 100),
        (b"1.0001", 2, None),
        (b"9223372036854775807", 0, INT64_MAX),
        (b"9223372036854775808", 0, INT64_MAX + 1),
    ],
)
def test_odd_but_good_texts(text, unit_places, value):
    assert parse_scaled(text, unit_places) == value


# --- ticks and lots -------------------------------------------------------------------------------


@given(instruments(), st.integers(0, INT64_MAX))
def test_ticks_and_lots_survive_their_text(instrument, count):
    assert instrument.parse_price(instrument.format_price(count)) == count
    assert instrument.parse_qty(instrument.format_qty(count)) == count


@given(instruments(), st.integers(0, INT64_MAX))
def test_a_price_text_says_ticks_times_the_tick(instrument, ticks):
    tick = scaled(instrument.tick_units, instrument.price_places)
    assert exact(instrument.format_price(ticks)) == EXACT.multiply(tick, Decimal(ticks))


@given(instruments(), decimal_texts())
def test_a_text_is_a_whole_number_of_ticks_and_lots_or_refused_never_rounded(instrument, text):
    for parse, unit in (
        (instrument.parse_price, scaled(instrument.tick_units, instrument.price_places)),
        (instrument.parse_qty, scaled(instrument.lot_units, instrument.qty_places)),
    ):
        count = parse(text)
        rest = EXACT.remainder(exact(text), unit)
        if count is None:
            assert rest != 0
        else:
            assert rest == 0
            assert EXACT.multiply(unit, Decimal(count)) == exact(text)


@given(instruments(), st.integers(0, 10**12), st.integers(1, 10**9))
def test_a_text_between_two_ticks_is_refused(instrument, ticks, part):
    """One unit of the price's last decimal, or of one more, beside a tick."""
    below = instrument.format_price(ticks)
    if instrument.tick_units > 1:
        off = part % (instrument.tick_units - 1) + 1
        text = format_scaled(ticks * instrument.tick_units + off, instrument.price_places)
        assert instrument.parse_price(text) is None
    finer = (below if b"." in below else below + b".") + b"0" * 18 + b"1"
    assert instrument.parse_price(finer) is None
