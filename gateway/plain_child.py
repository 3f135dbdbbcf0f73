"""A child of the venue without any loop: the signer, whose one thread serves one descriptor.

What it is told and what it says is in gateway.children.
"""

import os
import select
import signal
import sys
from collections.abc import Callable

from engine.model.errors import FixgateError
from gateway.children import EXIT_ORPHANED, SUPERVISOR, explain


def run_plain_child(name: str, main: Callable[[int], None]) -> int:
    """As gateway.children.run_child. `main` is given a descriptor, and returns when it can be read:
    at SIGTERM, or when the supervisor dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    told, tell = os.pipe2(os.O_CLOEXEC)
    signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"x"))
    with select.epoll() as either:
        either.register(SUPERVISOR, select.EPOLLIN)
        either.register(told, select.EPOLLIN)
        try:
            main(either.fileno())
        except FixgateError as error:
            return explain(name, ExceptionGroup("", [error]))
        if any(fd == told for fd, _ in either.poll(0)):
            return 0
    print(f"{name}: the supervisor is gone, ending", file=sys.stderr)
    return EXIT_ORPHANED
