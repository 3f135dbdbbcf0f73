"""What can be configured about one FIX session, beside what QuickFIX calls it."""

from typing import Final

from msgspec import Struct

from engine.model.clock import NANOS_PER_SECOND

MAX_HEARTBEAT_SECONDS: Final = 120
"""Longest HeartBtInt(108): a dead peer is noticed within five minutes."""

PRECISIONS: Final = (3, 6, 9)
"""Digits of a second in the timestamps that the venue writes."""


class SessionSettings(Struct, frozen=True, kw_only=True):
    """One session, seen from the venue, which is always the acceptor. Times are in ns.

    Raises ValueError where a value contradicts another or FIX; the text says what to change.
    """

    venue_comp_id: bytes = b"FIXGATE"  # SenderCompID
    comp_id: bytes  # TargetCompID
    begin_string: bytes = b"FIX.4.4"  # BeginString

    min_heartbeat_seconds: int = 1  # HeartBtInt: the acceptor takes the member's value
    max_heartbeat_seconds: int = MAX_HEARTBEAT_SECONDS
    test_request_percent: int = 120  # TestRequestDelayMultiplier: of HeartBtInt, of silence
    drop_percent: int = 240  # HeartBeatTimeoutMultiplier: of HeartBtInt, of silence

    check_latency: bool = True  # CheckLatency
    max_latency: int = 120 * NANOS_PER_SECOND  # MaxLatency
    timestamp_precision: int = 3  # TimestampPrecision

    logon_timeout: int = 5 * NANOS_PER_SECOND  # LogonTimeout
    authentication_timeout: int = 30 * NANOS_PER_SECOND  # passwords are verified one at a time
    logout_timeout: int = 2 * NANOS_PER_SECOND  # LogoutTimeout

    reset_on_logon: bool = False  # ResetOnLogon
    reset_on_logout: bool = False  # ResetOnLogout
    reset_on_disconnect: bool = False  # ResetOnDisconnect
    send_next_expected_msg_seq_num: bool = False  # SendNextExpectedMsgSeqNum, 789
    enable_last_msg_seq_num_processed: bool = False  # EnableLastMsgSeqNumProcessed, 369

    identical_resend_limit: int = 3
    """The how many-th identical ResendRequest in a row, each answered in full and nothing new
    sent meanwhile, is a loop and ends in Logout."""
    out_of_order_cap: int = 2_000
    """Messages kept behind a gap; see gateway.fix.out_of_order."""
    held_cap: int = 1_000
    """Messages kept while a Logon is authenticated: several reads of a peer that pipelines."""

    def __post_init__(self) -> None:
        if not self.comp_id or not self.venue_comp_id:
            raise ValueError("a session needs both CompIDs")
        if b"\x01" in self.comp_id + self.venue_comp_id + self.begin_string:
            raise ValueError("SOH cannot be part of a CompID or BeginString")
        if self.timestamp_precision not in PRECISIONS:
            raise ValueError(f"timestamp_precision is one of {PRECISIONS}")
        if not 1 <= self.min_heartbeat_seconds <= self.max_heartbeat_seconds:
            raise ValueError("heartbeat limits: 1 <= min_heartbeat_seconds <= max")
        if not 100 < self.test_request_percent < self.drop_percent:
            raise ValueError("100 < test_request_percent < drop_percent must hold")
