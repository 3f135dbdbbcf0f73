"""What a command line reads of a venue: the same from a snapshot and from the journal alone."""

import pytest

from engine.journal.disk import REAL_DISK
from engine.model.commands import DefineAccount, Origin, SetHold
from engine.model.enums import HOLD_FROZEN
from engine.shadow import Shadow
from gateway.at_the_venue import journal_of, names_of, venue_of
from tests.engine.streams import ACME, ACME_ACCOUNT, BOREAS_ACCOUNT
from tests.support.trading import Trading

BEFORE = SetHold(Origin(0, 0, 0), ACME_ACCOUNT, HOLD_FROZEN, "before", "h1", "ann")
BEHIND = SetHold(Origin(0, 0, 0), BOREAS_ACCOUNT, HOLD_FROZEN, "behind", "h2", "ann")


@pytest.fixture
def trading(tmp_path):
    made = Trading(tmp_path)
    made.trade(200)
    made.submit(BEFORE)
    yield made
    made.close()


def snapshot(folder):
    shadow = Shadow(folder / "journal", folder / "snapshots", REAL_DISK, lambda _: None)
    while shadow.step(1_000):
        pass
    for _ in shadow.write():
        pass
    shadow.close()


def go_on(trading):
    trading.trade(50)
    trading.submit(DefineAccount(77, ACME, "ACME-2"))
    trading.submit(BEHIND)


def same(trading):
    """Names and venue are those of whoever wrote the journal."""
    state = trading.sequencer.venue.state
    with journal_of(trading.folder) as reader:
        assert names_of(trading.folder, reader) == state.refdata
    with journal_of(trading.folder) as reader:
        found = venue_of(trading.folder, reader)
    assert found.state_hash() == trading.sequencer.venue.state_hash()
    assert [hold.reference for hold in found.state.holds.values()] == ["h1", "h2"]


def test_the_journal_alone_tells_all(trading):
    go_on(trading)
    same(trading)


def test_a_snapshot_and_what_is_behind_it_tell_all(trading):
    snapshot(trading.folder)
    go_on(trading)
    same(trading)


def test_nothing_needs_to_be_behind_a_snapshot(trading):
    go_on(trading)
    snapshot(trading.folder)
    same(trading)


def test_a_snapshot_of_more_than_the_journal_has_is_passed_over(trading, tmp_path):
    """As after a restore of the journal from an older copy."""
    go_on(trading)
    snapshot(trading.folder)
    (older := tmp_path / "older").mkdir()
    again = Trading(older)
    again.submit(BEFORE)
    again.submit(BEHIND)
    (trading.folder / "snapshots").rename(older / "snapshots")
    same(again)
    again.close()
