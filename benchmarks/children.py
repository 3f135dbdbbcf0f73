"""Processes the benchmarks start: each in a process group of its own, always stopped by group."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final

from benchmarks.load import HOST

ROOT: Final = Path(__file__).resolve().parent.parent

# A clean stop may take 5 s (docs/architecture.md); a child that needs longer is killed.
STOP_SECONDS: Final = 8
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


class ChildFailed(Exception):
    """A process of the bench did not start, or ended before it was asked to."""


def group_members(group: int) -> list[int]:
    """Return the processes of a group that still run; those that only await their reaper do not."""
    members = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = file.read_text().rpartition(")")[2].split()
        except OSError:  # it ended while we looked
            continue
        if int(fields[2]) == group and fields[0] not in "ZX":
            members.append(int(file.parent.name))
    return members


def stop_group(process: subprocess.Popen[bytes]) -> None:
    """End the process and every other member of its group: SIGTERM, then SIGKILL."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    finally:
        # Children of the process are in its group, and the group outlives its leader.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        end = time.monotonic() + STOP_SECONDS
        while group_members(process.pid) and time.monotonic() < end:
            time.sleep(0.01)
        if process.stdout:
            process.stdout.close()


def cpu_seconds(pid: int) -> float:
    """Return the user and system time of all threads of a process, from /proc, 10 ms steps.

    Raises ChildFailed if there is no such process.
    """
    try:
        stat = Path("/proc", str(pid), "stat").read_text()
    except (FileNotFoundError, ProcessLookupError) as error:
        raise ChildFailed(f"process {pid} has ended") from error
    # The command's name is in brackets and may hold spaces: count fields from its end.
    fields = stat.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on at this moment."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float) -> None:
    """Return when the port accepts; raise ChildFailed if the process ends or time runs out."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise ChildFailed(f"ended with status {process.returncode} before it listened")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise ChildFailed(f"does not listen on port {port} after {seconds:g} s")
