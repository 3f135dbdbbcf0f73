"""`fixgate watch`: what was asked for, and how it is shown: a live screen, one picture, JSON."""

import argparse
import contextlib
import ipaddress
import json
import os
import signal
from typing import Final

import msgspec
import trio
from rich.console import Console
from rich.live import Live

from engine.model.errors import OperatorError
from gateway.market_data.messages import MarketMessage
from gateway.watch.client import Address, Watcher, parse_address
from gateway.watch.conversation import ADVICE
from gateway.watch.model import Picture
from gateway.watch.screen import ASCII, MIN_COLUMNS, UNICODE, Glyphs, draw

DEFAULT_URL: Final = "ws://127.0.0.1:8081"
"""Where the demo venue serves the market."""

DEMO_TOKEN: Final = "demo-ACME"  # noqa: S105 - the demo's, taken on loopback only
TOKEN_VARIABLE: Final = "FIXGATE_TOKEN"  # noqa: S105

DEFAULT_DEPTH: Final = 15
MAX_DEPTH: Final = 100
"""Most levels a side: more than the tallest screen has lines for."""

REFRESH_SECONDS: Final = 0.2
"""Between two drawings of the live screen, seconds."""

ONCE_SECONDS: Final = 15
"""How long one picture may take, with all reconnections, seconds."""

_END: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate watch` takes."""
    parser.add_argument("symbol", metavar="SYMBOL", help="an instrument, such as BTC-USD")
    parser.add_argument("--url", default=DEFAULT_URL, help=f"of the stream, {DEFAULT_URL}")
    parser.add_argument("--port-offset", type=int, default=0, help="added to the port")
    parser.add_argument(
        "--token", help=f"a member's; better in {TOKEN_VARIABLE}; a venue on loopback: the demo's"
    )
    parser.add_argument(
        "--depth", type=_depth, default=DEFAULT_DEPTH, help=f"levels a side, {DEFAULT_DEPTH}"
    )
    parser.add_argument(
        "--once", action="store_true", help="print one picture; so does an output to a file"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _depth(text: str) -> int:
    depth = int(text)
    if not 1 <= depth <= MAX_DEPTH:
        raise argparse.ArgumentTypeError(f"1 to {MAX_DEPTH}")
    return depth


def run_watch(args: argparse.Namespace) -> int:
    """Show one instrument's market until Ctrl-C, or once. Raises OperatorError."""
    address = parse_address(args.url, args.port_offset)
    picture = Picture(args.symbol)
    watcher = Watcher(address, _token(args.token, address), picture, args.depth)
    console = Console(highlight=False, markup=False, emoji=False)
    if args.json or args.once or not console.is_terminal:
        trio.run(_once, watcher)
        if args.json:
            print(json.dumps(picture_json(picture, args.depth)))
        else:
            width = max(console.width, MIN_COLUMNS)
            console.print(draw(picture, args.depth, width, None, _glyphs(console)), width=width)
        return 0
    trio.run(_live, watcher, console, args.depth)
    if watcher.refusal is not None:
        raise watcher.refusal
    return 0


def _token(named: str | None, address: Address) -> str:
    token = named or os.environ.get(TOKEN_VARIABLE)
    if not token and _is_loopback(address.host):
        token = DEMO_TOKEN
    if not token:
        raise OperatorError(f"{address.url} is not this machine: {ADVICE}")
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise OperatorError("the token has characters that no token has")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _glyphs(console: Console) -> Glyphs:
    return ASCII if console.options.ascii_only else UNICODE


async def _once(watcher: Watcher) -> None:
    """Until the picture is complete. Raises OperatorError."""
    with trio.move_on_after(ONCE_SECONDS):
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                await watcher.run()
                nursery.cancel_scope.cancel()

            nursery.start_soon(watch)
            await watcher.shown.wait()
            nursery.cancel_scope.cancel()
    if watcher.refusal is not None:
        raise watcher.refusal
    if not watcher.shown.is_set():
        raise OperatorError(f"no whole picture in {ONCE_SECONDS} s: {watcher.picture.trouble}")


async def _live(watcher: Watcher, console: Console, depth: int) -> None:
    """Until a signal or a refusal; the terminal is as it was before."""
    with (
        trio.open_signal_receiver(*_END) as signals,
        contextlib.suppress(OSError),  # the terminal is gone
        Live(console=console, screen=True, auto_refresh=False) as live,
    ):
        async with trio.open_nursery() as nursery:

            async def watch() -> None:
                await watcher.run()
                nursery.cancel_scope.cancel()

            async def wait_for_the_end() -> None:
                async for _ in signals:
                    nursery.cancel_scope.cancel()

            nursery.start_soon(watch)
            nursery.start_soon(wait_for_the_end)
            while True:
                width, height = console.size
                shown = draw(watcher.picture, depth, width, height, _glyphs(console))
                live.update(shown, refresh=True)
                await trio.sleep(REFRESH_SECONDS)


def picture_json(picture: Picture, depth: int) -> dict[str, object]:
    """A picture as one JSON object, in the words of the stream; trades and candles oldest first."""
    ladder = picture.ladder
    assert ladder is not None
    return {
        "symbol": picture.symbol,
        "record": picture.record,
        "seq": ladder.seq,
        "checksum": ladder.checksum,
        "bids": [list(level) for level in ladder.bids[:depth]],
        "asks": [list(level) for level in ladder.asks[:depth]],
        "trades": [_plain(trade) for trade in picture.trades],
        "candles": [_plain(candle) for candle in picture.candles],
        "ticker": _plain(picture.ticker),
        "instrument": _plain(picture.instrument),
    }


def _plain(message: MarketMessage | None) -> object:
    found = msgspec.to_builtins(message)
    if isinstance(found, dict):
        found.pop("type", None)
        found.pop("symbol", None)
    return found
