"""How long `fixgate verify` takes over a journal, its log and an export of it, and over an evidence
file of the same, and how much memory at most; alone on the machine, in JSON lines.

    .venv/bin/python -m benchmarks.verify [--trades N] [--export KIND | --without-export]

The journal is that of benchmarks.ledger: each two records are a trade. All orders are of one day,
so that the engine has to remember each ClOrdID to the end: no journal of as many records takes more
memory but one whose orders stay open. Export and verification run in processes of their own.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path

from benchmarks.audit import append, keys_in
from benchmarks.ledger import build

TRADES = 500_000


def timed(name: str, *arguments: object) -> dict[str, object]:
    """Run a command; its seconds, those of the processor, and the most memory that it had."""
    command = [sys.executable, "-m", "gateway.cli", name, *map(str, arguments), "--json"]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, said.decode()
    return {
        "command": name,
        "seconds": round(time.perf_counter() - began, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "max_mib": round(usage.ru_maxrss / 1024),
    }


def prepare(folder: Path, trades: int, *, reportable: bool) -> None:
    """A venue's journal and log, and its public keys in `vkeys`."""
    build(folder / "journal", trades, reportable=reportable)
    keys = keys_in(folder)
    append(folder, keys)
    (folder / "vkeys").write_text("".join(f"{key.text}\n" for key in keys.verifiers))


def measure(folder: Path, trades: int, export: str) -> list[dict[str, object]]:
    """What the export of that kind took, "" for none, the verification, the evidence file, and its
    verification.

    The folder is made in a process of its own: a process that is started is charged for as much
    memory as the one had that it came from.
    """
    preparing = get_context("fork").Process(
        target=prepare, args=(folder, trades), kwargs={"reportable": export == "transactions"}
    )
    preparing.start()
    preparing.join()
    assert preparing.exitcode == 0
    found = []
    keys: list[object] = ["--key", folder / "vkeys"]
    exports: list[object] = []
    if export:
        out = folder / "export"
        took = timed("export", export, "--data", folder, "--out", out)
        found.append({"kind": export} | took)
        exports = ["--export", out]
    checks = [*keys, "--checkpoint", folder / "audit" / "checkpoint"]
    records = {"records": 2 * trades}
    found.append(records | timed("verify", "--data", folder, *exports, *checks))
    file = folder / "case.tar"
    found.append(records | timed("evidence", "--data", folder, *keys, *exports, "--out", file))
    found[-1]["mib"] = file.stat().st_size >> 20
    found.append(records | timed("verify", file, *checks) | {"command": "verify FILE"})
    return found


def main(argv: list[str] | None = None) -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--trades", type=int, default=TRADES)
    exports = parser.add_mutually_exclusive_group()
    exports.add_argument("--export", metavar="KIND", default="trades")
    exports.add_argument("--without-export", dest="export", action="store_const", const="")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        for found in measure(Path(folder), args.trades, args.export):
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
