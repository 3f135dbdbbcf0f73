"""Public keys and ranges of records as they are given on a command line."""

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


def record_span(first: int | None, last: int | None) -> tuple[int, int] | None:
    """First and last record of --from and --to; None if neither was given. Raises OperatorError."""
    if first is None and last is None:
        return None
    begin = 0 if first is None else first
    if last is None or not 0 <= begin <= last:
        raise OperatorError("a range goes from --from N, 0 if it is left out, to --to N")
    return begin, last
