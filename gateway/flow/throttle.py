"""How many messages a session may send: token buckets on integers and a monotonic clock.

Three measures, of which each guards something else. Orders and replaces have a bucket; an empty
one refuses them, and the member goes on. Cancels and TestRequests have a bucket of their own, so
that a member whose orders are refused can still get out of the market and still learn that the
venue is there: they are the last to be refused. Everything that arrives, whatever it is, counts
toward the flood limit, which ends the connection.

A TestRequest is never refused: FIX knows no answer to it but the Heartbeat. It takes its token
even from an empty bucket, and the reader then pauses until the debt is paid (`pause`), so that the
answers leave late and in order, and TCP holds the rest back in the peer's own buffers.
"""

from typing import Final

from engine.model.clock import NANOS_PER_SECOND

FLOOD_WINDOW_NS: Final = NANOS_PER_SECOND
"""Messages are counted toward the flood limit in windows of this length, ns."""

CANCELS: Final = frozenset({b"F", b"q"})
"""Message types with the bucket that is the last to refuse."""


class TokenBucket:
    """`rate` tokens a second come in, at most `burst` are kept. A rate of 0: never empty.

    Tokens are counted in the time it takes to earn them, so that all is integers: a token costs
    `cost` ns, and the bucket is the moment since when it has been filling.
    """

    __slots__ = ("_cost", "_full", "_since", "burst", "rate")

    def __init__(self, rate: int, burst: int) -> None:
        assert rate >= 0
        assert burst >= 1 or not rate
        self.rate = rate
        self.burst = burst
        self._cost = NANOS_PER_SECOND // rate if rate else 0
        self._full = self._cost * burst
        self._since = -self._full  # full, whatever the clock says first

    def take(self, mono: int) -> bool:
        """Take a token if there is one. mono: monotonic ns."""
        since = max(self._since, mono - self._full) + self._cost
        if since > mono:
            return False
        self._since = since
        return True

    def owe(self, mono: int) -> None:
        """Take a token, whether there is one or not: `wait` tells of the debt."""
        self._since = max(self._since, mono - self._full) + self._cost

    def wait(self, mono: int) -> int:
        """Time until no token is owed, ns; 0 if none is."""
        return max(0, self._since - mono)

    def next_token(self, mono: int) -> int:
        """Time until `take` succeeds, ns; 0 if it would now."""
        return max(0, self._since + self._cost - mono)


class Throttle:
    """The limits of one session's connection; rates in messages a second, 0 for none.

    orders, cancels: the buckets.
    """

    __slots__ = ("_count", "_flood", "_window", "cancels", "orders")

    def __init__(
        self,
        *,
        messages_per_second: int,
        message_burst: int,
        cancels_per_second: int,
        cancel_burst: int,
        flood_multiple: int,
    ) -> None:
        self.orders = TokenBucket(messages_per_second, message_burst)
        self.cancels = TokenBucket(cancels_per_second, cancel_burst)
        self._flood = messages_per_second * flood_multiple
        self._window = 0
        self._count = 0

    def refusal(self, msg_type: bytes, mono: int) -> str:
        """Why an application message is refused now, for its Text(58); empty if it is not."""
        bucket = self.cancels if msg_type in CANCELS else self.orders
        if bucket.take(mono):
            return ""
        millis = -(-bucket.next_token(mono) // 1_000_000)
        return (
            f"rate limit: {bucket.rate} messages/s, burst {bucket.burst}; "
            f"nothing was done: send again in {millis} ms"
        )

    def test_request(self, mono: int) -> None:
        """A TestRequest was answered."""
        self.cancels.owe(mono)

    def pause(self, mono: int) -> int:
        """How long to read nothing, ns: TestRequests were answered before their time."""
        return self.cancels.wait(mono)

    def floods(self, messages: int, mono: int) -> bool:
        """Whether that many more messages, just read, are a flood."""
        if mono - self._window >= FLOOD_WINDOW_NS:
            self._window = mono
            self._count = 0
        self._count += messages
        return 0 < self._flood < self._count

    def flood_text(self) -> str:
        """What a member is told who sent too much."""
        return (
            f"more than {self._flood} messages in a second, whatever their type: log on again "
            f"and stay below {self.orders.rate} a second"
        )
