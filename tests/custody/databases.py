"""Databases of worlds: each has a file of its own, and an engine that other worlds had before it.

An engine compiles a statement once. Hundreds of worlds with an engine each compiled all of them
hundreds of times, which took a sixth of their time.
"""

import shutil

from sqlalchemy import event

from custody.store.database import open_database

free = []


class Lent:
    """An engine on the file that its world has now."""

    def __init__(self, path):
        self.path = path
        self.engine = open_database(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _no_syncs)
        event.listen(self.engine, "do_connect", self._to_the_file)
        self.engine.dispose()

    def _to_the_file(self, _dialect, _record, arguments, _named):
        arguments[0] = str(self.path)


def lend(template, path):
    """A database at `path`, a copy of the template, which has the tables."""
    shutil.copy(template, path)
    if not free:
        return Lent(path)
    lent = free.pop()
    lent.path = path
    return lent


def give_back(lent):
    """Its world is over."""
    lent.engine.dispose()
    free.append(lent)


def _no_syncs(connection, _):
    """Nobody pulls the plug here: a process that dies loses nothing that was written."""
    connection.execute("PRAGMA synchronous=OFF")
