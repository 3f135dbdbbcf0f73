"""Identifiers of firms, venues, tokens and money: real ones pass, and no slip of the pen does."""

import pytest

from engine.model.identifiers import is_country, is_currency, is_dti, is_isin, is_lei, is_mic

LEIS = ("HWUPKR0MPOU8FGXBT394", "5493001KJTIIGC8Y1R12", "213800WSGIIZCXF1P572")
DTIS = ("X9J9K872S", "V15WLZJMF", "1STM49Z4L", "9X1Z1NQG5", "3WCGMWKQM", "ZFP9K2W9F")
ISINS = ("US0378331005", "DE000BASF111", "GB0002634946", "XS2010029234")
KINDS = ("0123456789", "ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.mark.parametrize(
    ("holds", "text"),
    [
        *((is_lei, text) for text in LEIS),
        *((is_dti, text) for text in (*DTIS, "4H95J0R2X")),
        *((is_isin, text) for text in ISINS),
        (is_country, "DE"),
        *((is_mic, text) for text in ("XNAS", "XLON", "360T")),
        *((is_currency, text) for text in ("USD", "EUR")),
    ],
)
def test_registered_identifiers_are_known(holds, text):
    assert holds(text)


@pytest.mark.parametrize(
    ("holds", "text"), [*((is_lei, t) for t in LEIS), *((is_dti, t) for t in DTIS)]
)
def test_no_wrong_character_of_the_same_kind_and_no_two_swapped_pass(holds, text):
    for k, right in enumerate(text):
        kind = next(kind for kind in KINDS if right in kind)
        for wrong in set(kind) - {right}:
            assert not holds(text[:k] + wrong + text[k + 1 :])
        pair = text[k : k + 2]
        if len(set(pair)) == 2 and set(pair) <= set(kind):
            assert not holds(text[:k] + pair[::-1] + text[k + 2 :])


@pytest.mark.parametrize("text", ISINS)
def test_no_wrong_digit_of_an_isin_passes(text):
    for k in range(2, len(text)):
        for wrong in set(KINDS[0]) - {text[k]} if text[k].isdigit() else ():
            assert not is_isin(text[:k] + wrong + text[k + 1 :])


@pytest.mark.parametrize(
    ("holds", "text"),
    [
        (is_lei, LEIS[0][:-1]),
        (is_lei, LEIS[0] + "\n"),
        (is_lei, LEIS[0].lower()),
        (is_dti, DTIS[0][:-1]),
        (is_dti, DTIS[0] + "\n"),
        (is_dti, "0" + DTIS[0][1:]),
        (is_isin, ISINS[0][:-1]),
        (is_isin, ISINS[0] + "\n"),
        (is_isin, "U50378331005"),
        (is_country, "DEU"),
        (is_country, "de"),
        (is_country, "DE\n"),
        (is_mic, "XNA"),
        (is_mic, "xnas"),
        (is_mic, "XNAS\n"),
        (is_currency, "US"),
        (is_currency, "USD\n"),
        (is_currency, "U5D"),
    ],
)
def test_what_has_another_form_is_none(holds, text):
    assert not holds(text)
