"""A drop copy process without sockets: real trading, a real journal, checkpoints and frames."""

import contextlib

from engine.journal.files import open_reader
from gateway.data import data_file
from gateway.drop_copy.checkpoint import CopyCheckpoints
from gateway.drop_copy.filters import is_copied
from gateway.drop_copy.service import DropCopy
from gateway.drop_copy.stream import CopyStream
from gateway.drop_copy.wording import ReportWording
from gateway.fix.dictionary import Dictionary
from gateway.reports import ReportRenderer
from gateway.stream.replay import Replays
from tests.stream.subscriber import Everybody, Subscriber
from tests.support.house import HandClock
from tests.support.trading import Trading

DICTIONARY = Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))


class Client(Subscriber):
    """A subscriber of a member's reports."""

    def __init__(self, desk, who="ACME"):
        super().__init__(desk.stream, who)

    def subscribe(self, **words):
        """Subscribe; what came at once behind the answer."""
        answer, *rest = self.say(op="subscribe", channel="reports", **words)
        assert answer["type"] == "subscribed", answer
        self.heard += rest
        return answer

    def seqs(self):
        return [message["seq"] for message in self.heard]


class Desk(Trading):
    """A venue, its journal and its drop copy."""

    def __init__(self, folder, seed=1, checkpoint_records=1_000_000):
        super().__init__(folder, seed)
        self.checkpoint_records = checkpoint_records
        self.clock = HandClock()
        self.log = []
        self.start()

    def start(self, links=()):
        """A new process: nobody is connected."""
        reader = open_reader(self.folder / "journal")
        checkpoints = CopyCheckpoints(self.folder / "dropcopy", self.log.append)
        self.begin = checkpoints.beginning(reader, ["ACME-OE1"])
        self.replays = Replays(reader.another, self.clock.monotonic, self.log.append)
        self.service = DropCopy(
            reader,
            self.begin,
            links,
            self.clock,
            self.log.append,
            self.replays,
            checkpoints,
            self.checkpoint_records,
        )
        refdata = self.service.refdata
        self.renderer = ReportRenderer(refdata, digits=3, extensions=True, drop_copy=True)
        self.stream = CopyStream(
            refdata,
            self.service.index,
            self.renderer,
            ReportWording(DICTIONARY),
            Everybody(),
            self.replays,
            lambda: self.service.last_read,
        )
        self.service.listeners.append(self.stream.tell)
        self.read()

    def read(self):
        """Let the process read what is on disk."""
        while self.service.step():
            pass

    def trade(self, count):
        super().trade(count)
        self.read()

    def reports(self, member=1):
        """All reports of a member that are in the journal: (record, k, event)."""
        reader = open_reader(self.folder / "journal")
        return [
            (record, k, event)
            for record in reader.records(0, reader.mark().number)
            for k, event in enumerate(record.events, 1)
            if is_copied(event) and event.member == member
        ]


@contextlib.contextmanager
def desk(folder, seed=1, **words):
    """A desk that is open."""
    here = Desk(folder, seed, **words)
    try:
        yield here
    finally:
        here.close()
