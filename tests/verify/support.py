"""A venue that has traded, its log, and what `fixgate verify` says of a copy of both."""

import shutil

from compliance.audit.checkpoint import Checkpoint, format_checkpoint
from compliance.audit.merkle import Frontier, leaf_hash
from compliance.audit.notes import format_note
from compliance.audit.receipts import check_receipt, make_receipt, published
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import TileReader
from compliance.verify.checkpoints import Trust
from compliance.verify.findings import FAILED, Report
from compliance.verify.meaning import check_meaning
from compliance.verify.verifier import Question, Verifier
from engine.core.venue import Venue
from engine.model.enums import BUY, DAY
from engine.model.events import OrderFilled
from engine.model.record import encode_parts
from engine.replay import folder_records
from tests.audit.support import KEYS, ORIGIN, open_log
from tests.engine.streams import (
    BTC_USD,
    RANDOM_BALANCES,
    REFERENCE,
    START,
    VENUE,
    NamingTrader,
    RandomTrader,
    bootstrap_commands,
    due,
)
from tests.history.support import Venues
from tests.journal.support import UnsyncedDisk

TRUST = Trust(KEYS.verifiers)
SALT = b"s" * 16


def silent(*_):
    """Nobody looks at the progress."""


class Traded:
    """A venue and its log. sizes: of the checkpoints that it has published, with their notes."""

    def __init__(self, folder, seed=1):
        self.venues = Venues(folder, seed)
        self.venues.trader = NamingTrader(seed)
        self.venues.sequencer.submit(VENUE, START)
        self.folder = self.venues.journal  # as open_log wants it
        self.data = folder
        self.notes = {}

    def trade(self, count):
        self.venues.trade(count)
        return self

    def publish(self, disk=None):
        """Bring the log up to the journal."""
        log = open_log(self, self.data / "audit", disk or UnsyncedDisk((), 0))
        while log.turn():
            pass
        log.close()
        self.notes[log.published] = self.newest
        return self

    @property
    def newest(self):
        return (self.data / "audit" / "checkpoint").read_bytes()

    def close(self):
        self.venues.close()

    def copy(self, to):
        """What an auditor gets."""
        for part in ("journal", "audit"):
            shutil.copytree(self.data / part, to / part)
        return to


def verify(data, newest=None, **options):
    """The report on a folder."""
    options.setdefault("trust", TRUST)
    return Verifier(Question(data, newest=newest, **options), silent).run()


def results(report):
    """By check, its result; of one that failed, its code."""
    return {o.check: o.code or o.result for o in report.outcomes}


def failures(report):
    return {o.check: o.code for o in report.outcomes if o.result == FAILED}


def texts(report, check):
    (found,) = (o for o in report.outcomes if o.check == check)
    return f"{found.where}: {found.text}"


def proved(traded):
    """A receipt of its first fill, the bytes of journal and log, and what every check says: nothing
    fails."""
    folder = LogFolder(traded.data / "audit")
    note = folder.checkpoint()
    reader = TileReader(published(note).size, folder.read)
    fill = next(
        f"{record.number}-{k}"
        for record in folder_records(traded.folder)
        for k, event in enumerate(record.events, 1)
        if isinstance(event, OrderFilled)
    )
    receipt = make_receipt(reader, note, fill, whole=True)
    assert check_receipt(receipt, KEYS.verifiers).exec_id == fill
    files = [path for part in ("journal", "audit") for path in (traded.data / part).rglob("*")]
    every = {path: path.read_bytes() for path in files if path.is_file()}
    report = verify(traded.data, traded.newest)
    assert failures(report) == {}
    return receipt, every, results(report)


def note_of(entries, size=None, keys=KEYS, time=1_700_000_000, more=()):
    """The signed checkpoint of a log that has these entries; more: other signers."""
    entries = entries[:size]
    root = Frontier(map(leaf_hash, entries)).root()
    text = format_checkpoint(Checkpoint(ORIGIN, len(entries), root))
    return format_note(text, [key.sign(text, time) for key in (*keys.signers, *more)])


class QueueTrader(RandomTrader):
    """Small orders at three prices, whose quantity goes down and up again: long queues, in which
    places are kept and lost."""

    def _qty(self, instrument):
        return self.random.randint(1, 9)

    def _price(self, instrument):
        return REFERENCE[instrument] + self.random.randint(-1, 1)

    def _target(self, session):
        known = [name for name in self.names[session] if name[1] == BTC_USD]
        return self.random.choice(known[-4:]) if known else (b"unknown", BTC_USD, BUY, DAY)

    def command(self):
        return self.replace() if self.random.random() < 0.4 else self.new_order()


def played(count, seed=1, trader=RandomTrader):
    """The entries of a journal of so many commands of random traders."""
    venue, entries, trader, time = Venue(), [], trader(seed), START

    def put(command):
        events = venue.apply(command, len(entries), time)
        entries.extend(p for _, p in encode_parts(len(entries), time, SALT, command, events))

    for command in bootstrap_commands(balances=RANDOM_BALANCES):
        put(command)
    for _ in range(count):
        time += trader.wait()
        while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
            put(command)
        put(trader.command())
    return entries


def meaning(entries):
    """The report on what entries mean that are signed as they are."""
    report = Report()
    check_meaning(entries, report, silent)
    return report
