"""Installs QuickFIX for Python, compiled once into .cache/wheels: it is published as source only.

    python -m tests.support.build_quickfix

Without a compiler it says in one line what is missing, and the tests of QuickFIX skip; under
FIXGATE_REQUIRE_ALL=1 that is a failure.
"""

import os
import re
import subprocess
import sys
import time

from tests.support.venue import ROOT

WHEELS = ROOT / ".cache" / "wheels"
LOG = ROOT / ".cache" / "quickfix-build.log"

FLAGS = "-O1 -g0"
"""Half the minutes, half the memory and a seventh of the size of what Python was built with."""

PROGRESS_SECONDS = 10
"""Between two lines about the build, at least."""

SOURCE_FILE = re.compile(r" -c (?:\S*/)?(\w+\.cpp) ")


def pip(command, *options):
    """The command line of pip on the group `proof` of pyproject.toml."""
    return [sys.executable, "-m", "pip", command, *options, "--group", "proof"]


def install():
    """Install from the wheels that there are; whether that went well."""
    command = pip("install", "-q", "--no-index", "--find-links", str(WHEELS))
    return subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def build():
    """Compile the wheel, with a line about it now and then; whether that went well."""
    WHEELS.mkdir(parents=True, exist_ok=True)
    print("quickfix: compiling its Python binding, some minutes, once", flush=True)
    began = told = time.monotonic()
    files = 0
    with (
        LOG.open("w") as log,
        subprocess.Popen(
            ["nice", *pip("wheel", "-v", "--no-deps", "-w", str(WHEELS))],
            cwd=ROOT,
            env=os.environ | {"CFLAGS": FLAGS, "CXXFLAGS": FLAGS},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout:
            log.write(line)
            if (found := SOURCE_FILE.search(line)) is None:
                continue
            files += 1
            now = time.monotonic()
            if now - told >= PROGRESS_SECONDS or found[1] == "QuickfixPython.cpp":
                told = now
                print(f"quickfix: {now - began:.0f} s, file {files}, {found[1]}", flush=True)
    if process.returncode == 0:
        print(f"quickfix: built in {time.monotonic() - began:.0f} s", flush=True)
    return process.returncode == 0


def main():
    """Install, after a build where it takes one; the exit code."""
    if install() or (build() and install()):
        return 0
    print(
        "quickfix: not built, its tests will skip; it needs g++ and Python's headers (on Debian:"
        f" apt-get install g++ python3-dev); see {LOG.relative_to(ROOT)}"
    )
    return 1 if os.environ.get("FIXGATE_REQUIRE_ALL") == "1" else 0


if __name__ == "__main__":
    sys.exit(main())
