"""The same journal gives the same alerts, byte for byte: in pieces, on any hash seed."""

import os
import subprocess
import sys
from random import Random

import msgspec
import pytest

from compliance.monitoring import reading
from compliance.monitoring.profiles import Profiles
from compliance.monitoring.rules import (
    RULES_VERSION,
    MoneyRules,
    PassThrough,
    RepeatedRefusals,
    Structuring,
    Velocity,
)
from compliance.monitoring.watch import MoneyWatch
from compliance.surveillance.alerts import write_alerts
from compliance.surveillance.links import Links
from compliance.surveillance.watch import Watch
from compliance.surveillance.watching import StateRefused
from compliance.watches import Inputs, Watches
from tests.exports.support import random_scene
from tests.monitoring.scoring import KINDS, profiles_of
from tests.monitoring.support import fold, journal_of
from tests.monitoring.till import MONEY_RULES
from tests.surveillance.floor import RULES


@pytest.mark.parametrize("kind", KINDS)
def test_folded_in_pieces_it_is_the_same(kind):
    rows = journal_of(kind, 1)
    whole = fold(rows, profiles_of(kind))
    assert kind.encode() in whole
    cuts = set(Random(7).sample(range(1, len(rows)), 12))
    assert fold(rows, profiles_of(kind), cuts) == whole


def test_it_is_the_same_where_memories_are_short(monkeypatch):
    """Everything that is bounded reaches its bound."""
    monkeypatch.setattr(reading, "MAX_MOVES", 5)
    monkeypatch.setattr(reading, "MAX_FAILED", 2)
    for kind in ("velocity", "first_deposit_out", "repeated_refusals"):
        rows = journal_of(kind, 2)
        whole = fold(rows, profiles_of(kind))
        cuts = set(Random(3).sample(range(1, len(rows)), 8))
        assert fold(rows, profiles_of(kind), cuts) == whole


def test_no_hash_seed_changes_a_byte():
    program = (
        "from hashlib import sha256\n"
        "from tests.monitoring.support import fold, journal_of\n"
        "for kind in ('structuring', 'velocity'):\n"
        "    data = fold(journal_of(kind, 3), cuts={200, 400})\n"
        "    print(kind, len(data), sha256(data).hexdigest())\n"
    )
    printed = set()
    for seed in ("0", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        printed.add(done.stdout)
    assert len(printed) == 1
    assert printed.pop().count("\n") == 2


NOSY = MoneyRules(
    RULES_VERSION, "nosy", quiet_s=0,
    structuring=Structuring((1, 30, 1_000, 30_000), 9_999, 1, 1, 1),
    velocity=Velocity(min_transfers=1, times_bps=0),
    pass_through=PassThrough(min_value_units=1, match_bps=1, max_left_bps=10**9),
    repeated_refusals=RepeatedRefusals(min_refusals=1, min_share_bps=0),
)  # fmt: skip
"""Rules under which hardly anything is left in peace."""


@pytest.mark.parametrize("seed", range(3))
def test_both_watches_over_anything_in_pieces(seed):
    inputs = Inputs(RULES, Links(), NOSY, Profiles({1: 1, 2: 10_000}))
    _, rows = random_scene(seed, 1_000, chain=True)
    cuts = set(Random(seed).sample(range(1, len(rows)), 10))
    whole, parts = Watches(inputs), Watches(inputs)
    expected, found = [], []
    for row in rows:
        if row.first in cuts:
            state, parts = parts.save(), Watches(inputs)
            parts.load(state)
            assert parts.save() == state
        expected += whole.take(*row[:5])
        found += parts.take(*row[:5])
    assert write_alerts(found) == write_alerts(expected)
    assert len({alert.kind for alert in expected} & set(KINDS)) >= 3


def test_a_state_of_other_inputs_or_releases_is_refused():
    inputs = Inputs(RULES, Links(), MONEY_RULES, Profiles())
    state = Watches(inputs).save()
    others = {
        "rules": msgspec.structs.replace(RULES, name="other"),
        "links": Links(house=(1,)),
        "money": NOSY,
        "profiles": Profiles({1: 1}),
    }
    for name, value in others.items():
        with pytest.raises(StateRefused, match="record 0"):
            Watches(msgspec.structs.replace(inputs, **{name: value})).load(state)
    for damaged in (b"", state[:-1], b"\x93\x01\xc4\x00\xc4\x00", Watch(RULES, Links()).save()):
        with pytest.raises(StateRefused, match="record 0"):
            Watches(inputs).load(damaged)


def test_one_stream_has_the_alerts_of_both():
    inputs = Inputs(RULES, Links(), MONEY_RULES, Profiles())
    money = journal_of("pass_through", 1)
    alerts = []
    watches = Watches(inputs)
    for number, time, command, events in money:
        alerts += watches.take(number, number, time, command, events)
    assert {alert.kind for alert in alerts} >= {"pass_through"}
    assert all(
        alert.rules == MoneyWatch(MONEY_RULES, Links(), Profiles()).rules_digest
        for alert in alerts
        if alert.kind in KINDS
    )
