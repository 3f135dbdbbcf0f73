"""Schemes and honest customers, played for tests.surveillance.scoring, which says what counts.

What honest customers do beside schemes of the town counts as well: an alert that names one of them
is false.
"""

from compliance.monitoring.profiles import Profiles
from tests.monitoring.honest import HONEST
from tests.monitoring.schemes import PROFILES, SCHEMES
from tests.monitoring.till import Till
from tests.surveillance.scoring import INNOCENT, Stage

KINDS = tuple(SCHEMES)

HELD_OUT = 60_000
"""First seed of those that nobody looked at before the rules were final. Those from 50,000 on were
to be that, and led to two other values."""

TRUE_OF = {"tries_the_pipes": {"pass_through"}}
"""What an honest customer does do: a person has to ask."""


def profiles_of(kind):
    return PROFILES.get(kind, Profiles())


def play_scheme(kind, seed):
    """(kinds raised about a guilty member, kinds raised about an innocent one)."""
    till = Till(seed, profiles=profiles_of(kind))
    guilty = SCHEMES[kind](till)
    found = {alert.kind for alert in till.alerts if guilty.intersection(alert.members)}
    false = {alert.kind for alert in till.alerts if not guilty.issuperset(alert.members)}
    return found, false


def play_honest(kind, seed):
    """(the customer's name, kinds raised, all of them falsely)."""
    functions = HONEST[kind]
    function = functions[seed % len(functions)]
    till = Till(INNOCENT + seed, profiles=profiles_of(kind))
    function(till)
    raised = {alert.kind for alert in till.alerts}
    return function.__name__, raised - TRUE_OF.get(function.__name__, set())


MONEY = Stage(KINDS, play_scheme, play_honest)
