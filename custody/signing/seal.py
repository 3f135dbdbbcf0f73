"""Closing a process that holds keys: nothing of its memory gets out by way of the system."""

import ctypes
import os
import resource
from typing import Final

from engine.model.errors import OperatorError

_GET_DUMPABLE: Final = 3
_SET_DUMPABLE: Final = 4
"""Of prctl(2), linux/prctl.h."""


def seal_process() -> None:
    """From here on this process leaves no core, and no other process of the same user looks into
    its memory, attaches to it, or reads its environment.

    To be called before the first secret is read, and in each process: a program that is started by
    exec(3) is open again. Root is not kept out. Raises OperatorError where the system cannot do it.
    """
    # The limit alone would not do: a kernel that hands cores to a program (a core_pattern that
    # begins with a pipe) does so whatever the limit is. See core(5).
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    _prctl(_SET_DUMPABLE, 0)
    if not is_sealed():
        raise OperatorError("the system does not seal a process (prctl): keys are not safe here")


def is_sealed() -> bool:
    """Whether the system takes this process's memory for nobody's business."""
    return resource.getrlimit(resource.RLIMIT_CORE) == (0, 0) and _prctl(_GET_DUMPABLE, 0) == 0


def _prctl(option: int, value: int) -> int:
    call = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)
    if call is None:
        raise OperatorError("this system has no prctl(2): the signer runs on Linux alone")
    result = int(call(option, value, 0, 0, 0))
    if result < 0:
        raise OperatorError(f"prctl: {os.strerror(ctypes.get_errno())}")
    return result
