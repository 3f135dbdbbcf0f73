"""Values: the way to the reporting asset, exact, and what happens where there is none."""

from fractions import Fraction
from random import Random

import pytest

from compliance.monitoring.facts import NO_VALUE
from compliance.monitoring.prices import Prices
from engine.model.commands import DefineAsset, DefineInstrument
from engine.model.money import INT64_MAX
from engine.model.refdata import ReferenceData

A, B, C, D = 1, 2, 3, 4


def prices(*pairs, code="C", scales=(8, 6, 2, 8)):
    """Assets A to D, and instruments of (base, quote, reference price in ticks)."""
    refdata = ReferenceData()
    for asset, (name, scale) in enumerate(zip("ABCD", scales, strict=True), 1):
        refdata.apply(DefineAsset(asset, name, scale))
    for number, (base, quote, price) in enumerate(pairs, 1):
        refdata.apply(DefineInstrument(number, f"{base}/{quote}", base, quote, 0, 1, 0, 1, price))
    return Prices(refdata, code)


@pytest.mark.parametrize(
    ("pairs", "asset", "amount", "value"),
    [
        ([], C, 123, 123),
        ([(A, C, 5)], A, 2 * 10**8, 1_000),
        ([(A, C, 5)], A, 199_999_999, 999),
        ([(C, A, 5)], A, 10 * 10**8, 200),
        ([(C, A, 3)], A, 10**8, 33),
        ([(A, B, 2), (B, C, 7)], A, 10**8, 1_400),
        ([(B, A, 2), (C, B, 4)], A, 8 * 10**8, 100),
        ([(A, B, 2), (B, C, 7), (A, C, 9)], A, 10**8, 900),
        ([(A, D, 2), (B, C, 7)], A, 10**8, NO_VALUE),
        ([(A, C, 0)], A, 10**8, NO_VALUE),
        ([(A, C, 10**12)], A, INT64_MAX, INT64_MAX),
    ],
)
def test_a_value_goes_over_one_instrument_or_two(pairs, asset, amount, value):
    assert prices(*pairs).value(asset, amount) == value


def test_a_trade_takes_the_place_of_the_reference_price():
    found = prices((A, C, 5))
    found.last[1] = 6
    assert found.value(A, 10**8) == 600
    assert found.traded(1, 7) == 700


def test_without_the_reporting_asset_nothing_has_a_value():
    found = prices((A, C, 5), code="X")
    assert (found.unit, found.value(A, 10**8), found.traded(1, 7)) == (0, NO_VALUE, 0)
    assert prices((A, C, 5)).unit == 100


def test_a_value_is_that_of_fractions_rounded_down_once():
    rnd = Random(1)
    for _ in range(500):
        first, second = rnd.randint(1, 10**7), rnd.randint(1, 10**7)
        amount = rnd.randint(1, 10**15)
        exact = Fraction(amount, 10**8) * first / second * 100
        assert prices((A, B, first), (C, B, second)).value(A, amount) == min(
            exact.numerator // exact.denominator, INT64_MAX
        )
