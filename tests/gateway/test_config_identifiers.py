"""Identifiers for regulators in the configuration: a slip of the pen is refused by its path."""

import pytest

from tests.gateway.support import refusal

WRONG = [
    ("a MIC of three", ("  bind", "  mic: XFX\n  bind"), "venue.mic", "XFX is no MIC"),
    ("no LEI", ("  bind", "  lei: 000000FIXGATE0000086\n  bind"), "venue.lei", "is no LEI"),
    (
        "a member's LEI",
        ("name: BOREAS", "name: BOREAS\n    lei: 000000BOREAS00000018"),
        "members[1].lei",
        "000000BOREAS00000018 is no LEI",
    ),
    (
        "a member's country",
        ("name: BOREAS", "name: BOREAS\n    country: GERMANY"),
        "members[1].country",
        "GERMANY is no ISO 3166-1 code",
    ),
    (
        "a short code with a space",
        ("name: BOREAS", "name: BOREAS\n    algos: [T 1]"),
        "members[1].algos[0]",
        "1 to 50 visible ASCII characters",
    ),
    (
        "an ISIN",
        ("symbol: BTC-USD", "symbol: BTC-USD\n    isin: US0378331006"),
        "instruments[0].isin",
        "US0378331006 is no ISIN",
    ),
    ("no DTI", ("BTC, scale: 8", "BTC, scale: 8, dti: 4H95J0R2C"), "assets[1].dti", "is no DTI"),
    ("a currency", ("{code: USD,", "{currency: U5D, code: USD,"), "assets[0].currency", "ISO 4217"),
    (
        "a token that is money",
        ("{code: BTC,", "{dti: 4H95J0R2X, currency: XBT, code: BTC,"),
        "assets[1].currency",
        "one of the two",
    ),
]


@pytest.mark.parametrize(
    ("edit", "path", "text"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_what_is_no_identifier_is_refused_by_its_path(tmp_path, edit, path, text):
    found, said = refusal(tmp_path, edit)
    assert found == path
    assert text in said
