"""Asking witnesses for their cosignatures (c2sp.org/tlog-witness), beside the log that publishes.

The log does not wait for them: `checkpoint` is the log's own word, at once; `checkpoint.cosigned`
is the last one that witnesses have cosigned, a moment behind. A witness that is away holds nobody
up.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from compliance.audit.checkpoint import Checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import VerifierKey
from compliance.audit.merkle import consistency_proof
from compliance.audit.notes import Note, Signature, format_note, parse_note
from compliance.audit.receipts import published
from compliance.audit.text import from_decimal
from compliance.audit.tile_store import COSIGNED_NAME, LogFolder
from compliance.audit.tiles import TileReader
from compliance.audit.witness import CONFLICT, AddCheckpoint, format_request
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.replace import replace_file
from gateway.flow.small_client import post

Post = Callable[[str, bytes], tuple[int, bytes]]
"""Status and body of the answer to a POST. Raises OSError, ValueError."""


class WitnessLine(NamedTuple):
    """Where a witness is, and its keys."""

    url: str
    keys: tuple[VerifierKey, ...]


class Cosigning:
    """What witnesses are asked, and what they said."""

    def __init__(
        self,
        folder: Path,
        witnesses: Sequence[WitnessLine],
        log: Callable[[str], None],
        ask: Post = post,
        disk: Disk = REAL_DISK,
    ) -> None:
        self._log_folder = LogFolder(folder, disk)
        self._path = folder / COSIGNED_NAME
        self._witnesses = witnesses
        self._log = log
        self._ask = ask
        self._disk = disk
        self._known: dict[str, int] = {}
        """By witness, the size that it cosigned last, as far as anybody knows."""
        self._trouble: dict[str, str] = {}
        self._done = b""

    def turn(self) -> bool:
        """Have the published checkpoint cosigned, if it is a new one; False, for there is no more.
        Raises OSError if what was said cannot be kept."""
        note = self._log_folder.checkpoint()
        if note is None or note == self._done:
            return False
        own = parse_note(note)
        checkpoint = published(note)
        found: list[Signature] = []
        for witness in self._witnesses:
            try:
                found += self._cosigned(witness, checkpoint, own, note)
            except (OSError, AuditRefused, ValueError) as error:
                self._say(witness.url, str(error) or type(error).__name__)
            else:
                self._say(witness.url, "")
        if found:
            cosigned = format_note(own.text, [*own.signatures, *found])
            replace_file(self._path, cosigned, self._disk)
        if not self._trouble:
            self._done = note
        return False

    def close(self) -> None:
        """Nothing is open."""

    @property
    def away(self) -> int:
        """Witnesses that did not cosign when they were asked last."""
        return len(self._trouble)

    def _cosigned(
        self, witness: WitnessLine, checkpoint: Checkpoint, own: Note, note: bytes
    ) -> list[Signature]:
        """What a witness answers, verified. Raises AuditRefused, OSError."""
        reader = TileReader(checkpoint.size, self._log_folder.read)
        for _ in range(2):
            old = self._known.get(witness.url, 0)
            if old > checkpoint.size:
                raise AuditRefused(f"it has cosigned {old} records, more than there are")
            proof = consistency_proof(reader.node, old, checkpoint.size) if old else []
            request = format_request(AddCheckpoint(old, tuple(proof), note))
            status, answer = self._ask(witness.url.rstrip("/") + "/add-checkpoint", request)
            if status == CONFLICT and old != (size := _size(answer)):
                self._known[witness.url] = size
                continue
            if status != 200:
                words = answer[:200].decode("utf-8", errors="replace").strip()
                raise AuditRefused(f"it answers {status}: {words!r}")
            found = _verified(witness, own, answer)
            self._known[witness.url] = checkpoint.size
            return found
        raise AuditRefused("it has cosigned something else meanwhile")

    def _say(self, url: str, trouble: str) -> None:
        """Once when a witness does not cosign, and once when it does again."""
        if trouble and url not in self._trouble:
            self._log(f"the witness {url} does not cosign: {trouble}")
        elif not trouble and url in self._trouble:
            self._log(f"the witness {url} cosigns again")
        if trouble:
            self._trouble[url] = trouble
        else:
            self._trouble.pop(url, None)


def _size(answer: bytes) -> int:
    """The size in an answer of CONFLICT. Raises AuditRefused."""
    return from_decimal(answer.decode("ascii", errors="replace").removesuffix("\n"))


def _verified(witness: WitnessLine, own: Note, answer: bytes) -> list[Signature]:
    """The cosignatures in an answer that are of this witness's keys. Raises AuditRefused if one of
    them is wrong, or there is none."""
    lines = parse_note(own.text.encode() + b"\n" + answer).signatures
    known = {(key.name, key.key_id): key for key in witness.keys}
    found = [line for line in lines if (line.name, line.key_id) in known]
    if not found:
        raise AuditRefused("none of its keys has signed")
    for line in found:
        known[line.name, line.key_id].verify(own.text, line.data)
    return found
