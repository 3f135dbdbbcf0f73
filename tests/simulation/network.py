"""The network: lines that deliver in slices, late, or not at all, and break at any byte."""

import errno
import itertools
import select
from random import Random

from tests.simulation.stage import Facade, Stage


class Line:
    """One connection. `up` runs from member to venue, `down` from venue to member."""

    def __init__(self, member, random: Random, window: int) -> None:
        self.member = member
        self.random = random
        self.window = window
        self.up = bytearray()
        self.down = bytearray()
        self.venue = VenueSocket(self)
        self.listener: Listener | None = None
        self.member_open = True
        self.venue_open = True
        self.silent = False  # half-open: nothing gets through any more, nobody is told
        self.clogged_until = 0

    # --- the member's end -------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        if self.member_open:
            self.up += data

    def hang_up(self) -> None:
        """The member closes its end."""
        self.member_open = False

    # --- what the loop does -----------------------------------------------------------------

    @property
    def idle(self) -> bool:
        """Nothing is on its way."""
        return not self.up and not self.down and (self.venue_open or not self.member_open)

    def deliver_up(self, size: int) -> None:
        socket = self.venue
        if self.silent:
            self.up.clear()
            return
        if not self.venue_open:
            self.up.clear()
            if not self.down and self.member_open:
                self._tell_member()
            return
        if self.up:
            socket.arrived += self.up[:size]
            del self.up[:size]
        elif not self.member_open:
            socket.ended = True
        if socket.readable:
            socket.wake("readable")

    def deliver_down(self, size: int) -> None:
        if self.silent:
            return
        if self.down:
            data = bytes(self.down[:size])
            del self.down[:size]
            if self.venue_open:
                self.venue.wake("writable")
            if self.member_open:
                self.member.receive(data)
        elif not (self.venue_open and not self.venue.finished) and self.member_open:
            self._tell_member()

    def _tell_member(self) -> None:
        self.member_open = False
        self.member.line_ended(self)

    def cut(self) -> None:
        """Break the line somewhere in what is on its way, and tell both ends."""
        if self.up and not self.silent and self.venue_open:
            self.venue.arrived += self.up[: self.random.randrange(len(self.up) + 1)]
        if self.down and not self.silent and self.member_open:
            self.member.receive(bytes(self.down[: self.random.randrange(len(self.down) + 1)]))
        self.up.clear()
        self.down.clear()
        self.venue_broken()
        if self.member_open:
            self._tell_member()

    def venue_broken(self) -> None:
        self.venue.broken = True
        self.venue.wake("readable")
        self.venue.wake("writable")

    def process_died(self) -> None:
        """The kernel closes the socket; what it had taken may still arrive, in part."""
        self.venue_open = False
        self.up.clear()
        if self.down and self.random.random() < 0.5:
            del self.down[self.random.randrange(len(self.down)) :]


class VenueSocket:
    """What the venue holds: the calls of socket.socket that it makes."""

    numbers = 1_000

    def __init__(self, line: Line) -> None:
        self.line = line
        self.stage: Stage | None = None
        self.arrived = bytearray()
        self.ended = False
        self.broken = False
        self.finished = False  # shutdown(SHUT_WR): no more comes from the venue
        self.number = 0

    def attach(self, stage: Stage, number: int) -> None:
        self.stage, self.number = stage, number
        stage.sockets[number] = self

    def wake(self, how: str) -> None:
        if self.stage is not None:
            self.stage.file_ready(self.number, how)

    @property
    def readable(self) -> bool:
        return bool(self.arrived) or self.ended or self.broken

    @property
    def writable(self) -> bool:
        return self.broken or len(self.line.down) < self.line.window

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def setsockopt(self, *_: int) -> None:
        pass

    def fileno(self) -> int:
        return self.number

    def recv(self, size: int) -> bytes:
        if self.arrived:
            data = bytes(self.arrived[:size])
            del self.arrived[:size]
            return data
        if self.broken:
            raise ConnectionResetError(errno.ECONNRESET, "reset")
        if self.ended:
            return b""
        raise BlockingIOError(errno.EAGAIN, "nothing there")

    def send(self, data: bytes) -> int:
        line = self.line
        if self.broken:
            raise BrokenPipeError(errno.EPIPE, "broken")
        room = line.window - len(line.down)
        if room <= 0:
            raise BlockingIOError(errno.EAGAIN, "full")
        taken = data[:room]
        line.down += taken
        return len(taken)

    def shutdown(self, how: int) -> None:
        self.finished = True

    def close(self) -> None:
        self.line.venue_open = False


class Select:
    """The module `select` for the product."""

    POLLRDHUP = select.POLLRDHUP
    EPOLLIN = select.EPOLLIN

    def __init__(self, facade: Facade) -> None:
        self.facade = facade
        self.numbers = itertools.count(1_000_000)

    def epoll(self) -> "Epoll":
        assert self.facade.stage is not None
        return Epoll(self.facade.stage, next(self.numbers))

    def poll(self) -> "Poll":
        return Poll(self.facade.sockets)


class Epoll:
    """select.epoll()."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.number = number
        stage.sockets[number] = self

    def fileno(self) -> int:
        return self.number

    def register(self, number: int, events: int) -> None:
        assert events == select.EPOLLIN
        self.stage.watched[number] = self.number
        if self.stage.sockets[number].readable:
            self.stage.file_ready(number, "readable")

    def unregister(self, number: int) -> None:
        del self.stage.watched[number]

    def _ready(self) -> list[int]:
        return [number for number in self.stage.watched if self.stage.sockets[number].readable]

    @property
    def readable(self) -> bool:
        return bool(self._ready())

    def poll(self, timeout: float, most: int) -> list[tuple[int, int]]:
        assert not timeout
        return [(number, select.EPOLLIN) for number in self._ready()[:most]]

    def close(self) -> None:
        pass


class Poll:
    """select.poll() of one socket."""

    def __init__(self, sockets: dict[int, VenueSocket]) -> None:
        self.sockets = sockets
        self.number = 0

    def register(self, number: int, events: int) -> None:
        assert events == select.POLLRDHUP
        self.number = number

    def __call__(self, milliseconds: int) -> list[tuple[int, int]]:
        assert not milliseconds
        socket = self.sockets[self.number]
        return [(self.number, select.POLLRDHUP)] if socket.ended or socket.broken else []

    poll = __call__


class Listener:
    """A listening socket of one process, and its name on the network."""

    def __init__(self, stage: Stage, number: int) -> None:
        self.stage = stage
        self.number = number
        self.waiting: list[Line] = []
        self.open = True
        self.accepted: list[Line] = []
        self.next_number = number
        stage.sockets[number] = self

    @property
    def readable(self) -> bool:
        return bool(self.waiting)

    def connect(self, line: Line) -> bool:
        """False: nobody listens."""
        if not self.open:
            return False
        line.listener = self
        self.waiting.append(line)
        self.stage.file_ready(self.number, "readable")
        return True

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def fileno(self) -> int:
        return self.number

    def accept(self) -> tuple[VenueSocket, tuple[str, int]]:
        if not self.waiting:
            raise BlockingIOError(errno.EAGAIN, "nobody there")
        line = self.waiting.pop(0)
        self.next_number += 1
        line.venue.attach(self.stage, self.next_number)
        self.accepted = [known for known in self.accepted if known.venue_open]
        self.accepted.append(line)
        return line.venue, (line.member.name, self.next_number)

    def close(self) -> None:
        self.open = False
        for line in self.waiting:
            line.process_died()

    def died(self) -> None:
        """The process is gone, and all its sockets with it."""
        self.close()
        for line in self.accepted:
            line.process_died()
