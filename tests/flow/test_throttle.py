"""Token buckets against a naive count of the past, and what they mean for a session."""

from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model.clock import NANOS_PER_SECOND
from gateway.flow.throttle import Throttle, TokenBucket

SECOND = NANOS_PER_SECOND
DEFAULTS = {
    "messages_per_second": 100,
    "message_burst": 200,
    "cancels_per_second": 200,
    "cancel_burst": 400,
    "flood_multiple": 5,
}


class NaiveBucket:
    """Tokens as an exact number, brought up to date at each question."""

    def __init__(self, rate, burst):
        self.cost, self.burst = SECOND // rate, burst
        self.tokens, self.at = Fraction(burst), 0

    def _fill(self, mono):
        self.tokens = min(Fraction(self.burst), self.tokens + Fraction(mono - self.at, self.cost))
        self.at = mono

    def take(self, mono):
        self._fill(mono)
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True

    def owe(self, mono):
        self._fill(mono)
        self.tokens -= 1

    def wait(self, mono):
        self._fill(mono)
        return max(0, int(-self.tokens * self.cost))


RATES = st.sampled_from([1, 2, 3, 7, 100, 999, 1_000_000])
STEPS = st.lists(
    st.tuples(st.sampled_from(["take", "owe", "wait"]), st.integers(0, 3 * SECOND)), max_size=60
)


@given(RATES, st.integers(1, 20), STEPS, st.integers(0, 10**15))
@settings(max_examples=300, deadline=None)
def test_a_bucket_gives_what_counting_by_hand_gives(rate, burst, steps, start):
    bucket, naive = TokenBucket(rate, burst), NaiveBucket(rate, burst)
    mono = naive.at = start
    for what, gap in steps:
        mono += gap // rate
        assert getattr(bucket, what)(mono) == getattr(naive, what)(mono)


@given(RATES, st.integers(1, 20), st.lists(st.integers(0, SECOND), min_size=1, max_size=200))
@settings(max_examples=100, deadline=None)
def test_no_stretch_of_time_sees_more_than_the_burst_and_what_came_in(rate, burst, gaps):
    bucket, mono, taken = TokenBucket(rate, burst), 0, []
    for gap in gaps:
        mono += gap // rate
        if bucket.take(mono):
            taken.append(mono)
    for k, began in enumerate(taken):
        within = mono - began
        assert len(taken) - k <= burst + within // bucket._cost + 1


def test_the_burst_is_there_at_once_and_the_rate_after_it():
    bucket = TokenBucket(100, 200)
    assert [bucket.take(5 * SECOND) for _ in range(201)] == [True] * 200 + [False]
    assert bucket.next_token(5 * SECOND) == SECOND // 100
    assert not bucket.take(5 * SECOND + SECOND // 100 - 1)
    assert bucket.take(5 * SECOND + SECOND // 100)
    assert bucket.next_token(500 * SECOND) == 0


def test_a_rate_of_zero_is_no_limit():
    bucket = TokenBucket(0, 0)
    assert all(bucket.take(7) for _ in range(10_000))
    bucket.owe(7)
    assert (bucket.wait(7), bucket.next_token(7)) == (0, 0)


def test_cancels_go_on_when_orders_are_refused():
    throttle = Throttle(**DEFAULTS)
    assert [throttle.refusal(b"D", SECOND) for _ in range(200)] == [""] * 200
    assert throttle.refusal(b"G", SECOND) == (
        "rate limit: 100 messages/s, burst 200; nothing was done: send again in 10 ms"
    )
    assert [throttle.refusal(kind, SECOND) for kind in [b"F", b"q"] * 200] == [""] * 400
    assert "rate limit: 200 messages/s, burst 400" in throttle.refusal(b"F", SECOND)
    assert throttle.refusal(b"D", SECOND + SECOND // 100) == ""


def test_test_requests_take_from_the_bucket_of_cancels_and_make_the_reader_pause():
    throttle = Throttle(**DEFAULTS)
    for _ in range(400):
        throttle.test_request(SECOND)
    assert throttle.pause(SECOND) == 0
    assert throttle.refusal(b"F", SECOND)
    for _ in range(3):
        throttle.test_request(SECOND)
    assert throttle.pause(SECOND) == 3 * SECOND // 200
    assert throttle.pause(SECOND + 3 * SECOND // 200) == 0
    assert throttle.refusal(b"D", SECOND) == "", "orders have a bucket of their own"


def test_a_flood_is_counted_a_second_at_a_time_whatever_it_consists_of():
    throttle = Throttle(**DEFAULTS)
    assert not throttle.floods(500, 10 * SECOND)
    assert throttle.floods(1, 11 * SECOND - 1)
    assert not throttle.floods(500, 11 * SECOND)
    assert throttle.floods(1, 11 * SECOND + 1)
    assert "more than 500 messages in a second" in throttle.flood_text()


def test_without_a_message_rate_nothing_is_a_flood():
    throttle = Throttle(**{**DEFAULTS, "messages_per_second": 0})
    assert not throttle.floods(10**9, SECOND)
