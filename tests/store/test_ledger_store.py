"""The ledger on SQL does what the ledger in memory does, through any flushes and restarts."""

import pytest
from hypothesis import settings
from hypothesis.stateful import rule, run_state_machine_as_test

from custody.ledger.ledger import check_chain
from custody.ledger.transfers import Batch, BatchRefused, Phase, Transfer
from custody.store.ledger_store import Cursor, LedgerStore, StoreTaken
from tests.ledger.any_batches import ALICE, BOB, FEES, HOT, AnyBatches, moved, opened


class Stored:
    """A ledger on a database, as its one writer has it."""

    def __init__(self, database):
        self.database = database
        self.load()

    def load(self):
        self.store = LedgerStore(self.database)
        self.ledger, self.cursor = self.store.load()
        opened(self.ledger)

    def flush(self):
        self.cursor = Cursor(self.cursor.record + 1, b"salt")
        self.store.flush(self.ledger, self.cursor)


@pytest.fixture
def stored(opens):
    return Stored(opens())


def outcome(ledger, batch):
    """What posting a batch gives, or why it is refused."""
    try:
        return ledger.post(batch)
    except BatchRefused as refused:
        return refused.refusal


def test_any_batches_flushes_and_restarts_give_what_memory_gives(opens):
    database = opens()

    class Beside(AnyBatches):
        """Both are told the same; now and then one is written, or begins again from its disk."""

        def __init__(self):
            super().__init__()
            with database.begin() as connection:
                for table in ("transfer", "pending", "batch", "account", "cursor", "reference"):
                    connection.exec_driver_sql(f"DELETE FROM ledger_{table}")
            self.stored = Stored(database)

        def post(self, transfers, key=None):
            key = key or f"b/{len(self.ledger.history.posted) + 1}"
            batch = Batch(key, self.time, tuple(transfers))
            assert outcome(self.stored.ledger, batch) == outcome(self.ledger, batch)

        @rule()
        def flush(self):
            self.stored.flush()

        @rule()
        def restart(self):
            self.stored.flush()
            self.stored.load()

        def teardown(self):
            # What expired in the one expires in the other.
            assert self.stored.ledger.expired(self.time + 10) == self.ledger.expired(self.time + 10)
            posted = self.ledger.history.posted
            while self.stored.ledger.expired(self.time):
                self.stored.ledger.expire(self.time)
            self.stored.flush()
            self.stored.load()
            assert list(self.stored.store.posted()) == posted
            assert check_chain(self.stored.store.posted()) == self.ledger.digest
            assert self.stored.ledger.accounts == self.ledger.accounts
            for entry in posted:
                assert self.stored.store.find(entry.batch.key) == entry
            for identity, pending in self.ledger.history.pendings.items():
                assert self.stored.store.pending(identity) == pending

        wait = None  # no rule here: both wait together

        @rule()
        def both_wait(self):
            self.time += 3
            made = self.ledger.expire(self.time)
            assert self.stored.ledger.expire(self.time) == made

    run_state_machine_as_test(
        Beside, settings=settings(max_examples=15, stateful_step_count=20, derandomize=True)
    )


def test_what_was_not_flushed_is_not_there_after_a_restart(stored):
    stored.ledger.post(Batch("a", 1, (moved(HOT, ALICE, 5),)))
    stored.flush()
    stored.ledger.post(Batch("b", 1, (moved(ALICE, BOB, 5),)))
    stored.load()
    assert stored.ledger.accounts[ALICE].balance == 5
    assert [entry.batch.key for entry in stored.store.posted()] == ["a"]
    assert stored.cursor == Cursor(0, b"salt")


def test_what_is_pending_is_ended_once_through_restarts(stored):
    stored.ledger.post(Batch("a", 1, (moved(HOT, ALICE, 5),)))
    stored.ledger.post(Batch("p", 1, (moved(ALICE, BOB, 3, phase=Phase.PENDING),)))
    stored.flush()
    stored.load()
    assert stored.ledger.accounts[ALICE].available == 2
    end = Transfer(ALICE, BOB, 2, "test", Phase.POST, "p#0")
    stored.ledger.post(Batch("e", 2, (end,)))
    stored.flush()
    stored.load()
    with pytest.raises(BatchRefused, match="ended"):
        stored.ledger.post(Batch("again", 3, (end,)))
    assert (stored.ledger.accounts[ALICE].available, stored.ledger.accounts[BOB].balance) == (3, 2)


def test_a_second_writer_is_told_and_writes_nothing(stored, opens):
    other = Stored(opens())
    stored.ledger.post(Batch("a", 1, (moved(HOT, ALICE, 5),)))
    stored.flush()
    other.ledger.post(Batch("b", 1, (moved(HOT, FEES, 7),)))
    with pytest.raises(StoreTaken, match="one custody process"):
        other.flush()
    stored.load()
    assert stored.ledger.head.seq == 1
    stored.ledger.check()
