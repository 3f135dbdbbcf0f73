"""Order entry: messages to the sequencer, records to the disk, reports to the sessions.

The order of things is the promise of the house: decode, apply, encode, append, sync, and only
then release. The commit loop runs in the event loop's own turn while syncs are quick, because a
thread's hand-over costs more than the sync; a slow disk moves the sync to a worker, and the loop
goes on reading meanwhile.
"""

from collections.abc import Callable
from traceback import format_exception
from typing import Final

import trio

from engine.core.venue import Venue
from engine.journal.follow import JournalReader
from engine.journal.wake import WakeServer
from engine.model.clock import Clock
from engine.model.commands import Command, NewOrder
from engine.model.enums import (
    BUSINESS_OTHER,
    BUSINESS_THROTTLED,
    ORD_REJ_OTHER,
    ORD_REJ_UNKNOWN_ORDER,
)
from engine.model.errors import FixgateError
from engine.model.events import OrderFilled
from engine.model.record import Record
from engine.sequencer import BATCH_RECORDS, Sequencer
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.errors import PeerError
from gateway.fix.steps import Answer, Application, Step
from gateway.fix.timestamps import format_utc
from gateway.flow.counters import Durations
from gateway.flow.link import Link, Report, log_business_reject
from gateway.flow.log_limit import MEMBER_LINES, LimitedLog
from gateway.order_entry.mapping import (
    BusinessError,
    OrderMapper,
    StatusRequest,
    refused_order,
    refused_unread,
)
from gateway.reports import BUSINESS_MESSAGE_REJECT, is_report

INLINE_SYNC_NS: Final = 1_000_000
"""A sync that takes longer than this on average, ns, is moved to a worker thread."""

ALONE_NS: Final = 500_000
"""A reader that comes this long after the last commit, ns, counts as the only one at work."""

ORDER_MESSAGES: Final = frozenset({b"D", b"F", b"G", b"H", b"q"})

QUESTIONS: Final = frozenset({b"H"})
"""Order messages that change nothing, so that no record is made of them."""

RENUMBER_BATCH: Final = 1_000
"""Reports numbered by one write while catching up after a restart, entries."""

TIMER_SECONDS: Final = 0.05
"""How often the clock is looked at for the end of the day, seconds."""

UNSUPPORTED_MESSAGE_TYPE: Final = 3  # BusinessRejectReason(380)

NO_SPACE: Final = "the venue's journal has no room for new orders; cancels still work"


class OrderEntry:
    """The Service of the core process."""

    def __init__(
        self,
        venue: Venue,
        sequencer: Sequencer,
        reader: JournalReader,
        mapper: OrderMapper,
        wake: WakeServer,
        clock: Clock,
        log: Callable[[str], None],
    ) -> None:
        self.venue = venue
        self.sequencer = sequencer
        self.links: dict[int, Link] = {}
        self.released = sequencer.durable
        """The last record whose reports were handed to their sessions."""
        self.orders = 0
        self.trades = 0
        self.syncs = Durations()
        """How long batches took to be synced."""
        self._reader = reader
        self._mapper = mapper
        self._wake = wake
        self._clock = clock
        self._log = log
        self._rejects_log = LimitedLog(log, clock.monotonic, MEMBER_LINES)
        self._waiting: dict[int, Link] = {}
        self._work = trio.lowlevel.ParkingLot()
        self._done = trio.lowlevel.ParkingLot()
        self._sync_ns = 0
        self._syncing = False
        self._last_commit = 0
        self._last_reader: Link | None = None

    # --- the gate of every link -----------------------------------------------------------

    @property
    def last_number(self) -> int:
        """The last record submitted."""
        return self.sequencer.last_number

    @property
    def durable(self) -> int:
        """The last record released: a worker's sync may be further, its reports are not."""
        return self.released

    @property
    def low_space(self) -> bool:
        """The disk is nearly full: only what frees something is taken."""
        return self.sequencer.low_space

    # --- in -------------------------------------------------------------------------------

    def application(self, link: Link, step: Application, now: int) -> None:
        """Map an order message and submit it, or answer what is wrong with it; behind an answer
        that is still to be numbered, then."""
        if link.owed:
            link.defer(lambda: self._deferred(link, step, now))
        else:
            self._apply(link, step, now)

    def _deferred(self, link: Link, step: Application, now: int) -> None:
        try:
            self._apply(link, step, now)
        except (FixgateError, AssertionError):
            raise
        except Exception as error:  # noqa: BLE001 - one peer's bad luck must not end the others
            self._log(
                f"{link.config.comp_id} met a fault, closed:\n{''.join(format_exception(error))}"
            )
            link.drop(DisconnectReason.INTERNAL)
        self._work.unpark_all()

    def _apply(self, link: Link, step: Application, now: int) -> None:
        session, message = link.session, step.message
        if message.msg_type == BUSINESS_MESSAGE_REJECT:
            log_business_reject(link, message, self._rejects_log)
            return
        throttle = link.throttle
        if throttle is not None:
            refusal = throttle.refusal(message.msg_type, self._clock.monotonic())
            if refusal:
                self._throttled(link, step, refusal, now)
                return
        if message.msg_type not in ORDER_MESSAGES:
            text = f"{message.name} is not taken on an order entry session"
            answer = session.business_reject(step, UNSUPPORTED_MESSAGE_TYPE, text)
            self.perform(link, answer, now)
            return
        try:
            mapped = self._mapper.map(message, link.info, step.number, now)
        except PeerError as error:
            self.perform(link, session.reject(step, error), now)
        except BusinessError as error:
            self.perform(link, session.business_reject(step, error.reason, error.text), now)
        else:
            if isinstance(mapped, StatusRequest):
                self.perform(link, self._status(link, mapped, now), now)
                return
            if isinstance(mapped, NewOrder) and self.sequencer.low_space:
                mapped = refused_order(message, mapped.origin, ORD_REJ_OTHER, NO_SPACE)
            self._submit(mapped, now)
            self.orders += 1

    def _throttled(self, link: Link, step: Application, text: str, now: int) -> None:
        """Refuse a message over the session's rate; an order message leaves its record."""
        message = step.message
        link.counters.throttled += 1
        if message.msg_type in ORDER_MESSAGES - QUESTIONS:
            try:
                command = refused_unread(
                    message, link.info, step.number, now, BUSINESS_THROTTLED, text
                )
            except PeerError as error:
                self.perform(link, link.session.reject(step, error), now)
            else:
                self._submit(command, now)
            return
        reason = BUSINESS_THROTTLED if link.config.extensions else BUSINESS_OTHER
        self.perform(link, link.session.business_reject(step, reason, text), now)

    def submit(self, command: Command) -> list[Record]:
        """Take a command of the venue's other processes; its records, which `settle` waits for."""
        records = self._submit(command, self._clock.now())
        self._work.unpark_all()
        return records

    def _submit(self, command: Command, now: int) -> list[Record]:
        """Whatever fails in here leaves the venue half changed: only a replay may go on from it."""
        try:
            return self.sequencer.submit(command, now)
        except (FixgateError, AssertionError):
            raise
        except Exception as error:
            raise AssertionError(f"the core failed on {command}") from error

    def _status(self, link: Link, request: StatusRequest, now: int) -> Answer:
        """The order's state, as ExecType(150)=I; an unknown order is 39=8 with 103=5."""
        found = self.venue.order_status(link.info.id, request.cl_ord_id, request.order_id)
        req_id = b"790=%b\x01" % request.req_id if request.req_id else b""
        if found is not None:
            number = max(self.sequencer.last_number, 0)
            _, body = link.renderer.render_event(number, now, 0, found)
            return link.session.answer(b"8", body + req_id, stored=True)
        body = (
            b"37=NONE\x0111=%b\x0117=0\x01150=I\x0139=8\x01103=%d\x0155=%b\x0154=%b\x01"
            b"151=0\x0114=0\x016=0\x0160=%b\x0158=no such order in this session\x01%b"
            % (
                request.cl_ord_id,
                ORD_REJ_UNKNOWN_ORDER,
                request.symbol,
                request.side,
                format_utc(now, link.config.timestamp_precision),
                req_id,
            )
        )
        return link.session.answer(b"8", body, stored=True)

    def perform(self, link: Link, step: Step, now: int) -> None:
        """Do a session step when everything before it has left."""
        if not link.perform(step, now):
            self._waiting[link.info.id] = link
            self._work.unpark_all()

    def after_read(self, link: Link, began: int) -> bool:
        """Commit what the read brought: here and now if nobody else seems to be sending.

        With several members at work the commit loop takes all their reads into one sync. began:
        when the read was handled, monotonic ns. Whether it was committed here.
        """
        if not (self.sequencer.pending or self._waiting):
            return False
        alone = link is self._last_reader or began - self._last_commit > ALONE_NS
        self._last_reader = link
        if alone and not self._syncing and self._sync_ns < INLINE_SYNC_NS:
            self._commit_inline()
            return True
        self._work.unpark_all()
        return False

    async def room(self) -> None:
        """Wait while more is pending than a batch may hold."""
        while self.sequencer.full:
            await self._done.park()

    async def settle(self) -> None:
        """Wait until what is submitted is durable; reports are numbered as it gets so."""
        target = self.last_number
        while self.released < target:
            self._work.unpark_all()
            await self._done.park()

    def open_reader(self) -> JournalReader:
        """A reader of the journal for one resend."""
        return self._reader.another()

    def renumber(self, links: list[Link]) -> None:
        """Number the reports that the journal has and an index has not, after a restart.

        A core that is killed between a sync and the index leaves some; so does a machine that
        lost power. Reports that may have been sent before then go out with PossResend.
        """
        waiting = {link.info.id: link for link in links}
        if not waiting or self.sequencer.durable < 0:
            return
        reached = max(link.session.index.named for link in links)
        first = 0 if any(link.session.index.power_lost for link in links) else reached
        first = max(0, first - BATCH_RECORDS)
        batches: dict[int, list[Report]] = {}
        now = self._clock.now()
        for record in self._reader.records(first, self.sequencer.durable):
            for k, event in enumerate(record.events, 1):
                link = waiting.get(event.session) if is_report(event) else None
                if link is None or (record.number, k) <= link.session.index.last_report:
                    continue
                batch = batches.setdefault(link.info.id, [])
                batch.append((record.number, k, b"", b""))
                if len(batch) >= RENUMBER_BATCH:
                    self._renumbered(link, batch, now)
                    batch.clear()
        for ident, batch in batches.items():
            self._renumbered(waiting[ident], batch, now)

    def _renumbered(self, link: Link, batch: list[Report], now: int) -> None:
        lost = link.session.index.power_lost
        link.session.transmit_reports(batch, now, poss_resend=lost)

    # --- timers and the end ---------------------------------------------------------------

    async def timer_loop(self) -> None:
        """What is due by the clock alone: the end of the day, the next journal segment."""
        while True:
            await trio.sleep(TIMER_SECONDS)
            self.sequencer.tick(self._clock.now())
            if self.sequencer.pending or self.sequencer.mass_due:
                self._work.unpark_all()
            if self.sequencer.writer.prepare_due:
                await trio.to_thread.run_sync(self.sequencer.writer.prepare_next)

    def last_trades(self) -> str:
        """The last price of every instrument that has traded, for people."""
        return ", ".join(
            f"{symbol} {price}" for symbol, price in sorted(self.venue.last_prices().items())
        )

    # --- out ------------------------------------------------------------------------------

    async def commit_loop(self) -> None:
        """Write, sync and release what is pending, for ever."""
        sequencer = self.sequencer
        while True:
            if not (sequencer.pending or self._waiting or sequencer.mass_due):
                await self._work.park()
                continue
            await trio.lowlevel.checkpoint()  # let every reader that is ready join this batch
            await self.commit()

    async def commit(self) -> None:
        """One group commit, by the loop."""
        sequencer = self.sequencer
        if sequencer.mass_due:
            sequencer.continue_mass(self._clock.now())
        if self._sync_ns < INLINE_SYNC_NS:
            self._commit_inline()
            return
        self._syncing = True
        sequencer.begin_commit()
        started = self._clock.monotonic()
        await trio.to_thread.run_sync(sequencer.sync_pending)
        self._syncing = False
        self.syncs.add(self._clock.monotonic() - started)
        # A worker's time says more about this loop's load than about the disk. So it only ages
        # the estimate, until the next sync in line measures the disk again.
        self._sync_ns -= self._sync_ns // 16
        self._committed(sequencer.finish_commit())

    def _commit_inline(self) -> None:
        sequencer = self.sequencer
        records: list[Record] = []
        if sequencer.begin_commit():
            started = self._clock.monotonic()
            sequencer.sync_pending()
            took = self._clock.monotonic() - started
            self.syncs.add(took)
            self._sync_ns += (took - self._sync_ns) // 8
            records = sequencer.finish_commit()
        self._committed(records)

    def _committed(self, records: list[Record]) -> None:
        """The batch is on disk: members first, then the readers."""
        self._release(records)
        if records:
            self._wake.notify()
            self.sequencer.look_at_space()
        self._done.unpark_all()
        self._last_commit = self._clock.monotonic()
        if self.sequencer.mass_due or self.sequencer.pending:
            self._work.unpark_all()

    def _release(self, records: list[Record]) -> None:
        """Send every report of `records`, all of them durable, and what waited for them."""
        batches: dict[int, list[Report]] = {}
        links = self.links
        for record in records:
            number, k = record.number, 0
            for event in record.events:
                k += 1
                if not is_report(event):
                    continue
                link = links.get(event.session)
                if link is None:
                    continue
                if type(event) is OrderFilled:
                    self.trades += 1
                msg_type, body = link.renderer.render_event(number, record.time, k, event)
                batch = batches.get(event.session)
                if batch is None:
                    batch = batches[event.session] = []
                batch.append((number, k, msg_type, body))
        if records:
            self.released = records[-1].number
        now, durable = self._clock.now(), self.released
        for ident, batch in batches.items():
            links[ident].report(batch, durable, now)
        for ident, link in list(self._waiting.items()):
            if link.gated and ident not in batches:
                link.report((), durable, now)
            if not link.gated:
                del self._waiting[ident]
