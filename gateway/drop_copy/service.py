"""Drop copy: every report of a member, in record order, to each of its drop copy sessions.

A reader with a cursor: it follows the journal up to the durable mark and numbers each report for
each session of its member at once, whether the client is there or not. The session index is the
cursor, so after any restart every session goes on with the report after its last one. Status
answers (150=I) are no reports.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import trio

from engine.journal.follow import JournalReader
from engine.model.clock import Clock
from engine.model.record import Record
from gateway.drop_copy.appl_messages import APPLICATION_MESSAGE_REQUEST
from gateway.drop_copy.appl_replay import ApplReplays
from gateway.drop_copy.checkpoint import Beginning, CopyCheckpoints
from gateway.drop_copy.filters import ReportFilter, is_copied
from gateway.fix.steps import Application, Step
from gateway.flow.following import POLL_RECORDS
from gateway.flow.link import Link, Report, log_business_reject
from gateway.flow.log_limit import MEMBER_LINES, LimitedLog
from gateway.reports import BUSINESS_MESSAGE_REJECT, CopiedEvent, ReportRenderer
from gateway.stream.replay import Replays

UNSUPPORTED_MESSAGE_TYPE: Final = 3  # BusinessRejectReason(380)


class DropCopy:
    """The Service of the drop copy process. `links` by member id."""

    def __init__(
        self,
        reader: JournalReader,
        begin: Beginning,
        links: Iterable[Link],
        clock: Clock,
        log: Callable[[str], None],
        replays: Replays,
        checkpoints: CopyCheckpoints,
        checkpoint_records: int,
    ) -> None:
        """replays: where reports are sent again. checkpoint_records: from one checkpoint to the
        next."""
        self._links = list(links)
        self._by_member: dict[int, list[tuple[Link, ReportFilter | None]]] = {}
        self._filters: dict[int, ReportFilter | None] = {}
        for link in self._links:
            chosen = self._filters[link.info.id] = ReportFilter.of(link.config.filter)
            self._by_member.setdefault(link.info.member, []).append((link, chosen))
        self._reader = reader
        self.refdata = begin.refdata
        self.index = begin.index
        """Where all reports are that have been told."""
        self.listeners: list[Callable[[Sequence[Record]], None]] = []
        """Told of records as soon as their reports have been numbered."""
        self._clock = clock
        self._log = log
        self._rejects_log = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        self._checkpoints = checkpoints
        self._checkpoint_records = checkpoint_records
        self._indexed = self._saved = begin.indexed
        self._time = 0
        # From where something may be missing; what a session or the index has already is passed
        # over. About 10 us a record.
        cursors = [_cursor(link, begin) for link in self._links]
        self._follower = reader.follow(max(-1, min([begin.indexed, *cursors])))
        self._recovered = reader.mark().number
        """The last record there was at the start: its report may have been sent before."""
        self._caught_up = trio.lowlevel.ParkingLot()
        self.appl_replays = ApplReplays(
            self.refdata, self.index, replays, lambda: self.last_read, clock
        )

    @property
    def last_read(self) -> int:
        """The last record whose reports are numbered."""
        return self._follower.after

    # --- Service ------------------------------------------------------------------------------

    def application(self, link: Link, step: Application, now: int) -> None:
        """A drop copy listens, and asks for what it has missed; nothing else is taken."""
        if step.message.msg_type == BUSINESS_MESSAGE_REJECT:
            log_business_reject(link, step.message, self._rejects_log)
            return
        if step.message.msg_type == APPLICATION_MESSAGE_REQUEST:
            self.appl_replays.asked(link, step, self._filters[link.info.id])
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

    def step(self) -> bool:
        """Handle the next records; False when there are none."""
        more = self._step()
        if self._follower.after - self._saved >= self._checkpoint_records:
            self.save()
        self._caught_up.unpark_all()
        return more

    def _step(self) -> bool:
        before = self._recovered - self._follower.after
        records = self._follower.poll(min(before, POLL_RECORDS) if before > 0 else POLL_RECORDS)
        if not records:
            return False
        batches: dict[int, list[Report]] = {}
        for record in records:
            self.refdata.apply(record.command)
            for k, event in enumerate(record.events, 1):
                if is_copied(event):
                    self._note(record, k, event, batches)
        self._time = records[-1].time
        self._indexed = max(self._indexed, records[-1].number)
        now = self._clock.now()
        for link in self._links:
            if batch := batches.get(link.info.id):
                lost = before > 0 and link.session.index.power_lost
                link.report(batch, records[-1].number, now, poss_resend=lost)
        for listener in self.listeners:
            listener(records)
        return True

    def _note(
        self, record: Record, k: int, event: CopiedEvent, batches: dict[int, list[Report]]
    ) -> None:
        """A report, for all sessions that want it and have not had it."""
        number = record.number
        if number > self._indexed:
            self.index.note(event.member, event.appl_seq, number)
        rendered: dict[ReportRenderer, tuple[bytes, bytes]] = {}
        for link, chosen in self._by_member.get(event.member, ()):
            if (number, k) <= link.session.index.last_report:
                continue
            if chosen is not None and not chosen.passes(event, self.refdata):
                continue
            found = rendered.get(link.renderer)
            if found is None:
                found = link.renderer.render_event(number, record.time, k, event)
                rendered[link.renderer] = found
            batches.setdefault(link.info.id, []).append((number, k, *found))

    # --- checkpoints --------------------------------------------------------------------------

    def save(self) -> None:
        """Write a checkpoint, if there is something new: some milliseconds. A disk that does not
        take it is logged, and tried again after as many records."""
        last = self._follower.after
        if last <= self._saved or last < self._indexed:
            return
        told = [(link.config.comp_id, link.session.index.last_report) for link in self._links]
        pieces = self._checkpoints.write(
            self._reader, self._follower.place, self._time, self.refdata, self.index, told
        )
        try:
            for _ in pieces:
                pass  # it is one piece or two
        except OSError as error:
            self._log(f"no checkpoint of record {last}: {error}")
        self._saved = last


def _cursor(link: Link, begin: Beginning) -> int:
    """The record behind which a session may lack a report."""
    last = link.session.index.last_report
    told = begin.told.get(link.config.comp_id)
    if told is not None and last >= told:
        return begin.indexed
    return last[0] - 1
