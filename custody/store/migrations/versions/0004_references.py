"""What transfers refer to, looked at once a statement on PostgreSQL.

A foreign key is looked at row by row there: three of them cost four times what storing a transfer
does. Triggers refuse the same, rows that refer to nothing and the removal of what is referred to,
with one look at all rows that a statement has brought. Not kept out is somebody who removes an
account by hand at the very moment that the ledger's one writer writes.
"""

from typing import Final

from alembic import op

revision = "0004"
down_revision = "0003"

KEYS: Final = ("seq", "debit", "credit")

# The planner is told to look up rather than to scan: a plan is kept for as long as the connection,
# and was made when the tables were small.
ADDED: Final = """
CREATE FUNCTION ledger_transfer_added() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    IF EXISTS (
        SELECT FROM (SELECT DISTINCT seq FROM added) AS came
        WHERE NOT EXISTS (SELECT FROM ledger_batch WHERE ledger_batch.seq = came.seq)
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a transfer of no batch';
    END IF;
    IF EXISTS (
        SELECT FROM (SELECT debit AS id FROM added UNION SELECT credit FROM added) AS came
        WHERE NOT EXISTS (SELECT FROM ledger_account WHERE ledger_account.id = came.id)
    ) THEN
        RAISE foreign_key_violation USING MESSAGE = 'a transfer between no accounts';
    END IF;
    RETURN NULL;
END $$
"""

REMOVED: Final = """
CREATE FUNCTION {table}_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ledger_transfer WHERE {column_is_old}) THEN
        RAISE foreign_key_violation USING MESSAGE = '{table}: there are transfers of it';
    END IF;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    """Triggers instead of the foreign keys of transfers; on SQLite, which is quick at them, the
    keys stay."""
    if op.get_bind().dialect.name != "postgresql":
        return
    for column in KEYS:
        op.drop_constraint(f"fk_ledger_transfer_{column}", "ledger_transfer")
    op.execute(ADDED)
    for event in ("INSERT", "UPDATE"):
        op.execute(
            f"CREATE TRIGGER added_by_{event.lower()} AFTER {event} ON ledger_transfer"
            " REFERENCING NEW TABLE AS added"
            " FOR EACH STATEMENT EXECUTE FUNCTION ledger_transfer_added()"
        )
    _keep("ledger_batch", "seq", "seq = OLD.seq")
    _keep("ledger_account", "id", "OLD.id IN (debit, credit)")


def _keep(table: str, key: str, column_is_old: str) -> None:
    """Rows that transfers refer to are not removed, and keep their number."""
    op.execute(REMOVED.format(table=table, column_is_old=column_is_old))
    for name, event, condition in (
        ("removed", "DELETE", ""),
        ("renumbered", f"UPDATE OF {key}", f"WHEN (OLD.{key} <> NEW.{key})"),
    ):
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON {table}"
            f" FOR EACH ROW {condition} EXECUTE FUNCTION {table}_removed()"
        )
