"""Drop copy from outside, over both transports: through disconnects and kill -9 of whatever there
is, each consumer ends with exactly the journal's reports, and both have the same ones.
"""

import re

import pytest

from engine.replay import folder_records
from gateway.data import data_file
from gateway.drop_copy.filters import is_copied
from gateway.drop_copy.wording import ReportWording
from gateway.fix.dictionary import Dictionary
from tests.support.fix_client import ConnectionEnded
from tests.support.progress import progress
from tests.support.stream_client import TIMEOUT
from tests.support.weather import Storm

DICTIONARY = Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))
MEMBER = "BENCH"


class StreamCopy:
    """A consumer over WebSocket: it comes back with the last ApplSeqNum that it had."""

    def __init__(self, client):
        self.client = client
        self.reports = []

    @property
    def connected(self):
        return self.client.connected

    def connect(self):
        self.client.connect()
        answer, before = self.client.subscribe("reports", resume_from=self.last)
        assert answer["seq"] == self.last - len(before)
        self.reports += before

    @property
    def last(self):
        return self.reports[-1]["seq"] if self.reports else 0

    def read(self, timeout):
        while (message := self.client.receive(timeout)) is not None:
            assert message["type"] == "report"
            self.reports.append(message)
            timeout = 0.0


class FixCopy:
    """A consumer over FIX: what it has missed comes again by ResendRequest."""

    def __init__(self, client):
        self.client = client

    @property
    def connected(self):
        return self.client.connected

    def connect(self):
        self.client.reconnect()

    @property
    def reports(self):
        return [m for m in self.client.delivered if m[35] in "89r"]

    def read(self, timeout):
        while self.client.receive(timeout) is not None:
            timeout = 0.0


class Copies:
    """Both consumers of a member, as a storm sees them; who is hit by a disconnect is chance."""

    def __init__(self, fix, stream):
        self.fix, self.stream = FixCopy(fix), StreamCopy(stream)
        self.each = (self.fix, self.stream)
        self.turn = 0

    @property
    def connected(self):
        return all(copy.connected for copy in self.each)

    def connect(self):
        for copy in self.each:
            if not copy.connected:
                copy.connect()

    def drop(self):
        self.turn += 1
        for k, copy in enumerate(self.each, 1):
            if self.turn % 3 in (0, k):
                copy.client.drop()

    def read(self, timeout=0.0):
        for copy in self.each:
            copy.read(timeout)


def journalled(data):
    """The member's reports in the journal: [(ApplSeqNum, record, k)]."""
    members, found = {}, []
    for record in folder_records(data / "journal"):
        if type(record.command).__name__ == "DefineMember":
            members[record.command.name] = record.command.member
        found += [
            (event.appl_seq, record.number, k)
            for k, event in enumerate(record.events, 1)
            if is_copied(event) and event.member == members[MEMBER]
        ]
    return found


def settled(storm, copies):
    """Until both have all, and the venue has ended."""
    for trader in storm.traders:
        trader.client.sync()
    storm.venue.stop()  # its last words come first
    for copy in copies.each:
        try:
            while True:
                if not copy.connected:
                    copy.connect()
                copy.read(1)
        except ConnectionEnded:
            pass


def weather(venue, dial, stream_client, seed, happenings, turns):
    venue.start()
    copies = Copies(
        dial(venue, f"{MEMBER}-DC1"), stream_client(venue.drop_copy_stream, f"demo-{MEMBER}")
    )
    storm = Storm(venue, dial, seed, copies)
    plan = [what for what, times in happenings.items() for _ in range(times)]
    storm.rng.shuffle(plan)
    for number, what in enumerate(plan):
        progress(f"{number} of {len(plan)}: {what}")
        storm.trade(storm.rng.randrange(turns))
        storm.happen(what)
    storm.trade(turns)
    while not copies.connected:
        storm.listen()
    settled(storm, copies)
    truth = journalled(venue.data)
    over_fix = [(int(m[1181]), int(m[20001])) for m in copies.fix.reports]
    streamed = [(m["seq"], m["record"]) for m in copies.stream.reports]
    wanted = [(seq, record) for seq, record, _ in truth]
    assert [seq for seq, _ in wanted] == list(range(1, len(wanted) + 1))
    assert over_fix == wanted
    assert streamed == wanted
    wording = ReportWording(DICTIONARY)
    for fix, stream in zip(copies.fix.reports, copies.stream.reports, strict=True):
        body = fix.body.partition(b"\x01")[2]  # behind MsgType
        assert wording.fields(fix[35].encode(), body) == stream["message"]
    return len(truth)


@pytest.mark.proof
def test_consumers_that_come_and_go_have_the_journals_reports(new_venue, dial, stream_client):
    happenings = {"disconnect": 6, "dropcopy": 2, "core": 1}
    assert (
        weather(new_venue(only="core,dropcopy"), dial, stream_client, 1, happenings, turns=60) > 100
    )


@pytest.mark.proof
def test_the_same_through_fifty_disconnects_and_fifteen_kills(new_venue, dial, stream_client):
    happenings = {"disconnect": 50, "dropcopy": 10, "core": 5}
    count = weather(new_venue(only="core,dropcopy"), dial, stream_client, 2, happenings, turns=100)
    assert count > 1_000
    progress(f"{count} reports")


class Audience:
    """Forty consumers who read what there is, and ten who have stopped reading."""

    def __init__(self, make):
        self.readers = [make() for _ in range(40)]
        self.stalled = [make() for _ in range(10)]

    @property
    def connected(self):
        return all(copy.connected for copy in self.readers)

    def connect(self):
        for copy in self.readers:
            if not copy.connected:
                copy.connect()

    def read(self, timeout=0.0):
        for copy in self.readers:
            copy.read(timeout)


@pytest.mark.proof
def test_fifty_consumers_of_whom_ten_stall_have_the_journals_reports(
    new_venue, dial, stream_client
):
    """Who stalls is closed, and told all the rest when it comes back."""
    venue = new_venue().start()
    audience = Audience(lambda: StreamCopy(stream_client(venue.drop_copy_stream, f"demo-{MEMBER}")))
    audience.connect()
    for copy in audience.stalled:
        copy.connect()
        copy.client.receive_little()
    storm = Storm(venue, dial, 3, audience)
    said = f"{MEMBER} at .* disconnected: SLOW_CONSUMER"
    while (closed := len(re.findall(said, venue.stderr))) < len(audience.stalled):
        progress(f"{closed} of {len(audience.stalled)} who stall are closed")
        storm.trade(20)
        audience.read()
    assert audience.connected, "nobody else was closed"
    for copy in audience.stalled:
        copy.client.drop()
        copy.connect()
    audience.readers += audience.stalled
    for trader in storm.traders:
        trader.client.sync()
    wanted = [(seq, record) for seq, record, _ in journalled(venue.data)]
    for copy in audience.readers:
        while copy.last < wanted[-1][0]:
            copy.read(TIMEOUT)
        assert [(m["seq"], m["record"]) for m in copy.reports] == wanted
