"""Who may use which processor of the machine, and who goes first: core before its readers.

A reader that sends to many listeners is busy for a millisecond at a time. Where it sits on the
processor that core wakes up on, core waits for it, however well a scheduler shares: the readers of
a machine with more than one processor therefore leave the last one alone. Where the system lets a
venue ask for a higher priority (CAP_SYS_NICE, or RLIMIT_NICE), core has the highest of its kind.
"""

import contextlib
import os
from typing import Final

from gateway.children import CORE

CORE_NICE: Final = -20
"""Of the usual scheduling class, so that a core that never sleeps could still not hold up the
kernel's own threads for ever."""


def readers_processors(available: set[int]) -> set[int]:
    """Those that core's readers may use, of those that the venue may; all, if it is only one."""
    return available - {max(available)} if len(available) > 1 else available


def place(name: str, pid: int) -> None:
    """Give process `pid`, which is `name` of a venue and has just got ready, its place: until then
    there is nobody whom it could hold up, and a start may use all there is."""
    with contextlib.suppress(OSError):  # it is not allowed, or the process has ended already
        for thread in map(int, os.listdir(f"/proc/{pid}/task")):
            if name == CORE:
                os.setpriority(os.PRIO_PROCESS, thread, CORE_NICE)
            else:
                os.sched_setaffinity(thread, readers_processors(os.sched_getaffinity(0)))
