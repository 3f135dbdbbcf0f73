"""What the commands of custody share: whom they ask, amounts, times, tables."""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from custody.assets import ChainAsset
from custody.control_client import CONTROL_SOCKET, ask
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import OperatorError
from engine.model.money import format_scaled, parse_scaled

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_YEAR_9999: Final = 253_370_764_800 * NANOS_PER_SECOND

Act = Callable[[argparse.Namespace], int]
Actions: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no other name


class Custody:
    """The custody of the venue whose data folder is `data`. Everything raises Refused with its
    reason, and OperatorError if it does not answer."""

    def __init__(self, data: Path) -> None:
        self._path = data / "run" / CONTROL_SOCKET

    def ask(self, op: str, **asked: object) -> Any:  # noqa: ANN401 - what JSON holds
        """The answer to an operation of custody.control."""
        return ask(self._path, op=op, **asked)

    @cached_property
    def assets(self) -> dict[str, ChainAsset]:
        """Assets on the chain, by code."""
        rows = msgspec.convert(self.ask("assets"), list[ChainAsset], strict=False)
        return {asset.code: asset for asset in rows}

    @cached_property
    def accounts(self) -> dict[str, str]:
        """Names of accounts, by their ids in the journal."""
        return {row["id"]: row["name"] for row in self.ask("accounts")}

    def asset(self, code: str) -> ChainAsset:
        """One of the assets. Raises OperatorError."""
        if code not in self.assets:
            raise OperatorError(
                f"{visible(code)} is not on the chain; these are: {', '.join(self.assets)}"
            )
        return self.assets[code]


JSON_TOO: Final = "Each action has --help, and --json for programs."


def add_actions(parser: argparse.ArgumentParser) -> Actions:
    """The actions of a command."""
    parser.epilog = JSON_TOO
    return parser.add_subparsers(required=True, metavar="ACTION")


def add_action(actions: Actions, name: str, act: Act, text: str) -> argparse.ArgumentParser:
    """One thing that a command does, with what all of them take."""
    parser = actions.add_parser(name, help=text, description=text)
    parser.set_defaults(act=act)
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run_action(args: argparse.Namespace) -> int:
    """Do what was chosen."""
    act: Act = args.act
    return act(args)


# --- amounts and times ------------------------------------------------------------------------


def amount(value: int, places: int) -> str:
    """An integer of 10**-places units in whole ones: "0.5"."""
    return format_scaled(value, places).decode()


def minor_units(text: str, asset: ChainAsset) -> int:
    """An amount that was typed, in minor units of the venue. Raises OperatorError."""
    minor = parse_scaled(text.encode(), asset.scale)
    if minor is None or minor <= 0:
        raise OperatorError(
            f"{visible(text)} is no amount of {asset.code}: a number above 0 with at most"
            f" {asset.scale} decimals, such as 0.5"
        )
    return minor


def utc(time: int) -> str:
    """A time, ns UTC, to the microsecond; nothing for 0."""
    if not time:
        return ""
    if not 0 < time < _YEAR_9999:
        return f"{time} ns, which is no time"
    return f"{_EPOCH + timedelta(microseconds=time // 1_000):%Y-%m-%d %H:%M:%S.%f}Z"


def visible(text: str) -> str:
    """A text of somebody else's, whole; if a terminal would obey it, or hide it, as its escapes."""
    return text if text.isprintable() else ascii(text)


# --- what is printed --------------------------------------------------------------------------


def print_json(what: object) -> None:
    """One JSON value."""
    print(json.dumps(what))


def print_list(
    args: argparse.Namespace,
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, str]],
    none: str,
) -> int:
    """What a list shows, of one state if one was asked for; the exit code."""
    state = getattr(args, "state", None)
    rows = [row for row in rows if state in (None, row.get("state"))]
    if args.json:
        print_json(rows)
    else:
        print_rows(columns, rows, none)
    return 0


def print_rows(columns: Mapping[str, str], rows: Sequence[Mapping[str, str]], none: str) -> None:
    """A table on a terminal; into a file, lines with tabs. columns: by key, the heading. none: what
    is said of no rows."""
    console = Console(highlight=False, markup=False, emoji=False)
    lines = [[visible(row[key]) for key in columns] for row in rows]
    if not console.is_terminal:
        for line in [list(columns.values()), *lines]:
            print("\t".join(line))
        return
    if not lines:
        console.print(none)
        return
    table = Table(*columns.values(), box=None, pad_edge=False)
    for line in lines:
        table.add_row(*(Text(cell, overflow="fold") for cell in line))
    console.print(table)


def print_asked(args: argparse.Namespace, made: dict[str, str]) -> int:
    """The name of an intent that was made; the exit code."""
    if args.json:
        print_json(made)
    else:
        print(made["id"])
    return 0


def print_cancelled(args: argparse.Namespace) -> int:
    """What is taken back; the exit code."""
    if args.json:
        print_json({"id": args.id})
    else:
        print(f"{args.id} is taken back")
    return 0


def fields_text(fields: Iterable[tuple[str, str]]) -> str:
    """Names and what they are, a line each."""
    rows = [(name, visible(text)) for name, text in fields]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:{width}}  {text}" for name, text in rows)
