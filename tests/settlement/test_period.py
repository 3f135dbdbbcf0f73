"""Statements beside what the engine itself had at both cut-offs, and what it said in between."""

import csv
import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from custody.ledger.fold import LedgerDamaged, LedgerFold
from custody.ledger.transfers import Posted
from custody.settlement.cut import Cut, Passing, parse_cut
from custody.settlement.period import Period
from custody.settlement.statements import Writer, netting_csv, statement_csv
from engine.model.enums import BUY
from engine.model.errors import OperatorError
from engine.model.events import OrderFilled, WithdrawalHeld
from tests.ledger.test_postings import Beside

CODES = {"BTC": 1, "ETH": 2, "USD": 3}


class Watched(Beside):
    """It remembers what everybody had before each record, and when that was."""

    def __init__(self, decimals=None):
        self.had, self.times = [], []
        super().__init__(decimals)

    def apply(self, command, time):
        self.had.append(self.balances())
        self.times.append(time)
        super().apply(command, time)

    def balances(self):
        return {
            (account.id, code): (account.balances[asset].available + account.balances[asset].held)
            for account in self.venue.state.accounts.values()
            for code, asset in CODES.items()
            if account.id and asset in account.balances
        }

    def record_of(self, reference):
        for whole in self.wholes:
            for event in whole.events:
                if isinstance(event, WithdrawalHeld) and event.reference == reference:
                    return whole.first
        raise AssertionError(reference)

    def period(self, start, end):
        period = Period(Passing(start, self.record_of), Passing(end, self.record_of))
        period.go_over(self.ledger.history.posted)
        period.fold.check_sums(self.ledger.accounts)
        return period

    def traded(self, first, last):
        """Naively, from the engine's events: by (account, code), what trades and fees came to."""
        sums = Counter()
        for whole in self.wholes[first:last]:
            for event in whole.events:
                if isinstance(event, OrderFilled):
                    instrument = self.venue.refdata.instruments[event.instrument]
                    coins = event.last_qty * instrument.base_per_lot
                    money = event.last_qty * event.last_price * instrument.quote_per_tick_lot
                    sign = 1 if event.side == BUY else -1
                    sums[event.account, instrument.base.code] += sign * coins
                    sums[event.account, instrument.quote.code] -= sign * money + event.fee
                    sums[0, instrument.quote.code] += event.fee
        return {who: amount for who, amount in sums.items() if amount}


def balances(standings):
    return {owner: s.balance for owner, s in standings.items() if s.balance}


def nonzero(amounts):
    return {owner: amount for owner, amount in amounts.items() if amount}


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 2**32), a=st.integers(0, 150), b=st.integers(0, 150), by_time=st.booleans()
)
def test_opening_and_closing_are_the_engines_and_the_nets_are_what_was_traded(seed, a, b, by_time):
    beside = Watched().trade(seed, 100, custody=2)
    beside.had.append(beside.balances())
    last = len(beside.wholes)
    first, end = sorted((min(a, last), min(b, last)))
    cuts = [Cut(record=first), Cut(record=end)]
    if by_time and end < last:
        cuts = [Cut(time=beside.times[n]) for n in (first, end)]
        first, end = (beside.times.index(cut.time) for cut in cuts)
    period = beside.period(*cuts)
    assert balances(period.opening) == nonzero(beside.had[first])
    assert balances(period.closing) == nonzero(beside.had[end])
    nets = {(o.account, o.asset): o.net for o in period.obligations() if o.net}
    assert nets == beside.traded(first, end)
    for asset in CODES:
        assert sum(net for (_, code), net in nets.items() if code == asset) == 0


def test_two_periods_that_follow_each_other_are_one():
    beside = Watched().trade(3, 200, custody=2)
    cuts = Cut(record=40), Cut(record=120), Cut(record=10**9)
    one, two = beside.period(cuts[0], cuts[1]), beside.period(cuts[1], cuts[2])
    both = beside.period(cuts[0], cuts[2])
    assert one.closing == two.opening
    assert (one.last, one.first, two.last) == (two.first, both.first, both.last)
    for owner in both.closing:
        assert one.sum_of(owner) + two.sum_of(owner) == both.sum_of(owner)


def test_what_is_held_is_told_and_still_the_members():
    beside = Watched().trade(11, 300, custody=4)
    fold = LedgerFold()
    for entry in beside.ledger.history.posted:
        fold.take(entry)
    held = Counter()
    for reference, there in beside.venue.state.withdrawals.items():
        assert reference
        held[there.account, {v: k for k, v in CODES.items()}[there.asset]] += (
            there.amount + there.fee
        )
    assert held
    period = beside.period(Cut(record=0), Cut())
    assert {o: s.held for o, s in period.closing.items() if s.held} == dict(held)


def test_a_period_in_which_nothing_happened_is_empty():
    beside = Watched().trade(5, 50)
    for cuts in ((Cut(record=10**6), Cut()), (Cut(time=0), Cut(time=0)), (Cut(), Cut())):
        period = beside.period(*cuts)
        assert period.moved == {}
        assert period.opening == period.closing
        assert list(period.obligations()) == []


def test_a_batch_that_was_changed_or_left_out_is_found():
    beside = Watched().trade(5, 50)
    posted = beside.ledger.history.posted
    changed = replace(posted[7].batch, time=posted[7].batch.time + 1)
    for wrong, words in (
        ([*posted[:7], *posted[8:]], "batch 8 of the ledger is missing"),
        ([*posted[:7], Posted(8, changed, posted[7].digest), *posted[8:]], "not what was posted"),
    ):
        period = Period(Passing(Cut(), beside.record_of), Passing(Cut(), beside.record_of))
        with pytest.raises(LedgerDamaged, match=words):
            period.go_over(wrong)


# --- as people read it ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written():
    beside = Watched({"ETH": 18}).trade(8, 400, custody=3)
    period = beside.period(Cut(record=60), Cut())
    return beside, Writer(period, beside.venue.refdata, {"ETH": 18})


def exact(text, places):
    whole, _, part = text.partition(".")
    return int(whole + part.ljust(places, "0"))


def test_a_statement_adds_up_to_the_last_unit(written):
    beside, writer = written
    for name, account in (("ACME", 1), ("BOREAS", 2), ("CYGNUS", 3)):
        statement = writer.statement(name)
        assert (statement.account, statement.member) == (name, name)
        assert statement.closed.digest == beside.ledger.digest.hex()
        for asset in statement.assets:
            places = 18 if asset.asset == "ETH" else 8
            moved = sum(exact(m.received, places) - exact(m.paid, places) for m in asset.lines)
            assert exact(asset.opening, places) + moved == exact(asset.closing, places)
            have = beside.balances()[account, asset.asset] * 10 ** (places - 8)
            assert exact(asset.closing, places) == have
    kinds = {m.kind for a in writer.statement("ACME").assets for m in a.lines}
    assert kinds <= {
        "deposit", "maker-fee", "reversal", "taker-fee", "trade", "withdrawal", "withdrawal-fee",
    }  # fmt: skip
    assert {"trade", "deposit", "withdrawal", "taker-fee"} <= kinds


def test_a_statement_as_csv_has_the_same_words(written):
    statement = written[1].statement("ACME")
    rows = list(csv.DictReader(io.StringIO(statement_csv(statement))))
    for asset in statement.assets:
        mine = [row for row in rows if row["asset"] == asset.asset]
        assert [row["line"] for row in mine] == [
            "opening-balance",
            *(m.kind for m in asset.lines),
            "closing-balance",
        ]
        assert (mine[0]["balance"], mine[-1]["balance"]) == (asset.opening, asset.closing)


def test_net_obligations_name_everybody_and_the_venue_as_nobody(written):
    netting = written[1].netting()
    assert {line.party for line in netting.lines} == {"ACME", "BOREAS", "CYGNUS", ""}
    rows = list(csv.DictReader(io.StringIO(netting_csv(netting))))
    assert [row["net"] for row in rows] == [line.net for line in netting.lines]
    for asset in ("BTC", "ETH", "USD"):
        nets = [exact(line.net, 18) for line in netting.lines if line.asset == asset]
        assert sum(nets) == 0
        assert any(nets)


def test_who_is_not_there_is_told_who_is(written):
    with pytest.raises(OperatorError, match="no account NOBODY; these are: ACME, BOREAS, CYGNUS"):
        written[1].statement("NOBODY")


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("120", Cut(record=120)),
        ("1970-01-02", Cut(time=86_400 * 10**9)),
        ("1970-01-01T01:00:00+01:00", Cut(time=0)),
        ("1970-01-01T00:00:00.000001Z", Cut(time=1_000)),
    ],
)
def test_a_cut_is_a_record_or_a_time(text, cut):
    assert parse_cut(text) == cut


@pytest.mark.parametrize("text", ["", "yesterday", "-1", "1e3", "2026-13-01", "٣"])
def test_what_is_neither_is_refused(text):
    with pytest.raises(OperatorError, match="is no cut-off: give a record's number or a time"):
        parse_cut(text)
