"""The counterparts that are not the venue: QuickFIX C++ as the yardstick, an echo as the limit, a
drop copy's reader."""

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.children import ROOT, ChildFailed, free_port, stop_group, wait_for_port

QUICKFIX_COMP: Final = b"PEER"
SOURCE: Final = ROOT / "benchmarks" / "peers" / "quickfix_acceptor.cpp"
HEADER: Final = Path("/usr/include/quickfix/Session.h")
SESSIONS: Final = 16

_CONFIG = """[DEFAULT]
ConnectionType=acceptor
SocketAcceptPort={port}
SocketReuseAddress=Y
SocketNodelay=Y
StartTime=00:00:00
EndTime=00:00:00
FileStorePath={store}
BeginString=FIX.4.4
SenderCompID={comp}
TimestampPrecision=3
UseDataDictionary=N
ResetOnLogon=Y
CheckLatency=N
"""


class PeerMissing(Exception):
    """The yardstick cannot be built here; the message says what to install."""


def build_quickfix() -> Path:
    """Compile the acceptor into build/ unless it is newer than its source; return its path.

    Raises PeerMissing where Debian's libquickfix-dev or a compiler is not installed.
    """
    if not HEADER.exists():
        raise PeerMissing("no QuickFIX peer: libquickfix-dev is not installed")
    binary = ROOT / "build" / "benchmarks" / "quickfix_acceptor"
    if binary.exists() and binary.stat().st_mtime > SOURCE.stat().st_mtime:
        return binary
    binary.parent.mkdir(parents=True, exist_ok=True)
    command = ["g++", "-O3", "-std=c++14", "-w", str(SOURCE), "-o", str(binary)]
    try:
        subprocess.run([*command, "-lquickfix", "-lpthread"], check=True, capture_output=True)
    except FileNotFoundError as error:
        raise PeerMissing("no QuickFIX peer: g++ is not installed") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.decode(errors="replace").strip().splitlines()
        raise PeerMissing(f"no QuickFIX peer: {reason[0] if reason else 'g++ failed'}") from error
    return binary


@contextlib.contextmanager
def quickfix_peer(threads: str = "single") -> Iterator[int]:
    """Run the QuickFIX acceptor with its file store in a temporary folder; yield its port.

    `threads` is "single" (one thread for all sessions) or "threaded" (one for each).

    Raises PeerMissing where it cannot be built, ChildFailed where it does not start.
    """
    assert threads in {"single", "threaded"}
    binary = build_quickfix()
    with tempfile.TemporaryDirectory(prefix="fixgate-bench-peer-") as folder:
        port = free_port()
        store = Path(folder, "store")
        store.mkdir()
        config = _CONFIG.format(port=port, store=store, comp=QUICKFIX_COMP.decode())
        for number in range(1, SESSIONS + 1):
            config += f"[SESSION]\nTargetCompID=BENCH-OE{number}\n"
        Path(folder, "peer.cfg").write_text(config)
        process = subprocess.Popen(
            [str(binary), str(Path(folder, "peer.cfg")), threads],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            wait_for_port(port, process, 10)
            yield port
        finally:
            stop_group(process)


@contextlib.contextmanager
def _module(name: str, *args: str) -> Iterator[bytes]:
    """Run a module of benchmarks.peers; yield the line that it says when it is ready."""
    process = subprocess.Popen(
        [sys.executable, "-m", f"benchmarks.peers.{name}", *args],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise ChildFailed(f"{name} did not start")
        yield line
    finally:
        stop_group(process)


@contextlib.contextmanager
def drop_copy_reader(port: int, comp_id: str) -> Iterator[None]:
    """Have somebody take all that a drop copy session sends."""
    with _module("drop_copy_reader", str(port), comp_id):
        yield


@contextlib.contextmanager
def ack_echo() -> Iterator[int]:
    """Run the counterpart that only acknowledges; yield its port."""
    with _module("ack_echo") as line:
        yield int(line)
