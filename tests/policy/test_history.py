"""Which policy is in force, beside a reading of all changes that is plain."""

from hypothesis import given
from hypothesis import strategies as st

from custody.policy.history import PolicyHistory
from custody.policy.policy import Policy, digest_of
from engine.model.clock import NANOS_PER_SECOND

POLICIES = [Policy(delay_s=delay) for delay in (0, 1, 3, 7)]


def plainly(changes, now):
    """changes: (time, due, policy) in the order of time. The last one that has come due by now, of
    those that came due before another was written down."""
    kept = [
        (due, policy)
        for k, (_, due, policy) in enumerate(changes)
        if k + 1 == len(changes) or due <= changes[k + 1][0]
    ]
    return [policy for due, policy in kept if due <= now][-1]


steps = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(POLICIES)), max_size=12)


@given(first=st.sampled_from(POLICIES), changes=steps, looks=st.lists(st.integers(0, 120)))
def test_at_any_time_it_is_the_last_that_came_due(first, changes, looks):
    history = PolicyHistory(first)
    now, written = 0, [(0, 0, first)]
    for seconds, policy in changes:
        now += seconds * NANOS_PER_SECOND
        current = plainly(written, now)
        assert history.at(now) == current
        takes_back = digest_of(policy) == digest_of(current)
        due = now if takes_back else now + current.delay_s * NANOS_PER_SECOND
        assert history.change(policy, now) == due
        written.append((now, due, policy))
    for look in sorted(looks):
        at = now + look * NANOS_PER_SECOND
        assert history.at(at) == plainly(written, at)
        pending = history.pending(at)
        if pending is not None:
            assert pending.due > at
            assert history.at(pending.due) == pending.policy
