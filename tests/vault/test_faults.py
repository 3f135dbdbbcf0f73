"""A vault whose process is killed, whose machine loses power and whose disk fails, at every call.

Whatever happens: everybody whose value was answered is readable, or, once their erasure was
decided, erased; nobody is anything between; and what was decided is done by whoever comes next.
"""

from collections import Counter
from contextlib import suppress
from copy import deepcopy
from pathlib import Path
from random import Random

import pytest

from compliance.vault.errors import SubjectGone, VaultRefused
from compliance.vault.events import KeyFoundAgain
from compliance.vault.retention import Basis
from engine.secret import SecretBytes
from tests.audit.test_faults import CALLS, AuditDisk, strided
from tests.simulation.disk import FATES, Killed, Machine, PowerLost
from tests.vault.support import (
    ANNA,
    ASKS,
    BEN,
    KEEPS,
    MAIL,
    NAME,
    OLGA,
    START,
    Time,
    open_vault,
    staff,
)

DATA, KEYS = Path("/data/vault"), Path("/etc/keys")
JOHN = SecretBytes(b"John Doe")


@pytest.fixture(scope="module")
def founded():
    """A machine with a staffed vault; each test has a copy of it."""
    scene = Scene(Machine(Random(1), Counter()))
    staff(scene.open())
    scene.machine.lose_power("drop")
    return scene.machine


class Scene:
    """Maria comes, John comes, keys are rotated, Maria is erased: as far as it was answered."""

    def __init__(self, machine, seed=1):
        self.machine = machine
        self.seed = seed
        self.time = Time()
        self.names = {}
        """Who was named to us."""
        self.values = {}
        """What was answered to be kept; by subject and field."""
        self.deciding = False
        """Whether Maria's erasure was asked for."""

    def disk(self):
        return AuditDisk(self.machine, lambda: None, lambda: None)

    def open(self, disk=None):
        """Another process, with a chance of its own."""
        self.seed += 1_000
        return open_vault(DATA, KEYS, disk or self.disk(), self.time, seed=self.seed)

    def put(self, vault, who, field, value):
        if (who, field) not in self.values:
            named = self.names.get(who, "")
            self.names[who] = vault.put(ANNA, named, field, value, indexed=True)
            self.values[who, field] = value

    def run(self, vault):
        """All of it, from wherever it is."""
        self.put(vault, "maria", "name", NAME)
        self.put(vault, "john", "name", JOHN)
        self.put(vault, "maria", "mail", MAIL)
        vault.rotate(KEEPS)
        with suppress(SubjectGone):
            vault.retain(ASKS, self.names["maria"], Basis.NONE, START)
            vault.propose_erasure(ASKS, self.names["maria"])
            self.deciding = True
            vault.decide_erasure(BEN, self.names["maria"])
        self.put(vault, "john", "mail", MAIL)

    def check(self):
        """What a new process finds; whether Maria is erased."""
        vault, erased = self.open(), set()
        for (who, field), value in self.values.items():
            try:
                assert vault.get(BEN, self.names[who], field) == value
            except SubjectGone:
                erased.add(who)
        assert erased <= ({"maria"} if self.deciding else set())
        for who, value in (("maria", NAME), ("john", JOHN)):
            if (who, "name") in self.values:
                found = self.names[who] in vault.search(BEN, "name", value)
                assert found == (who not in erased)
        if erased:
            self.assert_destroyed(vault)
        return bool(erased)

    def assert_destroyed(self, vault):
        """Both copies of the key, and both tags."""
        subject = vault._store.state.subjects[self.names["maria"]]
        names = self.machine.folder(DATA).names
        for name in ("data_keys.a", "data_keys.b"):
            at = subject.slot * 64
            for data in (names[name].cache, names[name].durable):
                assert data[at : at + 64] == bytes(64), name
        for place in subject.places:
            for data in (names["index"].cache, names["index"].durable):
                assert data[place * 32 : place * 32 + 32] == bytes(32)

    def finish(self):
        """The next process finds nothing half, does the rest, and all of it is on disk."""
        self.check()
        self.run(self.open())
        assert self.check()
        assert len(self.values) == 4
        self.machine.lose_power("drop")
        assert self.check()
        log = self.open().log(OLGA)
        assert not any(isinstance(event, KeyFoundAgain) for event in log), "no copy was put back"


@pytest.fixture(scope="module")
def calls(founded):
    """How many calls of each kind an undisturbed run takes."""
    counted = Counter()

    class Counting(AuditDisk):
        def _call(self, kind):
            counted[kind] += 1

    scene = Scene(deepcopy(founded))
    scene.run(scene.open(Counting(scene.machine, lambda: None, lambda: None)))
    scene.finish()
    return counted


@strided(3)
def test_a_kill_at_any_call(founded, calls, stride):
    for n in range(0, calls.total(), stride):
        scene = Scene(deepcopy(founded), n)
        disk = scene.disk()
        disk.end(Killed, CALLS, n)
        with pytest.raises(Killed):
            scene.run(scene.open(disk))
        disk.kill()
        scene.finish()


@strided(11)
def test_a_loss_of_power_at_any_call(founded, calls, stride):
    for n in range(0, calls.total(), stride):
        for fate in sorted(set(FATES)):
            scene = Scene(deepcopy(founded), n)
            disk = scene.disk()
            disk.end(PowerLost, CALLS, n)
            with pytest.raises(PowerLost):
                scene.run(scene.open(disk))
            disk.kill()
            scene.machine.lose_power(fate)
            scene.finish()


@pytest.mark.parametrize("who", ["the same process", "another process"])
@strided(5)
def test_a_call_that_fails(founded, calls, stride, who):
    """The disk is well again when somebody goes on."""
    for kind in sorted(CALLS & set(calls)):
        for n in range(0, calls[kind], stride):
            scene = Scene(deepcopy(founded), n)
            disk = scene.disk()
            disk.fail(frozenset({kind}), n)
            vault = scene.open(disk)
            with suppress(OSError):
                scene.run(vault)
            assert disk.failed, f"{kind} {n}"
            disk.fail(frozenset(), 0)
            if who == "the same process":
                scene.run(vault)
            scene.finish()


@strided(3)
def test_the_founding_may_be_cut_anywhere(stride):
    """It is begun again, with the keys that are there; or it is there already."""
    for error in (Killed, PowerLost):
        for n in range(0, 60, stride):
            scene = Scene(Machine(Random(n), Counter()), n)
            disk = scene.disk()
            disk.end(error, CALLS, n)
            with suppress(error):
                staff(scene.open(disk))
                break
            disk.kill()
            if error is PowerLost:
                scene.machine.lose_power(scene.machine.random.choice(FATES))
            vault = scene.open()
            with suppress(VaultRefused):
                vault.found("acme.example", ("p-ada", "p-alf"))
            assert len(vault._store.state.admins) == 2
