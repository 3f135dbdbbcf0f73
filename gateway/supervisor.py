"""`fixgate run`: starts the venue's processes, watches them, stops them in order.

Core comes first, then its readers, then the bots. A process that dies is started again after a
short wait. A core that says a person must act (exit code 3), or any process that says so before
it was ever ready, ends the run with its words. All children share the supervisor's process group,
and end by themselves when it dies.
"""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import trio

from engine.model.errors import OperatorError
from gateway.children import COMPLIANCE, CORE, CUSTODY, EXIT_OPERATOR, HISTORY, SIGNER, WEBHOOKS
from gateway.figure import Figure
from gateway.flow.listener import listen_or_explain
from gateway.flow.system_clock import SystemClock
from gateway.metrics import ProcessFigures, render
from gateway.metrics_page import metrics_server
from gateway.processors import place

READERS: Final = (
    "dropcopy", "marketdata", "snapshot", HISTORY, SIGNER, CUSTODY, COMPLIANCE, WEBHOOKS,
)  # fmt: skip
BOTS: Final = "bots"
ALL_PROCESSES: Final = (CORE, *READERS, BOTS)

RESTART_WAIT_SECONDS: Final = 0.2
RESTART_WAIT_MAX_SECONDS: Final = 5.0
"""Wait before a dead process is started again; it doubles while the process never got ready, or
says that a person must act."""

STOP_SECONDS: Final = {BOTS: 0.4, CORE: 3.2}
READER_STOP_SECONDS: Final = 1.0
"""How long a process may take to stop cleanly, seconds; the readers stop together. 4.6 in all, of
the 5 that are promised; 200 sessions on a loaded machine take core 2.5. What bots and core leave of
it the readers have, too."""

STATUS_SECONDS: Final = 10.0
"""Time between status lines where standard error is not a terminal."""


@dataclass(slots=True)
class Child:
    """One process of the venue."""

    name: str
    argv: list[str]
    process: trio.Process | None = None
    ready: trio.Event = field(default_factory=trio.Event)
    up: bool = False
    restarts: int = 0
    status: dict[str, int | str] = field(default_factory=dict)
    metrics: dict[str, Figure] = field(default_factory=dict)

    @property
    def figures(self) -> ProcessFigures:
        """What the metrics tell of it."""
        running = self.process is not None and self.process.returncode is None
        pid = self.process.pid if running and self.process is not None else 0
        return ProcessFigures(self.name, pid, self.up, self.restarts, self.metrics)


class Supervisor:
    """Runs the processes `names` of one venue. `argv` is what every child is given; `metrics` is
    the address and port on which their figures are served."""

    def __init__(
        self,
        names: Sequence[str],
        data: Path,
        argv: Sequence[str],
        intro: str,
        metrics: tuple[str, int],
        *,
        core_first: bool,
    ) -> None:
        """core_first: whether core and its readers get their places of gateway.processors."""
        self._core_first = core_first
        self.data = data
        self.intro = intro
        self.metrics = metrics
        self.children = [
            Child(name, [sys.executable, "-m", "gateway.app", name, *argv]) for name in names
        ]
        self.clock = SystemClock()
        """What every child carries on: one that is started again after a jump of the wall clock
        keeps the venue's time too."""
        self.stopping = False
        self.failure: str | None = None
        self._lock: IO[str] | None = None

    def run(self) -> int:
        """Run until SIGTERM, SIGINT or a refusal; returns the exit code."""
        run_folder = self.data / "run"
        run_folder.mkdir(parents=True, exist_ok=True)
        self._take_lock(run_folder / "supervisor.lock")
        with listen_or_explain(*self.metrics) as listener:
            trio.run(self._main, listener)
        if self.failure:
            print(f"fixgate: {self.failure}", file=sys.stderr)
            return 1
        return 0

    def _take_lock(self, path: Path) -> None:
        self._lock = path.open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise OperatorError(
                f"another fixgate (process {path.read_text().strip() or 'unknown'}) runs on "
                f"{self.data}: stop it, or give this one its own --data"
            ) from None
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n")
        self._lock.flush()

    def _render_metrics(self) -> bytes:
        own = ProcessFigures("supervisor", os.getpid(), up=True, restarts=0)
        figures = [own, *(child.figures for child in self.children)]
        return render(figures, shutil.disk_usage(self.data).free)

    async def _main(self, metrics: socket.socket) -> None:
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(metrics_server(self._render_metrics).serve, metrics)
                nursery.start_soon(self._start_all, nursery)
                async for _ in signals:
                    break
                self.stopping = True
                with trio.CancelScope(shield=True):
                    await self._stop_all()
                nursery.cancel_scope.cancel()

    async def _start_all(self, nursery: trio.Nursery) -> None:
        """Core, whose journal the readers read; then the readers; then the bots, for which nobody
        waits."""
        core = [child for child in self.children if child.name == CORE]
        bots = [child for child in self.children if child.name == BOTS]
        readers = [child for child in self.children if child not in core + bots]
        for together in (core, readers, bots):
            for child in together:
                nursery.start_soon(self._keep_alive, child, nursery.cancel_scope)
            if together is not bots:
                for child in together:
                    await child.ready.wait()
        names = ", ".join(child.name for child in self.children)
        print(self.intro, file=sys.stderr, flush=True)
        print(f"fixgate ready: {names}; data in {self.data}", flush=True)
        nursery.start_soon(self._report_status)

    async def _keep_alive(self, child: Child, everything: trio.CancelScope) -> None:
        wait = RESTART_WAIT_SECONDS
        while True:
            was_ready = await self._run_once(child)
            if self.stopping:
                return
            assert child.process is not None
            code = child.process.returncode
            if code == EXIT_OPERATOR and (child.name == CORE or not child.ready.is_set()):
                self.failure = f"{child.name} needs a person (see above); the venue is stopped"
                self.stopping = True
                with trio.CancelScope(shield=True):
                    await self._stop_all()
                everything.cancel()
                return
            child.restarts += 1
            well = was_ready and code != EXIT_OPERATOR
            wait = RESTART_WAIT_SECONDS if well else min(2 * wait, RESTART_WAIT_MAX_SECONDS)
            print(
                f"fixgate: {child.name} ended with {code}; starting it again in {wait:.1f} s",
                file=sys.stderr,
                flush=True,
            )
            await trio.sleep(wait)

    async def _run_once(self, child: Child) -> bool:
        """Start the child and read what it says until it ends; whether it ever got ready."""
        process = await trio.lowlevel.open_process(
            [*child.argv, "--clock-offset", str(self.clock.steered.offset())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        child.process = process
        self._write_pid(child.name, process.pid)
        was_ready = False
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.receive_some(65_536):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                if line == b"ready":
                    was_ready = child.up = True
                    if self._core_first:
                        place(child.name, process.pid)
                    child.ready.set()
                elif line.startswith(b"status "):
                    said = json.loads(line[7:])
                    child.status, child.metrics = said["shown"], said["metrics"]
        await process.wait()
        child.up, child.metrics = False, {}
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                await stream.aclose()
        return was_ready

    def _write_pid(self, name: str, pid: int) -> None:
        path = self.data / "run" / f"{name}.pid"
        temporary = path.with_suffix(".tmp")
        temporary.write_text(f"{pid}\n")
        temporary.replace(path)

    async def _stop_all(self) -> None:
        """Stop bots, then core, then its readers, so that the readers see the last record."""
        by_name = {child.name: child for child in self.children}
        end = trio.current_time() + sum(STOP_SECONDS.values()) + READER_STOP_SECONDS
        for name in (BOTS, CORE):
            if (child := by_name.pop(name, None)) is not None:
                await self._stop(child, STOP_SECONDS[name])
        async with trio.open_nursery() as nursery:
            for child in by_name.values():
                nursery.start_soon(self._stop, child, end - trio.current_time())
        for child in self.children:
            with contextlib.suppress(FileNotFoundError):
                (self.data / "run" / f"{child.name}.pid").unlink()

    @staticmethod
    async def _stop(child: Child, seconds: float) -> None:
        """SIGTERM, and after `seconds` SIGKILL."""
        process = child.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        with trio.move_on_after(seconds):
            await process.wait()
        if process.returncode is None:
            print(f"fixgate: {child.name} did not stop in time; killed", file=sys.stderr)
            process.kill()
            await process.wait()

    async def _report_status(self) -> None:
        """One line on how the venue trades: kept up to date on a terminal, else now and then."""
        terminal = sys.stderr.isatty()
        while True:
            await trio.sleep(1.0 if terminal else STATUS_SECONDS)
            core = self.children[0].status
            if core:
                line = "fixgate " + " · ".join(f"{key} {value}" for key, value in core.items())
                end = "" if terminal else "\n"
                start = "\r\x1b[K" if terminal else ""
                columns = os.get_terminal_size(2).columns - 1 if terminal else 500
                print(start + line[:columns], end=end, file=sys.stderr, flush=True)
