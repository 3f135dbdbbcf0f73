"""What approvers sign: one text for one intent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import fields, replace

from custody.policy.intents import (
    IntentMalformed,
    Withdrawal,
    canonical,
    read_intent,
    signed_text,
)

INTENT = Withdrawal(
    "W00000001", "ACME", "trader7", 31_337, "ETH", "", "0x" + "5a" * 20, 10**30, 10**15, 1, 2
)


def test_the_text_is_sorted_json_without_blanks():
    assert canonical(INTENT).startswith(
        b'{"account":"ACME","amount":1000000000000000000000000000000,'
    )
    assert read_intent(canonical(INTENT)) == INTENT


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b'{"type":"payment"}',
        canonical(INTENT).replace(b'":', b'": ', 1),
        canonical(INTENT).replace(b'"fee":1000000000000000', b'"fee":1e15'),
        canonical(INTENT) + b" ",
    ],
)
def test_any_other_text_of_the_same_is_none(text):
    with pytest.raises(IntentMalformed):
        read_intent(text)


def test_a_yes_and_a_no_are_signed_over_different_texts():
    assert signed_text(INTENT, approves=True) != signed_text(INTENT, approves=False)


@given(st.sampled_from([f.name for f in fields(Withdrawal)]))
def test_each_field_is_in_what_is_signed(name):
    value = getattr(INTENT, name)
    other = replace(INTENT, **{name: value + 1 if isinstance(value, int) else value + "x"})
    assert signed_text(other, approves=True) != signed_text(INTENT, approves=True)
