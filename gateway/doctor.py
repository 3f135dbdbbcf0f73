"""`fixgate doctor`: is this machine fit to run a venue, and what to do where it is not."""

import argparse
import json
import os
import shutil
import socket
import sys
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from engine.model.errors import FixgateError
from gateway.children import (
    COMPLIANCE,
    COMPLIANCE_PACKAGE,
    CUSTODY,
    CUSTODY_PACKAGE,
    HISTORY,
    HISTORY_PACKAGE,
    SIGNER,
)
from gateway.config import Config, load_config
from gateway.data import data_file
from gateway.flow.system_clock import SystemClock

SYNC_SAMPLES: Final = 200
SYNC_BYTES: Final = 400
SLOW_SYNC_US: Final = 5_000
"""A median sync slower than this, us, makes every acknowledgement slower than most members take."""

LOW_DISK_BYTES: Final = 2 * 1024**3
MIN_OPEN_FILES: Final = 4_096


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. level is "ok", "warn" or "fail"."""

    level: str
    what: str
    text: str


def run_doctor(args: argparse.Namespace) -> int:
    """Look at everything; exit code 1 if anything would keep the venue from running."""
    config: Config | None = None
    findings = [_python(), _open_files(), _clock(), _disk(args.data), _sync(args.data)]
    findings += [_dictionary(), _history()]
    if args.config is not None:
        try:
            config = load_config(args.config)
            findings.append(Finding("ok", "config", f"{args.config} is good"))
        except FixgateError as error:
            findings.append(Finding("fail", "config", str(error)))
    if config is not None:
        ports = config.venue.ports
        for name, port in (("order entry", ports.order_entry), ("drop copy", ports.drop_copy)):
            findings.append(_port(name, config.venue.bind, port + args.port_offset))
        metrics = ports.metrics + args.port_offset
        findings.append(_port("metrics", config.venue.metrics_bind, metrics))
        if config.custody is not None:
            findings.append(_custody())
        if config.compliance is not None:
            findings.append(_compliance())
    if args.json:
        print(json.dumps([{"level": f.level, "what": f.what, "text": f.text} for f in findings]))
    else:
        for finding in findings:
            print(f"{finding.level:4}  {finding.what:11} {finding.text}")
    return 1 if any(f.level == "fail" for f in findings) else 0


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < (3, 11):  # noqa: UP036 - the doctor may be run by any Python
        return Finding("fail", "python", f"{version}: 3.11 or newer is needed")
    return Finding("ok", "python", version)


def _open_files() -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < MIN_OPEN_FILES:
        text = f"{soft} allowed: raise it with `ulimit -n {MIN_OPEN_FILES}` (at most {hard})"
        return Finding("warn", "open files", text)
    return Finding("ok", "open files", f"{soft} allowed")


def _clock() -> Finding:
    clock = SystemClock()
    steps = []
    for _ in range(1_000):
        start = clock.monotonic()
        while (now := clock.monotonic()) == start:
            pass
        steps.append(now - start)
    synchronized = _ntp_synchronized()
    step = f"monotonic step {sorted(steps)[500]} ns"
    if synchronized is False:
        text = f"{step}; the kernel says the wall clock is not synchronized: start an NTP service"
        return Finding("warn", "clock", text)
    return Finding("ok", "clock", step)


def _ntp_synchronized() -> bool | None:
    """Whether the kernel's clock is disciplined; None where it does not say."""
    if Path("/run/systemd/timesync/synchronized").exists():
        return True
    return False if Path("/run/systemd/system").exists() else None


def _disk(folder: Path) -> Finding:
    free = shutil.disk_usage(_existing(folder)).free
    text = f"{free / 1024**3:.1f} GiB free at {folder.absolute()}"
    if free < LOW_DISK_BYTES:
        return Finding("warn", "disk", f"{text}: an hour of busy trading may fill it")
    return Finding("ok", "disk", text)


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    while not folder.exists():
        folder = folder.parent
    return folder


def _sync(folder: Path) -> Finding:
    clock = SystemClock()
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(folder), prefix="fixgate-doctor-") as file:
            fd = file.fileno()
            os.posix_fallocate(fd, 0, SYNC_SAMPLES * SYNC_BYTES)
            os.fsync(fd)
            times = []
            for k in range(SYNC_SAMPLES):
                start = clock.monotonic()
                os.pwrite(fd, b"x" * SYNC_BYTES, k * SYNC_BYTES)
                os.fdatasync(fd)
                times.append((clock.monotonic() - start) // 1_000)
    except OSError as error:
        return Finding("fail", "sync", f"cannot write and sync in {folder}: {error.strerror}")
    times.sort()
    p50, p99 = times[SYNC_SAMPLES // 2], times[SYNC_SAMPLES * 99 // 100]
    text = f"fdatasync p50 {p50} us, p99 {p99} us: every acknowledgement waits for one"
    return Finding("warn" if p50 > SLOW_SYNC_US else "ok", "sync", text)


def _dictionary() -> Finding:
    try:
        return Finding("ok", "dictionary", str(data_file("fix_dictionaries", "FIX44.xml")))
    except FixgateError as error:
        return Finding("fail", "dictionary", str(error))


def _history() -> Finding:
    if find_spec(HISTORY_PACKAGE) is None:
        text = (
            f"no {HISTORY_PACKAGE}: no Parquet files of trades and candles are written; with them:"
        )
        return Finding("warn", HISTORY, f"{text} pip install 'fixgate[history]'")
    return Finding("ok", HISTORY, f"{HISTORY_PACKAGE} is installed")


def _custody() -> Finding:
    if find_spec(CUSTODY_PACKAGE) is None:
        text = f"no {CUSTODY_PACKAGE}: neither {CUSTODY} nor {SIGNER} is started; with it:"
        return Finding("warn", CUSTODY, f"{text} pip install 'fixgate[custody]'")
    return Finding("ok", CUSTODY, f"{CUSTODY_PACKAGE} is installed")


def _compliance() -> Finding:
    if find_spec(COMPLIANCE_PACKAGE) is None:
        text = f"no {COMPLIANCE_PACKAGE}: {COMPLIANCE} is not started; with it:"
        return Finding("warn", COMPLIANCE, f"{text} pip install 'fixgate[compliance]'")
    return Finding("ok", COMPLIANCE, f"{COMPLIANCE_PACKAGE} is installed")


def _port(name: str, address: str, port: int) -> Finding:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OverflowError:
            return Finding("fail", "port", f"{name} {port}: ports end at 65535")
        except OSError as error:
            text = f"{name} {address}:{port}: {error.strerror}; stop what holds it or move all"
            return Finding("fail", "port", f"{text} ports with --port-offset")
    return Finding("ok", "port", f"{name} {address}:{port} is free")
