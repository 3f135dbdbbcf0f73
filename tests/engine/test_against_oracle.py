"""The venue against the oracle: equal events, balances, books and ClOrdIDs after each command."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.engine.compare import Pair
from tests.engine.streams import RANDOM_BALANCES, RandomTrader

LOOKED_FOR = {
    "Blocked",
    "CancelRejected",
    "CommandRefused",
    "DayEnded",
    "DepositReversed",
    "Deposited",
    "HoldLiftAsked",
    "HoldSet",
    "MassCancelReported",
    "OrderAccepted",
    "OrderCanceled",
    "OrderExpired",
    "OrderFilled",
    "OrderRefused",
    "OrderRejected",
    "OrderReplaced",
    "OrderStatusReported",
    "Unblocked",
    "WithdrawalHeld",
    "WithdrawalReleased",
    "WithdrawalSettled",
}
SELDOM = {
    "CommandRefused",
    "DepositReversed",
    "Deposited",
    "OrderStatusReported",
    "WithdrawalHeld",
    "WithdrawalReleased",
    "WithdrawalSettled",
}


def trade_along(seed: int, count: int, *, mass_slice: int, cap: int, every: int = 1) -> set[str]:
    """Random commands into both; returns the kinds of events that came."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        pair = Pair(monkeypatch, mass_slice=mass_slice, balances=RANDOM_BALANCES, cap=cap)
        trader = RandomTrader(seed, chain=True, holds=True)
        for k in range(count):
            pair.time += trader.wait()
            pair.apply_due(slices=trader.random.randint(0, 2))
            pair.apply(trader.command(), full=k % every == 0)
        pair.apply_due()
        pair.compare()
        return pair.kinds


@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(20, 150),
    mass_slice=st.sampled_from((1, 2, 500)),
    cap=st.sampled_from((25, 1_000)),
)
def test_any_stream_of_commands_gives_what_the_oracle_gives(seed, count, mass_slice, cap) -> None:
    assert trade_along(seed, count, mass_slice=mass_slice, cap=cap)


@pytest.mark.parametrize("seed", range(4))
def test_a_long_stream_gives_what_the_oracle_gives_and_misses_no_kind_of_event(seed: int) -> None:
    kinds = trade_along(seed, 1_800, mass_slice=2, cap=400, every=3)
    assert kinds >= LOOKED_FOR - SELDOM


@pytest.mark.proof
@pytest.mark.parametrize("group", range(4))
@settings(
    max_examples=500, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(20, 300),
    mass_slice=st.sampled_from((1, 2, 500)),
    cap=st.sampled_from((25, 1_000)),
)
def test_many_streams_give_what_the_oracle_gives(group, seed, count, mass_slice, cap) -> None:
    assert trade_along(seed + (group << 33), count, mass_slice=mass_slice, cap=cap)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1_000, 1_100))
def test_200_000_commands_give_what_the_oracle_gives(seed: int) -> None:
    kinds = trade_along(seed, 2_000, mass_slice=2, cap=500, every=20)
    assert "OrderFilled" in kinds
