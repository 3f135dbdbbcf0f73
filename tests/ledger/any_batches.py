"""Batches of every kind, right and wrong, in any order: what any ledger has to bear."""

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from custody.ledger.accounts import Guard, Kind
from custody.ledger.ledger import Ledger, check_chain
from custody.ledger.transfers import Batch, BatchRefused, Phase, Transfer
from tests.ledger.oracle import sums

ALICE, BOB, HOT, FEES = "ETH/client/1", "ETH/client/2", "ETH/hot/0xa", "ETH/fees"
DOLLARS = "USD/client/1"


def new_ledger():
    return opened(Ledger())


def opened(made):
    """With the accounts of these tests."""
    for name in (ALICE, BOB, DOLLARS):
        made.open(name, Kind.LIABILITY, Guard.DEBITS)
    made.open(HOT, Kind.ASSET, Guard.CREDITS)
    made.open(FEES, Kind.REVENUE)
    return made


def moved(debit, credit, amount, **words):
    return Transfer(debit, credit, amount, "test", **words)


NAMES = (ALICE, BOB, HOT, FEES)
AMOUNTS = st.integers(0, 12)
TRANSFERS = st.builds(
    Transfer,
    st.sampled_from((*NAMES, DOLLARS)),
    st.sampled_from(NAMES),
    AMOUNTS,
    st.just("any"),
    st.sampled_from((Phase.POSTED, Phase.POSTED, Phase.PENDING)),
    st.just(""),
    st.sampled_from((0, 0, 0, 3, 8)),
)


class AnyBatches(RuleBasedStateMachine):
    """Whatever is sent, the ledger is the fold of what it has posted, and its invariants hold."""

    @initialize()
    def begin(self):
        self.ledger = new_ledger()
        self.time = 1

    def post(self, transfers, key=None):
        key = key or f"b/{len(self.ledger.history.posted) + 1}"
        before = len(self.ledger.history.posted)
        try:
            self.ledger.post(Batch(key, self.time, tuple(transfers)))
        except BatchRefused:
            assert len(self.ledger.history.posted) == before

    @rule(amount=st.integers(1, 30), to=st.sampled_from((ALICE, BOB)))
    def deposit(self, amount, to):
        self.post([moved(HOT, to, amount)])

    @rule(transfers=st.lists(TRANSFERS, max_size=4))
    def anything(self, transfers):
        self.post(transfers)

    @rule(data=st.data(), amount=AMOUNTS, phase=st.sampled_from((Phase.POST, Phase.VOID)))
    def end_something(self, data, amount, phase):
        if self.ledger.history.pendings:
            identity = data.draw(st.sampled_from(sorted(self.ledger.history.pendings)))
            first = self.ledger.history.pendings[identity].transfer
            amount = amount if phase == Phase.POST else 0
            ended = Transfer(first.debit, first.credit, amount, "any", phase, identity)
            self.post([ended] * data.draw(st.sampled_from((1, 1, 1, 2))))

    @rule(data=st.data())
    def repeat(self, data):
        if self.ledger.history.posted:
            entry = data.draw(st.sampled_from(self.ledger.history.posted))
            assert self.ledger.post(entry.batch) == entry

    @rule(ns=st.integers(1, 4))
    def wait(self, ns):
        self.time += ns
        self.ledger.expire(self.time)
        assert self.ledger.expired(self.time) == []

    @invariant()
    def it_is_the_fold_of_what_was_posted(self):
        oracle = sums(self.ledger.history.posted)
        for name, account in self.ledger.accounts.items():
            found = (
                account.debits, account.credits, account.pending_debits, account.pending_credits
            )  # fmt: skip
            assert found == oracle.get(name, (0, 0, 0, 0))
        self.ledger.check()

    def teardown(self):
        check_chain(self.ledger.history.posted)
