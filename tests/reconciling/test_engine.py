"""The ledger on disk beside the engine of the journal: equal, or told where not."""

import pytest
from sqlalchemy import delete, update

from custody.ledger.fold import LedgerDamaged
from custody.ledger.postings import JournalPostings
from custody.ledger.transfers import Batch, BatchRefused, Transfer
from custody.poster import LedgerPoster
from custody.reconciling.engine_books import compare_with_engine
from custody.reconciling.every_record import compare_every_record
from custody.store.database import open_database, open_existing
from custody.store.ledger_store import LedgerStore
from custody.store.reading import read_books
from custody.store.schema import accounts, cursor, pendings, transfers
from engine.journal.disk import REAL_DISK
from engine.model.commands import HoldWithdrawal, SettleWithdrawal
from engine.model.errors import OperatorError
from engine.shadow import Shadow
from tests.custody.world import ETHER, STRANGER
from tests.engine.streams import ACME_ACCOUNT, USD
from tests.support.trading import Trading


class Posted:
    """A venue with a journal, and a ledger that has read it."""

    def __init__(self, folder, decimals=None):
        self.folder, self.decimals = folder, decimals or {}
        self.venue = Trading(folder)
        self.url = f"sqlite:///{folder}/custody.db"
        self.database = open_database(self.url)
        self.poster = LedgerPoster(folder / "journal", self.database, self.decimals)

    def trade(self, count):
        self.venue.trade(count)
        self.post()

    def post(self):
        while self.poster.step():
            pass

    def compare(self):
        return compare_with_engine(
            self.folder / "journal", self.folder / "snapshots", self.database, self.decimals, print
        )

    def every(self):
        return compare_every_record(self.folder / "journal", self.database, self.decimals)

    def close(self):
        self.poster.close()
        self.venue.close()
        self.database.dispose()


@pytest.fixture
def posted(tmp_path):
    made = Posted(tmp_path, {"ETH": 18})
    made.trade(300)
    yield made
    made.close()


def test_they_have_the_same(posted):
    look = posted.compare()
    assert look.agree
    assert look.record == posted.poster.last
    assert (look.seq, look.digest) == (
        posted.poster.ledger.head.seq,
        posted.poster.ledger.digest.hex(),
    )
    assert look.state_hash == posted.venue.sequencer.venue.state_hash()
    assert look.compared == 4 * 3  # three members and the venue, three assets
    every = posted.every()
    assert every.agree
    assert every.records == posted.poster.last + 1
    assert every.compared > 200


def test_the_ledger_may_be_behind_the_journal(posted):
    posted.venue.trade(200)
    look = posted.compare()
    assert look.agree
    assert look.record == posted.poster.last < posted.venue.sequencer.venue.state.last_number
    assert posted.every().agree


def test_a_snapshot_saves_the_beginning_and_gives_the_same(posted):
    whole = posted.compare()
    shadow = Shadow(posted.folder / "journal", posted.folder / "snapshots", REAL_DISK, print)
    while shadow.step(100):
        pass
    list(shadow.write())
    shadow.close()
    assert posted.compare() == whole
    posted.trade(100)
    assert posted.compare().agree


def test_held_withdrawals_are_compared_by_name(posted):
    posted.venue.submit(HoldWithdrawal(ACME_ACCOUNT, USD, 70, 2, "withdrawal/W1"))
    posted.post()
    assert (posted.compare().holds, posted.compare().agree) == (1, True)
    with posted.database.begin() as connection:
        connection.execute(update(pendings).values(ended="by/somebody"))
    told = {d.what: (d.ledger, d.engine) for d in posted.compare().differences}
    assert told == {
        "hold withdrawal/W1 of USD/client/1": ("0", "72"),
        "pending sum of USD/client/1": ("72", "0"),
    }


@pytest.mark.parametrize("side", ["debits", "credits"])
@pytest.mark.parametrize("by", [1, -5])
def test_an_account_that_was_changed_is_told_with_both_amounts(posted, side, by):
    name = "USD/client/2"
    account = posted.poster.ledger.accounts[name]
    with posted.database.begin() as connection:
        change = update(accounts).where(accounts.c.name == name)
        connection.execute(change.values({side: getattr(account, side) + by}))
    moved = by if side == "credits" else -by
    (found,) = posted.compare().differences
    assert found.what == f"balance of {name}"
    assert int(found.ledger) == int(found.engine) + moved
    with pytest.raises(LedgerDamaged, match=f"{name} is not the sum of its transfers"):
        posted.every()


def test_a_transfer_that_was_changed_is_found_at_its_batch(posted):
    with posted.database.begin() as connection:
        change = update(transfers).where(transfers.c.seq == 20, transfers.c.position == 0)
        connection.execute(change.values(amount=1))
    assert posted.compare().agree  # the sums are what they were
    with pytest.raises(LedgerDamaged, match="batch 20 of the ledger is not what was posted"):
        posted.every()


def test_a_ledger_that_has_posted_something_else_is_told_of_from_there_on(tmp_path, monkeypatch):
    """Its chain is whole, and what it says is wrong: fees of half a trade were forgotten."""
    honest = JournalPostings._transfers

    def forgets(self, whole):
        moves = list(honest(self, whole))
        return moves[:-1] if whole.first > 150 and len(moves) == 4 else moves

    monkeypatch.setattr(JournalPostings, "_transfers", forgets)
    posted = Posted(tmp_path)
    posted.trade(300)
    assert not posted.compare().agree
    first = posted.every().differences[0]
    assert int(first.what.rpartition(" ")[2]) > 150
    posted.close()


def test_a_command_that_the_ledger_has_made_up_is_told_of(posted):
    ledger = posted.poster.ledger
    there = "USD/client/1", "USD/client/2"
    ledger.post(Batch("record/7000", ledger.time, (Transfer(*there, 5, "trade"),)))
    posted.poster.store.flush(ledger, posted.poster.store.cursor)
    every = posted.every()
    assert "batch record/7000" in [found.what for found in every.differences]
    assert {d.what for d in posted.compare().differences} == {f"balance of {n}" for n in there}


def test_with_deposits_and_withdrawals_over_a_chain_too(new_world):
    world = new_world()
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    world.chain.pay(STRANGER, (address, "", 2 * ETHER + 7))
    world.desk.withdraw("BOREAS", "ETH", 10**8, STRANGER, "trader7")
    waits = world.desk.withdraw("ACME", "ETH", 5 * 10**8, STRANGER, "trader7")
    world.go(12)
    world.settle()
    assert world.withdrawal_state(waits) == "awaiting"
    journal, decimals = world.folder / "journal", {"ETH": 18}
    look = compare_with_engine(journal, world.folder / "none", world.database, decimals, print)
    assert (look.agree, look.holds) == (True, 1)
    every = compare_every_record(journal, world.database, decimals)
    assert every.agree
    assert every.state_hash == look.state_hash == world.venue.state_hash()


def test_what_does_not_belong_together_is_refused(posted, tmp_path):
    (tmp_path / "other").mkdir()
    with posted.database.begin() as connection:
        connection.execute(update(cursor).values(salt=b"another"))
    with pytest.raises(OperatorError, match="belongs to another journal"):
        posted.compare()
    with posted.database.begin() as connection:
        connection.execute(update(cursor).values(record=10**6))
    with pytest.raises(OperatorError, match="ends before it"):
        posted.every()
    with posted.database.begin() as connection:
        connection.execute(delete(cursor))
    with pytest.raises(OperatorError, match="has not read the journal yet"):
        posted.compare()


def test_reading_makes_nothing(tmp_path, posted):
    with pytest.raises(OperatorError, match="made when the venue runs"):
        open_existing(f"sqlite:///{tmp_path}/none.db")
    assert not (tmp_path / "none.db").exists()
    with posted.database.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(OperatorError, match="is of release 0001"):
        open_existing(posted.url)


def test_readers_go_on_while_somebody_writes(posted):
    database = open_existing(posted.url)
    with posted.database.begin() as connection:
        connection.execute(update(cursor).values(record=5))
        books = read_books(database)
        assert books.cursor.record == posted.poster.last
        assert LedgerStore(database).reference()
    database.dispose()


def test_what_the_ledger_refuses_it_has_not_read(posted):
    """The ledger refuses what it has not seen leave, so nothing of a settlement is posted."""
    posted.venue.submit(HoldWithdrawal(ACME_ACCOUNT, USD, 70, 2, "withdrawal/W1"))
    posted.venue.submit(SettleWithdrawal("withdrawal/W1"))
    with pytest.raises(BatchRefused, match="overdraft"):
        posted.post()
    look = posted.compare()
    assert look.agree
    assert look.record < posted.venue.sequencer.venue.state.last_number
