"""A session's answers leave in the order of what they answer, and never before the disk."""

from dataclasses import dataclass, field

import pytest

from engine.model.enums import ORDER_ENTRY
from engine.model.refdata import SessionInfo
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.steps import Answer, Application, Disconnect, ResendStep
from gateway.flow import link as link_module
from gateway.flow.link import Link
from tests.gateway.support import decoded

NOW = 1_000


@dataclass
class Disk:
    """What is submitted and what is durable, as a test says."""

    last_number: int = -1
    durable: int = -1


@dataclass
class RecordingSession:
    """The sans-IO session as the link sees it: it numbers what it is given, in that order."""

    given: list[str] = field(default_factory=list)

    def transmit(self, answer, now):
        assert now == NOW
        self.given.append(answer.body.decode())
        return answer.body + b";"

    def transmit_reports(self, reports, now, *, poss_resend=False):
        assert now == NOW
        mark = "!" if poss_resend else ""
        self.given += [f"{number}-{k}{mark}" for number, k, _, _ in reports]
        return b"".join(b"%d-%d;" % (number, k) for number, k, _, _ in reports)


@dataclass
class Wire:
    """The connection: bytes that left, and how it was ended."""

    sent: bytes = b""
    ended: list[str] = field(default_factory=list)

    def write(self, data):
        self.sent += data

    def finish(self, reason):
        self.ended.append(f"finish {reason}")

    def close(self, reason):
        self.ended.append(f"close {reason}")


class Desk:
    """A link with everything around it."""

    def __init__(self):
        self.disk, self.session, self.wire = Disk(), RecordingSession(), Wire()
        info = SessionInfo(1, 1, "ACME-OE1", ORDER_ENTRY, 100)
        self.link = Link(info, None, self.session, None, self.disk)
        self.link.connection = self.wire
        self.resends = []
        self.link.on_resend = lambda link, step: self.resends.append((link, step))

    def submit(self, count=1):
        self.disk.last_number += count

    def answer(self, name, *, stored=False):
        return self.link.perform(Answer(b"0", name.encode(), stored=stored), NOW)

    def release(self, *names, durable=None):
        """Records up to `durable` (all, by default) are on disk, with these reports of ours."""
        self.disk.durable = self.disk.last_number if durable is None else durable
        reports = [(int(n), int(k), b"8", b"") for n, k in (name.split("-") for name in names)]
        self.link.report(reports, self.disk.durable, NOW)

    @property
    def left(self):
        return self.wire.sent.decode().rstrip(";").split(";") if self.wire.sent else []


@pytest.fixture
def desk():
    return Desk()


def test_an_answer_leaves_at_once_while_nothing_waits_for_the_disk(desk):
    assert desk.answer("heartbeat")
    assert desk.left == ["heartbeat"]


def test_an_answer_waits_for_every_record_before_it(desk):
    desk.submit()
    assert not desk.answer("heartbeat")
    assert desk.left == []
    desk.release("0-1")
    assert desk.left == ["0-1", "heartbeat"]


def test_an_answer_waits_also_for_records_that_report_nothing_to_this_session(desk):
    desk.submit(3)
    assert not desk.answer("reject")
    desk.release()
    assert desk.left == ["reject"]


def test_an_answer_does_not_wait_for_records_that_came_after_it(desk):
    desk.submit()
    desk.answer("reject")
    desk.submit(5)
    desk.release("0-1", durable=0)
    assert desk.left == ["0-1", "reject"]


def test_a_disk_that_is_half_way_lets_out_half(desk):
    for name in "abc":
        desk.submit(2)
        desk.answer(name)
    desk.release("0-1", "1-1", "3-1", durable=3)
    assert desk.left == ["0-1", "1-1", "a", "3-1", "b"]
    desk.release("4-1", "5-1", durable=5)
    assert desk.left[5:] == ["4-1", "5-1", "c"]


def test_reports_and_answers_keep_the_order_of_what_they_answer(desk):
    """Order, reject, order, two heartbeats, order with two reports: one batch."""
    desk.submit()
    desk.answer("reject")
    desk.submit()
    desk.answer("heartbeat")
    desk.answer("another")
    desk.submit()
    desk.release("0-1", "1-1", "1-2", "2-1", "2-2")
    assert desk.left == ["0-1", "reject", "1-1", "1-2", "heartbeat", "another", "2-1", "2-2"]
    assert desk.session.given == desk.left


def test_an_answer_behind_one_that_waits_waits_too(desk):
    """Also when the disk has caught up meanwhile, and only the release is still to come."""
    desk.submit()
    desk.answer("first")
    desk.disk.durable = 0
    assert not desk.answer("second")
    assert desk.left == []
    desk.release("0-1")
    assert desk.left == ["0-1", "first", "second"]


def test_possible_resends_say_so_whatever_waits_between_them(desk):
    desk.link.report([(0, 1, b"8", b"")], 0, NOW, poss_resend=True)
    desk.submit(3)
    desk.answer("between")
    desk.submit()
    reports = [(2, 1, b"8", b""), (3, 1, b"8", b"")]
    desk.link.report(reports, 3, NOW, poss_resend=True)
    assert desk.session.given == ["0-1!", "2-1!", "between", "3-1!"]


# --- the other steps ------------------------------------------------------------------------------


def test_a_disconnect_waits_its_turn(desk):
    desk.submit()
    desk.answer("logout")
    desk.link.perform(Disconnect(DisconnectReason.LOGOUT), NOW)
    assert desk.wire.ended == []
    desk.release("0-1")
    assert (desk.left, desk.wire.ended) == (["0-1", "logout"], ["finish logout"])


def test_a_resend_waits_its_turn(desk):
    step = ResendStep(1, 0)
    desk.link.perform(step, NOW)
    assert desk.resends == [(desk.link, step)]
    desk.submit()
    desk.link.perform(step, NOW)
    assert len(desk.resends) == 1
    desk.release()
    assert desk.resends == [(desk.link, step)] * 2


def test_a_step_of_another_kind_is_a_mistake_of_ours(desk):
    with pytest.raises(AssertionError, match="not a step to perform"):
        desk.link.perform(Application(decoded("0", ""), 2), NOW)


# --- a connection that goes -----------------------------------------------------------------------


def test_reports_are_numbered_also_while_nobody_is_there(desk):
    desk.link.detach()
    desk.submit()
    desk.release("0-1")
    assert desk.session.given == ["0-1"]
    assert desk.left == []


def test_of_what_waits_only_stored_answers_outlive_their_connection(desk):
    desk.submit()
    desk.answer("heartbeat")
    desk.answer("reject", stored=True)
    desk.link.perform(ResendStep(1, 0), NOW)
    desk.answer("status", stored=True)
    desk.link.perform(Disconnect(DisconnectReason.LOGOUT), NOW)
    desk.link.detach()
    desk.submit()
    desk.release("0-1", "1-1")
    assert desk.session.given == ["0-1", "reject", "status", "1-1"]
    assert (desk.left, desk.resends, desk.wire.ended) == ([], [], [])


def test_a_disconnect_without_a_connection_is_nothing(desk):
    desk.link.detach()
    assert desk.link.perform(Disconnect(DisconnectReason.LOGOUT), NOW)
    assert desk.wire.ended == []


def test_a_session_whose_answers_pile_up_is_closed(desk, monkeypatch):
    """Before the disk is there again: a peer that only asks would fill the memory."""
    monkeypatch.setattr(link_module, "MAX_GATED", 3)
    desk.submit()
    for n in range(3):
        assert not desk.answer(f"reject {n}", stored=True)
    assert desk.wire.ended == []
    assert desk.answer("one too many")
    assert desk.wire.ended == ["close slow_consumer"]
    desk.release("0-1")
    assert desk.session.given == ["0-1", "reject 0", "reject 1", "reject 2"]


def test_ten_thousand_answers_may_wait():
    assert link_module.MAX_GATED == 10_000
