"""A message that a compiled shape accepts is one that the full check accepts, field for field."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fix.decoder import MAX_SHAPES, Decoder
from gateway.fix.dictionary import Dictionary
from tests.fix.mutations import PARTIES, SEEDS, resealed, shuffle_fields
from tests.fix.pipes import HEADER, ORDER, fix, full_decoder, venue_dictionary

OPTIONS = [
    {},
    {"validate_fields_out_of_order": False},
    {"validate_fields_have_values": False},
    {"validate_user_defined_fields": False},
    {"allow_unknown_msg_fields": True},
]


def assert_agree(fast, full, raw):
    one, two = fast.decode(raw), full.decode(raw)
    assert (one.error is None) == (two.error is None), (raw, one.error, two.error)
    if one.error is not None and two.error is not None:
        assert (one.error.reason, one.error.ref_tag, one.error.text) == (
            two.error.reason,
            two.error.ref_tag,
            two.error.text,
        )
    assert list(one.pairs()) == list(two.pairs())
    assert (one.msg_type, one.begin_string, one.seq) == (two.msg_type, two.begin_string, two.seq)
    for count_tag in (453, 136, 627):
        assert one.group(count_tag) == two.group(count_tag)


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: next(iter(options), "defaults"))
def test_mutated_messages_are_judged_alike(options):
    chance = random.Random(f"agree {options}")
    fast = Decoder(venue_dictionary(), **options)
    full = full_decoder(**options)
    for raw in SEEDS * 2:
        assert_agree(fast, full, raw)
    taught = fast.shapes
    assert taught >= len(SEEDS) - 2  # not the Logon with data, not the unsupported type
    by_shape = 0
    for _ in range(6_000):
        raw = mutated_value(chance, chance.choice(SEEDS))
        by_shape += any(
            shape.match(raw) is not None for shapes in fast._shapes.values() for shape in shapes
        )
        assert_agree(fast, full, raw)
    assert by_shape > 500


def mutated_value(chance, raw):
    """Mostly the same sequence of tags with one value changed a little; sometimes another one."""
    fields = raw.split(b"\x01")[2:-2]
    if chance.random() < 0.3:
        data = bytearray(b"\x01".join(fields))
        shuffle_fields(chance, data)
        return resealed(b"\x01" + bytes(data) + b"\x0110=")
    for _ in range(chance.randrange(1, 3)):
        place = chance.randrange(len(fields))
        tag, equals, value = fields[place].partition(b"=")
        at = chance.randrange(len(value) + 1)
        drop = chance.randrange(2)
        put = chance.choice([b"", b"0", b"1", b"9", b".", b"-", b" ", b"x", b"\xe9", b"Y", b"00"])
        fields[place] = tag + equals + value[:at] + put + value[at + drop :]
    return resealed(b"\x01" + b"\x01".join(fields) + b"\x0110=")


values = st.one_of(
    st.from_regex(rb"\A-?[0-9]{0,42}(\.[0-9]{0,42})?\Z"),
    st.from_regex(rb"\A[12][0-9]{3}[01][0-9][0-3][0-9]-[0-2][0-9]:[0-6][0-9]:[0-6][0-9]"
                  rb"(\.[0-9]{0,10})?\Z"),
    st.from_regex(rb"\A[A-Z0-9]( [A-Z0-9]){0,3}\Z"),
    st.binary(min_size=0, max_size=30).map(lambda value: value.replace(b"\x01", b"")),
)  # fmt: skip


@settings(max_examples=1_500, deadline=None)
@given(place=st.integers(3, 25), value=values)
def test_any_value_in_any_field_is_judged_alike(place, value):
    order = fix("D", ORDER + "18=G|" + PARTIES)
    fields = order.split(b"\x01")[2:-2]
    place = min(place, len(fields) - 1)
    fields[place] = fields[place].partition(b"=")[0] + b"=" + value
    raw = resealed(b"\x01" + b"\x01".join(fields) + b"\x0110=")
    fast, full = TAUGHT, FULL
    fast.decode(order)
    assert_agree(fast, full, raw)


TAUGHT = Decoder(venue_dictionary())
FULL = full_decoder()
for _ in range(3):
    assert TAUGHT.decode(fix("D", ORDER + "18=G|" + PARTIES)).error is None


def test_every_type_and_value_of_the_dictionary_is_judged_alike():
    """Each field of each message type, with every declared value and near misses."""
    dictionary = venue_dictionary()
    samples = [b"", b"0", b"1", b"Y", b"N", b"-1", b"1.5", b"A", b"AA", b"20260301", b"x y"]
    for spec in dictionary.fields.values():
        if spec.pattern is None:
            continue
        inline = compiled(spec.inline)
        for value in [*samples, *spec.values, *[v + b"x" for v in spec.values]]:
            full = spec.well_written(value) and spec.in_range(value)
            assert (inline.fullmatch(value + b"\x01") is not None) == full, (spec.name, value)


def compiled(inline):
    import re

    return re.compile(b"(?:" + inline + b")\x01", re.DOTALL)


def test_shape_is_compiled_when_seen_twice_and_never_more_than_the_limit():
    decoder = Decoder(venue_dictionary())
    optional = [f"{tag}=x|" for tag in (1, 526, 583, 229, 100, 376, 117, 494, 58, 107)]
    optional[3] = "229=20260301|"
    for number in range(200):
        extra = "".join(text for bit, text in enumerate(optional) if number >> bit & 1)
        for _ in range(3):
            assert decoder.decode(fix("D", ORDER + extra)).error is None
        assert decoder.shapes <= MAX_SHAPES
    assert decoder.shapes == MAX_SHAPES
    assert decoder.decode(fix("D", ORDER + "58=x|107=x|")).error is None


def test_first_message_of_a_shape_compiles_nothing():
    decoder = Decoder(venue_dictionary())
    for raw in SEEDS:
        decoder.decode(raw)
    assert decoder.shapes == 0


def test_messages_with_data_are_never_compiled():
    decoder = Decoder(venue_dictionary())
    raw = fix("D", ORDER + "354=3|355=a|b|")
    for _ in range(5):
        message = decoder.decode(raw)
        assert message.error is None
        assert message.get(355) == b"a\x01b"
    assert decoder.shapes == 0


def test_other_begin_string_is_another_shape():
    decoder = Decoder(venue_dictionary())
    from gateway.fix.codec import encode

    body = ("35=0|" + HEADER).replace("|", "\x01").encode()
    for begin in (b"FIX.4.4", b"FIX.4.2", b"FIX.4.4", b"FIX.4.2") * 3:
        assert decoder.decode(encode(begin, body)).begin_string == begin


def test_stock_dictionary_can_be_used_too():
    from pathlib import Path

    import fixcore

    stock = Dictionary.load(Path(fixcore.__file__).parent / "specs" / "FIX44.xml")
    fast, full = Decoder(stock), Decoder(stock, compile_shapes=False)
    chance = random.Random(4)
    for raw in SEEDS * 3 + [mutated_value(chance, chance.choice(SEEDS)) for _ in range(500)]:
        assert_agree(fast, full, raw)
    assert fast.shapes >= len(SEEDS) - 2
