"""Kills, failed syncs and losses of power at any call of the session index, life after life.

No number that has left has two contents, and no report that has not left is lost, whatever the
index was doing: a reset above all. The disk is a model that keeps, drops or garbles what was not
synced, and holds what met a failed sync for clean, as Linux does.
"""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.errors import DiskFailed
from gateway.fix.index import BODY, HOLE, REPORT, SessionIndex
from gateway.flow.index_file import FileIndex
from tests.journal.support import CrashDisk, PowerLost

Content = int | bytes
"""What a number stands for: a report's record, a body, or b"" for an admin message."""


class Member:
    """What one member was told over all lives, and what the venue's journal owes him."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.records = 0
        """In the journal, each with one report for him; it outlives everything."""
        self.left: dict[tuple[int, int], Content] = {}
        """By generation and number: what has left."""
        self.told: set[int] = set()
        """Records whose report has left, under any number."""

    def check(self, index: SessionIndex) -> None:
        entries = [entry for chunk in index.chunks(1, index.next_out - 1) for entry in chunk]
        for (generation, number), content in self.left.items():
            assert generation <= index.generation, "a reset that was answered is undone"
            if generation == index.generation:
                assert number < index.next_out, "a number that has left comes again"
                entry = entries[number - 1]
                assert entry[5] == HOLE or content_of(index, entry) == content
        numbered = {entry[0] for entry in entries if entry[5] == REPORT}
        for record in range(index.named + 1):
            assert record in numbered or record in self.told, "a report that has not left is lost"


def content_of(index: SessionIndex, entry: tuple[int, ...]) -> Content:
    if entry[5] == REPORT:
        return entry[0]
    return (index.body(entry) or (b"", b""))[1] if entry[5] == BODY else b""


class Life:
    """One process: from the opening of the index to whatever ends it."""

    def __init__(self, member: Member, folder: Path, disk: CrashDisk, boot: bytes) -> None:
        self.member, self.random = member, member.random
        self.folder, self.disk, self.boot = folder, disk, boot
        self.waiting: dict[tuple[int, int], Content] = {}
        """Numbered for a live connection; leaves as soon as no reset is unsettled."""

    def run(self) -> None:
        try:
            log = [].append
            self.index = FileIndex.open(
                self.folder, "A", log=log, boot_id=self.boot, disk=self.disk
            )
            self.member.check(self.index)
            self.renumber()
            while True:
                self.step()
        except (PowerLost, DiskFailed):
            pass

    def renumber(self) -> None:
        first, last = self.index.named + 1, self.member.records
        if first < last:
            self.number(range(first, last), live=False)

    def step(self) -> None:
        index = self.index
        match self.random.choice(
            ["live", "live", "away", "body", "replay", "prepare", "reset", "sync", "save"]
        ):
            case "live" if index.settled:
                self.trade(live=True)
            case "live" | "away":
                self.trade(live=False)
            case "body" if index.settled:
                body = b"58=%d\x01" % self.random.randrange(10**9)
                number = index.append_body(b"3", body, 1, live=True)
                self.leaves(number, body)
            case "replay" if index.settled and index.sent < index.next_out - 1:
                self.replay()
            case "prepare":
                index.prepare_reset(1)
            case "reset":
                index.reset(1, self.member.records - 1, 2)
                self.waiting.clear()
                self.waiting[index.generation, 1] = b""
                index.mark_sent(1, 1)
            case "sync":
                index.sync()
            case "save":
                index.save()
        if index.settled:
            self.let_go()

    def trade(self, *, live: bool) -> None:
        first = self.member.records
        self.member.records += 2
        self.number(range(first, first + 2), live=live)

    def number(self, records: range, *, live: bool) -> None:
        index = self.index
        batch = [(record, 0, b"8", b"") for record in records]
        first = index.append_reports(batch, 1, live=live, poss_resend=index.power_lost)
        if live:
            for number, record in enumerate(records, first):
                self.leaves(number, record)

    def leaves(self, number: int, content: Content) -> None:
        self.index.mark_sent(number, number)
        self.waiting[self.index.generation, number] = content

    def replay(self) -> None:
        index = self.index
        begin, end = index.sent + 1, index.next_out - 1
        found = [entry for chunk in index.chunks(begin, end) for entry in chunk]
        index.doubt(end)
        for number, entry in enumerate(found, begin):
            if entry[5] != HOLE:
                self.leaves(number, content_of(index, entry))
        index.mark_sent(begin, end)

    def let_go(self) -> None:
        member = self.member
        for place, content in self.waiting.items():
            assert member.left.setdefault(place, content) == content, "one number, two contents"
            if isinstance(content, int):
                member.told.add(content)
        self.waiting.clear()


ENDS = st.lists(
    st.tuples(st.sampled_from(["kill", "sync", "power"]), st.integers(0, 60)), max_size=6
)


@given(st.integers(0, 2**32), ENDS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_end_at_any_call_gives_a_number_two_contents_or_loses_a_report(
    seed: int, ends: list[tuple[str, int]]
) -> None:
    random = Random(seed)
    member = Member(random)
    boot = 1
    with TemporaryDirectory() as name:
        folder = Path(name) / "life0"
        disk = CrashDisk(0)
        for k, (how, crash_at) in enumerate([*ends, ("power", 40), ("kill", 40)]):
            disk.after_kill(crash_at)
            disk.fail_sync = how == "sync"
            Life(member, folder, disk, boot.to_bytes(16, "big")).run()
            if how == "power":
                boot += 1
                folder = Path(name) / f"life{k + 1}"
                disk.after_power_loss(folder, random)
                disk = CrashDisk.over(folder, 0)
