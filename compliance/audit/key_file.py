"""The file of a log's keys: a key a line, private ones sign, and public ones have signed before.

A key is replaced by compliance.audit.rotation: its line makes way for its public one, which says
until which size it has signed, and its successor's line says from where on that one does.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from compliance.audit.errors import AuditRefused
from compliance.audit.keys import (
    COSIGNER_ML_DSA_44,
    ED25519,
    SEED_BYTES,
    SignerKey,
    VerifierKey,
    is_signer,
    parse_signer,
    parse_verifier,
)
from engine.journal.disk import REAL_DISK, Disk
from engine.journal.files import read_file
from engine.journal.replace import replace_file
from engine.model.errors import OperatorError

MAX_KEY_FILE_BYTES: Final = 256 * 1024
"""Of a key file, bytes: some hundred keys."""


class LogKeys(Struct, frozen=True):
    """Who signs for the log `origin`, and whose signatures on it are known."""

    origin: str
    signers: tuple[SignerKey, ...]
    verifiers: tuple[VerifierKey, ...]


def parse_keys(text: str, origin: str) -> LogKeys:
    """What a key file says. Raises OperatorError, naming the line, and nothing that is in it."""
    signers: list[SignerKey] = []
    verifiers: list[VerifierKey] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        try:
            if is_signer(line):
                signers.append(parse_signer(line))
                key = signers[-1].verifier
            else:
                key = parse_verifier(line)
        except AuditRefused as error:
            raise OperatorError(f"line {number} of the audit log's keys: {error}") from None
        if key.name != origin:
            raise OperatorError(
                f"line {number} of the audit log's keys is a key of {key.name}, and the log is "
                f"{origin}: a log's own keys have its name"
            )
        verifiers.append(key)
    if all(signer.verifier.kind != ED25519 for signer in signers):
        raise OperatorError("the audit log needs an Ed25519 key that signs")
    return LogKeys(origin, tuple(signers), tuple(verifiers))


def format_keys(lines: Sequence[str], name: str) -> bytes:
    """A key file of these keys, by the line."""
    remark = f"# Keys of {name}. Whoever has the private ones signs in its name."
    return "".join(f"{line}\n" for line in (remark, *lines)).encode()


def read_keys(path: Path, origin: str, disk: Disk = REAL_DISK) -> LogKeys:
    """The keys in a file. Raises OperatorError."""
    return parse_keys(_text(path, disk), origin)


def read_signers(path: Path, disk: Disk = REAL_DISK) -> list[SignerKey]:
    """The private keys in a file, whosever they are. Raises OperatorError, naming the line, and
    nothing that is in it."""
    signers = []
    for number, line in enumerate(_text(path, disk).splitlines(), 1):
        if is_signer(line):
            try:
                signers.append(parse_signer(line))
            except AuditRefused as error:
                raise OperatorError(f"{path}, line {number}: {error}") from None
    if not signers:
        raise OperatorError(f"{path} has no private key")
    return signers


def _text(path: Path, disk: Disk) -> str:
    try:
        data = read_file(path, disk)
    except OSError as error:
        raise OperatorError(f"cannot read the audit log's keys: {error}") from error
    if len(data) > MAX_KEY_FILE_BYTES:
        raise OperatorError(f"{path} is larger than {MAX_KEY_FILE_BYTES} bytes")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise OperatorError(f"{path} is no text") from None
    return text


def make_keys(
    path: Path,
    name: str,
    chance: Callable[[int], bytes],
    disk: Disk = REAL_DISK,
    kinds: Sequence[int] = (ED25519, COSIGNER_ML_DSA_44),
) -> None:
    """Write new keys to a file, for its owner alone; it is on disk when this returns.

    A log's are one Ed25519 key, and one of ML-DSA-44 for the years to come. chance: gives so many
    bytes that nobody can guess. Raises OSError.
    """
    lines = [SignerKey(name, kind, chance(SEED_BYTES)).text for kind in kinds]
    replace_file(path, format_keys(lines, name), disk)
