"""When a session must act by itself. All times are monotonic nanoseconds.

FIX 4.4 volume 2, "Heartbeat" and "Test Request": a Heartbeat after HeartBtInt of own silence; a
TestRequest after HeartBtInt and "some reasonable transmission time" of the peer's silence, here
1.2 x; the end after another such time, here 2.4 x in all. The wall clock is never asked: it jumps.
"""

from typing import Final

from engine.model.clock import NANOS_PER_SECOND

NEVER: Final = 2**63 - 1
"""A deadline that does not come."""


class Timers:
    """What was last heard and said. receive and tick move `mono`; it never goes back."""

    __slots__ = (
        "drop_after",
        "gap_asked",
        "heard",
        "interval",
        "limit",
        "mono",
        "said",
        "test_after",
        "tested",
    )

    def __init__(self) -> None:
        self.mono = 0
        self.heard = 0
        self.said = 0
        self.tested = False  # a TestRequest is out since the peer was last heard
        self.interval = 0  # HeartBtInt in ns; 0 until a Logon set it
        self.test_after = 0
        self.drop_after = 0
        self.limit = NEVER  # end of the present state: logon or logout timeout
        self.gap_asked = NEVER  # when the open gap was asked for, or last shrank

    def start(self, mono: int, limit: int) -> None:
        """A connection begins; the Logon must be there by `limit`."""
        self.mono = self.heard = self.said = mono
        self.tested = False
        self.interval = 0
        self.limit = limit
        self.gap_asked = NEVER

    def beat(self, seconds: int, test_percent: int, drop_percent: int) -> None:
        """HeartBtInt(108) is agreed."""
        self.interval = seconds * NANOS_PER_SECOND
        self.test_after = self.interval * test_percent // 100
        self.drop_after = self.interval * drop_percent // 100
        self.heard = self.mono
        self.said = self.mono
        self.limit = NEVER

    def next_deadline(self) -> int:
        """The earliest moment at which tick has something to do."""
        deadline = self.limit
        if self.interval:
            silence = self.drop_after if self.tested else self.test_after
            deadline = min(deadline, self.said + self.interval, self.heard + silence)
            if self.gap_asked != NEVER:
                deadline = min(deadline, self.gap_asked + self.interval)
        return deadline
