"""Files that people hand in: read whole, if they are small enough."""

from pathlib import Path

from engine.model.errors import OperatorError


def read_small(path: Path, most: int) -> bytes:
    """All of a file of at most `most` bytes. Raises OperatorError."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise OperatorError(f"cannot read {path}: {error.strerror}") from None
    if len(data) > most:
        raise OperatorError(f"{path} is larger than {most:,} bytes: hand in a smaller one")
    return data
