"""A small venue for tests of the gateway: its YAML, its reference data, FIX between pipes."""

import importlib.util
from functools import cache
from pathlib import Path

import pytest

from engine.model.commands import Command
from engine.model.errors import ConfigError
from engine.model.refdata import ReferenceData
from gateway.bootstrap import bootstrap_commands
from gateway.config import Config, load_config
from gateway.fix.codec import encode
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary
from gateway.fix.message import Message
from gateway.fix.timestamps import parse_utc

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "config" / "demo.yaml"

VENUE = """
venue:
  bind: 127.0.0.1

assets:
  - {code: USD, scale: 8}
  - {code: BTC, scale: 8}
  - {code: JPY, scale: 2}

instruments:
  - symbol: BTC-USD
    base: BTC
    quote: USD
    tick: "0.01"
    lot: "0.000001"
    reference_price: "60000"
    maker_fee_bps: "1"
    taker_fee_bps: "5"
    collar_bps: 2000
    max_order_qty: "1000"
    max_order_notional: "50000000"
  - symbol: BTC-JPY
    base: BTC
    quote: JPY
    tick: "5"
    lot: "0.25"
    reference_price: "9000000"
  - symbol: JPY-USD
    base: JPY
    quote: USD
    tick: "0.000025"
    lot: "100"
    reference_price: "0.0065"

defaults:
  sessions: {order_entry: 2, drop_copy: 1}
  password: demo
  balances: {USD: "1000000", BTC: "10.5"}

members:
  - name: ACME
    accounts:
      - name: ACME
      - name: ACME-HEDGE
        balances: {USD: "5"}
        max_open_orders: 7
        limits:
          BTC-JPY: {max_order_qty: "0.75", max_order_notional: "12.34"}
  - name: BOREAS
"""
"""ACME is member 1 with accounts 1 and 2, BOREAS member 2 with account 3; assets USD, BTC, JPY."""

BTC_USD, BTC_JPY, JPY_USD = 1, 2, 3


def edited(*edits: tuple[str, str], text: str = VENUE) -> str:
    """The venue's YAML with each (old, new) put in once; `old` has to be there."""
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def configured(folder: Path, text: str) -> Config:
    """`text` as a configuration file that was read and checked."""
    path = folder / "venue.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def folded(commands: list[Command]) -> ReferenceData:
    """The reference data that commands amount to."""
    refdata = ReferenceData()
    for command in commands:
        refdata.apply(command)
    return refdata


def refdata_of(folder: Path, text: str = VENUE) -> ReferenceData:
    """What a venue knows after its first start with `text`."""
    return folded(bootstrap_commands(configured(folder, text), ReferenceData()))


# --- FIX ------------------------------------------------------------------------------------------


@cache
def venue_dictionary() -> Dictionary:
    """The dictionary that the venue validates with."""
    return Dictionary.load(ROOT / "fix_dictionaries" / "FIX44.xml")


@cache
def stock_dictionary() -> Dictionary:
    """FIX 4.4 as QuickFIX ships it, out of the fixcore package."""
    spec = importlib.util.find_spec("fixcore")
    assert spec is not None
    assert spec.submodule_search_locations
    return Dictionary.load(Path(spec.submodule_search_locations[0]) / "specs" / "FIX44.xml")


def pipes(raw: bytes) -> str:
    """SOH to pipes."""
    return raw.decode("latin-1").replace("\x01", "|")


def soh(text: str) -> bytes:
    """Pipes to SOH."""
    return text.replace("|", "\x01").encode("latin-1")


def ns(text: str) -> int:
    """A FIX timestamp as ns UTC."""
    time = parse_utc(text.encode())
    assert time is not None
    return time


def fields(*given: str, **defaults: str | None) -> str:
    """`tag=value|` fields, made of defaults (t11="a1") with some replaced; None leaves one out."""
    values: dict[str, str | None] = {key.removeprefix("t"): v for key, v in defaults.items()}
    for field in given:
        tag, _, value = field.partition("=")
        values[tag] = value or None
    return "".join(f"{tag}={value}|" for tag, value in values.items() if value is not None)


def decoded(msg_type: str, body: str, header: str = "", *, stock: bool = False) -> Message:
    """A message of a member (or of the venue) as the real decoder gives it."""
    text = f"35={msg_type}|49=ACME-OE1|56=FIXGATE|34=7|{header}52=20260301-12:00:00.000|{body}"
    dictionary = stock_dictionary() if stock else venue_dictionary()
    return Decoder(dictionary).decode(encode(b"FIX.4.4", soh(text)))


def refusal(folder, *edits, text=VENUE):
    """(path, text) of the ConfigError that an edited file is refused with."""
    with pytest.raises(ConfigError) as error:
        configured(folder, edited(*edits, text=text))
    assert str(error.value).startswith(error.value.path)
    return error.value.path, str(error.value).removeprefix(f"{error.value.path}: ")
