"""What the figures were measured on: processor, kernel, Python, and the disk's own sync time."""

import os
import platform
import tempfile
import time
from pathlib import Path
from typing import Final

# What a small journal batch appends; the file is written before, so that only data is synced.
SYNC_BYTES: Final = 160
SYNC_FILE_BYTES: Final = 1 << 20


def fdatasync_nanos(folder: Path, count: int) -> list[int]:
    """Return the times, in nanoseconds, of write + fdatasync of 160 B into allocated space."""
    assert 0 < count * SYNC_BYTES <= SYNC_FILE_BYTES
    times = []
    payload = b"x" * SYNC_BYTES
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        fd = file.fileno()
        os.pwrite(fd, bytes(SYNC_FILE_BYTES), 0)
        os.fsync(fd)
        for index in range(count):
            start = time.perf_counter_ns()
            os.pwrite(fd, payload, index * SYNC_BYTES)
            os.fdatasync(fd)
            times.append(time.perf_counter_ns() - start)
    return times


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, "unknown" outside Linux."""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return "unknown"
    path = str(folder.resolve())
    best, kind = "", "unknown"
    for line in mounts:
        _, point, found, *_ = line.split()
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, found
    return kind


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown"


def machine_facts() -> dict[str, object]:
    """Return the facts without which a figure means nothing."""
    folder = Path(tempfile.gettempdir())
    return {
        "case": "machine",
        "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "cpus": len(os.sched_getaffinity(0)),
        "cpu": _processor(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "file_system": file_system(folder),
        "load_average": os.getloadavg()[0],
    }
