"""When the subscribers of a topic are told: at once, or once in its interval, on any transport.

A topic and its subscribers are a subject. Who reads a conflated subject too slowly misses messages
until it reads again, and is then shown the whole; who has asked for every change misses none, and
its connection ends it where it reads too slowly for that.
"""

from collections.abc import Callable, Iterable, Sized
from typing import Final, Generic, Protocol, TypeVar

import trio

from engine.model.clock import NANOS_PER_SECOND, Clock
from gateway.flow.connection import FLAG_BYTES

CAUGHT_UP_BYTES: Final = 64 * 1024
"""Unsent bytes below which a client that was too slow for a conflated topic is shown it again."""

NANOS_PER_MS: Final = 1_000_000

CATCH_UP: Final = 100 * NANOS_PER_MS
"""How often clients that were too slow are looked at, ns."""

F = TypeVar("F", bound=Sized)
F_in = TypeVar("F_in", bound=Sized, contravariant=True)
F_out = TypeVar("F_out", bound=Sized, covariant=True)


class Subscriber(Protocol[F_in]):
    """Who is told."""

    @property
    def unsent(self) -> int:
        """Bytes that it was sent and has not taken yet."""
        ...

    def send(self, frames: F_in, /) -> None:
        """Send messages. Must not wait."""
        ...


class Source(Protocol[F_out]):
    """What there is to tell."""

    def news(self) -> F_out:
        """The messages since this was last asked; empty if there are none."""
        ...

    def whole(self, *, conflated: bool = False) -> F_out:
        """For who joins, or has missed something. First give `news` to those who are there."""
        ...


def _nothing() -> None:
    """Nobody waits for the end of a telling."""


class Subject(Generic[F]):
    """A topic and its subscribers. clients, lagging: in the order in which they came."""

    def __init__(self, source: Source[F], interval: int) -> None:
        """interval: ns between two messages, 0: none is conflated."""
        self._source = source
        self.interval = interval
        self.due = 0
        """When the next message may leave, monotonic ns."""
        self.clients: dict[Subscriber[F], None] = {}
        self.lagging: dict[Subscriber[F], None] = {}
        """Those that have missed a conflated message."""

    def tell(self) -> None:
        """Give the news to all."""
        frames = self._source.news()
        if not frames:
            return
        if not self.interval:
            for client in self.clients:
                client.send(frames)
            return
        for client in self.clients:
            if client in self.lagging:
                continue
            if client.unsent > FLAG_BYTES:
                self.lagging[client] = None
            else:
                client.send(frames)

    def catch_up(self) -> None:
        """Show those that read again what there is now. Behind `tell`."""
        ready = [client for client in self.lagging if client.unsent < CAUGHT_UP_BYTES]
        if ready:
            whole = self._source.whole(conflated=True)
            for client in ready:
                client.send(whole)
                del self.lagging[client]

    def leave(self, client: Subscriber[F]) -> None:
        """It wants to hear no more."""
        del self.clients[client]
        self.lagging.pop(client, None)


class Schedule(Generic[F]):
    """Tells subjects that have news when they are due. told: called behind each telling."""

    def __init__(self, clock: Clock, told: Callable[[], None] = _nothing) -> None:
        self.subjects: dict[Subject[F], None] = {}
        """All that have subscribers; kept by the owner."""
        self.touched: dict[Subject[F], None] = {}
        """Subjects with news: those without an interval are told when the turn is over."""
        self._clock = clock
        self._told = told
        self._news = trio.lowlevel.ParkingLot()

    def touch(self, subjects: Iterable[Subject[F]]) -> None:
        """They have news, perhaps."""
        self.touched.update(dict.fromkeys(subjects))

    def forget(self, subject: Subject[F]) -> None:
        """Nobody listens to it any more."""
        del self.subjects[subject]
        self.touched.pop(subject, None)

    def turn_over(self) -> None:
        """Tell what is due; what is conflated may have to wait."""
        if not self.touched:
            return
        self._tell()
        self._told()
        if self.touched:
            self._news.unpark_all()

    def _tell(self) -> None:
        now = self._clock.monotonic()
        later: dict[Subject[F], None] = {}
        for subject in self.touched:
            if now < subject.due:
                later[subject] = None
                continue
            subject.tell()
            subject.due = now + subject.interval
        self.touched = later

    async def conflate(self) -> None:
        """Tell each conflated topic's news when its interval is over, for ever."""
        while True:
            wait = self._wait()
            if wait is None:
                await self._news.park()
            elif wait > 0:
                await trio.sleep(wait / NANOS_PER_SECOND)
            else:
                await trio.lowlevel.checkpoint()
            self.tell_due()

    def _wait(self) -> int | None:
        """How long nothing is due, ns; None: until there are news."""
        now = self._clock.monotonic()
        due = [subject.due for subject in self.touched]
        if any(subject.lagging for subject in self.subjects):
            due.append(now + CATCH_UP)
        return min(due) - now if due else None

    def tell_due(self) -> None:
        """Tell what is due by now, and show clients that read again what they have missed."""
        self._tell()
        for subject in self.subjects:
            if subject.lagging:
                subject.tell()
                subject.catch_up()
        self._told()
