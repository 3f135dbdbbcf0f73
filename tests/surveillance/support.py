"""Folding a journal's rows in several ways."""

from compliance.surveillance.alerts import write_alerts
from compliance.surveillance.watch import Watch
from tests.surveillance.attacks import ATTACKS
from tests.surveillance.floor import RULES, Floor
from tests.surveillance.scoring import links_of


def journal_of(kind, seed):
    """The rows of an attack's journal, and its alerts."""
    floor = Floor(seed, links_of(kind))
    ATTACKS[kind](floor)
    return floor.journal, floor.alerts


def fold(rows, links, cuts=(), rules=RULES):
    """The alerts' bytes of a journal, with the state written down and read back at each cut."""
    watch, alerts = Watch(rules, links), []
    for k, (number, time, command, events) in enumerate(rows):
        if k in cuts:
            state = watch.save()
            watch = Watch(rules, links)
            watch.load(state)
            assert watch.save() == state
        alerts += watch.take(number, number, time, command, events)
    return write_alerts(alerts)
