"""Run by alembic, within the transaction that custody.store.database began."""

from alembic import context

from custody.store import custody_schema, reconciling_schema  # noqa: F401 - for their tables
from custody.store.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
