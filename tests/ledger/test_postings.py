"""The ledger beside the engine: after every command both have the same of everybody."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.ledger import chart
from custody.ledger.ledger import Ledger, check_chain
from custody.ledger.postings import JournalPostings
from custody.ledger.transfers import Batch, BatchRefused, Transfer
from engine.core.venue import Venue
from engine.model.commands import (
    DefineAsset,
    Deposit,
    HoldWithdrawal,
    ReleaseWithdrawal,
    ReverseDeposit,
    SettleWithdrawal,
)
from engine.model.events import Deposited, WithdrawalSettled
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

CODES = {
    "chain",
    "deposit",
    "maker-fee",
    "opening",
    "reversal",
    "taker-fee",
    "trade",
    "withdrawal",
}


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
        for event in events:
            self.see_on_chain(event)
        self.postings.take(self.wholes[-1])
        self.compare()

    def see_on_chain(self, event):
        """What custody posts of the chain before the venue is told: it came, or it has gone."""
        if isinstance(event, Deposited) and event.reference.startswith("deposit/"):
            self.post_chain(event, chart.incoming, to_chain=False, key=event.reference)
        elif isinstance(event, WithdrawalSettled):
            self.post_chain(event, chart.outgoing, to_chain=True, key=f"{event.reference}/paid")

    def post_chain(self, event, place, *, to_chain, key):
        asset = self.venue.refdata.assets[event.asset]
        factor = 10 ** (self.postings.decimals.get(asset.code, asset.scale) - asset.scale)
        wallet = self.ledger.open(*chart.opening(asset.code)).name
        other = self.ledger.open(*place(asset.code)).name
        debit, credit = (other, wallet) if to_chain else (wallet, other)
        transfer = Transfer(debit, credit, event.amount * factor, "chain")
        self.ledger.post(Batch(key, self.ledger.time, (transfer,)))

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

    def trade(self, seed, count, custody=0):
        """custody: of ten commands, how many move money in or out over a chain."""
        trader = RandomTrader(seed, chain=custody > 0, holds=seed % 2 == 1)
        time = START
        for _ in range(count):
            time += trader.wait()
            venue = self.venue
            while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
                self.apply(command, time)
            moves = trader.random.randrange(10) < custody
            command = trader.custody_command() if moves else trader.command()
            self.apply(command, time)
        return self


@settings(max_examples=40, derandomize=True)
@given(seed=st.integers(0, 2**32), count=st.integers(10, 120))
def test_at_every_command_the_balances_are_the_engines(seed, count):
    Beside().trade(seed, count, custody=2)


@pytest.mark.parametrize("seed", range(3))
def test_a_long_stream_trades_and_is_chained(seed):
    beside = Beside(decimals={"ETH": 18}).trade(seed, 600, custody=2)
    codes = {t.code for entry in beside.ledger.history.posted for t in entry.batch.transfers}
    assert codes | {"reversal"} == CODES
    assert check_chain(beside.ledger.history.posted) == beside.ledger.digest


def test_a_withdrawal_is_pending_until_it_is_settled_or_given_back():
    beside = Beside()
    start = RANDOM_BALANCES[USD]
    beside.apply(HoldWithdrawal(ACME_ACCOUNT, USD, 70, 2, "w1"), START)
    beside.apply(HoldWithdrawal(ACME_ACCOUNT, USD, 30, 0, "w2"), START)
    client = beside.ledger.accounts["USD/client/1"]
    assert (client.balance, client.available) == (start, start - 102)
    beside.apply(ReleaseWithdrawal("w2", "cancelled"), START)
    beside.apply(SettleWithdrawal("w1"), START)
    client = beside.ledger.accounts["USD/client/1"]
    assert (client.balance, client.available) == (start - 72, start - 72)
    assert beside.ledger.accounts["USD/fees/withdrawal"].balance == 2
    for name in ("payable", "outgoing"):
        assert beside.ledger.accounts[f"USD/withdrawals/{name}"].balance == 0


def test_the_ledger_settles_nothing_that_it_has_not_seen_leave():
    beside = Beside()
    beside.apply(HoldWithdrawal(ACME_ACCOUNT, USD, 70, 2, "w1"), START)
    beside.see_on_chain = lambda event: None
    with pytest.raises(BatchRefused, match="overdraft: USD/withdrawals/outgoing"):
        beside.apply(SettleWithdrawal("w1"), START)


def test_the_ledger_credits_nothing_that_it_has_not_seen_come():
    beside = Beside()
    beside.see_on_chain = lambda event: None
    with pytest.raises(BatchRefused, match="overdraft: USD/deposits/incoming"):
        beside.apply(Deposit(ACME_ACCOUNT, USD, 5, "deposit/1/aa/value"), START)


def test_what_a_reversal_misses_is_owed():
    beside = Beside()
    start = RANDOM_BALANCES[USD]
    beside.apply(Deposit(ACME_ACCOUNT, USD, 50, "deposit/1/aa/value"), START)
    beside.apply(HoldWithdrawal(ACME_ACCOUNT, USD, start + 20, 0, "w1"), START)
    beside.apply(ReverseDeposit(ACME_ACCOUNT, USD, 50, "deposit/1/aa/value", "r1"), START)
    assert beside.ledger.accounts["USD/client/1"].balance == start + 20
    assert beside.ledger.accounts["USD/client/1/owed"].balance == 20
    assert beside.ledger.accounts["USD/deposits/incoming"].balance == 50


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
