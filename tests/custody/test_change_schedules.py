"""Changes under seeded schedules: people who change their minds, a signer that comes and goes,
deaths; beside a plain reading of the signer's log."""

import json
import random

import pytest
from msgspec.structs import replace

from custody.changes.store import on_the_list
from custody.decisions.states import UNDECIDED, DecisionState
from custody.decisions.store import intent_of
from custody.known import DeskRefused
from engine.model.clock import NANOS_PER_SECOND
from tests.custody.people import ALICE, CAROL
from tests.custody.test_changes import FIRST
from tests.custody.world import STRANGER, THEIRS, Killed

STEPS = 70
SEEDS = range(2)
ACCOUNTS = ("ACME", "BOREAS")
TARGETS = (STRANGER, THEIRS)
BEGIN = replace(FIRST, cool_down_s=60, delay_s=60)
POLICIES = (BEGIN, replace(FIRST, cool_down_s=30, delay_s=30), replace(BEGIN, cool_down_s=120))
PLACES = ("decision judged", "change noted by the signer", "change noted")


class Schedule:
    """One run. Everything is decided by its seed."""

    def __init__(self, world, seed):
        self.world = world
        self.rng = random.Random(seed)

    def run(self):
        self.world.step()
        acts = (
            [self.allow] * 2 + [self.forbid] + [self.change] * 2 + [self.say] * 9 + [self.wait] * 2
            + [self.withdraw] * 3 + [self.signer] + [self.die]
        )  # fmt: skip
        for _ in range(STEPS):
            try:
                self.rng.choice(acts)()
                self.world.go(1)
            except DeskRefused:
                pass
            except Killed:
                self.begin_again()
            self.check()
        self.end()

    # --- what happens ---------------------------------------------------------------------

    def place(self):
        return self.rng.choice(ACCOUNTS), "ETH", self.rng.choice(TARGETS)

    def allow(self):
        self.world.desk.changes.allow(*self.place(), "a label", "trader7")

    def forbid(self):
        self.world.desk.changes.forbid(*self.place(), self.rng.choice(["watch", "trader7"]))

    def change(self):
        self.world.desk.changes.change(self.rng.choice(POLICIES), "trader7")

    def say(self):
        """Somebody's word on one that waits; few say no."""
        desk, changes = self.world.desk.decisions, self.world.desk.changes
        rows = [r for r in changes.addresses() + changes.policies() if r.state in UNDECIDED]
        if rows:
            row = self.rng.choice(rows)
            person = self.rng.choice([ALICE, CAROL])
            approves = self.rng.random() < 0.9
            desk.approve(row.id, person.says(intent_of(row), approves=approves))

    def wait(self):
        self.world.clock.time += self.rng.choice([1, 15, 90, 400]) * NANOS_PER_SECOND

    def withdraw(self):
        """More often than not where it may."""
        allowed = [place for place in self.places() if self.allowed_here(place)]
        account, asset, target = self.rng.choice([*allowed * 3, self.place()])
        self.world.desk.withdraw(account, asset, 10**7, target, "trader7")

    def signer(self):
        self.world.signing.away = self.rng.random() < 0.4
        self.world.signing.deaf = self.rng.random() < 0.4

    def die(self):
        """At the next place of one kind; or both processes, now."""
        where = self.rng.choice([*PLACES, ""])
        if where:
            self.world.kill_at = (where, self.world.reached.count(where) + 1)
        else:
            self.begin_again()

    def begin_again(self):
        self.world.kill_at = None
        self.world.start_signer()
        self.world.start()
        self.world.step()

    # --- what always holds ----------------------------------------------------------------

    def allowed_here(self, place):
        """Whether custody takes an address as allowed now."""
        with self.world.database.connect() as connection:
            listed = on_the_list(connection, place)
        if listed is None:
            return False
        policy, _ = self.world.desk.changes.policy()
        return listed[1] + policy.cool_down_s * NANOS_PER_SECOND <= self.world.clock.time

    def check(self):
        """Custody never allows what the signer does not."""
        book, now = self.world.signer._rulebook, self.world.clock.time
        cool_down_here = self.world.desk.changes.policy()[0].cool_down_s
        if cool_down_here == book.policy(now).cool_down_s:
            for place in self.places():
                assert not self.allowed_here(place) or book.allows(*place, now), place

    def places(self):
        return [(account, "ETH", target) for account in ACCOUNTS for target in TARGETS]

    def end(self):
        """Everything answers again: both have the same, and nothing left that had no leave to."""
        world = self.world
        world.signing.away = world.signing.deaf = False
        for _ in range(3):
            try:
                self.wait_for(11)
            except Killed:
                self.begin_again()
        rows = world.desk.changes.addresses() + world.desk.changes.policies()
        assert not [row.id for row in rows if row.state == DecisionState.AGREED]
        book, now = world.signer._rulebook, world.clock.time
        policy, pending = world.desk.changes.policy()
        assert policy == book.policy(now)
        assert pending == book.history.pending(now)
        for place in self.places():
            assert self.allowed_here(place) == book.allows(*place, now), place
        world.settle()
        world.check()
        check_plainly(world)

    def wait_for(self, seconds):
        self.world.clock.time += seconds * NANOS_PER_SECOND
        self.world.go(1)


def check_plainly(world):
    """The signer's log as an auditor reads it, JSON line by line: whatever was paid was allowed,
    long enough ago, and not forbidden since."""
    listed, seen = {}, set()
    cool_down = min(policy.cool_down_s for policy in POLICIES) * NANOS_PER_SECOND
    for line in map(json.loads, (world.folder / "signer.log").read_bytes().splitlines()):
        if line["kind"] == "pay" and line["id"] not in seen:  # a replacement needs no new leave
            seen.add(line["id"])
            intent = world.intent(line["id"].removeprefix("withdrawal/"))
            since = listed.get((intent.account, intent.destination))
            assert since is not None, line
            assert since + cool_down <= line["time"], line
        elif line["kind"] == "allow-address":
            intent = line["note"]["intent"]
            listed.setdefault((intent["account"], intent["destination"]), line["time"])
        elif line["kind"] == "forbid-address":
            intent = line["note"]["intent"]
            listed.pop((intent["account"], intent["destination"]), None)


def run(new_world, seed):
    world = new_world(policy=BEGIN)
    Schedule(world, seed).run()
    return world


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(120, 160))
def test_whatever_happens_over_many_schedules(new_world, seed):
    run(new_world, seed)


def test_whatever_happens_custody_and_signer_end_with_the_same(new_world):
    """And these few schedules come through everything, else they would show nothing."""
    seen, kinds = set(), set()
    for seed in SEEDS:
        world = run(new_world, seed)
        rows = world.desk.changes.addresses() + world.desk.changes.policies()
        seen |= {(row.kind, row.state) for row in rows}
        kinds |= {entry.kind for entry in world.signer._log.entries}
    assert {"pay", "allow-address", "forbid-address", "change-policy"} <= kinds
    assert ("allow-address", "forbidden") in seen
