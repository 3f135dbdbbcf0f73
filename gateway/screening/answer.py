"""What `fixgate screen` does, once all that compares is loaded."""

import argparse
import os
import sys
from typing import Final

import msgspec

from compliance.screening.listed import ListMalformed, SanctionsList
from compliance.screening.verdict import EQUAL, Verdict
from compliance.screening.wallets import Wallets
from engine.model.errors import OperatorError
from engine.model.money import format_scaled
from gateway.config import load_config
from gateway.custody_commands.common import fields_text, print_json, print_rows
from gateway.screening.command import STANDARD_INPUT
from gateway.screening.evidence import Evidence
from gateway.screening.lists import Lists

HIT: Final = 10
"""Exit code: somebody on a list is like it. Not 1, which is that of every command that failed: a
script must not take a list that cannot be read for a match, nor the other way round."""

MAX_LINE: Final = 4_096
"""Bytes of a name that is read from standard input: more than any that is compared."""

COLUMNS: Final = {"score": "SCORE", "name": "NAME", "source": "LIST", "number": "ENTRY"}


def answer(args: argparse.Namespace) -> int:
    """Screen, write down, print; the exit code."""
    settings = load_config(args.config).compliance
    if settings is None or settings.screening is None:
        raise OperatorError(f"{args.config} names no sanctions lists: compliance.screening.lists")
    if args.name == STANDARD_INPUT:
        args.name = _typed()
    folder = args.config.absolute().parent
    percent = settings.screening.cut_off
    try:
        lists = Lists(folder, settings.screening, lambda read: read).get()
        evidence = None if args.data is None else Evidence(args)
        found = _screened(args, evidence, lists, percent * EQUAL // 100)
        asked = args.wallet or args.name
        if evidence is not None:
            asked = evidence.write_down(found)
    except ListMalformed as error:
        raise OperatorError(str(error)) from None
    except OSError as error:
        raise OperatorError(f"{error.filename or args.data}: {error.strerror}") from None
    _print(args, asked, found)
    return HIT if found.is_hit else 0


def _typed() -> str:
    """A line of standard input, as a word of the command would come."""
    line = sys.stdin.buffer.readline(MAX_LINE)
    return os.fsdecode(line.removesuffix(b"\n"))


def _screened(
    args: argparse.Namespace, evidence: Evidence | None, lists: list[SanctionsList], cut_off: int
) -> Verdict:
    if args.wallet is not None:
        return Wallets(lists).screen(args.wallet)
    from compliance.screening.matcher import Matcher, NothingToCompare

    try:
        return Matcher(lists, cut_off).name(args.name if evidence is None else evidence.name())
    except NothingToCompare as error:
        raise OperatorError(f"{error}; transliterate it first: it is not cleared") from None


def _print(args: argparse.Namespace, asked: str, found: Verdict) -> None:
    """asked: as it is written down, if it is."""
    if args.json:
        print_json({"hit": found.is_hit, "asked": asked, **msgspec.to_builtins(found)})
        return
    fields = [
        ("asked", asked),
        ("by", f"{found.algorithm}, cut-off {_percent(found.cut_off)}"),
    ]
    fields += [(source, f"version {version}") for source, version in found.versions]
    print(fields_text(fields))
    rows = [
        {"score": _percent(m.score), "name": m.name, "source": m.source, "number": str(m.number)}
        for m in found.matches
    ]
    if rows:
        print_rows(COLUMNS, rows, "")
    else:
        print("nobody on these lists is like it")


def _percent(score: int) -> str:
    return format_scaled(score, 2).decode() + "%"
