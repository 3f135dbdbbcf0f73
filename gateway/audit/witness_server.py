"""A witness over HTTP: what it has cosigned last of each log is on disk before it answers."""

import os
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

from compliance.audit.checkpoint import Checkpoint, format_checkpoint, parse_checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import SignerKey, VerifierKey
from compliance.audit.witness import (
    CONFLICT,
    MAX_REQUEST_BYTES,
    WitnessRefused,
    consider,
    cosign,
)
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import read_file
from engine.journal.replace import replace_file
from engine.model.clock import NANOS_PER_SECOND, Clock
from engine.model.errors import OperatorError
from gateway.flow.small_http import Answer, SmallHttpServer

PATH: Final = b"/add-checkpoint"
LOCK_NAME: Final = "lock"

MAX_LOGS: Final = 16
"""Connections at a time: a log has one."""

TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")
SIZE: Final = ("Content-Type", "text/x.tlog.size")
"""The standard's, of a size that is in conflict."""


class LastCosigned:
    """The last checkpoint cosigned of each origin, a file each in a folder of one process."""

    def __init__(self, folder: Path, disk: Disk = REAL_DISK) -> None:
        """Raises OperatorError if another process has the folder, OSError."""
        self._folder = folder
        self._disk = disk
        disk.make_folder(folder)
        self._lock = disk.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT)
        try:
            disk.lock(self._lock)
        except BlockingIOError:
            raise OperatorError(f"another witness works in {folder}: it has one memory") from None

    def get(self, origin: str) -> Checkpoint | None:
        """Of an origin; None for nothing. Raises OperatorError if it is not what was written: a
        witness that has lost its memory must not sign."""
        path = self._path(origin)
        try:
            text = read_file(path, self._disk).decode("utf-8", errors="replace")
        except FileNotFoundError:
            return None
        try:
            found = parse_checkpoint(text)
        except AuditRefused:
            found = None
        if found is None or found.origin != origin:
            raise OperatorError(f"{path} is damaged: this witness has to be given up, with its key")
        return found

    def keep(self, checkpoint: Checkpoint) -> None:
        """On disk when it returns. Raises OSError."""
        text = format_checkpoint(checkpoint)
        replace_file(self._path(checkpoint.origin), text.encode(), self._disk)

    def close(self) -> None:
        """Let another one work."""
        self._disk.close(self._lock)

    def _path(self, origin: str) -> Path:
        return self._folder / sha256(origin.encode()).hexdigest()[:32]


class WitnessPages:
    """Answers what logs ask, one after the other."""

    def __init__(
        self,
        last: LastCosigned,
        logs: Mapping[str, Sequence[VerifierKey]],
        signers: Sequence[SignerKey],
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        self._last = last
        self._logs = logs
        self._signers = signers
        self._clock = clock
        self._log = log

    def post(self, path: bytes, body: bytes) -> Answer:
        """Of a POST."""
        if path != PATH:
            return 404, [TEXT], b"only POST /add-checkpoint is here\n"
        try:
            checkpoint, note = consider(body, self._logs, self._last.get)
            self._last.keep(checkpoint)
        except WitnessRefused as refused:
            return self._refused(refused)
        except (OperatorError, OSError) as error:
            self._log(f"nothing is cosigned: {error}")
            return 503, [TEXT], b"the witness cannot keep what it signs: try again\n"
        lines = cosign(note, self._signers, self._clock.now() // NANOS_PER_SECOND)
        return 200, [TEXT], lines

    def get(self, path: bytes) -> Answer:
        """Of a GET: nothing is to be read here."""
        return (405 if path == PATH else 404), [TEXT], b"only POST /add-checkpoint is here\n"

    def _refused(self, refused: WitnessRefused) -> Answer:
        if refused.status == CONFLICT and refused.size is not None:
            if "another root" in str(refused):
                self._log(f"TWO HISTORIES: {refused}")
            return CONFLICT, [SIZE], b"%d\n" % refused.size
        return refused.status, [TEXT], f"{refused}\n".encode()


def witness_server(pages: WitnessPages) -> SmallHttpServer:
    """Serves them."""
    return SmallHttpServer(
        pages.get, MAX_LOGS, lambda asked: pages.post(asked.path, asked.body), MAX_REQUEST_BYTES
    )
