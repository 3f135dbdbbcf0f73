"""Folding a journal's rows in several ways."""

from compliance.monitoring.profiles import Profiles
from compliance.monitoring.watch import MoneyWatch
from compliance.surveillance.alerts import write_alerts
from compliance.surveillance.links import Links
from tests.monitoring.schemes import SCHEMES
from tests.monitoring.scoring import profiles_of
from tests.monitoring.till import MONEY_RULES, Till


def journal_of(kind, seed):
    """The rows of a scheme's journal."""
    till = Till(seed, profiles=profiles_of(kind))
    SCHEMES[kind](till)
    return till.journal


def fold(rows, profiles=Profiles(), cuts=(), rules=MONEY_RULES):  # noqa: B008 - frozen
    """The alerts' bytes of a journal, with the state written down and read back at each cut."""
    watch, alerts = MoneyWatch(rules, Links(), profiles), []
    for k, (number, time, command, events) in enumerate(rows):
        if k in cuts:
            state = watch.save()
            watch = MoneyWatch(rules, Links(), profiles)
            watch.load(state)
            assert watch.save() == state
        alerts += watch.take(number, number, time, command, events)
    return write_alerts(alerts)
