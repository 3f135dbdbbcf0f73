"""How many requests each peer may make: a token bucket for each, and so many peers."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from gateway.flow.throttle import TokenBucket

MAX_PEERS: Final = 4_096
"""Peers that are remembered, entries of some 300 bytes; the one that was here longest ago gives
way, and is a new one when it comes again."""


class PeerRate:
    """rate: requests a second of one peer; burst: at once. monotonic gives ns."""

    def __init__(self, rate: int, burst: int, monotonic: Callable[[], int]) -> None:
        self._rate = rate
        self._burst = burst
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, peer: str) -> bool:
        """Whether a peer's request is to be answered now."""
        bucket = self._buckets.get(peer)
        if bucket is None:
            bucket = self._buckets[peer] = TokenBucket(self._rate, self._burst)
        self._buckets.move_to_end(peer)
        if len(self._buckets) > MAX_PEERS:
            self._buckets.popitem(last=False)
        return bucket.take(self._monotonic())
