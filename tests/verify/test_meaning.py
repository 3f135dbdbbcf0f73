"""Whether records mean what they say: true ones do, and those of a wrong engine are found by checks
that share nothing with it."""

from functools import partial

import pytest
from msgspec.structs import replace

from compliance.verify.findings import INCOMPLETE, NOT_DONE, OK, TAMPERED, UNREADABLE
from compliance.verify.meaning import MEANING
from engine.core.venue import Venue
from engine.model.commands import Deposit
from engine.model.events import OrderAccepted, OrderFilled
from engine.model.record import decode_record, encode_record
from tests.engine.streams import RandomTrader
from tests.verify.engine_bugs import BUGS, planted
from tests.verify.support import QueueTrader, failures, meaning, played, results, texts

HOLDING = partial(RandomTrader, holds=True)

COUNT = 900
"""Commands of random traders: enough that each bug shows."""


@pytest.fixture(scope="module")
def entries():
    return played(COUNT)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("trader", [RandomTrader, QueueTrader, HOLDING])
def test_what_the_engine_does_is_well(seed, trader):
    """Over days and nights, mass cancels, blocks, holds, replaces, withdrawals."""
    report = meaning(played(COUNT, seed, trader))
    assert results(report) == dict.fromkeys(MEANING, OK)


@pytest.mark.parametrize("name", BUGS)
def test_a_wrong_engine_is_found(name):
    bug = BUGS[name]
    with planted(bug):
        report = meaning(played(COUNT, trader=bug.trader))
    found = failures(report)
    assert found.pop("re-run", None) is None, "the re-run has the bug itself"
    assert found.get(bug.check) == bug.code, found


def test_a_wrong_engines_journal_is_not_what_the_right_one_does():
    for name in ("the youngest order of a price trades first", "a fee is told that was not taken"):
        with planted(BUGS[name]):
            entries = played(COUNT)
        assert failures(meaning(entries))["re-run"] == TAMPERED


# --- signed, and no journal of a venue ------------------------------------------------------------


def changed(entries, number, **fields):
    return encode_record(replace(decode_record(entries[number]), **fields))


def test_records_that_are_not_numbered_through(entries):
    dropped = [*entries[:300], *entries[301:]]
    assert failures(meaning(dropped)) == {"records": INCOMPLETE}
    twice = [*entries[:300], entries[299], *entries[300:]]
    report = meaning(twice)
    assert failures(report) == {"records": TAMPERED}
    assert results(report)["re-run"] == NOT_DONE
    assert "record 300" in texts(report, "records")


def test_time_goes_back(entries):
    time = decode_record(entries[299]).time
    entries = [*entries[:300], changed(entries, 300, time=time - 1), *entries[301:]]
    assert failures(meaning(entries)) == {"records": TAMPERED}


def test_what_is_no_record(entries):
    assert failures(meaning([*entries[:300], b"words"])) == {"records": UNREADABLE}


def test_parts_that_do_not_fit(entries):
    entries = [*entries[:300], changed(entries, 300, part=1, parts=2), *entries[301:]]
    assert failures(meaning(entries)) == {"records": TAMPERED}


def test_a_command_that_goes_on_after_the_checkpoint(entries):
    report = meaning([*entries[:300], changed(entries, 300, part=0, parts=2)])
    assert report.code == 0
    assert "the last 1 are the beginning of a command" in texts(report, "records")


def test_a_command_that_nobody_gave(entries):
    """The events are there, and what caused them is another command."""
    number = next(
        n for n, entry in enumerate(entries) if isinstance(decode_record(entry).command, Deposit)
    )
    command = replace(decode_record(entries[number]).command, amount=5)
    entries = [*entries[:number], changed(entries, number, command=command), *entries[number + 1 :]]
    report = meaning(entries)
    assert failures(report)["re-run"] == TAMPERED
    assert f"record {number}" in texts(report, "re-run")


def test_what_the_engine_would_never_do(entries):
    """A fill of an order that never was: no check has anything to go by, and none falls over."""
    number = next(
        n
        for n, entry in enumerate(entries)
        if any(isinstance(e, OrderFilled) for e in decode_record(entry).events)
    )
    events = decode_record(entries[number]).events
    for spoilt in (
        tuple(e for e in events if not isinstance(e, OrderAccepted)),
        tuple(replace(e, instrument=99) for e in events),
        tuple(e for e in events if not (isinstance(e, OrderFilled) and e.liquidity == 1)),
        tuple(replace(e, order_id=5) for e in events),
        tuple(replace(e, member=events[0].member) for e in events),
        events * 2,
        events[::-1],
    ):
        forged = [*entries[:number], changed(entries, number, events=spoilt)]
        found = failures(meaning(forged))
        assert found["re-run"] == TAMPERED
        assert {"priority", "life cycles", "sums"} & set(found), spoilt


def test_records_of_an_older_release_are_compared_field_by_field(entries, monkeypatch):
    """They have fewer fields than this release writes; the same is told of them, and counted."""
    report = meaning([*entries[:300], entries[300][:-2] + b"\x00\x01", *entries[301:]])
    assert report.code == 0
    shorter = [short(entry) for entry in entries]
    assert shorter != entries
    report = meaning(shorter)
    assert report.code == 0
    assert f"{len(entries)} records of an older release" in texts(report, "re-run").replace(",", "")


def short(entry):
    """Without the last two fields of the record, which have defaults."""
    assert entry[0] == 0x97
    assert entry[-2:] == b"\x00\x01"
    return b"\x95" + entry[1:-2]


def test_a_venue_that_was_never_configured():
    assert results(meaning([])) == dict.fromkeys(MEANING, OK)
    assert Venue().open_orders() == 0
