"""The core is a function of the log: same commands, same bytes, whatever the hash seed."""

import os
import subprocess
import sys
from pathlib import Path

from engine.core.venue import Venue
from engine.model.record import decode_record, encode_parts
from tests.engine.streams import RANDOM_BALANCES, START, bootstrap_commands, random_commands

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = 2_000

PROGRAM = f"""
import hashlib
from engine.model.record import encode_parts
from tests.engine.streams import RANDOM_BALANCES, bootstrap, random_commands
venue, _ = bootstrap(balances=RANDOM_BALANCES)
digest, count = hashlib.sha256(), 0
for command, number, time in random_commands(7, {COMMANDS}):
    events = venue.apply(command, number, time)
    for _, payload in encode_parts(number, time, b"0" * 16, command, events):
        digest.update(payload)
    count += 1
print(count, digest.hexdigest(), venue.state_hash())
"""


def test_hash_seeds_change_neither_records_nor_state() -> None:
    answers = set()
    for seed in ("0", "1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)}
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            timeout=60,
        )
        answers.add(run.stdout)
    assert len(answers) == 1
    count, records, state = answers.pop().split()
    assert int(count) >= COMMANDS
    assert len(records) == len(state) == 64


def test_records_decoded_from_their_bytes_replay_to_the_same_events_and_state() -> None:
    live, again = Venue(), Venue()
    stored = []

    def apply(command, number, time) -> None:
        events = live.apply(command, number, time)
        stored.extend(encode_parts(number, time, b"0" * 16, command, events))

    commands = bootstrap_commands(balances=RANDOM_BALANCES)
    for number, command in enumerate(commands):
        apply(command, number, START)
    for command, number, time in random_commands(8, COMMANDS):
        apply(command, number, time)
    trades = 0
    for _, payload in stored:
        record = decode_record(payload)
        events = again.apply(record.command, record.number, record.time)
        assert tuple(events) == record.events
        trades += sum(type(event).__name__ == "OrderFilled" for event in events)
    assert trades > 100
    assert again.state_hash() == live.state_hash()


def test_the_state_hash_notices_each_change() -> None:
    venue = Venue()
    seen = {venue.state_hash()}
    count = 0
    for number, command in enumerate(bootstrap_commands()):
        venue.apply(command, number, START)
        seen.add(venue.state_hash())
        count += 1
    assert len(seen) == count + 1
