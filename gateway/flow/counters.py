"""What a process counts for its metrics: plain integers, added to where things happen anyway."""

from bisect import bisect_left
from typing import Final

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import Refusal

SYNC_BOUNDS_NS: Final = (
    100_000, 250_000, 500_000, 1_000_000, 2_500_000, 5_000_000,
    10_000_000, 25_000_000, 100_000_000, 1_000_000_000,
)  # fmt: skip
"""Upper bounds of the buckets of a sync's time, ns: from a good disk to one that fails."""


class Durations:
    """How long something took: the sum in ns, and how many times fell into each bucket.

    buckets has one more entry than SYNC_BOUNDS_NS: those beyond the last bound.
    """

    __slots__ = ("buckets", "total_ns")

    def __init__(self) -> None:
        self.total_ns = 0
        self.buckets = [0] * (len(SYNC_BOUNDS_NS) + 1)

    def add(self, ns: int) -> None:
        """It took that long."""
        self.total_ns += ns
        self.buckets[bisect_left(SYNC_BOUNDS_NS, ns)] += 1


class Counters:
    """Everything that the connections of one process add up, since its start.

    refused: connections closed at once, by Refusal. disconnects: connections ended, by
    DisconnectReason. messages_in: well-formed messages read. messages_out: those numbered and
    sent, repetitions of a resend apart. bytes_out: of connections that have ended.
    """

    __slots__ = (
        "bytes_in",
        "bytes_out",
        "disconnects",
        "logons",
        "messages_in",
        "messages_out",
        "refused",
        "slow_consumers",
        "throttled",
    )

    def __init__(self) -> None:
        self.bytes_in = 0
        self.bytes_out = 0
        self.messages_in = 0
        self.messages_out = 0
        self.logons = 0
        self.throttled = 0
        self.slow_consumers = 0
        self.refused = {str(cause): 0 for cause in Refusal}
        self.disconnects = {str(reason): 0 for reason in DisconnectReason}
