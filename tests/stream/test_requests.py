"""What a client may say, and what is answered to anything else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.stream.requests import (
    Authenticate,
    RequestRefused,
    Subscribe,
    Unsubscribe,
    decode_request,
)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ('{"op":"auth","token":"demo-ACME"}', Authenticate("demo-ACME")),
        ('{"op":"subscribe","channel":"trades"}', Subscribe("trades")),
        (
            '{"op":"subscribe","channel":"book","symbol":"BTC-USD","depth":10,"interval_ms":100,'
            '"resume_from":7,"id":"a"}',
            Subscribe("book", "BTC-USD", 10, 100, resume_from=7, id="a"),
        ),
        ('{"op":"unsubscribe","channel":"book","symbol":"X"}', Unsubscribe("book", "X")),
    ],
)
def test_requests(text, request_):
    assert decode_request(text) == request_


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "Input data was truncated"),
        ("{", "Input data was truncated"),
        ("[]", "Expected `object`, got `array`"),
        ('{"channel":"book"}', "missing required field `op`"),
        ('{"op":"trade"}', "Invalid value 'trade' - at `$.op`"),
        ('{"op":"subscribe"}', "missing required field `channel`"),
        ('{"op":"subscribe","channel":""}', "length >= 1 - at `$.channel`"),
        ('{"op":"subscribe","channel":"' + "x" * 65 + '"}', "length <= 64 - at `$.channel`"),
        ('{"op":"subscribe","channel":"book","depth":0}', ">= 1 - at `$.depth`"),
        ('{"op":"subscribe","channel":"book","depth":5001}', "<= 5000 - at `$.depth`"),
        ('{"op":"subscribe","channel":"book","depth":"10"}', "got `str` - at `$.depth`"),
        ('{"op":"subscribe","channel":"book","depth":1.5}', "got `float` - at `$.depth`"),
        ('{"op":"subscribe","channel":"book","resume_from":-1}', ">= 0 - at `$.resume_from`"),
        ('{"op":"subscribe","channel":"book","resume_from":9223372036854775808}', "resume_from"),
        ('{"op":"subscribe","channel":"book","speed":1}', "unknown field `speed`"),
        ('{"op":"auth","token":"' + "x" * 513 + '"}', "length <= 512 - at `$.token`"),
        ("[" * 10_000, "Expected `object`, got `array`"),
        ('{"op":"subscribe","channel":"book","x":' + "[" * 10_000, "unknown field `x`"),
    ],
)
def test_anything_else_is_refused_with_the_place_where_it_goes_wrong(text, words):
    with pytest.raises(RequestRefused) as error:
        decode_request(text)
    assert words in str(error.value)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(text=st.text(max_size=80))
def test_any_text_is_a_request_or_refused(text):
    with pytest.raises(RequestRefused):
        decode_request(text)
