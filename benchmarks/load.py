"""The load generator: prebuilt requests over non-blocking sockets, one thread, no parsing.

Closed loop: every session keeps at most `window` requests unanswered. It shows capacity.
Open loop: requests leave at times fixed beforehand, whatever the answers do, and a latency counts
from the intended time; a venue that stalls is charged for every request it held up.
"""

import contextlib
import gc
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Self

from benchmarks.answers import AnswerCounter, LoadFailed
from benchmarks.messages import RequestBuilder

HOST: Final = "127.0.0.1"
# Nothing came for this long while requests are unanswered: the other end has stalled.
STALL_SECONDS: Final = 15
# HeartBtInt is 30: a longer open-loop run would have to answer TestRequests.
OPEN_LOOP_MAX_SECONDS: Final = 25
# The open loop polls instead of sleeping this close to the next send: a sleep overshoots by about
# the kernel's timer slack of 50 us.
SPIN_NANOS: Final = 80_000
# Linux's SO_TIMESTAMPNS: the kernel says when what is read arrived, CLOCK_REALTIME (socket(7)).
SO_TIMESTAMPNS: Final = 35
_TIMESPEC: Final = struct.Struct("qq")
_CONTROL_BYTES: Final = socket.CMSG_SPACE(_TIMESPEC.size)


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What one load measured. Counts are of all its sessions, watchers included in reports."""

    requests: int
    reports: int
    seconds: float
    bytes_out: int
    bytes_in: int
    generator_cpu_seconds: float
    latencies_ns: Sequence[int] = ()
    lateness_ns: Sequence[int] = ()  # open loop: how late the generator itself sent
    served_ns: Sequence[int] = ()  # open loop: from sending to when the answer reached this machine

    @property
    def acks_per_second(self) -> float:
        """Acknowledged requests a second."""
        return self.requests / self.seconds

    @property
    def reports_per_second(self) -> float:
        """Execution reports a second, trades on both sides included."""
        return self.reports / self.seconds


class LoadSession:
    """One FIX session of the load: logged on by its constructor, then only bytes.

    Raises LoadFailed where the Logon is refused or answered by something else.
    """

    def __init__(self, port: int, builder: RequestBuilder) -> None:
        self.name = builder.comp.decode()
        self.answers = AnswerCounter()
        self._builder = builder
        self._wire = memoryview(b"")
        self._ends: list[int] = [0]  # _ends[n]: bytes of the first n requests
        self._written = 0
        self.total = 0
        self.sent = 0
        self.acked = 0
        self.sock = socket.create_connection((HOST, port), timeout=STALL_SECONDS)
        try:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            self._log_on()
        except BaseException:
            self.sock.close()
            raise
        self.sock.setblocking(False)

    def _log_on(self) -> None:
        self.sock.sendall(self._builder.logon())
        got = b""
        while b"\x01" not in got.partition(b"\x0110=")[2]:  # what is owed may follow at once
            data = self.sock.recv(65_536)
            got += data
            if not data or len(got) > 65_536:
                raise LoadFailed(f"{self.name}: no Logon but {got!r}")
        first, trailer, rest = got.partition(b"\x0110=")
        if b"\x0135=A\x01" not in first:
            raise LoadFailed(f"{self.name}: Logon refused: {(first + trailer + rest)!r}")
        self.answers.feed(rest[4:])

    def fileno(self) -> int:
        """Return the socket's descriptor, for select and poll."""
        return self.sock.fileno()

    def prepare(self, requests: Sequence[bytes]) -> None:
        """Make these the requests to send next; the ones before must all be answered."""
        assert self.acked == self.total
        self._wire = memoryview(b"".join(requests))
        self._ends = list(accumulate(map(len, requests), initial=0))
        self.total = len(requests)
        self.sent = self.acked = self._written = 0

    def receive_stamped(self) -> tuple[int, int]:
        """Like receive; also when the last of what was read arrived, ns since 1970."""
        ancillary: list[tuple[int, int, bytes]] = []

        def read(space: memoryview) -> int:
            count, told, _, _ = self.sock.recvmsg_into([space], _CONTROL_BYTES)
            ancillary.extend(told)
            return count

        acks = self.receive(read)
        for _, kind, data in ancillary:
            if kind == SO_TIMESTAMPNS:
                seconds, nanos = _TIMESPEC.unpack(data)
                return acks, seconds * 1_000_000_000 + nanos
        return acks, 0

    def send_up_to(self, count: int) -> bool:
        """Send the requests below index `count`; return whether the socket took all of them."""
        assert self.sent <= count <= self.total
        self.sent = count
        end = self._ends[count]
        while self._written < end:
            try:
                self._written += self.sock.send(self._wire[self._written : end])
            except BlockingIOError:
                return False
        return True

    def pump(self, window: int) -> bool:
        """Fill the window if half of it is free; return whether the socket took all."""
        room = min(window - (self.sent - self.acked), self.total - self.sent)
        if room > 0 and room >= min(max(1, window // 2), self.total - self.sent):
            return self.send_up_to(self.sent + room)
        return self._written >= self._ends[self.sent] or self.send_up_to(self.sent)

    def receive(self, read: Callable[[memoryview], int] | None = None) -> int:
        """Read once; return the acknowledgements it completed. Raises LoadFailed at the end."""
        try:
            count = (read or self.sock.recv_into)(self.answers.space())
        except BlockingIOError:
            return 0
        except ConnectionError as error:
            raise LoadFailed(f"{self.name}: {error}") from error
        if not count:
            raise LoadFailed(f"{self.name}: closed with {self.total - self.acked} unanswered")
        acks = self.answers.filled(count)
        self.acked += acks
        if self.acked > self.sent:
            raise LoadFailed(f"{self.name}: {self.acked} answers to {self.sent} requests")
        return acks

    @property
    def bytes_out(self) -> int:
        """Bytes written of the requests prepared last."""
        return self._written

    def close(self) -> None:
        """Log out, wait for the other end to close, close. Never raises for a dead connection."""
        with contextlib.suppress(OSError), self.sock:
            self.sock.settimeout(2)
            self.sock.sendall(self._builder.logout())
            while self.sock.recv(65_536):
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def quiet_collector() -> Iterator[None]:
    """Keep the generator's own garbage collector out of the measured time."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def closed_loop(
    sessions: Sequence[LoadSession], window: int, watchers: Sequence[LoadSession] = ()
) -> LoadResult:
    """Send all that the sessions have prepared, `window` unanswered each; return the figures.

    `watchers` only receive (the other side's trades). With window 1 each request's latency is
    measured, from before its send to after the read that brought its answer.
    Raises LoadFailed at a refusal, a close or a stall.
    """
    everyone = {session.fileno(): session for session in (*sessions, *watchers)}
    loading = {session.fileno() for session in sessions}
    assert len(everyone) == len(sessions) + len(watchers)
    remaining = sum(session.total for session in sessions)
    before = _Before(list(everyone.values()), remaining)
    latencies: list[int] = []
    stamps = dict.fromkeys(loading, 0)
    now = time.perf_counter_ns
    poll = select.poll()
    for fd in everyone:
        poll.register(fd, select.POLLIN)
    stalled: set[int] = set()

    def pump(fd: int) -> None:
        if everyone[fd].pump(window):
            if fd in stalled:
                stalled.discard(fd)
                poll.modify(fd, select.POLLIN)
        elif fd not in stalled:
            stalled.add(fd)
            poll.modify(fd, select.POLLIN | select.POLLOUT)

    with quiet_collector():
        before.start()
        for fd in loading:
            stamps[fd] = now()
            pump(fd)
        while remaining:
            ready = poll.poll(STALL_SECONDS * 1_000)
            if not ready:
                raise LoadFailed(f"stalled: {remaining} requests unanswered")
            for fd, _ in ready:
                acks = everyone[fd].receive()
                if fd not in loading:
                    continue
                remaining -= acks
                if window == 1 and acks:
                    arrived = now()
                    latencies.append(arrived - stamps[fd])
                    stamps[fd] = now()
                pump(fd)
        return before.result(latencies, [])


def open_loop(sessions: Sequence[LoadSession], rate: int) -> LoadResult:
    """Send all that is prepared at `rate` requests a second, evenly, sessions in turn.

    Every session has prepared the same number of requests. Latencies count from the time that a
    request should have left; `lateness_ns` says how much of that was the generator's own, and
    `served_ns` how long the other end took, however late the generator was at either end.
    Raises LoadFailed at a refusal, a close or a stall.
    """
    turn = len(sessions)
    total = sum(session.total for session in sessions)
    assert all(session.total * turn == total for session in sessions)
    assert total <= rate * OPEN_LOOP_MAX_SECONDS, "long runs would have to answer TestRequests"
    before = _Before(sessions, total)
    latencies: list[int] = []
    lateness: list[int] = []
    served: list[int] = []
    now = time.perf_counter_ns
    # What the kernel stamps is the wall clock's time; a step of it within seconds is unlikely.
    wall = time.clock_gettime_ns(time.CLOCK_REALTIME) - now()
    left: list[list[int]] = [[] for _ in sessions]
    place = {session.fileno(): index for index, session in enumerate(sessions)}
    fds = list(place)
    sent = acked = 0
    with quiet_collector():
        start = before.start()
        last_heard = start
        while acked < total:
            clock = now()
            while sent < total and start + sent * 1_000_000_000 // rate <= clock:
                left[sent % turn].append(now())
                sessions[sent % turn].send_up_to(sent // turn + 1)
                lateness.append(clock - (start + sent * 1_000_000_000 // rate))
                sent += 1
                clock = now()
            wait = STALL_SECONDS * 1_000_000_000
            if sent < total:
                wait = start + sent * 1_000_000_000 // rate - clock - SPIN_NANOS
            readable = select.select(fds, (), (), max(0, wait) / 1e9)[0]
            for fd in readable:
                session = sessions[place[fd]]
                acks, stamp = session.receive_stamped()
                last_heard = arrived = now()
                session.send_up_to(session.sent)
                for answered in range(session.acked - acks, session.acked):
                    number = answered * turn + place[fd]
                    latencies.append(arrived - (start + number * 1_000_000_000 // rate))
                    served.append(stamp - wall - left[place[fd]][answered])
                acked += acks
            if clock - last_heard > STALL_SECONDS * 1_000_000_000:
                raise LoadFailed(f"stalled: {total - acked} requests unanswered")
        return before.result(latencies, lateness, served)


class _Before:
    """The counters as they stood before a load, and the difference to them after it."""

    def __init__(self, sessions: Sequence[LoadSession], requests: int) -> None:
        assert requests > 0, "a load of nothing"
        self._sessions = sessions
        self._requests = requests
        self._reports = sum(session.answers.reports for session in sessions)
        self._bytes_in = sum(session.answers.bytes_in for session in sessions)
        self._bytes_out = sum(session.bytes_out for session in sessions)
        self._cpu = 0.0
        self._start = 0

    def start(self) -> int:
        """Start the clock; return it, in nanoseconds of time.perf_counter_ns."""
        self._cpu = time.process_time()
        self._start = time.perf_counter_ns()
        return self._start

    def result(
        self, latencies: Sequence[int], lateness: Sequence[int], served: Sequence[int] = ()
    ) -> LoadResult:
        """Stop the clock and return what changed since `start`."""
        seconds = (time.perf_counter_ns() - self._start) / 1e9
        cpu = time.process_time() - self._cpu
        reports = sum(session.answers.reports for session in self._sessions)
        bytes_in = sum(session.answers.bytes_in for session in self._sessions)
        bytes_out = sum(session.bytes_out for session in self._sessions)
        return LoadResult(
            requests=self._requests,
            reports=reports - self._reports,
            seconds=seconds,
            bytes_out=bytes_out - self._bytes_out,
            bytes_in=bytes_in - self._bytes_in,
            generator_cpu_seconds=cpu,
            latencies_ns=latencies,
            lateness_ns=lateness,
            served_ns=served,
        )
