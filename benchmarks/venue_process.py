"""`fixgate run` as the bench starts it: fresh data folder, own ports, stopped by process group."""

import contextlib
import os
import select
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Final, Self

from benchmarks.children import ROOT, ChildFailed, cpu_seconds, stop_group
from benchmarks.load import HOST
from benchmarks.peer import drop_copy_reader

EXECUTABLE = ROOT / ".venv" / "bin" / "fixgate"
VENUE_COMP: Final = b"FIXGATE"
ORDER_ENTRY_PORT: Final = 9878
DROP_COPY_PORT: Final = 9880
DROP_COPY_SESSION: Final = "BENCH-DC1"
# Every port a venue of config/bench.yaml may open, now or with a later issue.
VENUE_PORTS: Final = (8080, 8081, 8082, 9100, 9878, 9879, 9880, 9881)
READY_SECONDS: Final = 45
_READY: Final = b"fixgate ready"
_ZEROS_READ_BYTES: Final = 1 << 20


def free_port_offset() -> int:
    """Return an offset at which every port of the venue is free; below the ephemeral range."""
    for offset in range(4_000, 22_000, 200):
        try:
            for port in VENUE_PORTS:
                socket.create_server((HOST, port + offset)).close()
        except OSError:
            continue
        return offset
    raise ChildFailed("no port offset at which all ports of the venue are free")


def used_bytes(file: Path) -> int:
    """Return the bytes up to the last that is not zero, of a file that is filled from its start.

    Looks backwards from the first hole: what is allocated but not yet written reads as a hole, and
    must not be read, which would fill the page cache beside a venue that is being measured.
    """
    with file.open("rb") as stream:
        if not stream.seek(0, os.SEEK_END):
            return 0
        end = stream.seek(0, os.SEEK_HOLE)
        while end:
            start = max(0, end - _ZEROS_READ_BYTES)
            stream.seek(start)
            kept = len(stream.read(end - start).rstrip(b"\0"))
            if kept:
                return start + kept
            end = start
    return 0


class VenueProcess:
    """A running venue. A context manager: entered when ready, stopped and removed at exit.

    `only` names the venue's processes (`core`, `core+dropcopy`), or is "all". Where the drop copy
    runs, somebody listens to it.
    Raises ChildFailed, with the end of the venue's log, where it does not become ready.
    """

    def __init__(self, only: str = "all", config: Path = ROOT / "config" / "bench.yaml") -> None:
        self.only = only
        self._config = config
        self._home = Path(tempfile.mkdtemp(prefix="fixgate-bench-"))
        self.data = self._home / "data"
        self._log = self._home / "venue.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        self._readers = contextlib.ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _start(self) -> None:
        if not EXECUTABLE.exists():
            raise ChildFailed("no .venv/bin/fixgate: run `make setup` first")
        offset = free_port_offset()
        self.data.mkdir()
        command = [str(EXECUTABLE), "run", "--config", str(self._config), "--data", str(self.data)]
        command += ["--port-offset", str(offset)]
        if self.only != "all":
            command += ["--only", self.only.replace("+", ",")]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self._await_ready(self._process)
        self.port = ORDER_ENTRY_PORT + offset
        if self.only == "all" or "dropcopy" in self.only.split("+"):
            reader = drop_copy_reader(DROP_COPY_PORT + offset, DROP_COPY_SESSION)
            self._readers.enter_context(reader)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        end = time.monotonic() + READY_SECONDS
        said = b""
        while _READY not in said:
            left = end - time.monotonic()
            if left <= 0:
                raise ChildFailed(f"not ready in {READY_SECONDS} s: {self._last_words()}")
            if select.select([process.stdout], (), (), left)[0]:
                chunk = os.read(process.stdout.fileno(), 65_536)
                if not chunk:
                    raise ChildFailed(f"`fixgate run` ended: {self._last_words()}")
                said += chunk

    def _last_words(self) -> str:
        return self._log.read_text(errors="replace").strip()[-1_500:]

    def pids(self) -> dict[str, int]:
        """Return the venue's processes by name, the supervisor that was started as `run`."""
        assert self._process is not None
        found = {
            file.stem: int(file.read_text().split()[0])
            for file in (self.data / "run").glob("*.pid")
        }
        if self._process.pid not in found.values():
            found["run"] = self._process.pid
        return found

    def cpu(self) -> tuple[float, float]:
        """Return the CPU seconds so far of (core, all processes of the venue)."""
        pids = self.pids()
        if "core" not in pids:
            raise ChildFailed("the venue wrote no run/core.pid")
        spent = {name: cpu_seconds(pid) for name, pid in pids.items()}
        return spent["core"], sum(spent.values())

    def journal_bytes(self) -> int:
        """Return the bytes of the journal's segments that are written, without what is allocated.

        A segment is allocated as zeros and its frames end in hash bytes, so what is written ends
        at the last byte that is not zero; off by a byte or two at most.
        """
        return sum(used_bytes(file) for file in (self.data / "journal").glob("*.seg"))

    def stop(self) -> None:
        """Stop every process of the venue and remove its data."""
        try:
            self._readers.close()
            if self._process is not None:
                stop_group(self._process)
        finally:
            shutil.rmtree(self._home, ignore_errors=True)
