"""What must hold, judged from outside: by the bytes that leave, the bytes on disk, the journal.

The observer sees every record as it is submitted, every message as it is handed to a connection,
and every write and sync of the journal's files. It believes no counter of the venue.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from engine.core.state import State
from engine.core.venue import Venue
from engine.journal.files import MARK_NAME
from engine.journal.mark import decode_slot
from engine.model.clock import NANOS_PER_DAY
from engine.model.commands import Command, NewOrder, Part
from engine.model.events import (
    CancelRejected,
    Event,
    OrderAccepted,
    OrderExpired,
    OrderStatusReported,
)
from engine.model.record import Record
from gateway.reports import is_report
from tests.simulation.disk import File, Machine
from tests.simulation.fix import APPLICATION, content, fields, messages
from tests.simulation.member import Wrong

FRAME_MAGIC = b"FXG1"
FRAME_HEADER = 56


class WatchedVenue(Venue):
    """The real venue; after each command money is counted and numbers are looked at."""

    __slots__ = ("appl_seq",)

    def __init__(self, state: State | None = None) -> None:
        super().__init__(state)
        self.appl_seq = {member.id: member.appl_seq for member in self.state.members.values()}

    def apply(self, command: Command, number: int, time: int) -> list[Event]:
        events = super().apply(command, number, time)
        state = self.state
        for asset, total in state.totals.items():
            there = 0
            for account in state.accounts.values():
                balance = account.balances.get(asset)
                if balance is not None:
                    there += balance.available + balance.held
            if there != total:
                raise Wrong(f"record {number}: {there} of asset {asset}, deposited {total}")
        for event in events:
            seq = getattr(event, "appl_seq", 0)
            if seq:
                member = event.member
                if seq != self.appl_seq.get(member, 0) + 1:
                    raise Wrong(f"record {number}: ApplSeqNum {seq} of member {member}")
                self.appl_seq[member] = seq
        return events


class Truth:
    """Everything that was ever promised to anyone."""

    def __init__(self, machine: Machine, journal: Path, tally: Counter) -> None:
        self.tally = tally
        self.machine = machine
        self.journal = journal
        self.ledger: list[Record] = []
        """Every record submitted, in the one sequence; recovery may shorten it."""
        self.acknowledged = -1
        self.on_disk = -1
        """What recovery said it had made durable; beyond it the files are asked."""
        self.published = -1
        """The highest record that a mark has named: a reader may have told of it."""
        self.hash: tuple[int, str] = (-2, "")
        self.power_losses = 0
        self.generation: Counter[str] = Counter()
        self.said: dict[tuple[str, int], dict[int, tuple[bytes, int]]] = {}
        """(session, generation) -> number -> (content, b"" for admin; power losses before)."""
        self.handed: dict[str, dict[tuple[int, int], tuple[int, int]]] = {}
        """session -> report -> (generation, number) at which it was last handed out."""
        self._synced: dict[File, int] = {}
        self._written: dict[File, int] = {}
        machine.on_write = self._on_write
        machine.on_sync = self._on_sync

    # --- the disk ---------------------------------------------------------------------------

    def _on_write(self, path: Path, file: File, data: bytes, offset: int) -> None:
        """Note the last record in what is written to a segment, or what a mark publishes."""
        if path == self.journal / MARK_NAME:
            mark = decode_slot(data)
            if mark is not None:  # else the disk took only a part
                self.published = max(self.published, mark.number)
        if path.parent != self.journal or data[:4] != FRAME_MAGIC:
            return
        first = int.from_bytes(data[16:24], "little")
        if first > self.published and file in self._synced:
            # Synced, but its mark failed, so nobody was told: a start may write it once more.
            self._synced[file] = min(self._synced[file], first - 1)
        at = 0
        while data[at : at + 4] == FRAME_MAGIC and at + FRAME_HEADER <= len(data):
            end = at + FRAME_HEADER + int.from_bytes(data[at + 12 : at + 16], "little")
            if end <= len(data):  # else the disk took only a part
                self._written[file] = int.from_bytes(data[at + 16 : at + 24], "little")
            at = end

    def power_lost(self) -> None:
        self.power_losses += 1
        self._written = dict(self._synced)  # what else is kept, recovery has to find

    def _on_sync(self, file: File) -> None:
        if file in self._written:
            self._synced[file] = self._written[file]

    def durable(self) -> int:
        """The last record that is on disk in a file whose name is on disk."""
        names = self.machine.folder(self.journal).durable.values()
        return max([self.on_disk, *(self._synced[file] for file in names if file in self._synced)])

    # --- records ----------------------------------------------------------------------------

    def submitted(self, records: Iterable[Record]) -> None:
        for record in records:
            if record.number < len(self.ledger):  # told twice
                assert self.ledger[record.number] == record
                continue
            if record.number != len(self.ledger):
                raise Wrong(f"record {record.number} submitted after {len(self.ledger) - 1}")
            if self.ledger and record.time < self.ledger[-1].time:
                raise Wrong(f"record {record.number} is earlier than the one before it")
            self.ledger.append(record)
            self._count(record)

    def _count(self, record: Record) -> None:
        tally = self.tally
        if isinstance(record.command, NewOrder):
            expired = any(isinstance(event, OrderExpired) for event in record.events)
            tally["order meets others past their expiry"] += expired
        tally["command in parts"] += record.parts > 1 and not record.part
        tally["command in three parts or more"] += record.parts > 2 and not record.part

    def recovered(self, records: list[Record], venue: Venue) -> None:
        """A core has opened the journal: what it found must be a prefix, and all that is owed."""
        last = len(records) - 1
        owed = self._whole(max(self.acknowledged, self.published, self.durable()))
        if last < owed:
            raise Wrong(f"recovery kept {last} of {owed} records that were durable or acknowledged")
        self._check_files()
        if records != self.ledger[: last + 1]:
            wrong = next(k for k in range(last + 1) if records[k] != self.ledger[k])
            raise Wrong(f"record {wrong} is not what was written: {records[wrong]}")
        if records and records[-1].part != records[-1].parts - 1:
            raise Wrong(f"recovery kept a part of record {records[-1].number}")
        if last + 1 < len(self.ledger):
            lost = self.ledger[last + 1]
            self.tally["records lost that nobody had"] += len(self.ledger) - 1 - last
            self.tally["recovery: command of several records lost"] += lost.parts > 1
        del self.ledger[last + 1 :]
        self._written = {file: min(last, n) for file, n in self._written.items()}
        self._synced = {file: min(last, n) for file, n in self._synced.items()}
        self.on_disk = last
        self.published = min(self.published, last)
        if self.hash[0] == last:
            self.tally["state hash compared"] += 1
            if venue.state_hash() != self.hash[1]:
                raise Wrong(f"the replay up to {last} gives another state")

    def _whole(self, number: int) -> int:
        """The last record up to `number` that ends a command: parts are kept all or none."""
        record = self.ledger[number] if number >= 0 else None
        if record is None or record.part == record.parts - 1:
            return number
        return number - record.part - 1

    def _check_files(self) -> None:
        """What recovery keeps it has brought to disk, under its name."""
        folder = self.machine.folder(self.journal)
        for name, file in folder.names.items():
            if not name.endswith(".seg"):
                continue
            if folder.durable.get(name) is not file:
                raise Wrong(f"recovery goes on without a sync of the name {name}")
            if file.durable.rstrip(b"\0") != file.cache.rstrip(b"\0"):
                raise Wrong(f"recovery goes on with unsynced bytes in {name}")

    def died(self, venue: Venue) -> None:
        """A core has ended: remember its state, if it may be replayed."""
        self.hash = (venue.state.last_number, venue.state_hash())
        if self.ledger and self.ledger[-1].number != self.hash[0]:
            self.hash = (self.ledger[-1].number, self.hash[1])  # the last command had parts

    # --- messages ---------------------------------------------------------------------------

    def place_of(self, tags: dict[bytes, bytes]) -> tuple[int, int] | None:
        """(record, k) of a report, None of a status or where the message does not say."""
        kind = tags[b"35"]
        if kind == b"8":
            record, _, k = tags[b"17"].partition(b"-")
            return (int(record), int(k)) if k else None
        if kind == b"r":
            record, _, k = tags[b"37"].partition(b"-")
            return int(record), int(k)
        number = int(tags.get(b"20001", b"-1"))
        if kind != b"9" or number < 0:
            return None
        for k, event in enumerate(self.ledger[number].events, 1):
            if isinstance(event, CancelRejected):
                return number, k
        raise Wrong(f"record {number} has no OrderCancelReject")

    def handed_out(self, data: bytes, note, generation: int) -> None:
        """Bytes that the venue gives to a live connection, before the network has them.

        generation: how often the session's numbers had been reset when these got theirs. A reset
        that is on disk counts, even if the process ended before it could tell.
        """
        for raw in messages(data):
            tags = fields(raw)
            name = tags[b"56"].decode()
            note(name, raw)
            self.generation[name] = generation
            self._number(name, raw, tags)
            if tags[b"35"] in APPLICATION:
                self._report(name, tags)

    def held(self, data: bytes, generation: int) -> None:
        """Bytes that wait in a live connection: the venue counts them as sent, as those that are
        lost on the line, so who resets his numbers now does without these reports."""
        for raw in messages(data):
            tags = fields(raw)
            place = self.place_of(tags) if tags[b"35"] in APPLICATION else None
            if place is not None:
                handed = self.handed.setdefault(tags[b"56"].decode(), {})
                handed.setdefault(place, (generation, int(tags[b"34"])))

    def _number(self, name: str, raw: bytes, tags: dict[bytes, bytes]) -> None:
        """Each number has one content, for ever."""
        kind, number = tags[b"35"], int(tags[b"34"])
        said = self.said.setdefault((name, self.generation[name]), {})
        if kind == b"4":
            self._filled(name, said, number, int(tags[b"36"]))
            return
        body = content(raw) if kind in APPLICATION else b""
        known = said.get(number)
        if known is None:
            said[number] = (body, self.power_losses)
        elif not body or known[0] != body:
            raise Wrong(f"number {number} of {name} has two contents: {known[0]!r} and {body!r}")
        elif tags.get(b"43") != b"Y":
            raise Wrong(f"number {number} of {name} goes out again without PossDup")

    def _filled(self, name: str, said: dict, first: int, new: int) -> None:
        for number in range(first, new):
            known = said.get(number)
            if known is None:
                said[number] = (b"", self.power_losses)
            elif known[0] and known[1] == self.power_losses:
                raise Wrong(f"number {number} of {name}, a report, is gap-filled")

    def _report(self, name: str, tags: dict[bytes, bytes]) -> None:
        place = self.place_of(tags)
        if place is None:
            return
        if place[0] > self.durable():
            raise Wrong(f"{name} gets record {place[0]}, but on disk is only {self.durable()}")
        self.acknowledged = max(self.acknowledged, place[0])
        handed = self.handed.setdefault(name, {})
        now = (self.generation[name], int(tags[b"34"]))
        before = handed.get(place)
        if before is not None and before != now and tags.get(b"97") != b"Y":
            raise Wrong(f"{name} gets report {place} as {now}, had it as {before}: no PossResend")
        if before is not None and before != now:
            self.tally["report under a new number"] += 1
        handed[place] = now

    # --- what the journal owes to a session -------------------------------------------------

    def owed(self, session: int, member: int) -> list[tuple[tuple[int, int], Record, Event]]:
        """The reports of an order entry session, or (session 0) of a member's drop copy."""
        found = []
        for record in self.ledger:
            for k, event in enumerate(record.events, 1):
                if not is_report(event):
                    continue
                if isinstance(event, OrderStatusReported):
                    continue  # an answer; it has no name of its own
                if event.session == session if session else event.member == member:
                    found.append(((record.number, k), record, event))
        return found

    def orders(self, session: int) -> tuple[Counter[bytes], Counter[bytes]]:
        """ClOrdIDs of the session's orders: how often accepted within their life, how often
        asked for as new."""
        accepted: Counter[bytes] = Counter()
        when: dict[bytes, int] = {}
        asked: Counter[bytes] = Counter()
        for record in self.ledger:
            command = record.command
            if isinstance(command, Part):
                continue
            if isinstance(command, NewOrder) and command.origin.session == session:
                asked[command.cl_ord_id] += not command.poss_resend
            for event in record.events:
                if isinstance(event, OrderAccepted) and event.session == session:
                    name = event.cl_ord_id
                    accepted[name] += name not in when or record.time - when[name] < NANOS_PER_DAY
                    when[name] = record.time
        return accepted, asked
