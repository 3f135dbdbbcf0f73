"""Local (UNIX) sockets of a venue's processes, in DIR/run, for its own user alone."""

import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Protocol

_MAX_PATH_BYTES: Final = 107
"""Longest path a UNIX socket address holds on Linux, bytes."""

_CREDENTIALS: Final = struct.Struct("3i")
"""struct ucred of SO_PEERCRED: pid, uid, gid; see unix(7)."""


def listening(path: Path, backlog: int) -> socket.socket:
    """A non-blocking socket that listens at `path`, whose folder exists; mode 0600.

    A socket left over there is replaced: whoever calls has made sure that nobody else serves it.
    Raises OSError.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.setblocking(False)
    try:
        with address(path) as name:
            listener.bind(name)
        path.chmod(0o600)
        listener.listen(backlog)
    except OSError:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """`path` as a socket address: by its folder's descriptor where it is too long for one."""
    if len(os.fsencode(path)) <= _MAX_PATH_BYTES:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class Peer(Protocol):
    """A connected local socket of any library."""

    def getsockopt(self, level: int, option: int, size: int, /) -> bytes:
        """See socket.socket."""
        ...


def is_own(peer: Peer) -> bool:
    """Whether the other end is a process of the same user, or of root."""
    data = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(data)
    return uid in (os.geteuid(), 0)
