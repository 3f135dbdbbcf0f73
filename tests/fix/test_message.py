"""What a program may ask of a decoded message."""

import pytest
import simplefix

from gateway.fix.decoder import Decoder
from gateway.fix.message import MAX_PICKS
from tests.fix.mutations import SEEDS
from tests.fix.pipes import ORDER, fix, full_decoder, venue_dictionary, wire

PARTIES = "453=2|448=ALGO1|447=D|452=12|448=TRADER9|447=D|452=3|802=2|523=x|803=3|523=y|803=4|"


def decoded(raw):
    """The message by the full check, and by its shape where it has one."""
    decoder = Decoder(venue_dictionary())
    return [full_decoder().decode(raw), *[decoder.decode(raw) for _ in range(3)]]


def test_fields_are_found_by_tag():
    raw = fix("D", ORDER)
    for message in decoded(raw):
        assert message.error is None
        assert message.name == "NewOrderSingle"
        assert message.msg_type == b"D"
        assert message.begin_string == b"FIX.4.4"
        assert message.raw == raw
        assert message.seq == 2
        assert message.get(11) == b"a1"
        assert message.get(1) is None
        assert message.get(1, b"ACME") == b"ACME"
        assert 44 in message
        assert 1 not in message
        assert message.pick((44, 1, 38, 59)) == [b"60000.01", None, b"0.5", b"1"]


def test_pairs_are_all_fields_in_wire_order():
    raw = fix("D", ORDER + PARTIES)
    for message in decoded(raw):
        assert b"".join(b"%d=%b\x01" % pair for pair in message.pairs()) == raw


def test_pairs_are_what_simplefix_parses():
    for raw in SEEDS:
        parser = simplefix.FixParser()
        parser.append_buffer(raw)
        message = parser.get_message()
        assert message is not None
        for ours in decoded(raw):
            assert [(b"%d" % tag, value) for tag, value in ours.pairs()] == message.pairs


def test_groups_keep_their_entries_and_inner_groups_apart():
    for message in decoded(fix("D", ORDER + PARTIES + "58=end|")):
        first, second = message.group(453)
        assert first == {448: b"ALGO1", 447: b"D", 452: b"12"}
        assert first.group(802) == []
        assert second == {448: b"TRADER9", 447: b"D", 452: b"3", 802: b"2"}
        assert second.group(802) == [{523: b"x", 803: b"3"}, {523: b"y", 803: b"4"}]
        assert message.get(58) == b"end"
        assert message.group(136) == []
        assert message.group(78) == []


def test_data_field_keeps_its_separators():
    raw = fix("A", "98=0|108=30|95=10|96=a|10=123|b|553=ACME-OE1|")
    for message in decoded(raw):
        assert message.error is None
        assert message.get(96) == b"a\x0110=123\x01b"
        assert message.get(553) == b"ACME-OE1"


@pytest.mark.parametrize("text", ["", "x", "-1", "1.0", "1" * 19, " 1"])
def test_seq_that_is_no_number_is_minus_one(text):
    message = full_decoder().decode(wire(f"35=0|49=A|56=B|34={text}|52=20260301-12:00:00|"))
    assert message.error is not None
    assert message.error.ref_tag == 34
    assert message.seq == -1


def test_picks_are_remembered_up_to_a_limit():
    message = decoded(fix("D", ORDER))[-1]
    for tag in range(1, 1000):
        assert message.pick((tag, 11)) == [message.get(tag), b"a1"]
    assert len(message._layout.picks) == MAX_PICKS


def error_with(text, **options):
    error = full_decoder(**options).decode(fix("D", text)).error
    return None if error is None else (error.reason, error.ref_tag)


def test_fields_out_of_order_can_be_let_pass():
    assert error_with(ORDER + "50=desk|") == (14, 50)
    assert error_with(ORDER + "50=desk|", validate_fields_out_of_order=False) is None


def test_fields_without_values_can_be_let_pass():
    assert error_with(ORDER + "58=|") == (4, 58)
    assert error_with(ORDER + "58=|", validate_fields_have_values=False) is None


def test_user_defined_fields_can_be_let_pass():
    for tag in (5000, 9999, 20999, 39999):
        assert error_with(f"{ORDER}{tag}=x|") == (0, tag)
        assert error_with(f"{ORDER}{tag}=x|", validate_user_defined_fields=False) is None
        assert error_with(f"{ORDER}{tag}=x|", allow_unknown_msg_fields=True) == (0, tag)


def test_unknown_fields_can_be_let_pass():
    assert error_with(ORDER + "7=1|") == (2, 7)
    assert error_with(ORDER + "4999=x|") == (0, 4999)
    assert error_with(ORDER + "7=1|4999=x|", allow_unknown_msg_fields=True) is None
    assert error_with(ORDER + "7=x|", allow_unknown_msg_fields=True) == (6, 7)
    assert error_with(ORDER + "7=1|7=1|", allow_unknown_msg_fields=True) == (13, 7)
