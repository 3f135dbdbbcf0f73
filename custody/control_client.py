"""Asking custody over its control socket, from a command line."""

import json
import socket
from pathlib import Path
from typing import Any, Final

from engine.local_socket import address
from engine.model.errors import FixgateError, OperatorError

CONTROL_SOCKET: Final = "custody.sock"
"""Its place under DIR/run."""

ANSWER_SECONDS: Final = 10

MAX_ANSWER: Final = 16 * 1024 * 1024
"""Longest answer, bytes: a list of a thousand rows has some 1 MiB."""


class Refused(FixgateError):
    """Custody said no, with its reason."""


def ask(path: Path, **asked: object) -> Any:  # noqa: ANN401 - what JSON holds
    """What custody answers. Raises Refused, and OperatorError if it cannot be reached."""
    try:
        with socket.socket(socket.AF_UNIX) as line, address(path) as name:
            line.settimeout(ANSWER_SECONDS)
            line.connect(name)
            line.sendall(json.dumps(asked).encode() + b"\n")
            answer = _read_line(line)
    except OSError as error:
        raise OperatorError(
            f"custody does not answer at {path}: is the venue running, with its part `custody`"
            f" in the configuration? ({error})"
        ) from None
    told = json.loads(answer)
    if "refused" in told:
        raise Refused(told["refused"])
    return told["done"]


def _read_line(line: socket.socket) -> bytes:
    answer = bytearray()
    while not answer.endswith(b"\n"):
        data = line.recv(65_536)
        if not data or len(answer) > MAX_ANSWER:
            raise OSError("the answer ends early" if not data else "the answer never ends")
        answer += data
    return bytes(answer)
