"""What commands on custody's books take, and what they need installed. The command line loads it
for every command, so it loads nothing of custody."""

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path

from engine.model.errors import OperatorError
from gateway.children import CUSTODY_PACKAGE


def add_place(parser: argparse.ArgumentParser) -> None:
    """Where the books are."""
    parser.add_argument("--config", type=Path, required=True, help="the venue's YAML file")
    parser.add_argument("--data", type=Path, required=True, help="the venue's data folder")


def need_custody() -> None:
    """Raises OperatorError where the extra `custody` is not installed."""
    if find_spec(CUSTODY_PACKAGE) is None:
        raise OperatorError("this needs the extra `custody`: pip install 'fixgate[custody]'")


def tell(text: str) -> None:
    """What is beside the answer: to stderr, so that the answer can be read by a program."""
    print(f"fixgate: {text}", file=sys.stderr)
