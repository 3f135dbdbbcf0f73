"""The full check of a venue's state finds what does not hold, however few names it looks at at a
time."""

import pytest

from engine.core import invariants
from engine.core.state import NameAge
from tests.engine.streams import RANDOM_BALANCES, bootstrap, random_commands, run


def venue():
    """After random trading."""
    made, _ = bootstrap(balances=RANDOM_BALANCES)
    run(random_commands(3, 300), made)
    assert len(made.state.name_ages) > 50
    return made


def session_of(state):
    return max(state.sessions.values(), key=lambda session: len(session.names))


def count_of_names(state):
    next(iter(session_of(state).names.values())).names += 1


def name_without_age(state):
    state.name_ages.pop()


def age_twice(state):
    state.name_ages.pop()
    state.name_ages.append(state.name_ages[-1])


def age_of_nothing(state):
    last = state.name_ages.pop()
    state.name_ages.append(NameAge(last.time, last.session, b"nobody's"))


def ages_out_of_order(state):
    ages = state.name_ages
    ages[0], ages[-1] = ages[-1], ages[0]


def order_without_name(state):
    order = next(order for order in state.orders.values() if order.names == 1)
    names = state.sessions[order.session].names
    name = next(name for name, known in names.items() if known is order)
    names[name] = next(known for known in names.values() if known is not order)


def order_of_another_session(state):
    next(iter(session_of(state).names.values())).session += 1


BREAKS = (
    count_of_names, name_without_age, age_twice, age_of_nothing, ages_out_of_order,
    order_without_name, order_of_another_session,
)  # fmt: skip


@pytest.mark.parametrize("at_a_time", [1, 7, 65_536])
@pytest.mark.parametrize("spoil", BREAKS)
def test_what_does_not_hold_of_names(spoil, at_a_time, monkeypatch):
    monkeypatch.setattr(invariants, "NAMES_AT_A_TIME", at_a_time)
    made = venue()
    made.check()
    spoil(made.state)
    with pytest.raises(AssertionError):
        made.check()
