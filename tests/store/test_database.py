"""The database that a URL names, and its tables."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import select

from custody.ledger.transfers import MAX_AMOUNT
from custody.store.bulk import insert_rows
from custody.store.database import open_database
from custody.store.schema import accounts, metadata
from engine.model.errors import OperatorError


def test_the_scripts_make_the_tables_of_the_schema(opens):
    opens()
    with opens().connect() as connection:  # a second time nothing is left to do
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize("amount", [0, 1, 2**63, 10**18 * 10**9 + 7, MAX_AMOUNT])
def test_money_is_exact(opens, amount):
    with opens().begin() as connection:
        row = (1, "ETH/x", "ETH", "asset", 0, str(amount), "0", "0", "0")
        insert_rows(connection, accounts, [row])
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
