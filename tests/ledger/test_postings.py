"""The ledger beside the engine: after every command both have the same of everybody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.ledger.ledger import Ledger, check_chain
from custody.ledger.postings import JournalPostings
from engine.core.venue import Venue
from engine.model.commands import DefineAsset, Deposit
from engine.replay import Whole
from tests.engine.streams import (
    ACME_ACCOUNT,
    BOREAS_ACCOUNT,
    RANDOM_BALANCES,
    START,
    USD,
    RandomTrader,
    bootstrap_commands,
    due,
)


class Beside:
    """A venue, and a ledger that reads what it did."""

    def __init__(self, decimals=None):
        self.venue = Venue()
        self.ledger = Ledger()
        self.postings = JournalPostings(self.ledger, decimals)
        self.wholes = []
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            self.apply(command, START)

    def apply(self, command, time):
        number = len(self.wholes)
        events = self.venue.apply(command, number, time)
        self.wholes.append(Whole(number, number, time, command, tuple(events)))
        self.postings.take(self.wholes[-1])
        self.compare()

    def compare(self):
        """Everybody has in the ledger what the engine has, and nobody else has anything."""
        owed = dict.fromkeys(self.venue.state.totals, 0)
        for account in self.venue.state.accounts.values():
            for asset, balance in account.balances.items():
                have = balance.available + balance.held
                assert self.postings.balance(account.id, asset) == have
                owed[asset] += have
        assert owed == self.venue.state.totals
        self.ledger.check()

    def trade(self, seed, count):
        trader = RandomTrader(seed)
        time = START
        for _ in range(count):
            time += trader.wait()
            venue = self.venue
            while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
                self.apply(command, time)
            self.apply(trader.command(), time)
        return self


@settings(max_examples=40, derandomize=True)
@given(seed=st.integers(0, 2**32), count=st.integers(10, 120))
def test_at_every_command_the_balances_are_the_engines(seed, count):
    Beside().trade(seed, count)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stream_trades_and_is_chained(seed):
    beside = Beside(decimals={"ETH": 18}).trade(seed, 600)
    codes = {t.code for entry in beside.ledger.history.posted for t in entry.batch.transfers}
    assert codes == {"opening", "trade", "maker-fee", "taker-fee"}
    assert check_chain(beside.ledger.history.posted) == beside.ledger.digest


def test_the_same_journal_gives_the_same_ledger():
    beside = Beside().trade(5, 200)
    ledger = Ledger()
    again = JournalPostings(ledger)
    for whole in beside.wholes:
        again.take(whole)
    assert ledger.digest == beside.ledger.digest
    assert repr(ledger.accounts) == repr(beside.ledger.accounts)


def test_a_reader_that_comes_back_posts_nothing_twice():
    """Its cursor is lost, the ledger is not: every record is read again."""
    beside = Beside().trade(6, 200)
    before = beside.ledger.digest
    again = JournalPostings(beside.ledger)
    for whole in beside.wholes:
        again.take(whole)
    assert beside.ledger.digest == before
    beside.compare()


def test_commands_come_in_order():
    beside = Beside()
    last = beside.wholes[-1]
    with pytest.raises(AssertionError):
        beside.postings.take(last)
    with pytest.raises(AssertionError):
        beside.postings.take(Whole(last.first + 2, last.first + 2, START, last.command, ()))


def test_what_the_engine_refuses_means_nothing_to_the_ledger():
    beside = Beside()
    before = beside.ledger.digest
    beside.apply(DefineAsset(USD, "USD", 2), START)
    beside.apply(Deposit(ACME_ACCOUNT, USD, 5, "opening-1-3"), START)
    assert beside.ledger.digest == before
    assert beside.postings.refdata.assets[USD].scale == 8


def test_the_ledger_may_count_in_smaller_units_than_the_venue():
    beside = Beside(decimals={"ETH": 18, "USD": 8}).trade(7, 100)
    assert beside.ledger.accounts["ETH/client/2"].balance % 10**10 == 0
    assert beside.ledger.accounts["ETH/client/2"].balance > 10**18
    assert beside.postings.balance(BOREAS_ACCOUNT, USD) > 0
