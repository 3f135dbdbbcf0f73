"""The signer's own memory: everything that it signed, and all that lasts, in a chain of digests, on
disk before an answer leaves.

A line is JSON. Each has the digest of the line before it, so that none can be taken out or changed
without all that follow. A last line that is torn was never answered, and is cut.
"""

import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from custody.policy.history import PolicyHistory
from custody.policy.policy import Policy
from custody.signing.requests import Note
from engine.model.errors import FixgateError, OperatorError

SIGNER_LOG: Final = "signer.log"
"""Its place under DIR/custody."""

GENESIS: Final = "0" * 64


class LogFull(FixgateError):
    """The disk does not take a line: nothing is signed without one."""


class Entry(Struct, frozen=True, omit_defaults=True):
    """kind: of the purpose. id: of what was asked for, once in each wallet. content: the digest of
    what it said, all fees apart. account, asset, amount, gas: what velocities are counted in;
    gas: wei at most. time: ns UTC. note: what lasts, with its approvals; it has no wallet and no
    transaction. policy: the first one, in the first line. subject: the deposit that is returned."""

    seq: int
    time: int
    kind: str
    id: str
    content: str
    wallet: str
    nonce: int
    account: str
    asset: str
    amount: int
    gas: int
    tx: str
    before: str
    note: Note | None = None
    policy: Policy | None = None
    subject: str = ""


class SignerLog:
    """The log in one file, which this process alone writes."""

    def __init__(self, path: Path, log: Callable[[str], None]) -> None:
        """Reads and checks all of it. Raises OperatorError if a line is not what was written."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        data = path.read_bytes()
        whole, _, torn = data.rpartition(b"\n")
        if torn:
            log(f"{path.name}: cut a line that was never finished, {len(torn)} bytes")
            os.ftruncate(self._fd, len(data) - len(torn))
            os.fsync(self._fd)
        self.entries, self._digest = _checked(whole, path)
        self._size = len(data) - len(torn)
        os.lseek(self._fd, self._size, os.SEEK_SET)

    def append(self, make: Callable[[int, str], Entry]) -> Entry:
        """Write `make(seq, digest before)` down. Raises LogFull; then nothing was written."""
        entry = make(len(self.entries) + 1, self._digest)
        line = _encode(entry)
        try:
            written = os.write(self._fd, line + b"\n")
            os.fsync(self._fd)
        except OSError as error:
            self._take_back()
            raise LogFull(f"the signer's log cannot be written: {error.strerror}") from None
        if written != len(line) + 1:
            self._take_back()
            raise LogFull("the disk is full: it took a part of a line of the signer's log")
        self._size += written
        self.entries.append(entry)
        self._digest = sha256(line).hexdigest()
        return entry

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._fd)

    def _take_back(self) -> None:
        os.ftruncate(self._fd, self._size)
        os.lseek(self._fd, self._size, os.SEEK_SET)


def policies_in(path: Path) -> PolicyHistory | None:
    """The policies of a signer's log, read beside the signer; None if nothing was written down yet.
    Raises OperatorError if there is no log, or it was changed."""
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None
    entries, _ = _checked(whole, path)
    first = next((entry.policy for entry in entries if entry.policy is not None), None)
    if first is None:
        return None
    history = PolicyHistory(first)
    for entry in entries:
        if entry.note is not None and entry.note.policy is not None:
            history.change(entry.note.policy, entry.time)
    return history


def names_the_warm_wallet(path: Path) -> bool:
    """Whether a signer's log has a line that can only be there if there was a warm wallet. Raises
    OperatorError as policies_in."""
    whole, _, _ = path.read_bytes().rpartition(b"\n")
    entries, _ = _checked(whole, path)
    return any("warm" in entry.kind for entry in entries)


def _checked(whole: bytes, path: Path) -> tuple[list[Entry], str]:
    """Entries of complete lines, and the digest of the last one. Raises OperatorError."""
    entries: list[Entry] = []
    digest = GENESIS
    for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
        try:
            entry = msgspec.json.decode(line, type=Entry)
        except (msgspec.DecodeError, UnicodeDecodeError):
            entry = None
        if entry is None or entry.seq != number or entry.before != digest:
            raise OperatorError(
                f"{path} was changed at line {number}: nothing is signed until somebody has found"
                " out by whom. Compare it with its copy"
            )
        entries.append(entry)
        digest = sha256(line).hexdigest()
    return entries, digest


_encode = msgspec.json.Encoder(order="sorted").encode
