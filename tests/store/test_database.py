"""The database that a URL names, and its tables."""

from contextlib import nullcontext

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from psycopg.errors import ForeignKeyViolation
from sqlalchemy import MetaData, Table, create_engine, insert, select
from sqlalchemy.exc import IntegrityError

from custody.ledger.transfers import MAX_AMOUNT
from custody.store.bulk import insert_rows
from custody.store.custody_schema import decisions
from custody.store.database import _script_config, migrate, open_database
from custody.store.schema import accounts, batches, metadata, transfers
from engine.model.errors import OperatorError


def test_the_scripts_make_the_tables_of_the_schema(opens):
    opens()
    with opens().connect() as connection:  # a second time nothing is left to do
        by_triggers = connection.dialect.name == "postgresql"

        def compared(_thing, name, kind, *_):
            """All but the keys of transfers, where triggers do their work: see the next test."""
            key = kind == "foreign_key_constraint" and name.startswith("fk_ledger_transfer_")
            return not (key and by_triggers)

        context = MigrationContext.configure(connection, opts={"include_object": compared})
        assert compare_metadata(context, metadata) == []


def test_intents_of_a_release_before_are_brought_over(url):
    text = b"whatever it was"
    database = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    _upgrade(database, "0005")
    with database.begin() as connection:
        table = Table("lasting_intent", MetaData(), autoload_with=connection)
        connection.execute(
            insert(table).values(
                id="C00000001", state="noted", kind="allow-address", account="ACME", asset="ETH",
                destination="0x" + "5a" * 20, intent=text, policy=b"", text="by rule x",
                requested=1, noted=2, changed=3,
            )
        )  # fmt: skip
    migrate(database)
    with database.connect() as connection:
        row = connection.execute(select(decisions)).one()
    assert (row.id, row.state, bytes(row.intent), row.noted) == ("C00000001", "noted", text, 2)
    assert row.subject == ""
    database.dispose()


def _upgrade(database, release):
    """Run the scripts up to a release of before."""
    with database.begin() as connection:
        config = _script_config()
        config.attributes["connection"] = connection
        command.upgrade(config, release)


ACCOUNT = (1, "ETH/x", "ETH", "asset", 0, "0", "0", "0", "0")
OTHER = (2, "ETH/y", "ETH", "asset", 0, "0", "0", "0", "0")
BATCH = (1, "a", 0, bytes(32))


def transfer(seq=1, debit=1, credit=2):
    return (seq, 0, debit, credit, "5", "test", 0, "", 0)


@pytest.fixture
def written(opens):
    """A database with a transfer between two accounts."""
    database = opens()
    with database.begin() as connection:
        insert_rows(connection, accounts, [ACCOUNT, OTHER])
        insert_rows(connection, batches, [BATCH])
        insert_rows(connection, transfers, [transfer()])
    return database


@pytest.mark.parametrize(
    "wrong", [transfer(seq=2), transfer(seq=2, debit=3), transfer(seq=2, credit=3)]
)
@pytest.mark.parametrize("batch", [(), ((2, "b", 0, bytes(32)),)])
def test_a_transfer_has_a_batch_and_two_accounts(written, wrong, batch):
    refused = pytest.raises((IntegrityError, ForeignKeyViolation))
    if batch and wrong == transfer(seq=2):
        refused = nullcontext()  # nothing is wrong with it then
    with refused, written.begin() as connection:
        insert_rows(connection, batches, batch)
        insert_rows(connection, transfers, [wrong])


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_batch",
        "DELETE FROM ledger_account WHERE id = 1",
        "DELETE FROM ledger_account WHERE id = 2",
        "UPDATE ledger_batch SET seq = 7",
        "UPDATE ledger_account SET id = 7 WHERE id = 2",
        "UPDATE ledger_transfer SET debit = 9",
        "UPDATE ledger_transfer SET seq = 9",
    ],
)
def test_what_transfers_refer_to_stays(written, statement):
    with pytest.raises(IntegrityError), written.begin() as connection:
        connection.exec_driver_sql(statement)


def test_what_nothing_refers_to_may_go(written):
    with written.begin() as connection:
        connection.exec_driver_sql("UPDATE ledger_account SET debits = '7'")
        for table in ("transfer", "batch", "account"):
            connection.exec_driver_sql(f"DELETE FROM ledger_{table}")


@pytest.mark.parametrize("amount", [0, 1, 2**63, 10**18 * 10**9 + 7, MAX_AMOUNT])
def test_money_is_exact(opens, amount):
    with opens().begin() as connection:
        insert_rows(connection, accounts, [(*ACCOUNT[:5], str(amount), "0", "0", "0")])
        there = connection.execute(select(accounts)).one()
        assert (there.debits, type(there.debits)) == (amount, int)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ledger.db", "sqlite:///FILE or postgresql://"),
        ("mysql://root@localhost/x", "sqlite or postgresql, not mysql"),
        ("sqlite:////nowhere/at/all.db", "unable to open database file"),
        ("postgresql://me:topsecret@127.0.0.1:1/x", "cannot use the database postgresql"),
    ],
)
def test_who_names_no_database_is_told_what_to_do(url, words):
    with pytest.raises(OperatorError) as caught:
        open_database(url)
    assert words in str(caught.value)
    assert "topsecret" not in str(caught.value)
