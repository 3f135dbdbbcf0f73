"""How long one `fixgate vault get` takes in a vault of many people, in JSON.

    .venv/bin/python -m benchmarks.vault [--subjects N]

The vault is filled without syncs. What is measured is the command as a process: start, scrypt, the
whole log, one read that is synced, the answer.
"""

import argparse
import json
import resource
import secrets
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from compliance.vault.events import Actor
from compliance.vault.key_file import KeyFile
from compliance.vault.policy import Purpose, Role
from compliance.vault.store import VaultStore
from compliance.vault.vault import Vault
from engine.journal.disk import RealDisk
from engine.password import password_key, read_password
from engine.secret import SecretBytes
from gateway.flow.system_clock import SystemClock, silent

SUBJECTS = 100_000
TRIES = 5
ADMINS = ("ada", "alf")
ANNA = Actor("anna", Role.COMPLIANCE, Purpose.ONBOARDING)


class UnsyncedDisk(RealDisk):
    """For a vault that is made to be measured."""

    def sync_data(self, fd):
        pass

    def sync_folder(self, folder):
        pass


def filled(folder, subjects):
    """A vault of so many people, each with a name that can be found; the last one's id."""
    password = folder / "password"
    password.write_text("correct horse\n")
    password.chmod(0o600)
    derive, chance = partial(password_key, read_password(password)), secrets.token_bytes
    keys = KeyFile(folder / "keys", derive, chance, UnsyncedDisk())
    place = folder / "data" / "compliance" / "vault"
    now = SystemClock(silent).now
    vault = Vault(VaultStore(place, keys, now, chance, UnsyncedDisk()), print)
    vault.found("bench.example", ADMINS)
    gives, gives_too = (Actor(who, Role.ADMIN, Purpose.ACCESS) for who in ADMINS)
    vault.propose_grant(gives, ANNA.by, ANNA.role)
    vault.decide_grant(gives_too, ANNA.by, ANNA.role)
    last = ""
    for k in range(subjects):
        last = vault.put(ANNA, "", "name", SecretBytes(b"Person %d" % k), indexed=True)
    return last


def processor():
    """Seconds of the processor that children have had."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(subjects=SUBJECTS, tries=TRIES):
    """Seconds that the command takes."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        last = filled(folder, subjects)
        argv = [
            sys.executable, "-m", "gateway.cli", "vault", "get", last, "--field", "name",
            "--data", str(folder / "data"), "--keys", str(folder / "keys"),
            "--password-file", str(folder / "password"),
            "--as", ANNA.by, "--role", ANNA.role, "--purpose", ANNA.purpose,
        ]  # fmt: skip
        took, before = [], processor()
        for _ in range(tries):
            began = time.perf_counter()
            done = subprocess.run(argv, capture_output=True, check=True)
            took.append(time.perf_counter() - began)
            assert done.stdout == b"Person %d\n" % (subjects - 1)
        cpu = (processor() - before) / tries
        log = (folder / "data" / "compliance" / "vault" / "events").stat().st_size
    took.sort()
    return {
        "subjects": subjects,
        "log_mib": round(log / 2**20, 1),
        "processor_s": round(cpu, 2),
        "least_s": round(took[0], 2),
        "median_s": round(took[tries // 2], 2),
        "most_s": round(took[-1], 2),
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=SUBJECTS)
    args = parser.parse_args()
    print(json.dumps(measure(args.subjects)))


if __name__ == "__main__":
    main()
