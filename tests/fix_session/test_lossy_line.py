"""A member behind a line that breaks at random gets every report exactly once, in order."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fix.codec import Framer
from gateway.fix.disconnect import DisconnectReason
from gateway.flow.index_file import FileIndex
from tests.fix_session.desk import Desk, Journal, at, fields, new_order

BOOT = bytes(16)


class Member:
    """A naive initiator: processes in sequence only, asks for each gap, resends its orders."""

    def __init__(self) -> None:
        self.next_in = 1
        self.out = 1
        self.sent: dict[int, str] = {}  # number -> order
        self.reports: list[int] = []
        self.again: list[int] = []  # with PossResend, seen before
        self.asked = 0

    def hear(self, desk: Desk, raw: bytes) -> list[tuple[int, str]]:
        """What the member says to one message: (number, text)."""
        tags = dict(fields(raw))
        number, kind = int(tags[34]), tags[35]
        if kind == b"2":
            return self.fill(desk, int(tags[7]))
        if kind == b"4" and number <= self.next_in:
            self.next_in = max(self.next_in, int(tags[36]))
            return []
        if number > self.next_in:
            if kind == b"A" and 141 in tags:
                raise AssertionError("a reset starts at 1")
            if self.asked == self.next_in:
                return []
            self.asked = self.next_in
            return [(self.take(), f"35=2|7={self.next_in}|16=0|")]
        if number < self.next_in:
            assert tags.get(43) == b"Y", "an old number without PossDup"
            return []
        self.next_in += 1
        if kind == b"8":
            report = int(tags[37])
            if tags.get(97) == b"Y" and report in self.reports:
                self.again.append(report)
            else:
                self.reports.append(report)
        return []

    def fill(self, desk: Desk, begin: int) -> list[tuple[int, str]]:
        """Resend orders, gap fill the rest."""
        said = []
        gap = 0
        for number in range(begin, self.out):
            if number in self.sent:
                if gap:
                    said.append((gap, self.gap(desk, number)))
                    gap = 0
                header = f"43=Y|122={at(desk)}|"
                said.append((number, new_order(self.sent[number], header, desk.now)))
            else:
                gap = gap or number
        if gap:
            said.append((gap, self.gap(desk, self.out)))
        return said

    def gap(self, desk: Desk, new: int) -> str:
        return f"35=4|43=Y|122={at(desk)}|36={new}|123=Y|"

    def take(self) -> int:
        self.out += 1
        return self.out - 1


class Line:
    """Carries bytes both ways, and sometimes cuts a message in two and drops the rest."""

    def __init__(self, desk: Desk, member: Member, chance: random.Random, loss: float) -> None:
        self.desk = desk
        self.member = member
        self.chance = chance
        self.loss = loss
        self.up = False
        self.framer = Framer()

    def connect(self, *, reset: bool = False) -> None:
        member = self.member
        if reset:
            member.next_in = member.out = 1
            member.sent.clear()
        member.asked = 0
        self.up = True
        self.framer = Framer()
        self.desk.said.clear()
        self.desk.connect()
        text = "35=A|98=0|108=30|" + ("141=Y|" if reset else "")
        self.say([(member.take(), text)])

    def say(self, messages: list[tuple[int, str]]) -> None:
        for number, text in messages:
            if not self.up:
                return
            data = self.desk.frame(text, seq=number)
            if self.chance.random() < self.loss:
                self.desk.receive_bytes(data[: self.chance.randrange(len(data))])
                self.cut()
                return
            self.desk.receive_bytes(data)
            self.carry()

    def carry(self) -> None:
        """What the venue said reaches the member, or the line breaks on the way."""
        while self.up and self.desk.said:
            said, self.desk.said = b"".join(self.desk.said), []
            broken = self.chance.random() < self.loss
            if broken:
                said = said[: self.chance.randrange(len(said))]
            answers = []
            for raw in self.framer.feed(said):
                answers += self.member.hear(self.desk, raw)
            if broken:
                self.cut()
            self.say(answers)
        self.up = self.up and self.desk.session.connected

    def cut(self) -> None:
        self.up = False
        self.desk.lost()


def trade(desk: Desk, chance: random.Random, steps: int, loss: float) -> tuple[Desk, Member]:
    """Orders, reports, breaks and kills at random; at the end a quiet line."""
    member = Member()
    line = Line(desk, member, chance, loss)
    desk.reports_for_orders = True
    for step in range(steps):
        desk.now += chance.randrange(10**7)
        if not line.up:
            line.connect()
        act = chance.random()
        if act < 0.5 and line.up:
            number = member.take()
            member.sent[number] = f"o{step}"
            line.say([(number, new_order(f"o{step}", "", desk.now))])
        elif act < 0.7:
            desk.report(chance.randrange(1, 4))
            line.carry()
        elif act < 0.75 and line.up:
            line.say([(member.take(), f"35=1|112=t{step}|")])
        elif act < 0.8:
            line.cut()
            desk.report(chance.randrange(1, 4))
            desk.hears_nothing()
    line.loss = 0.0
    for _ in range(3):
        if not line.up:
            line.connect()
        line.say([(member.take(), "35=1|112=end|")])
    assert line.up
    return desk, member


@given(st.integers(0, 2**32), st.sampled_from([0.0, 0.02, 0.1, 0.3]))
@settings(max_examples=60, deadline=None)
def test_every_report_once_and_in_order(seed: int, loss: float) -> None:
    chance = random.Random(seed)
    desk, member = trade(Desk(), chance, 60, loss)
    assert member.reports == list(range(len(desk.journal.reports)))
    assert not member.again
    assert not set(desk.ends) - {DisconnectReason.PEER_CLOSED}
    orders = [step.message.get(11) for step in desk.orders]
    assert len(orders) == len(set(orders)), "an order was done twice"
    assert desk.session.next_in == member.out
    assert member.next_in == desk.session.next_out


def test_every_order_arrives_too() -> None:
    chance = random.Random(11)
    desk, member = trade(Desk(), chance, 400, 0.1)
    done = [(step.message.get(11) or b"").decode() for step in desk.orders]
    assert done == list(member.sent.values())
    assert len(done) > 100


@pytest.mark.parametrize("seed", range(8))
def test_over_kills_of_the_venue_on_the_file_index(tmp_path: Path, seed: int) -> None:
    """kill -9 between any two messages: the journal and the index survive, nothing else does."""
    chance = random.Random(seed)
    journal = Journal()
    member = Member()
    now = Desk().now
    for _ in range(12):
        index = FileIndex.open(tmp_path, "ACME", log=print, boot_id=BOOT)
        desk = Desk(index=index, journal=journal)
        desk.reports_for_orders = True
        desk.now = now
        line = Line(desk, member, chance, 0.05)
        for step in range(chance.randrange(1, 25)):
            desk.now += 1_000_000
            if not line.up:
                line.connect()
            if chance.random() < 0.5:
                desk.report(chance.randrange(1, 30))
                line.carry()
            elif line.up:
                number = member.take()
                member.sent[number] = f"{seed}-{len(journal.reports)}-{step}"
                line.say([(number, new_order(member.sent[number], "", desk.now))])
        now = desk.now
    index = FileIndex.open(tmp_path, "ACME", log=print, boot_id=BOOT)
    desk = Desk(index=index, journal=journal)
    desk.now = now
    line = Line(desk, member, chance, 0.0)
    line.connect()
    line.say([(member.take(), "35=1|112=end|")])
    assert member.reports == list(range(len(journal.reports)))
    assert len(member.reports) > 200
    assert not member.again


@pytest.mark.parametrize("seed", range(20))
def test_resets_lose_nothing_and_repeat_only_with_poss_resend(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    journal = Journal()
    member = Member()
    now = Desk().now
    for process in range(6):
        index = FileIndex.open(tmp_path, "ACME", log=print, boot_id=BOOT)
        desk = Desk(index=index, journal=journal)
        desk.now = now
        line = Line(desk, member, chance, 0.0)
        for _ in range(chance.randrange(1, 10)):
            desk.now += 1_000_000
            if not line.up:
                line.connect(reset=chance.random() < 0.5)
            act = chance.random()
            if act < 0.6:
                desk.report(chance.randrange(1, 5))
                line.carry()
            elif act < 0.9:
                line.cut()
                desk.report(chance.randrange(1, 5))
        now = desk.now
        if process % 2:
            index.close()
    index = FileIndex.open(tmp_path, "ACME", log=print, boot_id=BOOT)
    desk = Desk(index=index, journal=journal)
    desk.now = now
    line = Line(desk, member, chance, 0.0)
    line.connect(reset=True)
    assert sorted(set(member.reports)) == list(range(len(journal.reports)))
    assert len(member.reports) == len(set(member.reports)), "twice without PossResend"
    assert len(journal.reports) > 5
