"""Public keys as they are given on a command line."""

from collections.abc import Sequence
from pathlib import Path

from compliance.audit.keys import VerifierKey, parse_verifier
from engine.model.errors import OperatorError


def verifier_keys(texts: Sequence[str]) -> list[VerifierKey]:
    """Each text is a key, or the name of a file with a key a line. Raises OperatorError,
    AuditRefused."""
    keys = []
    for text in texts:
        lines = [text]
        if "+" not in text:
            try:
                lines = Path(text).read_text("utf-8").split("\n")
            except (OSError, UnicodeDecodeError) as error:
                raise OperatorError(f"{text} is neither a key nor a file of keys") from error
        keys += [parse_verifier(line) for line in lines if line]
    return keys
