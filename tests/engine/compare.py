"""The venue and the oracle side by side."""

from itertools import groupby

import msgspec

from engine.core import mass
from engine.core.venue import Venue
from engine.model.enums import BUY, SELL
from tests.engine.oracle import TEXT, Oracle
from tests.engine.streams import START, bootstrap_commands, due


def blanked(event):
    """An event whose text, if there is one, is just some text."""
    if getattr(event, "text", ""):
        return msgspec.structs.replace(event, text=TEXT)
    return event


def depth(resting):
    """Levels of orders that are sorted best first: (price, lots, number of orders)."""
    levels = []
    for price, orders in groupby(resting, key=lambda o: o.price):
        leaves = [o.leaves for o in orders]
        levels.append((price, sum(leaves), len(leaves)))
    return levels


class Pair:
    """Applies each command to both and compares events and state."""

    def __init__(self, monkeypatch, *, mass_slice, **options):
        monkeypatch.setattr(mass, "MASS_SLICE", mass_slice)
        self.venue = Venue()
        self.oracle = Oracle(mass_slice)
        self.number = 0
        self.time = START
        self.kinds = set()
        for command in bootstrap_commands(**options):
            self.apply(command)

    def apply(self, command, *, full=True):
        """One command at the current time; returns the venue's events."""
        events = self.venue.apply(command, self.number, self.time)
        expected = self.oracle.apply(command, self.number, self.time)
        self.number += 1
        got = [blanked(event) for event in events]
        assert got == expected, f"{command}\n  venue:  {got}\n  oracle: {expected}"
        self.kinds.update(type(event).__name__ for event in events)
        if full:
            self.compare()
        return events

    def apply_due(self, *, slices=1_000_000):
        """What the sequencer owes: an ended day, and up to `slices` slices."""
        while (command := due(self.venue.mass_pending, self.venue.day_end, self.time)) is not None:
            if type(command).__name__ == "ContinueMass":
                if slices <= 0:
                    return
                slices -= 1
            self.apply(command)

    def compare(self):
        """Balances, books, open orders and known ClOrdIDs are the same, and all invariants hold."""
        self.venue.check()
        state, oracle = self.venue.state, self.oracle
        for account in state.accounts.values():
            for asset, balance in account.balances.items():
                assert balance.available == oracle.available(account.id, asset)
                assert balance.held == oracle.held(account.id, asset)
        for market in state.markets.values():
            for side in (BUY, SELL):
                levels = market.book.side(side).levels.values()
                ids = [order_id for level in levels for order_id in level.orders]
                resting = oracle.book(market.id, side)
                assert ids == [o.id for o in resting]
                assert market.book.side(side).depth() == depth(resting)
        assert self.venue.open_orders() == len(oracle.open_ids())
        known = [(session, name) for session, name, _, _ in oracle.names]
        assert [(aged.session, aged.cl_ord_id) for aged in state.name_ages] == known
