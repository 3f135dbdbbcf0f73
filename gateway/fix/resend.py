"""Sending a range of numbers again, in slices of one index chunk, whatever the length.

FIX 4.4 volume 2, "Resend Request": application messages and session Rejects go out with their old
number, PossDupFlag(43)=Y, a new SendingTime and the old one in OrigSendingTime(122), and the same
body. Everything else is skipped by one GapFill per run, which carries the number of the first
message it stands for and, in NewSeqNo, the next one that is really sent, never one beyond the
range that was asked for.
"""

from collections.abc import Callable, Iterator

from gateway.fix.index import ADMIN, BODY, LIVE, POSS_RESEND, REPORT, Entry, SessionIndex
from gateway.fix.states import SEQUENCE_RESET
from gateway.fix.wire import Wire

Render = Callable[[int, int], tuple[bytes, bytes]]
"""(record, k) -> (MsgType, body): a pure function of the journal, the same every time."""

Now = Callable[[], int]
"""The wall clock, ns UTC: a long resend must not carry a SendingTime of its beginning."""


class Repeats:
    """How often the same ResendRequest came in a row.

    Two are the same if range and last number sent are; then the answer is the same too. One that
    comes while the first is still being answered costs nothing: some engines ask again for each
    message behind their gap.
    """

    __slots__ = ("_busy", "_count", "_request")

    def __init__(self) -> None:
        self._request = (0, 0, 0)
        self._count = 0
        self._busy = False

    def ask(self, begin: int, end: int, next_out: int) -> int:
        """The how many-th of its kind this is; 0 if the answer to it is under way."""
        request = (begin, end, next_out)
        if request != self._request:
            self._request = request
            self._count = 0
        elif self._busy:
            return 0
        self._busy = True
        self._count += 1
        return self._count

    def served(self) -> None:
        """A request was answered in full."""
        self._busy = False


def resend_slices(
    index: SessionIndex,
    wire: Wire,
    begin: int,
    end: int,
    render: Render,
    now: Now,
    alive: Callable[[], bool],
) -> Iterator[bytes]:
    """The bytes of numbers begin..end, one (perhaps empty) slice per index chunk.

    Ends early once `alive` says that the connection, or the numbering, is another one.
    """
    number = begin
    gap = 0  # first number of a run that is being skipped
    gap_time = 0
    for chunk in index.chunks(begin, end):
        time = now()
        first = number
        out = []
        if any(entry[5] == REPORT and not entry[6] & LIVE for entry in chunk):
            index.stamp(first, chunk, None)
        for entry in chunk:
            content = _content(index, entry, render)
            if content is None:
                if not gap:
                    gap, gap_time = number, entry[1]
            else:
                if gap:
                    out.append(_gap_fill(wire, gap, number, time, gap_time, index.next_in))
                    gap = 0
                out.append(
                    wire.resent(
                        content[0],
                        number,
                        content[1],
                        time,
                        entry[1],
                        index.next_in,
                        poss_resend=bool(entry[6] & POSS_RESEND),
                    )
                )
            number += 1
        if gap and number > end:
            out.append(_gap_fill(wire, gap, number, time, gap_time, index.next_in))
        index.mark_sent(first, number - 1)
        yield b"".join(out)
        if not alive():
            return
    assert number == end + 1


def first_slices(
    index: SessionIndex,
    wire: Wire,
    begin: int,
    end: int,
    render: Render,
    now: Now,
    alive: Callable[[], bool],
) -> Iterator[bytes]:
    """The reports of numbers begin..end for the first time: no PossDupFlag, a first SendingTime."""
    number = begin
    for chunk in index.chunks(begin, end):
        time = now()
        first = number
        out = []
        index.stamp(first, chunk, time)
        for entry in chunk:
            assert entry[5] == REPORT, "only reports are carried over a reset"
            msg_type, body = render(entry[0], entry[4])
            poss_resend = bool(entry[6] & POSS_RESEND)
            out.append(
                wire.message(msg_type, number, body, time, index.next_in, poss_resend=poss_resend)
            )
            number += 1
        index.mark_sent(first, number - 1)
        yield b"".join(out)
        if not alive():
            return


def _content(index: SessionIndex, entry: Entry, render: Render) -> tuple[bytes, bytes] | None:
    """What to send again for an entry; None where there is nothing."""
    kind = entry[5]
    if kind == REPORT:
        return render(entry[0], entry[4])
    if kind == BODY:
        return index.body(entry)
    assert kind <= ADMIN, "an index entry of a kind that nobody writes"
    return None


def _gap_fill(wire: Wire, first: int, new: int, now: int, first_sent: int, next_in: int) -> bytes:
    body = b"36=%d\x01123=Y\x01" % new
    return wire.resent(SEQUENCE_RESET, first, body, now, first_sent, next_in)
