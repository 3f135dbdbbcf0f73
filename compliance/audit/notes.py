"""Signed notes (c2sp.org/signed-note): a text, an empty line, and signatures, a line each. Pure.

Whose signatures they are and what they sign is in compliance.audit.keys.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from compliance.audit.errors import AuditRefused
from compliance.audit.text import from_base64, to_base64

MAX_NOTE_BYTES: Final = 256 * 1024
"""Largest note, bytes: 32 signatures of the largest kind there is, twice what must be accepted."""

MAX_SIGNATURES: Final = 64
"""Signatures of a note; 16 must be accepted."""

KEY_ID_BYTES: Final = 4

_PREFIX: Final = "\N{EM DASH} "
_SEPARATOR: Final = "\n\n"
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")


class Signature(NamedTuple):
    """A line of a note: by whom it says it is, and what that key made."""

    name: str
    key_id: bytes
    data: bytes


class Note(NamedTuple):
    """text ends with a newline, and is to be believed only when a known key has signed it."""

    text: str
    signatures: tuple[Signature, ...]


def format_note(text: str, signatures: Sequence[Signature]) -> bytes:
    """The note's bytes."""
    assert text.endswith("\n")
    assert signatures
    return f"{text}\n".encode() + format_signatures(signatures)


def format_signatures(signatures: Sequence[Signature]) -> bytes:
    """The lines of signatures alone: what a witness answers."""
    lines = [
        f"{_PREFIX}{signature.name} {to_base64(signature.key_id + signature.data)}\n"
        for signature in signatures
    ]
    return "".join(lines).encode()


def parse_note(data: bytes) -> Note:
    """Inverse of format_note. Raises AuditRefused for what is not a note in every byte."""
    if len(data) > MAX_NOTE_BYTES:
        raise AuditRefused(f"a note has at most {MAX_NOTE_BYTES} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise AuditRefused("a note is UTF-8") from None
    if _CONTROL.search(whole):
        raise AuditRefused("a note has no control characters")
    split = whole.rfind(_SEPARATOR)
    if split < 0 or not whole.endswith("\n"):
        raise AuditRefused("a note has a text, an empty line, and signatures")
    lines = whole[split + len(_SEPARATOR) : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise AuditRefused(f"a note has at most {MAX_SIGNATURES} signatures")
    return Note(whole[: split + 1], tuple(_parse_signature(line) for line in lines))


def _parse_signature(line: str) -> Signature:
    if not line.startswith(_PREFIX):
        raise AuditRefused("a signature is a dash, a name, and base64")
    name, _, encoded = line.removeprefix(_PREFIX).partition(" ")
    check_name(name)
    signed = from_base64(encoded)
    if len(signed) <= KEY_ID_BYTES:
        raise AuditRefused("a signature has a key's id and more")
    return Signature(name, signed[:KEY_ID_BYTES], signed[KEY_ID_BYTES:])


def check_name(name: str) -> None:
    """Whether it can be a key's. Raises AuditRefused."""
    if not name or "+" in name or any(char.isspace() for char in name):
        raise AuditRefused("a key's name has neither spaces nor a plus, and is not empty")
