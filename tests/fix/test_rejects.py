"""Each rule of FIX 4.4 that a message can break, and the reject that answers it."""

import pytest

from gateway.fix.decoder import Decoder
from gateway.fix.validate import MAX_FIELDS
from tests.fix.pipes import HEADER, ORDER, fix, full_decoder, soh, venue_dictionary, wire

PARTY = "448=ALGO1|447=D|452=12|"
SUB = "523=x|803=3|"

# name: (message from 35= on, SessionRejectReason(373), RefTagID(371), words of Text(58))
BROKEN = {
    "tag number zero": (f"35=D|{HEADER}{ORDER}0=x|", 0, 0, "Invalid tag number: 0"),
    "tag number negative": (f"35=D|{HEADER}{ORDER}-58=x|", 0, -58, "Invalid tag number: -58"),
    "tag number with a leading zero": (f"35=D|{HEADER}{ORDER}058=x|", 0, 58, "058"),
    "tag number of letters": (f"35=D|{HEADER}{ORDER}abc=x|", 0, None, "Invalid tag number: abc"),
    "no tag number": (f"35=D|{HEADER}{ORDER}=x|", 0, None, "Invalid tag number"),
    "empty field": (f"35=D|{HEADER}{ORDER}|", 17, 59, "has a field delimiter (SOH) in it"),
    "field delimiter in a value": (f"35=D|{HEADER}{ORDER}58=a|b|", 17, 58, "value of tag 58"),
    "endless tag number": (f"35=D|{HEADER}{ORDER}12345678901=x|", 0, None, "Invalid tag number"),
    "required body tag missing": (
        f"35=D|{HEADER}{ORDER.replace('54=1|', '')}",
        1,
        54,
        "Required tag missing: Side(54)",
    ),
    "required component member missing": (
        f"35=D|{HEADER}{ORDER.replace('55=BTC-USD|', '')}",
        1,
        55,
        "Symbol(55)",
    ),
    "quantity missing": (f"35=D|{HEADER}{ORDER.replace('38=0.5|', '')}", 1, 38, "OrderQty(38)"),
    "MsgSeqNum missing": ("35=0|49=A|56=B|52=20260301-12:00:00|", 1, 34, "MsgSeqNum(34)"),
    "SenderCompID missing": ("35=0|56=B|34=2|52=20260301-12:00:00|", 1, 49, "SenderCompID(49)"),
    "TargetCompID missing": ("35=0|49=A|34=2|52=20260301-12:00:00|", 1, 56, "TargetCompID(56)"),
    "SendingTime missing": ("35=0|49=A|56=B|34=2|", 1, 52, "SendingTime(52)"),
    "TestReqID missing": (f"35=1|{HEADER}", 1, 112, "TestReqID(112)"),
    "tag of another message": (
        f"35=D|{HEADER}{ORDER}7=1|",
        2,
        7,
        "BeginSeqNo(7) is not part of NewOrderSingle",
    ),
    "group member outside its group": (f"35=D|{HEADER}{ORDER}447=D|", 2, 447, "PartyIDSource"),
    "undefined tag": (f"35=D|{HEADER}{ORDER}4999=x|", 0, 4999, "Tag 4999 is not defined here"),
    "tag of FIX that the venue has no use for": (
        f"35=D|{HEADER}{ORDER}956=x|",
        2,
        956,
        "Tag 956 is not part of NewOrderSingle",
    ),
    "first tag that FIX 4.4 does not have": (f"35=D|{HEADER}{ORDER}957=x|", 0, 957, "957"),
    "user-defined tag, low range": (f"35=D|{HEADER}{ORDER}5001=x|", 0, 5001, "5001"),
    "user-defined tag, high range": (f"35=D|{HEADER}{ORDER}20999=x|", 0, 20999, "20999"),
    "empty value": (f"35=D|{HEADER}{ORDER}58=|", 4, 58, "Text(58) has no value"),
    "empty header value": (f"35=D|{HEADER}57=|{ORDER}", 4, 57, "TargetSubID(57) has no value"),
    "empty MsgType": (f"35=|{HEADER}{ORDER}", 4, 35, "MsgType(35) has no value"),
    "tag without equals sign": (f"35=D|{HEADER}{ORDER}58|", 4, 58, "Tag 58 without '='"),
    "value not of the closed set": (
        f"35=D|{HEADER}{ORDER.replace('54=1', '54=Z')}",
        5,
        54,
        "Side(54)=Z is not one of its values",
    ),
    "one of several values wrong": (f"35=D|{HEADER}{ORDER}18=G ~|", 5, 18, "ExecInst(18)"),
    "two characters for one": (f"35=D|{HEADER}{ORDER.replace('54=1', '54=11')}", 6, 54, "Side"),
    "exponent": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=1e5')}", 6, 38, "OrderQty(38)=1e5"),
    "not a number": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=NaN')}", 6, 38, "OrderQty(38)"),
    "infinity": (f"35=D|{HEADER}{ORDER.replace('44=60000.01', '44=inf')}", 6, 44, "Price(44)"),
    "plus sign": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=+1')}", 6, 38, "OrderQty(38)"),
    "space": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38= 1')}", 6, 38, "OrderQty(38)"),
    "hexadecimal": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=0x1')}", 6, 38, "OrderQty(38)"),
    "thousands": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=1,000')}", 6, 38, "OrderQty(38)"),
    "lonely point": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=.')}", 6, 38, "OrderQty(38)"),
    "Arabic digits": (f"35=D|{HEADER}{ORDER.replace('38=0.5', '38=Ù¡')}", 6, 38, "OrderQty(38)"),
    "boolean": (f"35=0|{HEADER}43=y|", 6, 43, "PossDupFlag(43)=y is not Y or N"),
    "sequence number": (f"35=2|{HEADER}7=x|16=0|", 6, 7, "BeginSeqNo(7)=x is not digits"),
    "month 13": (f"35=D|{HEADER}{ORDER.replace('60=202603', '60=202613')}", 6, 60, "exists"),
    "30 February": (f"35=D|{HEADER}{ORDER.replace('60=20260301', '60=20260230')}", 6, 60, "60"),
    "29 February, no leap year": (
        f"35=D|{HEADER}{ORDER.replace('60=20260301', '60=20260229')}",
        6,
        60,
        "TransactTime(60)",
    ),
    "hour 24": (f"35=D|{HEADER}{ORDER.replace('-12:', '-24:')}", 6, 60, "TransactTime(60)"),
    "second 61": (f"35=D|{HEADER}{ORDER.replace('00.000', '61.000')}", 6, 60, "TransactTime(60)"),
    "two decimals of a second": (f"35=D|{HEADER}{ORDER.replace('.000', '.00')}", 6, 60, "60"),
    "type that FIX does not have": (f"35=ZZ|{HEADER}", 11, 35, "MsgType(35)=ZZ is not a FIX"),
    "type that the venue does not take": (f"35=R|{HEADER}", 11, 35, "not supported here"),
    "tag twice": (f"35=D|{HEADER}{ORDER}11=a2|", 13, 11, "ClOrdID(11) appears more than once"),
    "tag twice, side by side": (f"35=D|{HEADER}11=a1|{ORDER}", 13, 11, "ClOrdID(11)"),
    "header tag twice": (f"35=D|{HEADER}34=3|{ORDER}", 13, 34, "MsgSeqNum(34)"),
    "group twice": (f"35=D|{HEADER}{ORDER}453=1|{PARTY}58=x|453=1|{PARTY}", 13, 453, "453"),
    "header field after a body field": (
        f"35=D|{HEADER}{ORDER}50=desk|",
        14,
        50,
        "SenderSubID(50) is out of order",
    ),
    "body field after a trailer field": (f"35=0|{HEADER}93=1|89=x|112=t|", 14, 112, "112"),
    "entry without its first field": (
        f"35=D|{HEADER}{ORDER}453=1|447=D|448=ALGO1|452=12|",
        15,
        447,
        "PartyIDSource(447): an entry of the group must start with PartyID(448)",
    ),
    "entry out of order": (
        f"35=D|{HEADER}{ORDER}453=1|448=ALGO1|452=12|447=D|",
        15,
        447,
        "PartyIDSource(447) is out of order in its group",
    ),
    "second entry without its first field": (
        f"35=D|{HEADER}{ORDER}453=2|{PARTY}447=D|452=3|",
        15,
        447,
        "out of order in its group",
    ),
    "member twice in an entry": (
        f"35=D|{HEADER}{ORDER}453=1|448=ALGO1|447=D|447=D|452=12|",
        13,
        447,
        "more than once in an entry",
    ),
    "fewer entries than counted": (
        f"35=D|{HEADER}{ORDER}453=2|{PARTY}",
        16,
        453,
        "NoPartyIDs(453)=2, but there are 1 entries",
    ),
    "more entries than counted": (
        f"35=D|{HEADER}{ORDER}453=1|{PARTY}{PARTY}",
        16,
        453,
        "NoPartyIDs(453)=1, but there are 2 entries",
    ),
    "entries of a group counted zero": (f"35=D|{HEADER}{ORDER}453=0|{PARTY}", 16, 453, "are 1"),
    "group counted but absent": (f"35=D|{HEADER}{ORDER}453=1|", 16, 453, "there are 0 entries"),
    "inner group short": (f"35=D|{HEADER}{ORDER}453=1|{PARTY}802=2|{SUB}", 16, 802, "802"),
    "count not a number": (f"35=D|{HEADER}{ORDER}453=x|{PARTY}", 6, 453, "NoPartyIDs(453)=x"),
    "too many entries": (f"35=D|{HEADER}{ORDER}453=101|{PARTY * 101}", 16, 453, "at most 100"),
    "too many fields": (f"35=D|{HEADER}{'58=x|' * MAX_FIELDS}", 99, None, "More than 1000 fields"),
    "data without length": (f"35=A|{HEADER}98=0|108=30|96=x|", 1, 95, "Data without its length"),
    "data after another field": (
        f"35=A|{HEADER}95=1|98=0|108=30|96=x|",
        1,
        95,
        "must stand right before it",
    ),
    "data longer than said": (f"35=A|{HEADER}98=0|108=30|95=1|96=xy|", 5, 95, "not the length"),
    "data shorter than said": (f"35=A|{HEADER}98=0|108=30|95=9|96=xy|", 5, 95, "not the length"),
    "data of an endless length": (f"35=A|{HEADER}98=0|108=30|95=999999999|96=x|", 5, 95, "length"),
    "data of a negative length": (f"35=A|{HEADER}98=0|108=30|95=-1|96=x|", 6, 95, "not a length"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_message_is_rejected_with_reason_tag_and_text(name):
    text, reason, tag, words = BROKEN[name]
    raw = wire(text)
    for decoder in (full_decoder(), taught_decoder()):
        error = decoder.decode(raw).error
        assert error is not None
        assert (error.reason, error.ref_tag) == (reason, tag)
        assert words in error.text
        assert all(" " <= char <= "~" for char in error.text)


def taught_decoder() -> Decoder:
    """A decoder that has compiled the shapes of the good messages that the broken ones are near."""
    decoder = Decoder(venue_dictionary())
    good = [fix("D", ORDER), fix("0", ""), fix("1", "112=t|"), fix("2", "7=1|16=0|")]
    for raw in good * 2:
        assert decoder.decode(raw).error is None
    assert decoder.shapes == len(good)
    return decoder


def test_header_is_readable_however_broken_the_message_is():
    for text, _, _, _ in BROKEN.values():
        message = full_decoder().decode(wire(text))
        assert message.begin_string == b"FIX.4.4"
        assert message.msg_type == soh(text)[3:].split(b"\x01")[0]
        if HEADER in text:
            assert message.get(49) == b"ACME-OE1"
            assert message.get(56) == b"FIXGATE"
            assert message.get(52) == b"20260301-12:00:00.000"
            assert message.seq == 2


def test_unsupported_type_is_told_from_a_type_that_fix_does_not_have():
    decoder = full_decoder()
    for msg_type in ("6", "E", "R", "S", "AE", "BH", "U1"):
        error = decoder.decode(fix(msg_type, "")).error
        assert error is not None
        assert error.unsupported
    for msg_type in ("I", "ZZ", "d1", "U", "u1", "DD", "D ", "é"):
        error = decoder.decode(fix(msg_type, "")).error
        assert error is not None
        assert not error.unsupported


@pytest.mark.parametrize(
    "raw",
    [
        "8=FIX.4.4|35=0|9=5|10=000|",
        "9=5|8=FIX.4.4|35=0|10=000|",
        "8=FIX.4.4|9=5|34=2|35=0|10=000|",
        "8=FIX.4.4|9=5|",
        "8=FIX.4.4|",
        "|",
        "",
        "garbage",
    ],
)
def test_first_three_fields_must_be_8_9_35(raw):
    error = full_decoder().decode(soh(raw)).error
    assert error is not None
    assert error.reason in {0, 14}


def test_checksum_must_be_last():
    error = full_decoder().decode(soh(f"8=FIX.4.4|9=5|35=0|{HEADER}10=000|93=1|")).error
    assert error is not None
    assert (error.reason, error.ref_tag) == (14, 10)


GOOD = {
    "price without fraction": ORDER.replace("44=60000.01", "44=60000."),
    "price without whole part": ORDER.replace("44=60000.01", "44=.5"),
    "leading zeros": ORDER.replace("38=0.5", "38=000.5"),
    "negative": ORDER.replace("44=60000.01", "44=-1"),
    "far out of range, which is an order refused and not a message": ORDER.replace(
        "38=0.5", "38=" + "9" * 40
    ),
    "unsupported order type": ORDER.replace("40=2", "40=3") + "99=1|",
    "unsupported time in force": ORDER.replace("59=1", "59=6") + "126=20270101-00:00:00|",
    "leap second": ORDER.replace("12:00:00.000", "23:59:60"),
    "29 February": ORDER.replace("60=20260301", "60=20240229"),
    "nanoseconds": ORDER.replace("00.000", "00.123456789"),
    "microseconds": ORDER.replace("00.000", "00.123456"),
    "whole seconds": ORDER.replace("00.000", "00"),
    "several execution instructions": ORDER + "18=G 6|",
    "long text": ORDER + "58=" + "x" * 8000 + "|",
    "text with pipes of another alphabet": ORDER + "58=Zürich = 1|",
    "group counted with leading zeros": ORDER + f"453=01|{PARTY}",
    "group counted zero": ORDER + "453=0|",
    "two groups deep": ORDER + f"453=2|{PARTY}802=2|{SUB}{SUB}{PARTY}58=x|",
    "a hundred parties": ORDER + f"453=100|{PARTY * 100}",
    "empty value at the limit": ORDER + "1=A|",
}


@pytest.mark.parametrize("name", GOOD)
def test_good_order_is_accepted(name):
    decoder = Decoder(venue_dictionary())
    for _ in range(3):  # in full, in full and learning, by its shape
        assert decoder.decode(fix("D", GOOD[name])).error is None


def test_routing_fields_and_hops_are_accepted():
    header = HEADER + "115=FUND|128=X|116=a|129=b|50=desk|57=OMS|142=L|143=M|144=c|145=d|"
    hops = "627=2|628=HUB|629=20260301-11:59:59|628=HUB2|630=7|"
    message = full_decoder().decode(wire(f"35=D|{header}{hops}{ORDER}"))
    assert message.error is None
    assert [hop[628] for hop in message.group(627)] == [b"HUB", b"HUB2"]
