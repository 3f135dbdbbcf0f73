"""Sending a range of numbers again, in slices of the event loop's time, whatever the length.

FIX 4.4 volume 2, "Resend Request": application messages and session Rejects go out with their old
number, PossDupFlag(43)=Y, a new SendingTime and the old one in OrigSendingTime(122), and the same
body. Everything else is skipped by one GapFill per run, which carries the number of the first
message it stands for and, in NewSeqNo, the next one that is really sent, never one beyond the
range that was asked for.

What FIX leaves open is which requests deserve an answer of their own; see Replays.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from engine.model.clock import Clock
from gateway.fix.index import (
    ADMIN,
    BODY,
    HOLE,
    LIVE,
    MAX_SEQ_NUM,
    POSS_RESEND,
    REPLAY,
    REPORT,
    Entry,
    SessionIndex,
)
from gateway.fix.states import SEQUENCE_RESET
from gateway.fix.wire import Wire

SLICE_NS: Final = 200_000
"""Event-loop time after which a slice ends, ns. The clock is looked at after every entry, so a
slice takes this and one entry more, and the largest record, 64 KiB, is read in less than the rest
of a millisecond. Shorter than a commit, so that whoever commits meanwhile hardly notices."""

MAX_WAITING: Final = 16
"""ResendRequests of one connection that wait for a running replay, entries. What comes beyond is
answered together with the last of them, by one replay over both ranges and what is between."""

MAX_BEGINS: Final = 4 * MAX_WAITING
"""First numbers of requests that gap fills respect, entries: more than a connection has requests
on their way, unless its peer asks at random."""

APPL_RESEND: Final = b"1352=Y\x01"
"""ApplResendFlag, behind the body of a report that was asked for by ApplSeqNum(1181)."""

Render = Callable[[int, int], tuple[bytes, bytes] | None]
"""(record, k) -> (MsgType, body): a pure function of the journal, the same every time. None: it
is still being looked for and this was one step of it; ask again."""


class Replays:
    """What one connection has asked for and not been sent yet, and how often it asked the same.

    A request is ignored if what it asks for is on its way: if it is the same as one that is being
    answered or waits for that, or asks for no number that a replay is already past. Some engines
    ask again for each message behind their gap.

    Two requests in a row are the same if range and last number sent are; then the answer is the
    same too, and nothing was won by it.

    begins: where requests begin that are not answered yet. Who expects that number ignores a
    GapFill that begins below it (FIX 4.4 volume 2, "Sequence Reset": a number too low with
    PossDupFlag), so none may go past it.
    """

    __slots__ = ("_count", "_request", "_running", "_to_come", "_until", "_waiting", "begins")

    def __init__(self) -> None:
        self._request = (0, 0, 0)
        self._count = 0
        self._running: tuple[int, int] | None = None
        self._to_come = 0
        """Of the running replay, the first number that has not been handed over."""
        self._until = 0
        """Of the running replay, the last number."""
        self._waiting: dict[int, tuple[int, int]] = {}
        """By MsgSeqNum of the request, in order: first and last number, both counted."""
        self.begins: set[int] = set()

    def ask(self, number: int, begin: int, end: int, last: int) -> int:
        """The how many-th of its kind a request is; 0 if others' replays answer it.

        number: its MsgSeqNum. end: 0 for all there are. last: the last number sent.
        """
        asked = (begin, end or MAX_SEQ_NUM)
        if len(self.begins) < MAX_BEGINS:
            self.begins.add(begin)
        if self._on_its_way(asked, end or last):
            return 0
        request = (begin, end, last)
        if request != self._request:
            self._request = request
            self._count = 0
        self._count += 1
        if self._waiting and (number in self._waiting or len(self._waiting) >= MAX_WAITING):
            joined = number if number in self._waiting else next(reversed(self._waiting))
            first, until = self._waiting[joined]
            self._waiting[joined] = (min(first, asked[0]), max(until, asked[1]))
            return 0
        self._waiting[number] = asked
        return self._count

    def _on_its_way(self, asked: tuple[int, int], until: int) -> bool:
        """until: the last number that is asked for, of those there are.

        A replay whose last bytes have left answers nothing more, though it may not know yet that
        it is complete.
        """
        running = self._running
        under_way = running is not None and self._to_come <= self._until and until <= self._until
        if under_way and (asked == running or self._to_come <= asked[0]):
            return True
        return any(begin <= asked[0] and asked[1] <= end for begin, end in self._waiting.values())

    def start(self, number: int, begin: int, end: int, last: int) -> tuple[int, int]:
        """A request's turn has come: the first and the last number to send, both counted.

        The arguments are as for `ask`; what gets a number after `last` is not part of it. More
        is asked for by now if later requests joined it.
        """
        self._running = self._waiting.pop(number, (begin, end or MAX_SEQ_NUM))
        self._to_come = self._running[0]
        self._until = min(self._running[1], last)
        return self._to_come, self._until

    def handed_over(self, number: int) -> None:
        """The running replay has come to, and sent, `number`."""
        self._to_come = number + 1

    def served(self) -> None:
        """The running replay is complete."""
        self._running = None
        if not self._waiting:
            self.begins.clear()


class Recall:
    """What it takes to send numbers again: where they stand, what stands behind them, and when.

    alive says whether the connection, and the numbering, is still the one that asked; clock
    measures the slices and gives SendingTime, for a long resend must not carry the one of its
    beginning.
    """

    __slots__ = ("alive", "clock", "index", "render", "wire")

    def __init__(
        self,
        index: SessionIndex,
        wire: Wire,
        render: Render,
        clock: Clock,
        alive: Callable[[], bool],
    ) -> None:
        self.index = index
        self.wire = wire
        self.render = render
        self.clock = clock
        self.alive = alive

    def again(self, begin: int, end: int, replays: Replays) -> Iterator[bytes]:
        """The bytes of numbers begin..end as a ResendRequest wants them, in slices, perhaps empty.

        None if end < begin. Ends early once it is not alive. replays is told the last number of
        each slice, and says where gap fills have to begin.
        """
        sender = _Again(self, end, replays.begins)
        return self._slices(begin, end, sender, replays.handed_over)

    def first(self, begin: int, end: int) -> Iterator[bytes]:
        """The reports of numbers begin..end for the first time: no PossDupFlag, a first
        SendingTime. Otherwise as `again`."""
        return self._slices(begin, end, _First(self), lambda _: None)

    def _slices(
        self, begin: int, end: int, sender: "_Again | _First", handed_over: Callable[[int], None]
    ) -> Iterator[bytes]:
        if not self.alive():  # a reset or the end came before the first slice
            return
        index, clock = self.index, self.clock
        number = begin
        over = clock.monotonic() + SLICE_NS
        for chunk in index.chunks(begin, end):
            at = 0
            while at < len(chunk):
                time, start = clock.now(), at
                out: list[bytes] = []
                while at < len(chunk) and sender.add(out, number, chunk[at], time):
                    at += 1
                    number += 1
                    if clock.monotonic() >= over:
                        break
                if at > start:
                    sender.leaves(number - at + start, chunk[start:at], time)
                    index.mark_sent(number - at + start, number - 1)
                    handed_over(number - 1)
                yield b"".join(out)
                if not self.alive():
                    return
                over = clock.monotonic() + SLICE_NS
        assert number == end + 1 or end < begin


class _Again:
    """Numbers that a member asks for: what was a message is sent, the rest is filled."""

    __slots__ = ("_begins", "_end", "_gap", "_gap_time", "_recall")

    def __init__(self, recall: Recall, end: int, begins: AbstractSet[int]) -> None:
        self._recall = recall
        self._end = end
        self._begins = begins
        self._gap = 0  # first number of a run that is being skipped
        self._gap_time = 0

    def add(self, out: list[bytes], number: int, entry: Entry, time: int) -> bool:
        """What an entry sends, to `out`; False if that is still being looked for."""
        recall = self._recall
        record, sent, _, _, k, kind, flags, _ = entry
        content = None
        if kind in (REPORT, REPLAY):
            content = recall.render(record, k)
            if content is None:
                return False
            if kind == REPLAY:
                content = (content[0], content[1] + APPL_RESEND)
        elif kind == BODY:
            content = recall.index.body(entry)
        else:
            assert kind in (HOLE, ADMIN), "an index entry of a kind that nobody writes"
        if content is not None:
            if self._gap:
                out.append(self._gap_fill(number, time))
            out.append(
                recall.wire.resent(
                    content[0],
                    number,
                    content[1],
                    time,
                    sent,
                    recall.index.next_in,
                    poss_resend=bool(flags & POSS_RESEND),
                )
            )
            return True
        if self._gap and number in self._begins:
            out.append(self._gap_fill(number, time))
        if not self._gap:
            self._gap, self._gap_time = number, sent
        if number == self._end:
            out.append(self._gap_fill(number + 1, time))
        return True

    def _gap_fill(self, new: int, now: int) -> bytes:
        recall = self._recall
        body = b"36=%d\x01123=Y\x01" % new
        gap, self._gap = self._gap, 0
        return recall.wire.resent(
            SEQUENCE_RESET, gap, body, now, self._gap_time, recall.index.next_in
        )

    def leaves(self, first: int, entries: Sequence[Entry], time: int) -> None:
        """The bytes of entries from number `first` on are about to be handed over, at `time`."""
        if any(entry[5] == REPORT and not entry[6] & LIVE for entry in entries):
            self._recall.index.doubt(first + len(entries) - 1)


class _First:
    """Reports that no connection has carried yet."""

    __slots__ = ("_recall",)

    def __init__(self, recall: Recall) -> None:
        self._recall = recall

    def add(self, out: list[bytes], number: int, entry: Entry, time: int) -> bool:
        """See _Again."""
        recall = self._recall
        if entry[5] == ADMIN:  # a Logout that was said meanwhile has left
            return True
        assert entry[5] == REPORT, "nothing else is numbered between a reset and its Logon reply"
        content = recall.render(entry[0], entry[4])
        if content is None:
            return False
        poss_resend = bool(entry[6] & POSS_RESEND)
        next_in = recall.index.next_in
        msg_type, body = content
        out.append(
            recall.wire.message(msg_type, number, body, time, next_in, poss_resend=poss_resend)
        )
        return True

    def leaves(self, first: int, entries: Sequence[Entry], time: int) -> None:
        """See _Again."""
        self._recall.index.doubt(first + len(entries) - 1)
