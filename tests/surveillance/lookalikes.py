"""Innocent look-alikes: people who mean what they do, and look like those who do not.

Each function plays one on a floor; no member of it is guilty. `LOOKALIKES` names them by the alert
that they are most likely to raise by mistake; any alert about them counts as false. They are in
orders_that_look_bad.py and prices_that_look_bad.py; whoever imports scoring.py has them all.
"""

from engine.model.enums import BUY, SELL

LOOKALIKES = {}


def innocent(*kinds):
    def register(function):
        for kind in kinds:
            LOOKALIKES.setdefault(kind, []).append(function)
        return function

    return register


def either(floor):
    return floor.random.choice((BUY, SELL))
