"""The journal posted to a database: any groups, any end of the process, the same ledger."""

import itertools
import os
import random

import pytest
from sqlalchemy import event

from custody.ledger.ledger import Ledger, check_chain
from custody.ledger.postings import JournalPostings
from custody.poster import LedgerPoster
from custody.store.bulk import insert_rows
from custody.store.ledger_store import LedgerStore
from engine.core.venue import Venue
from engine.model.errors import OperatorError
from engine.replay import folder_records, join_parts, replay_folder
from engine.sequencer import Sequencer
from tests.engine.streams import RANDOM_BALANCES, START, bootstrap_commands
from tests.journal.support import open_writer
from tests.support.trading import Trading


@pytest.fixture
def venue(tmp_path):
    made = Trading(tmp_path)
    made.trade(400)
    yield made
    made.close()


@pytest.fixture
def posters(venue, opens):
    """Makes posters of the venue's journal; what they hold is let go afterwards."""
    made = []

    def make(database=None):
        made.append(LedgerPoster(venue.folder / "journal", database or opens()))
        return made[-1]

    yield make
    for poster in made:
        poster.close()


def to_the_end(poster, limit=50):
    while poster.step(limit):
        pass
    return poster


def in_memory(journal):
    """The ledger of a whole journal, without a database."""
    postings = JournalPostings(Ledger())
    for whole in join_parts(folder_records(journal)):
        postings.take(whole)
    return postings.ledger


def same(database, journal):
    """What the database has is what the journal means, and what the engine has."""
    store = LedgerStore(database)
    ledger, cursor = store.load()
    wanted = in_memory(journal)
    moved = {name: a for name, a in wanted.accounts.items() if a.debits or a.credits}
    assert ledger.accounts == moved
    assert ledger.head == wanted.head
    assert check_chain(store.posted()) == wanted.digest
    venue = Venue()
    assert replay_folder(journal, venue).last == cursor.record
    postings = JournalPostings(ledger, last_read=cursor.record, defined=store.reference())
    for account in venue.state.accounts.values():
        for asset, balance in account.balances.items():
            assert postings.balance(account.id, asset) == balance.available + balance.held
    return len(wanted.accounts)


@pytest.mark.parametrize("seed", range(3))
def test_any_groups_and_restarts_give_the_ledger_of_the_journal(venue, posters, opens, seed):
    chance = random.Random(seed)
    poster = posters()
    for _ in range(12):
        venue.trade(chance.randrange(40))
        for _ in range(chance.randrange(4)):
            poster.step(chance.choice((1, 3, 20, 2_000)))
        if chance.random() < 0.5:
            poster = posters()
    to_the_end(poster)
    assert (poster.behind, poster.store.unflushed) == (0, 0)
    assert same(opens(), venue.folder / "journal") > 5


def test_a_flush_that_fails_at_any_statement_leaves_what_was_there(
    venue, posters, opens, monkeypatch
):
    """The process ends with it; the next one begins where the last whole flush was."""
    database = opens()
    to_the_end(posters(database))
    statement = 0

    def insert(*args):
        fail()  # PostgreSQL's COPY is no statement that an event tells of
        insert_rows(*args)

    monkeypatch.setattr("custody.store.ledger_store.insert_rows", insert)
    while True:
        venue.trade(30)
        poster = posters(database)
        left = itertools.count(statement, -1)

        def fail(*_, left=left):
            if next(left) == 0:
                raise ConnectionResetError("the database is gone")

        event.listen(database, "before_cursor_execute", fail)
        try:
            poster.step()
        except ConnectionResetError:
            statement += 1
        else:
            break
        finally:
            event.remove(database, "before_cursor_execute", fail)
        store = LedgerStore(database)
        assert store.load()[1].record == poster.store._cursor.record
    assert statement > 7
    to_the_end(posters(database))
    same(database, venue.folder / "journal")


def test_a_database_of_another_journal_is_refused(venue, opens, tmp_path):
    folder = tmp_path / "other"
    with_salt = [Sequencer(Venue(), open_writer(folder / str(k)), os.urandom) for k in range(2)]
    for sequencer in with_salt:
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            sequencer.submit(command, START)
        sequencer.commit()
    database = opens()
    to_the_end(LedgerPoster(folder / "0", database))
    with pytest.raises(OperatorError, match="another journal"):
        LedgerPoster(folder / "1", database)


def test_a_journal_that_is_older_than_the_ledger_is_refused(venue, posters, opens, tmp_path):
    database = opens()
    to_the_end(posters(database))
    shorter = Trading(tmp_path / "older")
    with pytest.raises(OperatorError, match="older copy"):
        LedgerPoster(shorter.folder / "journal", database)
    shorter.close()


def test_readers_do_not_wait_for_the_writer(venue, posters, opens):
    database, other = opens(), opens()
    to_the_end(posters(database))
    with database.begin():  # somebody writes
        assert LedgerStore(other).reference()


def test_catching_up_is_to_the_mark_or_not_at_all(posters):
    poster = posters()
    behind = poster.behind
    assert not poster.catch_up(behind - 1)
    assert poster.behind == behind, "nothing was posted for nothing"
    assert poster.catch_up(behind)
    assert poster.behind == 0
    assert poster.catch_up(0), "there is nothing to post"
