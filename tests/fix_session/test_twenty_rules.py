"""The rules of the FIX session layer that engines get wrong, by number, in three slicings."""

import random

import pytest

from gateway.fix.codec import encode
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.errors import PeerError
from gateway.fix.states import State
from tests.fix_session.desk import SECOND, Desk, Slicer, at, fields, single_bytes, whole


def random_pieces(data: bytes) -> list[bytes]:
    chance = random.Random(len(data))
    pieces, at_ = [], 0
    while at_ < len(data):
        size = chance.randint(1, 40)
        pieces.append(data[at_ : at_ + size])
        at_ += size
    return pieces


@pytest.fixture(params=[whole, single_bytes, random_pieces], ids=["whole", "bytes", "pieces"])
def desk(request: pytest.FixtureRequest) -> Desk:
    return Desk(slicer=request.param)


@pytest.fixture
def on(desk: Desk) -> Desk:
    """A desk whose member has logged on with number 1 and got number 1."""
    desk.logon()
    desk.hears("35=A|34=1|98=0|108=30|")
    return desk


REPORT = "37={0}|17={0}-0|"


def test_rule_1_a_resend_request_with_a_number_too_high_is_served(on: Desk) -> None:
    on.report(2)
    on.said.clear()
    on.send("35=2|34=9|7=2|16=0|")
    on.hears(
        f"35=8|34=2|43=Y|122={at(on)}|" + REPORT.format(0),
        f"35=8|34=3|43=Y|122={at(on)}|" + REPORT.format(1),
        "35=2|34=4|7=2|16=0|",
    )


def test_rule_2_a_gap_fill_has_the_first_number_skipped_and_the_next_real_one(on: Desk) -> None:
    for _ in range(3):
        on.send("35=1|112=HELLO|")
    on.report(2)
    on.send("35=1|112=HELLO|")
    on.send("35=1|112=HELLO|")
    on.report()
    on.said.clear()
    first, second, third = (
        f"35=8|34={n}|43=Y|122={at(on)}|" + REPORT.format(k) for k, n in enumerate((5, 6, 9))
    )
    head = f"35=4|34=2|43=Y|122={at(on)}|36=5|123=Y|"
    middle = f"35=4|34=7|43=Y|122={at(on)}|36=9|123=Y|"
    on.send("35=2|7=2|16=4|")
    on.hears(head)
    on.send("35=2|7=2|16=6|")
    on.hears(head, first, second)
    on.send("35=2|7=2|16=8|")
    on.hears(head, first, second, middle)
    on.send("35=2|7=2|16=9|")
    on.hears(head, first, second, middle, third)
    on.send("35=2|7=3|16=3|")
    on.hears(f"35=4|34=3|43=Y|122={at(on)}|36=4|123=Y|")
    on.send("35=2|7=2|16=0|")
    on.hears(head, first, second, middle, third)
    on.send("35=1|112=STILL|")
    on.hears("35=0|34=10|112=STILL|")


def test_rule_3_a_resend_has_a_new_sending_time_the_old_one_in_122_and_the_same_body(
    on: Desk,
) -> None:
    on.report()
    (first,) = on.said
    on.said.clear()
    sent = at(on)
    on.wait(5)
    on.send("35=2|7=2|16=2|")
    (again,) = on.said
    assert dict(fields(again))[52] == at(on).encode()
    assert dict(fields(again))[122] == sent.encode()
    assert dict(fields(again))[43] == b"Y"
    kept = {8, 35, 49, 56, 34, 37, 17}
    assert [p for p in fields(again) if p[0] in kept] == [p for p in fields(first) if p[0] in kept]
    assert on.session.next_out == 3, "a resend uses up no number"
    on.lost()
    later = on.restarted()
    later.logon()
    later.said.clear()
    later.send("35=2|7=2|16=2|")
    assert later.tags()[0][122] == sent.encode(), "over a restart too"


def test_rule_4_a_reject_uses_up_the_number_a_garbled_message_does_not(on: Desk) -> None:
    on.order("bad", "5001=user|")
    on.hears("35=3|34=2|45=2|371=5001|372=D|373=0|58=...|")
    on.send("35=1|34=3|112=A|")
    on.hears("35=0|34=3|112=A|")
    broken = bytearray(on.frame("35=1|34=4|112=B|"))
    broken[-2] = ord("0") + (broken[-2] + 1) % 10
    on.receive_bytes(bytes(broken))
    on.hears_nothing()
    on.send("35=1|34=4|112=C|")
    on.hears("35=0|34=4|112=C|")


def test_rule_5_poss_dup_with_an_old_number_is_silent(on: Desk) -> None:
    on.order("a")
    on.order("a", f"34=2|43=Y|122={at(on, -5)}|")
    on.hears_nothing()
    assert on.order_ids() == ["a"]
    on.order("b", "34=3|")
    assert on.order_ids() == ["a", "b"]


def test_rule_5_poss_dup_without_122_is_rejected_and_moves_nothing(on: Desk) -> None:
    on.order("a")
    on.order("a", "34=2|43=Y|")
    on.hears("35=3|34=2|45=2|371=122|372=D|373=1|58=...|")
    on.send("35=1|34=3|112=HELLO|")
    on.hears("35=0|34=3|112=HELLO|")
    assert on.session.connected


def test_rule_5_an_orig_sending_time_later_than_sending_time_is_the_end(on: Desk) -> None:
    on.order("a")
    on.order("a", f"34=2|43=Y|122={at(on, 10)}|")
    on.hears("35=3|34=2|45=2|371=122|372=D|373=10|58=...|", "35=5|34=3|58=...|")
    assert on.ends == [DisconnectReason.SENDING_TIME]


def test_rule_6_sequence_reset_ignores_its_own_number_and_never_lowers(on: Desk) -> None:
    on.send("35=4|34=1|36=25|")
    on.send("35=1|34=25|112=A|")
    on.hears("35=0|34=2|112=A|")
    on.send("35=4|34=999|36=50|123=N|")
    on.send("35=1|34=50|112=B|")
    on.hears("35=0|34=3|112=B|")
    on.send("35=4|34=0|36=51|")
    on.hears_nothing()
    on.send("35=4|34=0|36=7|")
    on.hears("35=3|34=4|45=0|371=36|372=4|373=5|58=...|")
    on.send("35=1|34=51|112=C|")
    on.hears("35=0|34=5|112=C|")


def test_rule_6_a_gap_fill_minds_its_number(on: Desk) -> None:
    on.send("35=4|34=2|36=20|123=Y|")
    on.send("35=1|34=20|112=A|")
    on.hears("35=0|34=2|112=A|")
    on.send(f"35=4|34=2|43=Y|122={at(on, -1)}|36=90|123=Y|")
    on.hears_nothing()
    on.send("35=4|34=21|36=21|123=Y|")
    on.hears("35=3|34=3|45=21|371=36|372=4|373=5|58=...|")
    on.send("35=4|34=30|36=40|123=Y|")
    on.hears("35=2|34=4|7=22|16=0|")
    on.send("35=4|34=3|36=40|123=Y|")
    on.hears_nothing()  # may be an engine that leaves out 43 in what was asked for
    on.send("35=4|34=22|36=30|123=Y|")
    on.send("35=1|34=40|112=B|")
    on.hears("35=0|34=5|112=B|")
    on.send("35=4|34=3|36=90|123=Y|")
    assert on.session.connected
    assert not on.ends


def test_rule_6_an_old_gap_fill_that_nobody_asked_for_is_a_number_too_low(on: Desk) -> None:
    on.order("a")
    on.send("35=4|34=1|36=20|123=Y|")
    on.hears("35=5|34=2|58=MsgSeqNum too low, expecting 3 but received 1|")
    assert on.ends == [DisconnectReason.SEQ_TOO_LOW]


def test_rule_7_an_order_behind_a_gap_waits_and_is_done_once(on: Desk) -> None:
    on.order("late", "34=4|")
    on.hears("35=2|34=2|7=2|16=0|")
    assert on.orders == []
    on.order("b", f"34=2|43=Y|122={at(on)}|")
    on.order("c", f"34=3|43=Y|122={at(on)}|")
    assert on.order_ids() == ["b", "c", "late"]
    on.order("late", f"34=4|43=Y|122={at(on)}|")
    on.order("next", "34=5|")
    on.hears_nothing()
    assert on.order_ids() == ["b", "c", "late", "next"]
    assert [step.number for step in on.orders] == [2, 3, 4, 5]
    assert [step.poss_dup for step in on.orders] == [True, True, False, False]


def test_rule_8_a_logon_too_low_is_told_the_expected_number(on: Desk) -> None:
    on.order("a")
    on.lost()
    on.logon("34=1|")
    on.hears("35=5|34=2|58=MsgSeqNum too low, expecting 3 but received 1|")
    assert on.ends == [DisconnectReason.SEQ_TOO_LOW]


def test_rule_9_a_live_session_takes_no_second_connection(on: Desk) -> None:
    with pytest.raises(AssertionError):
        on.session.connect(on.now, on.mono)
    on.send("35=1|112=ALIVE|")
    on.hears("35=0|34=2|112=ALIVE|")


def test_rule_10_data_fields_may_hold_soh_and_what_looks_like_a_trailer(desk: Desk) -> None:
    desk.connect()
    secret = b"a\x0110=000\x018=FIX.4.4\x01b"
    body = (
        b"35=A\x0149=ACME\x0156=FIXGATE\x0134=1\x0152=%b\x0198=0\x01108=30\x01"
        b"95=%d\x0196=%b\x01" % (at(desk).encode(), len(secret), secret)
    )
    desk.receive_bytes(encode(b"FIX.4.4", body))
    desk.hears("35=A|34=1|98=0|108=30|")


def test_rule_11_a_wrong_length_is_skipped_and_uses_no_number(on: Desk) -> None:
    good = on.frame("35=1|34=2|112=A|")
    assert b"\x019=6" in good
    on.receive_bytes(good.replace(b"\x019=6", b"\x019=3", 1))
    on.receive_bytes(b"8=FIX.4.4\x019=999999999\x0135=0\x01")
    on.hears_nothing()
    on.send("35=1|34=2|112=B|")
    on.send("35=1|34=3|112=C|")
    heard = [tags.get(112) for tags in on.tags()]
    assert heard[-1] == b"C"
    assert on.session.connected


def test_rule_12_heartbeats(on: Desk) -> None:
    on.send("35=1|112=ASKED|")
    on.hears("35=0|34=2|112=ASKED|")
    on.wait(29)
    on.hears_nothing()
    on.wait(2)
    on.hears("35=0|34=3|")


def test_rule_12_silence_is_tested_at_1_2_and_ended_at_2_4_intervals(on: Desk) -> None:
    on.wait(35.5)
    on.hears("35=0|34=2|")
    on.wait(1)
    on.hears("35=1|34=3|112=FIXGATE-3|")
    on.wait(35)
    on.hears("35=0|34=4|")
    assert on.session.connected
    on.wait(1)
    assert on.ends == [DisconnectReason.HEARTBEAT_TIMEOUT]


def test_rule_12_any_message_ends_the_silence(on: Desk) -> None:
    on.wait(36.5)
    assert on.tags()[-1][35] == b"1"
    on.send("35=0|")
    on.wait(30)
    assert on.session.connected
    on.send("35=0|112=FIXGATE-3|")
    on.wait(71)
    assert on.session.connected


@pytest.mark.parametrize("interval", ["0", "121", "-5", "x", "99999999999999999999"])
def test_rule_12_and_17_a_bad_heartbeat_interval_is_refused(desk: Desk, interval: str) -> None:
    desk.connect()
    desk.send(f"35=A|34=1|98=0|108={interval}|")
    desk.hears("35=5|34=1|58=...|")
    assert desk.ends == [DisconnectReason.LOGON_REFUSED]
    desk.logon("34=1|")
    desk.hears("35=A|34=2|98=0|108=30|")


@pytest.mark.parametrize(("header", "tag"), [("49=WT|", 49), ("56=DLSI|", 56), ("49=WT|56=X|", 49)])
def test_rule_13_a_wrong_comp_id_is_reject_logout_end(on: Desk, header: str, tag: int) -> None:
    on.order("a", header)
    on.hears(f"35=3|34=2|45=2|371={tag}|372=D|373=9|58=...|", "35=5|34=3|58=...|")
    assert on.ends == [DisconnectReason.COMP_ID]
    on.logon()
    on.hears("35=A|34=4|98=0|108=30|")


@pytest.mark.parametrize("late", [-121, 121])
def test_rule_13_a_sending_time_far_off_is_reject_logout_end(on: Desk, late: int) -> None:
    on.send("35=0|", late=late)
    on.hears("35=3|34=2|45=2|371=52|372=0|373=10|58=...|", "35=5|34=3|58=...|")
    assert on.ends == [DisconnectReason.SENDING_TIME]
    assert on.session.next_in == 3


@pytest.mark.parametrize("late", [-119, 119])
def test_rule_13_two_minutes_off_are_borne(on: Desk, late: int) -> None:
    on.send("35=1|112=A|", late=late)
    on.hears("35=0|34=2|112=A|")


def test_rule_13_a_missing_tag_is_only_rejected(on: Desk) -> None:
    on.send("35=D|11=a|54=1|55=BTC-USD|40=2|44=1|38=1|")
    on.hears("35=3|34=2|45=2|371=60|372=D|373=1|58=...|")
    on.send("35=0|52=-|")
    on.hears("35=3|34=3|45=3|371=52|372=0|373=1|58=...|")
    on.send("35=1|112=A|")
    on.hears("35=0|34=4|112=A|")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("35=0|112=A|115=ME|", "371=115|372=0|373=14|"),
        ("35=1|112=A|112=B|", "371=112|372=1|373=13|"),
        ("35=*|", "372=*|373=11|"),
        ("35=1|112=|", "371=112|372=1|373=4|"),
        ("35=1|112=A|9=1|", "373="),
    ],
)
def test_rule_14_structure_is_rejected_with_the_tag_named(on: Desk, text: str, answer: str) -> None:
    on.send(text)
    (heard,) = on.tags()
    assert heard[35] == b"3"
    assert heard[45] == b"2"
    for tag, value in fields(answer):
        assert not value or heard[tag] == value
    on.send("35=1|112=Z|")
    on.hears("35=0|34=3|112=Z|")


def test_rule_15_what_happens_while_the_member_is_away_is_numbered_and_delivered(on: Desk) -> None:
    on.order("a")
    on.lost()
    on.report(2)
    on.hears_nothing()
    gone = at(on)
    on.wait(60)
    on.logon()
    on.hears("35=A|34=4|98=0|108=30|")
    on.send("35=2|7=2|16=0|")
    on.hears(
        f"35=8|34=2|43=Y|122={gone}|" + REPORT.format(0),
        f"35=8|34=3|43=Y|122={gone}|" + REPORT.format(1),
        f"35=4|34=4|43=Y|122={at(on)}|36=5|123=Y|",
    )


def test_rule_15_a_reject_that_the_member_did_not_wait_for_keeps_its_number(on: Desk) -> None:
    message = on.decoder.decode(on.frame("35=1|34=2|"))
    steps = on.session.receive(message, on.now, on.mono)
    on.lost()
    on.perform(steps)
    on.hears_nothing()
    on.logon()
    on.hears("35=A|34=3|98=0|108=30|")
    on.send("35=2|7=2|16=2|")
    on.hears("35=3|34=2|43=Y|122=...|45=2|371=112|372=1|373=1|58=...|")


def test_rule_16_both_sides_miss_something_and_neither_waits(on: Desk) -> None:
    on.report(2)
    on.said.clear()
    on.send("35=0|34=7|")
    on.hears("35=2|34=4|7=2|16=0|")
    on.send("35=2|34=8|7=2|16=3|")
    on.hears(
        f"35=8|34=2|43=Y|122={at(on)}|" + REPORT.format(0),
        f"35=8|34=3|43=Y|122={at(on)}|" + REPORT.format(1),
    )
    for number in range(2, 7):
        on.send(f"35=0|34={number}|43=Y|122={at(on)}|")
    on.hears_nothing()
    on.send("35=1|34=9|112=EVEN|")
    on.hears("35=0|34=5|112=EVEN|")


@pytest.mark.parametrize(
    ("asked", "tag", "reason"),
    [
        ("7=5|16=3|", 16, 5),
        ("7=99|16=0|", 7, 5),
        ("7=0|16=0|", 7, 5),
        ("16=0|", 7, 1),
        ("7=1|", 16, 1),
        ("7=x|16=0|", 7, 6),
        ("7=-1|16=0|", 7, 6),
    ],
)
def test_rule_16_a_senseless_range_is_rejected(on: Desk, asked: str, tag: int, reason: int) -> None:
    on.send(f"35=2|{asked}")
    on.hears(f"35=3|34=2|45=2|371={tag}|372=2|373={reason}|58=...|")
    on.send("35=1|112=A|")
    on.hears("35=0|34=3|112=A|")


def test_rule_16_a_range_that_ends_in_the_future_ends_at_the_last_message(on: Desk) -> None:
    on.send("35=2|7=1|16=999999|")
    on.hears(f"35=4|34=1|43=Y|122={at(on)}|36=2|123=Y|")


@pytest.mark.parametrize(
    ("wrong", "begin", "reason", "says"),
    [
        ("35=A|34=1|98=0|108=30|", "FIX.4.2", DisconnectReason.BAD_BEGIN_STRING, False),
        ("35=A|34=1|49=X|98=0|108=30|", "FIX.4.4", DisconnectReason.UNKNOWN_COMP_ID, False),
        ("35=A|34=1|56=X|98=0|108=30|", "FIX.4.4", DisconnectReason.UNKNOWN_COMP_ID, False),
        ("35=0|34=1|", "FIX.4.4", DisconnectReason.FIRST_MESSAGE_NOT_LOGON, False),
        (
            "35=A|34=1|52=20010101-00:00:00|98=0|108=30|",
            "FIX.4.4",
            DisconnectReason.LOGON_REFUSED,
            True,
        ),
        ("35=A|34=1|98=3|108=30|", "FIX.4.4", DisconnectReason.LOGON_REFUSED, True),
        ("35=A|34=1|98=0|", "FIX.4.4", DisconnectReason.LOGON_REFUSED, True),
        ("35=A|34=0|98=0|108=30|", "FIX.4.4", DisconnectReason.LOGON_REFUSED, True),
        ("35=A|34=5|98=0|108=30|141=Y|", "FIX.4.4", DisconnectReason.LOGON_REFUSED, True),
        ("35=A|34=1|98=0|108=30|554=guess|", "FIX.4.4", DisconnectReason.LOGON_REFUSED, True),
    ],
)
def test_rule_17_a_wrong_logon_gets_no_logon_back_and_the_next_right_one_works(
    desk: Desk, wrong: str, begin: str, reason: DisconnectReason, says: bool
) -> None:
    desk.connect()
    desk.send(wrong, begin=begin)
    assert desk.ends == [reason]
    assert [tags[35] for tags in desk.tags()] == [b"5"] * says
    desk.logon("34=1|554=demo|")
    desk.hears(f"35=A|34={1 + says}|98=0|108=30|")


def test_rule_17_a_logon_inside_a_session_is_rejected(on: Desk) -> None:
    on.send("35=A|98=0|108=30|")
    on.hears("35=3|34=2|45=2|372=A|373=99|58=Already logged on...|")
    on.send("35=1|112=A|")
    on.hears("35=0|34=3|112=A|")


def test_rule_17_another_begin_string_inside_a_session_is_the_end(on: Desk) -> None:
    on.send("35=1|112=id|", begin="FIX.4.2")
    on.hears("35=5|34=2|58=BeginString(8) must be FIX.4.4|")
    assert on.ends == [DisconnectReason.BAD_BEGIN_STRING]


def test_rule_18_orders_may_follow_the_logon_in_the_same_segment(desk: Desk) -> None:
    desk.connect()
    data = desk.frame("35=A|34=1|98=0|108=30|") + desk.frame("35=1|34=2|112=A|")
    data += desk.frame("35=1|34=3|112=" + "x" * 8_000 + "|")
    desk.receive_bytes(data)
    desk.hears("35=A|34=1|98=0|108=30|", "35=0|34=2|112=A|", "35=0|34=3|112=" + "x" * 8_000 + "|")


def test_rule_18_what_follows_a_logon_waits_for_the_password(desk: Desk) -> None:
    desk.authenticates = False
    desk.connect()
    desk.receive_bytes(
        desk.frame("35=A|34=1|98=0|108=30|")
        + desk.frame("35=2|34=2|7=1|16=0|")
        + desk.frame("35=1|34=3|112=A|")
    )
    assert desk.session.state is State.AUTHENTICATING
    desk.report()
    desk.hears_nothing()
    desk.perform(desk.session.accept_logon(desk.now, desk.mono, 0))
    desk.hears(
        "35=A|34=2|98=0|108=30|",
        f"35=8|34=1|43=Y|122={at(desk)}|" + REPORT.format(0),
        f"35=4|34=2|43=Y|122={at(desk)}|36=3|123=Y|",
        "35=0|34=3|112=A|",
    )


def test_rule_19_an_engine_may_ask_once_per_message_behind_its_gap(on: Desk) -> None:
    on.report(30)
    on.said.clear()
    steps = []
    for _ in range(20):
        message = on.decoder.decode(on.frame("35=2|7=5|16=0|"))
        steps += on.session.receive(message, on.now, on.mono)
    on.perform(steps)
    assert not on.ends
    assert [int(tags[34]) for tags in on.tags()] == list(range(5, 32))


def test_rule_19_closed_ranges_are_served_one_after_the_other(on: Desk) -> None:
    on.report(9)
    on.said.clear()
    for begin in (2, 5, 8):
        on.send(f"35=2|7={begin}|16={begin + 2}|")
    assert [int(tags[34]) for tags in on.tags()] == list(range(2, 11))


def test_rule_20_an_unknown_user_tag_is_rejected_with_its_name(on: Desk) -> None:
    on.order("a", "9702=1|")
    on.hears("35=3|34=2|45=2|371=9702|372=D|373=0|58=...|")
    assert on.orders == []


def test_rule_20_a_known_type_that_is_not_taken_is_a_business_reject(on: Desk) -> None:
    class Unsupported:
        def decode(self, raw: bytes):
            message = decoder.decode(raw)
            if message.msg_type == b"D":
                message.error = PeerError(
                    11, 35, "Send NewOrderSingle(D) elsewhere", unsupported=True
                )
            return message

    decoder, on.decoder = on.decoder, Unsupported()
    on.order("a")
    on.hears("35=j|34=2|45=2|372=D|380=3|58=Send NewOrderSingle(D) elsewhere|")
    on.send("35=2|7=2|16=0|")
    on.hears("35=j|34=2|43=Y|122=...|45=2|372=D|380=3|58=Send NewOrderSingle(D) elsewhere|")


def test_slicing_is_what_it_says() -> None:
    slicers: list[Slicer] = [whole, single_bytes, random_pieces]
    data = bytes(range(200))
    assert [len(list(slicer(data))) > 1 for slicer in slicers] == [False, True, True]
    assert all(b"".join(slicer(data)) == data for slicer in slicers)
    assert SECOND == 10**9
