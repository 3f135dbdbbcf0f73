"""Opening the database that a URL names, and bringing its tables up to this release."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from engine.model.errors import OperatorError
from engine.secret import SecretText

BUSY_MS: Final = 5_000
"""How long SQLite waits for another process that writes, milliseconds."""

READS: Final = "fixgate_reads"
"""The execution option of transactions that only read."""

SCHEMES: Final = {"sqlite": "sqlite+pysqlite", "postgresql": "postgresql+psycopg"}
"""By what a URL begins with, the driver."""


def open_database(url: str) -> Engine:
    """An engine on the database of `url`, `sqlite:///FILE` or `postgresql://...`, its tables as
    this release wants them. Raises OperatorError."""
    url = SecretText(url)
    return _opened(_parsed(url), migrate)


def open_existing(url: str) -> Engine:
    """An engine on a database that is there and of this release, for reading: nothing is made.
    Raises OperatorError."""
    url = SecretText(url)
    parsed = _parsed(url)
    file = parsed.database or ""
    if _is_sqlite(parsed) and not Path(file).is_file():
        raise OperatorError(
            f"there is no ledger at {file}: it is made when the venue runs with its part `custody`"
        )
    return _opened(parsed, _check_release)


def _opened(parsed: URL, prepare: Callable[[Engine], None]) -> Engine:
    engine = create_engine(parsed)
    if _is_sqlite(parsed):
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        prepare(engine)
    except DBAPIError as error:
        engine.dispose()
        place = parsed.render_as_string(hide_password=True)
        # Without its cause: the driver's own variables have the password.
        raise OperatorError(f"cannot use the database {place}: {error.orig}") from None
    except OperatorError:
        engine.dispose()
        raise
    return engine


def migrate(engine: Engine) -> None:
    """Run the scripts that the database has not seen yet."""
    with engine.begin() as connection:
        config = _script_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _check_release(engine: Engine) -> None:
    wanted = ScriptDirectory.from_config(_script_config()).get_current_head()
    with for_reading(engine).begin() as connection:
        there = MigrationContext.configure(connection).get_current_revision()
    if there != wanted:
        raise OperatorError(
            f"the database is of release {there or 'none'}, this one wants {wanted}: run the"
            " commands of the release that the venue runs, or start the venue to bring it up"
        )


def _script_config() -> Config:
    """Where alembic finds the scripts."""
    config = Config()
    config.set_main_option("script_location", str(files("custody.store").joinpath("migrations")))
    return config


def _parsed(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise OperatorError(
            "the database URL is none: sqlite:///FILE or postgresql://..."
        ) from None
    scheme = parsed.drivername.partition("+")[0]
    if scheme not in SCHEMES:
        raise OperatorError(f"a database is {' or '.join(SCHEMES)}, not {scheme}")
    return parsed.set(drivername=SCHEMES[scheme])


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _prepare_sqlite(connection: SqliteConnection, _: object) -> None:
    """Durable at each commit, readers beside the writer, and transactions that are ours alone."""
    connection.isolation_level = None  # the driver begins nothing by itself
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_MS}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Who writes says so at once: two who find out later that they both do must begin again."""
    reads = connection.get_execution_options().get(READS, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def for_reading(database: Engine) -> Engine:
    """The same database for transactions that only read, beside whoever writes."""
    return database.execution_options(**{READS: True})
