"""Drop copy: every report of a member, in record order, to each of its drop copy sessions.

A reader with a cursor: it follows the journal up to the durable mark and numbers each report for
each session of its member at once, whether the client is there or not. The session index is the
cursor, so after any restart every session goes on with the report after its last one. Status
answers (150=I) are no reports.
"""

from collections.abc import Callable, Iterable
from typing import Final

import trio

from engine.journal.follow import JournalReader
from engine.journal.wake import WakeClient
from engine.model.clock import Clock
from engine.model.events import MessageRefused, OrderStatusReported
from engine.model.refdata import ReferenceData
from gateway.fix.steps import Application, Step
from gateway.flow.link import Link, Report, log_business_reject
from gateway.flow.log_limit import MEMBER_LINES, LimitedLog
from gateway.reports import BUSINESS_MESSAGE_REJECT, is_report

POLL_RECORDS: Final = 500
"""Records handled in one turn: a few milliseconds, so that connections are served between."""

POLL_SECONDS: Final = 0.05
"""Longest wait between looks at the mark, seconds: covers a wake-up lost with a dying core."""

NO_REPORTS: Final = frozenset({OrderStatusReported, MessageRefused})
"""Answers to one session: nothing happened, so a drop copy has nothing to tell."""

UNSUPPORTED_MESSAGE_TYPE: Final = 3  # BusinessRejectReason(380)


class DropCopy:
    """The Service of the drop copy process. `links` by member id."""

    def __init__(
        self,
        reader: JournalReader,
        refdata: ReferenceData,
        links: Iterable[Link],
        wake: WakeClient,
        clock: Clock,
        log: Callable[[str], None],
        known: int = -1,
    ) -> None:
        """known: the record up to which `refdata` knows all names and scales, -1 for none."""
        self._links = list(links)
        self._by_member: dict[int, list[Link]] = {}
        for link in self._links:
            self._by_member.setdefault(link.info.member, []).append(link)
        self._reader = reader
        self._refdata = refdata
        self._wake = wake
        self._clock = clock
        self._log = log
        self._rejects_log = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        # From where a name or a session's numbers may still be missing; what a session has
        # numbered already is passed over. About 5 us a record. A session that has never had a
        # report has no cursor: for it everything is read.
        cursors = [link.session.index.last_report[0] - 1 for link in self._links]
        self._follower = reader.follow(max(-1, min([known, *cursors])))
        self._recovered = reader.mark().number
        """The last record there was at the start: its report may have been sent before."""
        self._caught_up = trio.lowlevel.ParkingLot()

    @property
    def last_read(self) -> int:
        """The last record whose reports are numbered."""
        return self._follower.after

    # --- Service ------------------------------------------------------------------------------

    def application(self, link: Link, step: Application, now: int) -> None:
        """Nothing is taken here: a drop copy only listens."""
        if step.message.msg_type == BUSINESS_MESSAGE_REJECT:
            log_business_reject(link, step.message, self._rejects_log)
            return
        text = f"{step.message.name} is not taken on a drop copy session: it only listens"
        answer = link.session.business_reject(step, UNSUPPORTED_MESSAGE_TYPE, text)
        self.perform(link, answer, now)

    def perform(self, link: Link, step: Step, now: int) -> None:
        """Do a session step; nothing here waits for the disk."""
        link.perform(step, now)

    def after_read(self, link: Link, began: int) -> bool:
        """Nothing to do: reads change nothing here, and nobody waits for the next."""
        return False

    async def room(self) -> None:
        """Let other connections run."""
        await trio.lowlevel.checkpoint()

    async def settle(self) -> None:
        """Wait until every durable report is numbered, and every one that has a number is durable.

        After a loss of power the mark may be older than the indexes, until core has recovered.
        """
        named = max((link.session.index.last_report[0] for link in self._links), default=-1)
        target = max(self._reader.mark().number, named)
        while self._follower.after < target:
            await self._caught_up.park()

    def open_reader(self) -> JournalReader:
        """A reader of the journal for one resend."""
        return self._reader.another()

    # --- the follower -------------------------------------------------------------------------

    async def follow_loop(self) -> None:
        """Follow the journal for ever, woken by core, or by a short timer without it."""
        while True:
            while self.step():
                self._caught_up.unpark_all()
                await trio.lowlevel.checkpoint()
            self._caught_up.unpark_all()
            with trio.move_on_after(POLL_SECONDS):
                if self._wake.connected or self._wake.connect():
                    await trio.lowlevel.wait_readable(self._wake.fileno())
                    self._wake.drain()
                else:
                    await trio.sleep_forever()

    def step(self) -> bool:
        """Handle the next records; False when there are none."""
        before = self._recovered - self._follower.after
        records = self._follower.poll(min(before, POLL_RECORDS) if before > 0 else POLL_RECORDS)
        if not records:
            return False
        batches: dict[int, list[Report]] = {}
        for record in records:
            self._refdata.apply(record.command)
            k = 0
            for event in record.events:
                k += 1
                if not is_report(event) or type(event) in NO_REPORTS:
                    continue
                for link in self._by_member.get(event.member, ()):
                    if (record.number, k) <= link.session.index.last_report:
                        continue
                    msg_type, body = link.renderer.render_event(
                        record.number, record.time, k, event
                    )
                    batches.setdefault(link.info.id, []).append((record.number, k, msg_type, body))
        now = self._clock.now()
        for link in self._links:
            if batch := batches.get(link.info.id):
                lost = before > 0 and link.session.index.power_lost
                link.report(batch, records[-1].number, now, poss_resend=lost)
        return True
