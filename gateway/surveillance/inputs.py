"""What surveillance and monitoring judge by: files of rules, links and profiles."""

from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from compliance.monitoring.profiles import Profiles, parse_profiles
from compliance.monitoring.rules import parse_rules as parse_money_rules
from compliance.settings import ComplianceSettings
from compliance.surveillance.links import Links, parse_links
from compliance.surveillance.rules import parse_rules
from compliance.watches import Inputs
from engine.model.errors import OperatorError
from gateway.data import data_file
from gateway.small_file import read_small

RULES_NAME: Final = "surveillance.yaml"
MONEY_RULES_NAME: Final = "monitoring.yaml"
"""The rules of the release, in config/."""

MAX_BYTES: Final = 4 * 1024 * 1024
"""Of each file: a hundred thousand members with an owner each."""

T = TypeVar("T")


def inputs_of(settings: ComplianceSettings, folder: Path) -> Inputs:
    """What a configuration in `folder` names. Raises OperatorError."""
    monitoring = settings.monitoring
    return read_inputs(
        folder, settings.rules, settings.links, monitoring.rules, monitoring.profiles
    )


def read_inputs(
    folder: Path,
    rules: str | None,
    links: str | None,
    money_rules: str | None,
    profiles: str | None,
) -> Inputs:
    """All of them, of files relative to `folder`: rules are those of the release if no file is
    named, links and profiles none. Raises OperatorError."""
    return Inputs(
        _parsed(_rules(folder, rules, RULES_NAME), parse_rules),
        read_links(folder, links),
        _parsed(_rules(folder, money_rules, MONEY_RULES_NAME), parse_money_rules),
        Profiles() if profiles is None else _parsed(folder / profiles, parse_profiles),
    )


def read_links(folder: Path, name: str | None) -> Links:
    """The links of a file, relative to `folder`; none if none is named. Raises OperatorError."""
    return Links() if name is None else _parsed(folder / name, parse_links)


def _rules(folder: Path, name: str | None, default: str) -> Path:
    return data_file("config", default) if name is None else folder / name


def _parsed(path: Path, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(read_small(path, MAX_BYTES))
    except msgspec.MsgspecError as error:
        raise OperatorError(f"{path}: {error}") from None
