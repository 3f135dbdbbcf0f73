"""Reports again over FIX: 35=BW, its answers, and what is sent between them."""

from types import SimpleNamespace

import pytest
import trio
import trio.testing

from gateway.config import CopyFilter
from gateway.drop_copy import appl_replay
from gateway.drop_copy.filters import KINDS, ReportFilter
from gateway.fix.codec import SOH
from gateway.fix.disconnect import DisconnectReason
from gateway.flow.counters import Counters
from gateway.stream import replay
from tests.drop_copy.desk import desk
from tests.fix.pipes import fix, full_decoder
from tests.support.member import pairs

FILLS = ReportFilter.of(CopyFilter(kinds=("filled",)))


def message(msg_type, text):
    return full_decoder().decode(fix(msg_type, text))


class Line:
    """A drop copy session of ACME and its connection, as a replay sees them; said: all messages,
    as pipe-delimited fields."""

    def __init__(self, here):
        self.here = here
        self.info = SimpleNamespace(id=9, member=1)
        self.config = SimpleNamespace(comp_id="ACME-DC1")
        self.renderer = here.renderer
        self.counters = Counters()
        self.session = self
        self.listening = True
        self.said = []
        self.number = 1
        self.call()

    def call(self):
        """A new connection."""
        self.connection = SimpleNamespace(write=self.said.append, queued=0, close=self.hang_up)

    def hang_up(self, reason):
        assert reason is DisconnectReason.INTERNAL
        self.connection = None

    def transmit_replays(self, reports, now):
        if not self.listening:
            return b""
        return b"".join(b"35=%b\x01%b\n" % (kind, body) for _, _, kind, body in reports)

    def perform(self, answer, now):
        assert answer.stored
        self.said.append(b"35=%b\x01%b\n" % (answer.msg_type, answer.body))
        if answer.msg_type == b"BX":
            assert answer.next_in == self.number + 1

    def ask(self, text, chosen=None):
        """A BW, and what is said at once."""
        self.number += 1
        self.said.clear()
        found = message("BW", text)
        step = SimpleNamespace(message=found, number=self.number)
        self.here.service.appl_replays.asked(self, step, chosen)
        return self.heard()

    def heard(self):
        return b"".join(self.said).replace(SOH, b"|").decode().split("\n")[:-1]

    def seqs(self):
        """ApplSeqNums of what was sent again."""
        return [
            int(dict(pairs(m))[1181])
            for m in self.heard()
            if m.startswith(("35=8", "35=9", "35=r"))
        ]


@pytest.fixture
def here(tmp_path):
    with desk(tmp_path) as found:
        found.trade(200)
        yield found


@pytest.fixture
def line(here):
    return Line(here)


async def until_done(here):
    while here.replays.running:
        await trio.lowlevel.checkpoint()


@pytest.fixture
async def serving(here, nursery):
    nursery.start_soon(here.replays.serve)
    await trio.testing.wait_all_tasks_blocked()


RANGES = {
    "all": ("", lambda last: (1, last)),
    "from one on": ("1351=1|1355=ACME|1182=10|1183=0|", lambda last: (10, last)),
    "a few": ("1351=1|1355=ACME|1182=10|1183=20|", lambda last: (10, 20)),
    "one": ("1351=1|1355=ACME|1182=7|1183=7|", lambda last: (7, 7)),
    "more than there are": ("1351=1|1355=ACME|1182=5|1183=99999|", lambda last: (5, last)),
}


@pytest.mark.trio
@pytest.mark.parametrize(("text", "span"), RANGES.values(), ids=RANGES)
async def test_a_range_is_sent_again_between_its_grant_and_its_end(here, line, serving, text, span):
    last = here.service.index.last(1)
    begin, end = span(last)
    [grant] = line.ask("1346=r1|1347=0|" + text)
    assert grant == (
        f"35=BX|1353=2|1346=r1|1347=0|1348=0|1349={end - begin + 1}|"
        f"1351=1|1355=ACME|1182={begin}|1183={end}|1357={last}|"
    )
    await until_done(here)
    assert line.seqs() == list(range(begin, end + 1))
    _, *again, done = line.heard()
    assert done == f"35=BY|1356=2|1346=r1|1426=3|1351=1|1355=ACME|1357={end}|"
    for said, (record, k, _) in zip(again, here.reports()[begin - 1 : end], strict=True):
        msg_type, body = here.renderer.render(record, k)
        assert said == f"35={msg_type.decode()}|{body.replace(SOH, b'|').decode()}1352=Y|"


NOTHING = {
    "what is missing, if nothing is": ("1347=0|1351=1|1355=ACME|1182={next}|", "0|1349=0|", True),
    "the last one": ("1347=2|", "0|", False),
    "which applications": ("1347=3|", "0|", False),
    "no more, though nothing runs": ("1347=5|", "0|", False),
}


@pytest.mark.parametrize(("text", "answer", "ends"), NOTHING.values(), ids=NOTHING)
def test_what_needs_no_reports_is_answered_at_once(here, line, text, answer, ends):
    last = here.service.index.last(1)
    grant, *rest = line.ask("1346=r1|" + text.format(next=last + 1))
    kind = text[5]
    assert grant == f"35=BX|1353=2|1346=r1|1347={kind}|1348={answer}1351=1|1355=ACME|1357={last}|"
    assert [m[:5] for m in rest] == (["35=BY"] if ends else [])


WRONG = {
    "another member's": ("1351=1|1355=BOREAS|", "1|1351=1|1355=BOREAS|1354=0|58=the application"),
    "what is to come": (
        "1351=1|1355=ACME|1182=9999|",
        "2|1351=1|1355=ACME|1357={last}|1354=1|58=no report 9999",
    ),
    "backwards": (
        "1351=1|1355=ACME|1182=9|1183=8|",
        "2|1351=1|1355=ACME|1357={last}|1354=1|58=ApplEndSeqNum",
    ),
    "two at once": (
        "1351=2|1355=ACME|1355=ACME|",
        "2|1351=1|1355=ACME|1357={last}|1354=1|58=one range",
    ),
}


@pytest.mark.parametrize(("text", "answer"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_sent_is_refused_by_name(here, line, text, answer):
    [refusal] = line.ask("1346=r1|1347=0|" + text)
    last = here.service.index.last(1)
    assert refusal.startswith("35=BX|1353=2|1346=r1|1347=0|1348=" + answer.format(last=last))
    assert message("BX", refusal.removeprefix("35=BX|")).error is None
    assert not here.replays.running


@pytest.mark.trio
async def test_the_filter_of_the_session_holds(here, line, serving):
    [grant] = line.ask("1346=r1|1347=0|", FILLS)
    assert "|1349=" not in grant
    await until_done(here)
    fills = [e.appl_seq for _, _, e in here.reports() if KINDS[type(e)] == "filled"]
    assert line.seqs() == fills
    assert line.heard()[-1].startswith("35=BY|")


@pytest.mark.trio
async def test_one_at_a_time_and_a_new_connection_asks_anew(here, line, serving):
    line.ask("1346=r1|1347=0|")
    [refusal] = line.ask("1346=r2|1347=0|")
    assert "|1348=2|" in refusal
    assert "r1 is being answered" in refusal
    line.call()
    line.ask("1346=r3|1347=0|1351=1|1355=ACME|1182=5|1183=6|")
    await until_done(here)
    assert line.seqs() == [5, 6]
    assert [m[:17] for m in line.heard() if "35=BY" in m] == ["35=BY|1356=4|1346"]


@pytest.mark.trio
async def test_who_cancels_gets_no_more_and_may_ask_again(here, line, serving, monkeypatch):
    monkeypatch.setattr(replay, "SLICE_RECORDS", 5)
    line.ask("1346=r1|1347=0|")
    for _ in range(4):
        await trio.lowlevel.checkpoint()
    some = line.seqs()
    [grant] = line.ask("1346=r2|1347=5|")
    assert "|1348=0|" in grant
    await until_done(here)
    assert line.seqs() == []
    assert 0 < len(some) < here.service.index.last(1)
    line.ask(f"1346=r3|1347=0|1351=1|1355=ACME|1182={some[-1] + 1}|")
    await until_done(here)
    assert some + line.seqs() == list(range(1, here.service.index.last(1) + 1))


@pytest.mark.trio
async def test_nothing_is_said_to_have_been_sent_when_nobody_listened(here, line, serving):
    line.ask("1346=r1|1347=0|")
    line.listening = False
    await until_done(here)
    assert len(line.heard()) == 1, "the grant alone"


@pytest.mark.trio
async def test_a_session_may_ask_for_so_many_a_day(here, line, serving, monkeypatch):
    last = here.service.index.last(1)
    monkeypatch.setattr(appl_replay, "DAILY_REPLAYED", last + 3)
    line.ask("1346=r1|1347=0|")
    await until_done(here)
    [refusal] = line.ask("1346=r2|1347=0|1351=1|1355=ACME|1182=1|1183=4|")
    assert f"58=at most {last + 3} reports in 24 hours" in refusal
    line.ask("1346=r3|1347=0|1351=1|1355=ACME|1182=1|1183=3|")
    await until_done(here)
    assert line.seqs() == [1, 2, 3]
    here.clock.time += 86_400 * 1_000_000_000
    line.ask("1346=r4|1347=0|1351=1|1355=ACME|1182=1|1183=4|")
    await until_done(here)
    assert line.seqs() == [1, 2, 3, 4]


@pytest.mark.trio
async def test_a_journal_that_cannot_be_read_ends_the_connection(here, line, serving):
    segment = max((here.folder / "journal").glob("*.seg"), key=lambda path: path.stat().st_size)
    data = bytearray(segment.read_bytes())
    data[len(data.rstrip(b"\0")) // 2] ^= 0xFF
    segment.write_bytes(data)
    line.ask("1346=r1|1347=0|")
    await until_done(here)
    assert line.connection is None
    assert not any("35=BY" in m for m in line.heard())


def test_kinds_of_requests_that_the_venue_does_not_know_are_rejected_by_tag():
    for kind in "146789":
        assert message("BW", f"1346=r1|1347={kind}|").error.ref_tag == 1347
