"""Why a Logon is refused before its password is looked at; the cheap checks come first."""

from typing import Final

from gateway.fix.header import late_text
from gateway.fix.index import MAX_SEQ_NUM
from gateway.fix.message import Message
from gateway.fix.settings import SessionSettings

_MAX_DIGITS: Final = 9
"""Digits of a HeartBtInt that are looked at; more are out of any limits."""


def logon_problem(
    message: Message,
    settings: SessionSettings,
    *,
    resets: bool,
    on_time: bool,
    next_out: int,
) -> str:
    """What is wrong with a Logon whose CompIDs and BeginString are right; empty if nothing.

    resets: it sets the numbers to 1. on_time: its SendingTime is near ours. next_out: the
    number of the venue's next message. Whether MsgSeqNum is the one that is due is left open: it
    is told only to who proved to be the member.
    """
    if message.error is not None:
        return message.error.text
    seq = message.seq
    if not 1 <= seq <= MAX_SEQ_NUM:
        return "MsgSeqNum(34) of a Logon must be a number from 1 on"
    if not on_time:
        return late_text(settings)
    if message.get(98) != b"0":
        return "EncryptMethod(98) must be 0"
    interval = message.get(108, b"")
    low, high = settings.min_heartbeat_seconds, settings.max_heartbeat_seconds
    plain = interval.isdigit() and len(interval) <= _MAX_DIGITS
    if not plain or not low <= int(interval) <= high:
        return f"HeartBtInt(108) must be from {low} to {high} seconds"
    if resets:
        return "" if seq == 1 else "A Logon that resets the numbers must have MsgSeqNum(34) 1"
    if settings.send_next_expected_msg_seq_num:
        expected = message.get(789, b"1")
        if not expected.isdigit() or not 1 <= int(expected) <= next_out:
            return (
                f"NextExpectedMsgSeqNum(789) is higher than expected, at most {next_out}: "
                "check your numbers, or log on with ResetSeqNumFlag(141)=Y"
            )
    return ""
