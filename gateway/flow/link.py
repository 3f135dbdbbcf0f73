"""A session with whatever connection it has: the order in which answers leave.

A session's answers leave in the order of what they answer. Reports leave when their record is
durable; an answer that has no record (a Heartbeat, a Reject, a status) is held until every
record that was submitted before it is durable and reported. That gate is the whole of this file.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from msgspec import Struct

from engine.model.refdata import SessionInfo
from gateway.config import ResolvedSession
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.message import Message
from gateway.fix.session import Session
from gateway.fix.steps import Answer, Disconnect, ResendStep, Step
from gateway.flow.connection import Connection
from gateway.flow.counters import Counters
from gateway.flow.throttle import Throttle
from gateway.reports import ReportRenderer

LOGGED_TEXT_BYTES: Final = 200
"""A peer's words in our log, bytes."""

MAX_GATED: Final = 10_000
"""Answers held for the disk per session, entries: far beyond what one sync's time can bring."""


class Deferred(Struct, frozen=True):
    """Something of the shell's own that waits its turn at the gate."""

    do: Callable[[], None]


Report = tuple[int, int, bytes, bytes]
"""(record number, k, MsgType, body)."""


class Gate(Protocol):
    """What is submitted and what is durable, as record numbers."""

    @property
    def last_number(self) -> int:
        """The last record submitted, -1 for none."""
        ...

    @property
    def durable(self) -> int:
        """The last record whose reports were released, -1 for none."""
        ...


class Link:
    """One configured session of this process, connected or not."""

    __slots__ = (
        "config",
        "connection",
        "counters",
        "gate",
        "gated",
        "info",
        "on_detach",
        "on_resend",
        "owed",
        "renderer",
        "session",
        "throttle",
    )

    def __init__(
        self,
        info: SessionInfo,
        config: ResolvedSession,
        session: Session,
        renderer: ReportRenderer,
        gate: Gate,
        counters: Counters | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        """counters: of the process. throttle: None for a session without limits of its rate."""
        self.info = info
        self.config = config
        self.session = session
        self.renderer = renderer
        self.gate = gate
        self.counters = counters or Counters()
        self.throttle = throttle
        self.connection: Connection | None = None
        self.gated: deque[tuple[int, Step | Deferred]] = deque()
        self.owed = 0
        """Of what is gated: answers that the index keeps, and what waits behind them. While it is
        not 0, no later message of this session may get a record; see `defer`."""
        self.on_resend: Callable[[Link, ResendStep], None] | None = None
        self.on_detach: Callable[[Link], None] | None = None
        """Called when the connection is gone."""

    def perform(self, step: Step, now: int) -> bool:
        """Do `step` as soon as everything before it has left; False if it has to wait."""
        gate = self.gate
        if self.gated or gate.last_number > gate.durable:
            if len(self.gated) >= MAX_GATED:
                self.drop(DisconnectReason.SLOW_CONSUMER)
                return True
            self.gated.append((gate.last_number, step))
            self.owed += _is_owed(step)
            return False
        self._do(step, now)
        return True

    def defer(self, do: Callable[[], None]) -> None:
        """Call `do` once all that is gated has left.

        A restarted process takes every inbound number up to the last that has a record for
        settled. So a message behind one that gets an answer without a record waits until that
        answer is in the index: else a crash between the two would leave it unanswered for ever.
        """
        assert self.gated, "nothing to wait for"
        self.gated.append((self.gate.last_number, Deferred(do)))
        self.owed += 1

    def report(
        self, reports: Sequence[Report], durable: int, now: int, *, poss_resend: bool = False
    ) -> None:
        """Number and send reports, with the gated answers that belong between them.

        Every report's record, and every record up to `durable`, is on disk. poss_resend: an
        earlier process may have sent these reports under numbers that are lost.
        """
        if self.connection is not None:
            self.counters.messages_out += len(reports)
        if not self.gated:
            self._send(self.session.transmit_reports(reports, now, poss_resend=poss_resend))
            return
        start = 0
        while self.gated and self.gated[0][0] <= durable:
            after = self.gated[0][0]
            end = start
            while end < len(reports) and reports[end][0] <= after:
                end += 1
            if end > start:
                data = self.session.transmit_reports(
                    reports[start:end], now, poss_resend=poss_resend
                )
                self._send(data)
                start = end
            self._next_gated(now)
        if start < len(reports):
            self._send(self.session.transmit_reports(reports[start:], now, poss_resend=poss_resend))

    def tell(self, messages: Sequence[tuple[bytes, bytes]], now: int, *, next_in: int = 0) -> None:
        """Number and send messages that are news once and never again; see Session.transmit_unkept.

        For a process in which nothing waits for the disk.
        """
        assert not self.gated, "there is something that has to leave before"
        data = self.session.transmit_unkept(messages, now, next_in=next_in)
        if data:
            self.counters.messages_out += len(messages)
            self._send(data)

    def _next_gated(self, now: int) -> None:
        """Do the first of what is gated. What a deferred message brings comes before the rest."""
        _, step = self.gated.popleft()
        self.owed -= _is_owed(step)
        if not isinstance(step, Deferred):
            self._do(step, now)
            return
        behind, self.gated = self.gated, deque()
        step.do()
        last = self.gate.last_number
        self.gated.extend((max(after, last), waiting) for after, waiting in behind)

    def _do(self, step: Step, now: int) -> None:
        match step:
            case Answer():
                data = self.session.transmit(step, now)
                self.counters.messages_out += bool(data)
                self._send(data)
            case Disconnect():
                if self.connection is not None:
                    self.connection.finish(step.reason)
            case ResendStep():
                assert self.on_resend is not None
                self.on_resend(self, step)
            case _:
                raise AssertionError(f"not a step to perform: {step}")

    def _send(self, data: bytes) -> None:
        if self.connection is not None:
            self.connection.write(data)

    def drop(self, reason: DisconnectReason) -> None:
        """Close the connection at once, if there is one."""
        if self.connection is not None:
            self.connection.close(reason)

    def detach(self) -> None:
        """The connection is gone: what has to be numbered still waits its turn."""
        self.connection = None
        self.gated = deque((after, step) for after, step in self.gated if _is_owed(step))
        if self.on_detach is not None:
            self.on_detach(self)


def _is_owed(step: Step | Deferred) -> bool:
    return isinstance(step, Deferred) or (isinstance(step, Answer) and step.stored)


def log_business_reject(link: Link, message: Message, log: Callable[[str], None]) -> None:
    """A member could not use what we sent. It is never answered: two engines could go on so."""
    text = message.get(58, b"")[:LOGGED_TEXT_BYTES].decode("ascii", "backslashreplace")
    tags = " ".join(f"{tag}={message.get(tag, b'').decode('latin-1')!r}" for tag in (45, 372, 380))
    log(f"{link.config.comp_id} sent a BusinessMessageReject: {tags} {text!r}")
