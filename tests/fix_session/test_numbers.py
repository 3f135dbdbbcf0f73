"""Logon variants, resets of the numbers, restarts: nothing is lost, no number is used twice."""

import pytest

from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import MAX_BATCH, MAX_SEQ_NUM
from gateway.fix.session import Session
from gateway.fix.settings import SessionSettings
from gateway.fix.states import HOLDING, LOGGED_ON, TRANSITIONS, WORKING, State
from gateway.fix.steps import Answer
from tests.fix_session.desk import SECOND, Desk, at, shown


@pytest.fixture
def on() -> Desk:
    desk = Desk()
    desk.logon()
    desk.hears("35=A|34=1|98=0|108=30|")
    return desk


def test_a_logon_too_high_is_accepted_and_the_gap_asked_for() -> None:
    desk = Desk()
    desk.logon("34=5|")
    desk.hears("35=A|34=1|98=0|108=30|", "35=2|34=2|7=1|16=0|")
    desk.order("a", f"34=1|43=Y|122={at(desk)}|")
    desk.send(f"35=4|34=2|43=Y|122={at(desk)}|36=6|123=Y|")
    desk.order("b", "34=6|")
    desk.hears_nothing()
    assert desk.order_ids() == ["a", "b"]


def test_a_logout_is_answered_and_ends_also_behind_a_gap(on: Desk) -> None:
    on.send("35=5|34=11|")
    on.hears("35=5|34=2|")
    assert on.ends == [DisconnectReason.LOGOUT]
    on.logon("34=12|")
    on.hears("35=A|34=3|98=0|108=30|", "35=2|34=4|7=2|16=0|")


def test_the_venue_logs_out_and_waits_two_seconds(on: Desk) -> None:
    on.perform(on.session.logout("closing", on.mono))
    on.hears("35=5|34=2|58=closing|")
    on.send("35=1|112=A|")
    on.hears("35=0|34=3|112=A|")
    on.wait(1.9)
    assert on.session.connected
    on.wait(0.2)
    assert on.ends == [DisconnectReason.LOGOUT_TIMEOUT]


def test_the_venue_logs_out_and_the_member_answers(on: Desk) -> None:
    on.perform(on.session.logout("closing", on.mono))
    on.send("35=5|")
    on.hears("35=5|34=2|58=closing|")
    assert on.ends == [DisconnectReason.LOGOUT]


def test_a_logout_before_the_logon_is_a_plain_end() -> None:
    desk = Desk()
    desk.connect()
    desk.perform(desk.session.logout("closing", desk.mono))
    desk.hears_nothing()
    assert desk.ends == [DisconnectReason.SHUTDOWN]


def test_no_logon_within_five_seconds_is_the_end() -> None:
    desk = Desk()
    desk.connect()
    desk.wait(4.9)
    assert desk.session.connected
    desk.wait(0.2)
    assert desk.ends == [DisconnectReason.NO_LOGON]


def test_a_missing_number_is_logout_and_end(on: Desk) -> None:
    on.send("35=0|34=-|")
    on.hears("35=5|34=2|58=MsgSeqNum(34) is missing...|")
    assert on.ends == [DisconnectReason.SEQ_MISSING]


def test_a_number_too_low_is_logout_and_end(on: Desk) -> None:
    on.send("35=0|")
    on.send("35=0|34=2|")
    on.hears("35=5|34=2|58=MsgSeqNum too low, expecting 3 but received 2|")
    assert on.ends == [DisconnectReason.SEQ_TOO_LOW]


def test_poss_resend_is_handed_on(on: Desk) -> None:
    on.order("a", "97=Y|")
    (order,) = on.orders
    assert (order.number, order.poss_dup, order.poss_resend) == (2, False, True)


def test_a_gap_is_asked_for_once_and_again_after_an_interval_without_progress(on: Desk) -> None:
    for number in range(5, 9):
        on.send(f"35=0|34={number}|")
    on.hears("35=2|34=2|7=2|16=0|")
    on.wait(29)
    on.send(f"35=0|34=2|43=Y|122={at(on)}|")
    on.said.clear()
    on.wait(29)
    assert "35=2|34=4|7=3|16=0|" not in [shown(raw) for raw in on.said]
    on.said.clear()
    on.wait(2)
    assert [tags[35] for tags in on.tags()].count(b"2") == 1


def test_a_second_gap_behind_the_first_is_asked_for_when_the_first_is_filled(on: Desk) -> None:
    on.order("e", "34=4|")
    on.hears("35=2|34=2|7=2|16=0|")
    on.order("g", "34=6|")
    on.hears_nothing()
    on.order("c", "34=2|")
    on.order("d", "34=3|")
    on.hears("35=2|34=3|7=5|16=0|")
    on.order("f", "34=5|")
    assert on.order_ids() == ["c", "d", "e", "f", "g"]


def test_the_queue_behind_a_gap_is_bounded_and_what_it_drops_comes_again() -> None:
    desk = Desk(out_of_order_cap=3)
    desk.logon()
    desk.said.clear()
    for number in range(3, 9):
        desk.order(f"o{number}", f"34={number}|")
    desk.hears("35=2|34=2|7=2|16=0|")
    for number in range(2, 9):
        desk.order(f"o{number}", f"34={number}|43=Y|122={at(desk)}|")
    desk.hears_nothing()
    assert desk.order_ids() == [f"o{n}" for n in range(2, 9)]
    assert desk.session.next_in == 9


def test_the_third_identical_resend_request_is_a_loop(on: Desk) -> None:
    on.report(3)
    on.said.clear()
    on.send("35=2|7=1|16=0|")
    on.send("35=2|7=1|16=0|")
    assert len(on.tags()) == 2 * 4
    on.send("35=2|7=1|16=0|")
    on.hears("35=5|34=5|58=the same ResendRequest...|")
    assert on.ends == [DisconnectReason.RESEND_LOOP]


def test_resend_requests_with_news_between_are_no_loop(on: Desk) -> None:
    for _ in range(9):
        on.report()
        on.send("35=2|7=1|16=0|")
    assert on.session.connected


def test_141_sets_both_numbers_to_1_and_what_was_not_sent_follows(on: Desk) -> None:
    on.report(2)
    on.order("a")
    on.lost()
    on.report(3)
    on.wait(10)
    on.logon("141=Y|")
    on.hears(
        "35=A|34=1|98=0|108=30|141=Y|",
        "35=8|34=2|37=2|17=2-0|",
        "35=8|34=3|37=3|17=3-0|",
        "35=8|34=4|37=4|17=4-0|",
    )
    on.send("35=1|34=2|112=A|")
    on.hears("35=0|34=5|112=A|")
    on.report()
    on.hears("35=8|34=6|37=5|17=5-0|")
    reset_at = at(on)
    on.send("35=2|7=1|16=3|")
    on.hears(
        f"35=4|34=1|43=Y|122={reset_at}|36=2|123=Y|",
        f"35=8|34=2|43=Y|122={reset_at}|37=2|17=2-0|",
        f"35=8|34=3|43=Y|122={reset_at}|37=3|17=3-0|",
    )


def test_141_twice_sends_nothing_twice(on: Desk) -> None:
    on.lost()
    on.report(2)
    on.logon("141=Y|")
    assert len(on.tags()) == 3
    on.lost()
    on.logon("141=Y|")
    on.hears("35=A|34=1|98=0|108=30|141=Y|")


def test_141_cut_off_in_the_middle_still_owes_the_rest(on: Desk) -> None:
    on.lost()
    on.report(600)
    on.authenticates = False
    on.connect()
    on.send("35=A|34=1|98=0|108=30|141=Y|")
    steps = on.session.accept_logon(on.now, on.mono, 599)
    on.leave(on.session.transmit(steps[0], on.now))
    on.session.settled()
    slices = on.resend(steps[1])
    on.leave(next(slices))
    sent = len(on.tags()) - 1
    assert 0 < sent < 600
    on.session.disconnect(DisconnectReason.PEER_CLOSED)
    assert list(slices) == [], "the stream ends with the connection"
    on.authenticates = True
    on.logon("141=Y|")
    heard = on.tags()
    assert [tags[37] for tags in heard[1:]] == [b"%d" % n for n in range(sent, 600)]
    assert [int(tags[34]) for tags in heard] == list(range(1, 602 - sent))


def test_141_with_reports_behind_a_logon_that_never_asked(on: Desk) -> None:
    on.lost()
    on.report(2)
    on.logon()
    on.report(2)
    assert [tags.get(37) for tags in on.tags()] == [None, b"2", b"3"]
    on.lost()
    on.report()
    on.logon("141=Y|")
    assert [tags.get(37) for tags in on.tags()] == [None, b"0", b"1", b"4"]


def test_141_inside_a_session(on: Desk) -> None:
    for _ in range(8):
        on.send("35=0|")
    on.send("35=1|34=10|112=1|")
    on.hears("35=0|34=2|112=1|")
    on.logon("141=Y|", connect=False)
    on.hears("35=A|34=1|98=0|108=30|141=Y|")
    on.send("35=1|34=2|112=1|")
    on.hears("35=0|34=2|112=1|")


def test_141_with_a_wrong_password_resets_nothing(on: Desk) -> None:
    on.order("a")
    on.lost()
    on.logon("34=1|141=Y|554=guess|")
    on.hears("35=5|34=2|58=wrong Password(554)|")
    on.logon("34=3|")
    on.hears("35=A|34=3|98=0|108=30|")


@pytest.mark.parametrize(
    ("setting", "how"),
    [("reset_on_logon", "lost"), ("reset_on_disconnect", "lost"), ("reset_on_logout", "logout")],
)
def test_resets_by_setting(setting: str, how: str) -> None:
    desk = Desk(**{setting: True})
    desk.logon("34=1|")
    desk.report()
    if how == "lost":
        desk.lost()
    else:
        desk.send("35=5|34=2|")
    desk.said.clear()
    desk.logon("34=1|")
    desk.hears("35=A|34=1|98=0|108=30|141=Y|")


def test_without_those_settings_nothing_resets(on: Desk) -> None:
    on.send("35=5|34=2|")
    on.hears("35=5|34=2|")
    on.logon("34=3|")
    on.hears("35=A|34=3|98=0|108=30|")


def test_a_restart_keeps_both_numbers_and_what_was_said(on: Desk) -> None:
    on.send("35=1|112=|")
    on.report(2)
    on.order("a")
    on.said.clear()
    sent = at(on)
    again = on.restarted()
    again.session.journalled(2, 3)
    again.logon("34=4|")
    again.hears("35=A|34=5|98=0|108=30|")
    again.send("35=2|7=1|16=4|")
    again.hears(
        f"35=4|34=1|43=Y|122={sent}|36=2|123=Y|",
        f"35=3|34=2|43=Y|122={sent}|45=2|371=112|372=1|373=4|58=...|",
        f"35=8|34=3|43=Y|122={sent}|37=0|17=0-0|",
        f"35=8|34=4|43=Y|122={sent}|37=1|17=1-0|",
    )


def test_what_was_not_journalled_is_asked_for_again_after_a_restart(on: Desk) -> None:
    on.order("a")
    on.order("b")
    again = on.restarted()
    again.session.journalled(0, 2)
    again.logon("34=4|")
    again.hears("35=A|34=2|98=0|108=30|", "35=2|34=3|7=3|16=0|")


def test_an_answer_settles_only_what_came_before_it(on: Desk) -> None:
    on.order("a")
    on.send("35=1|112=A|")
    on.order("b")
    again = on.restarted()
    assert again.session.next_in == 4


def test_records_from_before_a_reset_say_nothing_about_the_numbers(on: Desk) -> None:
    for _ in range(5):
        on.order("x")
        on.journal.report()
    on.lost()
    on.logon("141=Y|")
    again = on.restarted()
    for record in range(5):
        again.session.journalled(record, record + 2)
    assert again.session.next_in == 2
    again.session.journalled(5, 2)
    assert again.session.next_in == 3


def test_after_an_unclean_stop_141_repeats_what_may_not_have_arrived_with_97(on: Desk) -> None:
    on.report(2)
    on.lost()
    on.report()
    again = on.restarted()
    again.logon("141=Y|")
    heard = [(tags.get(37), tags.get(97)) for tags in again.tags()]
    assert heard == [(None, None), (b"2", b"Y")]
    again.lost()
    again.report()
    third = again.restarted(clean=True)
    third.logon("141=Y|")
    assert [(tags.get(37), tags.get(97)) for tags in third.tags()] == [(None, None), (b"3", None)]


def test_789_gets_what_was_missed_without_asking() -> None:
    desk = Desk(send_next_expected_msg_seq_num=True)
    desk.logon()
    desk.report(3)
    desk.lost()
    desk.logon("789=3|")
    desk.hears(
        "35=A|34=5|98=0|108=30|789=3|",
        f"35=8|34=3|43=Y|122={at(desk)}|37=1|17=1-0|",
        f"35=8|34=4|43=Y|122={at(desk)}|37=2|17=2-0|",
    )
    desk.lost()
    desk.logon("34=9|789=6|")
    desk.hears("35=A|34=6|98=0|108=30|789=3|")
    desk.lost()
    desk.logon("789=1200|")
    desk.hears("35=5|34=7|58=NextExpectedMsgSeqNum(789) is higher than expected, at most 7: ...|")


def test_369_says_what_was_processed() -> None:
    desk = Desk(enable_last_msg_seq_num_processed=True)
    desk.logon()
    desk.hears("35=A|34=1|369=1|98=0|108=30|")
    desk.send("35=1|112=A|")
    desk.hears("35=0|34=2|369=2|112=A|")


@pytest.mark.parametrize(("digits", "length"), [(3, 21), (6, 24), (9, 27)])
def test_timestamp_precision(digits: int, length: int) -> None:
    desk = Desk(timestamp_precision=digits)
    desk.logon()
    assert len(desk.tags()[0][52]) == length


def test_a_stale_answer_never_reaches_the_next_connection(on: Desk) -> None:
    message = on.decoder.decode(on.frame("35=1|112=OLD|"))
    (heartbeat,) = on.session.receive(message, on.now, on.mono)
    on.lost()
    on.logon()
    on.said.clear()
    assert isinstance(heartbeat, Answer)
    assert on.session.transmit(heartbeat, on.now) == b""
    on.report()
    on.hears("35=8|34=3|37=0|17=0-0|")


def test_nothing_is_heard_or_said_after_the_end(on: Desk) -> None:
    message = on.decoder.decode(on.frame("35=0|49=X|"))
    steps = on.session.receive(message, on.now, on.mono)
    assert on.session.receive(on.decoder.decode(on.frame("35=1|112=A|")), on.now, on.mono) == []
    assert on.session.tick(on.now, on.mono + 999 * SECOND) == []
    on.perform(steps)
    on.report()
    assert [tags[35] for tags in on.tags()] == [b"3", b"5"]


def test_more_than_is_held_behind_a_logon_is_the_end() -> None:
    desk = Desk(held_cap=5)
    desk.authenticates = False
    desk.connect()
    desk.send("35=A|34=1|98=0|108=30|")
    for _ in range(6):
        desk.send("35=0|")
    assert desk.ends == [DisconnectReason.TOO_MANY_HELD]


def test_a_big_batch_is_numbered_in_slices(on: Desk) -> None:
    on.report(MAX_BATCH * 2 + 5)
    assert [int(tags[34]) for tags in on.tags()] == list(range(2, MAX_BATCH * 2 + 7))


def test_numbers_beyond_the_highest_are_refused(on: Desk) -> None:
    on.send(f"35=4|34=0|36={MAX_SEQ_NUM + 1}|")
    assert on.tags()[0][373] == b"5"
    on.send(f"35=0|34={MAX_SEQ_NUM + 1}|")
    assert on.ends == [DisconnectReason.SEQ_MISSING]


def test_the_table_reaches_every_state_and_every_state_can_end() -> None:
    assert {state for state, _ in TRANSITIONS} == set(State)
    assert set(TRANSITIONS.values()) == set(State)
    assert not WORKING & HOLDING
    assert WORKING < LOGGED_ON


@pytest.mark.parametrize(
    "wrong",
    [
        {"comp_id": b""},
        {"comp_id": b"A\x01B"},
        {"comp_id": b"A", "timestamp_precision": 4},
        {"comp_id": b"A", "min_heartbeat_seconds": 0},
        {"comp_id": b"A", "test_request_percent": 300},
    ],
)
def test_settings_that_contradict_fix_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        SessionSettings(**wrong)
    assert Session.__doc__


def test_a_clean_stop_does_not_settle_what_an_unclean_one_left_in_doubt(on: Desk) -> None:
    on.lost()
    on.report()
    on.logon()
    on.report()
    second = on.restarted()
    third = second.restarted(clean=True)
    third.logon("141=Y|")
    heard = [(tags.get(37), tags.get(97)) for tags in third.tags()]
    assert heard == [(None, None), (b"0", b"Y"), (b"1", b"Y")]


def test_a_report_after_the_connection_broke_has_not_been_sent_and_follows_a_reset(
    on: Desk,
) -> None:
    """The shell knows that nothing leaves any more before the session has heard of it."""
    on.report()
    on.session.unheard()
    on.report()
    on.lost()
    on.said.clear()
    on.logon("34=1|141=Y|")
    assert [tags[35] for tags in on.tags()] == [b"A", b"8"]
