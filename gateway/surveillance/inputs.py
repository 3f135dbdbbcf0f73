"""What surveillance judges by: the files of rules and links."""

from pathlib import Path
from typing import Final

import msgspec

from compliance.surveillance.links import Links
from compliance.surveillance.rules import Rules, parse_rules
from engine.model.errors import OperatorError
from gateway.data import data_file
from gateway.small_file import read_small

RULES_NAME: Final = "surveillance.yaml"
"""The rules of the release, in config/."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of a file of rules or links: a hundred thousand members with an owner each."""


def read_rules(folder: Path, name: str | None) -> Rules:
    """The rules of a file, relative to `folder`; those of the release if none is named. Raises
    OperatorError."""
    path = data_file("config", RULES_NAME) if name is None else folder / name
    try:
        return parse_rules(read_small(path, MAX_BYTES))
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{path}: {error}") from None


def read_links(folder: Path, name: str | None) -> Links:
    """The links of a file, relative to `folder`; none if none is named. Raises OperatorError."""
    if name is None:
        return Links()
    try:
        return msgspec.yaml.decode(read_small(folder / name, MAX_BYTES), type=Links, strict=True)
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{folder / name}: {error}") from None
