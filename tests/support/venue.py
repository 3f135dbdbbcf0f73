"""A venue as its operator sees it: a command, a data folder, ports, signals, exit codes."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.support.ports import PortOffset

ROOT = Path(__file__).parents[2]
FIXGATE = Path(sys.executable).with_name("fixgate")
CONFIG = ROOT / "config"

READY_SECONDS = 40
"""How long a start may take on a loaded machine of two cores, recovery included."""

POLL_SECONDS = 0.01

LOG_TAIL_CHARACTERS = 4_000


def wait_until(condition, seconds, what):
    """Poll a process from outside until `condition()` is true; its value. Fails after `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)


def is_running(pid):
    """Whether a process still does something: a zombie does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def fixgate(*args, timeout=60, **environment):
    """Run one `fixgate` command to its end."""
    return subprocess.run(
        [str(FIXGATE), *map(str, args)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        env=os.environ | environment,
    )


def replay(data, at=None, **environment):
    """What `fixgate replay --json` says, as an object. at: stop after this record."""
    stop = () if at is None else ("--at", at)
    result = fixgate("replay", "--data", data, "--json", *stop, **environment)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout.splitlines()[-1])


class Venue:
    """`fixgate run`, in a process group of its own."""

    def __init__(
        self, data, config="bench.yaml", only=None, mirror=None, environment=None, program=None
    ):
        self.data = Path(data)
        self.config = config if isinstance(config, Path) else CONFIG / config
        self.only = only
        self.mirror = mirror
        self.environment = environment or {}
        self.program = program or [FIXGATE]
        self.starts = 0
        self.process = None
        self._ports = PortOffset()
        self.offset = self._ports.offset

    @property
    def order_entry(self):
        """Port of order entry."""
        return 9878 + self.offset

    @property
    def drop_copy(self):
        """Port of drop copy."""
        return 9880 + self.offset

    @property
    def market_data(self):
        """Port of market data over FIX."""
        return 9881 + self.offset

    @property
    def market_data_stream(self):
        """Port of market data over WebSocket."""
        return 8081 + self.offset

    @property
    def drop_copy_stream(self):
        """Port of drop copies over WebSocket."""
        return 8082 + self.offset

    @property
    def stdout(self):
        """Everything that this start wrote to standard output."""
        return self._file("out").read_text()

    @property
    def stderr(self):
        """Everything that this start wrote to standard error."""
        return self._file("err").read_text()

    def _file(self, kind):
        return self.data.with_name(f"{self.data.name}-{self.starts}.{kind}")

    def describe(self):
        """For a failed test: what the venue said last."""
        if not self.starts:
            return "never started"
        code = self.process.poll()
        state = "running" if code is None else f"ended with {code}"
        return f"start {self.starts} is {state}; stderr:\n{self.stderr[-LOG_TAIL_CHARACTERS:]}"

    # --- start ----------------------------------------------------------------------------

    def spawn(self):
        """Start the command without waiting for anything."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        self.starts += 1
        command = [*self.program, "run", "--config", self.config, "--data", self.data]
        command += ["--port-offset", self.offset]
        if self.only:
            command += ["--only", self.only]
        if self.mirror:
            command += ["--mirror", self.mirror]
        with self._file("out").open("wb") as out, self._file("err").open("wb") as err:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=self.data.parent,
                start_new_session=True,
                env=os.environ | self.environment,
            )
        return self

    def start(self):
        """Start it and wait until it says that it is ready."""
        self.spawn()
        end = time.monotonic() + READY_SECONDS
        while "fixgate ready" not in self.stdout:
            assert self.process.poll() is None, f"fixgate run ended: {self.describe()}"
            assert time.monotonic() < end, f"not ready in {READY_SECONDS} s: {self.describe()}"
            time.sleep(POLL_SECONDS)
        return self

    # --- processes ------------------------------------------------------------------------

    def pid(self, name):
        """Process id of a child, as its pid file says."""
        return int((self.data / "run" / f"{name}.pid").read_text())

    def pids(self):
        """Process ids of all children, by name."""
        return {path.stem: int(path.read_text()) for path in (self.data / "run").glob("*.pid")}

    def kill_one(self, name):
        """kill -9 of one child, unless it is dead already; its process id."""
        pid = self.pid(name)
        if _is_ours(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return pid

    def kill_all(self):
        """kill -9 of the whole process group, and wait until nothing of it runs."""
        pids = self.pids()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        wait_until(lambda: not any(map(is_running, pids.values())), 10, "the group is gone")

    def stop(self):
        """SIGTERM; (exit code, seconds it took)."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        return code, time.monotonic() - began

    def replay(self, **environment):
        """What `fixgate replay --json` says about the data folder."""
        return replay(self.data, **environment)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.close()

    def check_logs(self):
        """However it was treated, no process of the venue ended in a traceback."""
        logs = list(self.data.parent.glob(f"{self.data.name}-*.err"))
        assert len(logs) >= self.starts
        for path in logs:
            text = path.read_text()
            at = text.find("Traceback")
            assert at < 0, f"{path.name}: {text[max(0, at - 500) :][:LOG_TAIL_CHARACTERS]}"

    def close(self):
        """End whatever still runs, and give the ports back."""
        if self.process is not None:
            if self.process.poll() is None:
                self.kill_all()
            pids = self.pids() if (self.data / "run").exists() else {}
            wait_until(
                lambda: not any(map(_is_ours, pids.values())), 10, "children of a dead venue end"
            )
        self._ports.close()


def _is_ours(pid):
    """Whether it runs and is a process of a venue: a stale pid file may name anybody's."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
    # In the middle of its exec a process runs and has no command line yet.
    return (b"gateway.app" in command or not command) and is_running(pid)
