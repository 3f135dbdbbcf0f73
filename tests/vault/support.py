"""A vault with people in every role, on any disk, whose time and chance are a test's."""

from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from compliance.vault.errors import VaultRefused
from compliance.vault.events import Actor
from compliance.vault.key_file import KeyFile
from compliance.vault.policy import Purpose, Role
from compliance.vault.retention import Basis
from compliance.vault.store import VaultStore
from compliance.vault.vault import Vault
from engine.secret import SecretBytes
from tests.journal.support import UnsyncedDisk

START = 1_800_000_000_000_000_000
DAY = 86_400 * 1_000_000_000
TENANT = "acme.example"

ADA, ALF = "p-ada", "p-alf"
ANNA = Actor("p-anna", Role.COMPLIANCE, Purpose.ONBOARDING)
BEN = Actor("p-ben", Role.MLRO, Purpose.SUBJECT)
OLGA = Actor("p-olga", Role.AUDITOR, Purpose.AUDIT)
GLASS = Actor("p-gus", Role.BREAK_GLASS, Purpose.INCIDENT)
ASKS = Actor(ANNA.by, Role.COMPLIANCE, Purpose.SUBJECT)
GIVES, GIVES_TOO = (Actor(who, Role.ADMIN, Purpose.ACCESS) for who in (ADA, ALF))
KEEPS = Actor(ADA, Role.ADMIN, Purpose.KEY_CARE)

NAME, MAIL = SecretBytes(b"Maria Huber"), SecretBytes(b"maria@huber.example")


class Time:
    """The time, which a test sets."""

    def __init__(self):
        self.now = START

    def __call__(self):
        self.now += 1
        return self.now


def derive(salt):
    """Stands for scrypt, which is slow so that people cannot try passwords."""
    return sha256(b"password" + salt).digest()


def open_vault(folder, keys, disk=None, time=None, alarms=None, seed=1):
    """The vault as a new process has it. seed: of its chance, another in each process."""
    disk = disk or UnsyncedDisk((), 0)
    chance = Random(seed).randbytes
    store = VaultStore(folder, KeyFile(keys, derive, chance, disk), time or Time(), chance, disk)
    return Vault(store, [].append if alarms is None else alarms.append)


def staff(vault):
    """Found it, and give everybody their role."""
    vault.found(TENANT, (ADA, ALF))
    for who in (ANNA, BEN, OLGA, GLASS):
        vault.propose_grant(GIVES, who.by, who.role)
        vault.decide_grant(GIVES_TOO, who.by, who.role)


def erase(vault, subject):
    """By two people, no law being in the way."""
    vault.retain(ASKS, subject, Basis.NONE, START)
    vault.propose_erasure(ASKS, subject)
    vault.decide_erasure(BEN, subject)


class World:
    """A staffed vault in real files, its keys in a folder of their own."""

    def __init__(self, folder: Path, seed=0):
        self.data, self.keys = folder / "data" / "vault", folder / "etc" / "keys"
        self.time, self.alarms, self.opened = Time(), [], seed
        self.vault = self.open()
        staff(self.vault)

    def open(self):
        """Another process comes."""
        self.opened += 1
        return open_vault(self.data, self.keys, None, self.time, self.alarms, self.opened)

    def raw(self):
        """All bytes of all files."""
        files = [p for top in (self.data, self.keys.parent) for p in top.rglob("*") if p.is_file()]
        return b"\0".join(path.read_bytes() for path in sorted(files))

    def kinds(self):
        """What has happened, by the events' names, the staffing apart."""
        return [type(event).__name__ for event in self.open().log(OLGA)[9:]][:-1]


@contextmanager
def refused(match, kind=VaultRefused):
    """It is, in these words."""
    with pytest.raises(kind, match=match):
        yield
