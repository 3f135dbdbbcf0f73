"""What the kernel knows of its own clock: adjtimex(2), which whoever disciplines the clock (chrony,
ntpd, a PTP daemon) keeps up to date."""

import ctypes
import os
from typing import Final, NamedTuple

from engine.model.clock import NANOS_PER_MICRO

STA_UNSYNC: Final = 0x0040
STA_NANO: Final = 0x2000
TIME_ERROR: Final = 5
"""linux/timex.h."""


class KernelClock(NamedTuple):
    """offset: what UTC is ahead of the clock, still to be made up for, ns. max_error: bound of what
    the clock may be off, ns; -1 where it is not disciplined. source: who says so."""

    offset: int
    max_error: int
    source: str


class _Timex(ctypes.Structure):
    _fields_ = [  # type: ignore[mutable-override] # as ctypes wants it
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_long * 64),  # more than the structure has behind it
    ]


def kernel_clock() -> KernelClock:
    """What it says now. Raises OSError where there is no such call, or it may not be made."""
    adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)
    if adjtimex is None:
        raise OSError("this system has no adjtimex")
    asked = _Timex()
    state = adjtimex(ctypes.byref(asked))
    if state < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return _told(state, asked.status, asked.offset, asked.maxerror)


def _told(state: int, status: int, offset: int, max_error: int) -> KernelClock:
    """Its words as ours. maxerror is in microseconds, offset too unless STA_NANO is set."""
    if state == TIME_ERROR or status & STA_UNSYNC:
        return KernelClock(0, -1, "kernel: not disciplined")
    offset *= 1 if status & STA_NANO else NANOS_PER_MICRO
    return KernelClock(offset, max_error * NANOS_PER_MICRO, "kernel")
