"""What commands need that read custody's books: the configuration, the database, the chain."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct
from sqlalchemy import Engine

from custody.assets import ChainAssets
from custody.store.database import open_existing
from custody.terms import database_url, terms_of
from engine.model.errors import OperatorError
from gateway.config import load_config

JOURNAL: Final = "journal"
SNAPSHOTS: Final = "snapshots"


class OpenBooks(Struct, frozen=True):
    """decimals: of the ledger's units, by asset's code, where the chain's are smaller."""

    database: Engine
    journal: Path
    snapshots: Path
    decimals: dict[str, int]


@contextlib.contextmanager
def opened_books(args: argparse.Namespace) -> Iterator[OpenBooks]:
    """The books, to be read. Raises OperatorError, ConfigError."""
    config = load_config(args.config)
    if config.custody is None:
        raise OperatorError(f"{args.config} has no part `custody`: this venue keeps no books")
    journal = args.data / JOURNAL
    if not journal.is_dir():
        raise OperatorError(f"there is no journal in {args.data}: name the folder of a venue")
    terms = terms_of(config.custody, {asset.code: asset.scale for asset in config.assets})
    decimals = ChainAssets(terms.assets).decimals()
    database = open_existing(database_url(config.custody, args.data))
    try:
        yield OpenBooks(database, journal, args.data / SNAPSHOTS, decimals)
    finally:
        database.dispose()
