"""A deterministic stand-in for what the venue uses of trio: tasks are run by the simulator's hand.

The product's shells (accept, read, write, commit, follow) are coroutines that wait for a socket, a
clock, a parking lot or a worker. Here each wait is a `yield`, and the seeded loop chooses which
ready task goes on: every order that trio could choose may come, and the same seed gives the same
one. A worker thread is a pause, so that other tasks run between its begin and its end.
"""

import heapq
import types
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, Self


class Facade:
    """The module `trio` for the product: the stage of the process that runs just now."""

    def __init__(self) -> None:
        self.stage: Stage | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stage, name)


class Cancelled(BaseException):
    """Raised at a wait inside a cancelled scope."""


class Task:
    """One coroutine, the scopes it stands in, and what to do when it ends."""

    def __init__(self, stage: "Stage", coro: Coroutine, scopes: list["Scope"], ended) -> None:
        self.stage = stage
        self.coro = coro
        self.scopes = scopes
        self.ended = ended
        self.ready = False
        self.shielded = False
        self.aborted = False  # woken by a cancelled scope, not by what it waits for
        self.leave: Callable[[], None] | None = None  # takes it out of what it waits for

    def cancelled(self) -> bool:
        return not self.shielded and any(scope.cancel_called for scope in self.scopes)

    def wake(self) -> None:
        if not self.ready and self.stage.alive:
            self.ready = True
            self.leave = None
            self.stage.ready.append(self)

    def abort(self) -> None:
        if not self.ready:
            self.aborted = True
            if self.leave is not None:
                self.leave()
            self.wake()


@types.coroutine
def _yield():
    yield


class Scope:
    """trio.CancelScope."""

    def __init__(self, stage: "Stage", deadline: float = inf) -> None:
        self.stage = stage
        self.cancel_called = False
        self.cancelled_caught = False
        self.entered: Task | None = None
        self.over = False
        self.deadline = deadline

    @property
    def deadline(self) -> float:
        """By the stage's clock, seconds."""
        return self._deadline

    @deadline.setter
    def deadline(self, seconds: float) -> None:
        self._deadline = seconds
        if seconds < inf:
            self.stage.at(int(seconds * 1e9) + 1, self._expire)

    def _expire(self) -> None:
        if not self.over and self.stage.current_time() >= self._deadline:
            self.cancel()

    def cancel(self) -> None:
        if self.cancel_called:
            return
        self.cancel_called = True
        for task in self.stage.tasks:
            if self in task.scopes and not task.shielded and task is not self.stage.current:
                task.abort()

    def __enter__(self) -> Self:
        task = self.entered = self.stage.current
        assert task is not None
        task.scopes.append(self)
        return self

    def __exit__(self, kind, error, trace) -> bool:
        self.over = True
        assert self.entered is not None
        scopes = self.entered.scopes
        assert scopes[-1] is self
        scopes.pop()
        if isinstance(error, Cancelled) and self.cancel_called:
            self.cancelled_caught = not any(scope.cancel_called for scope in scopes)
            return self.cancelled_caught
        return False


class Nursery:
    """trio.Nursery, strict: what its tasks raise comes out as one group."""

    def __init__(self, stage: "Stage") -> None:
        self.stage = stage
        self.cancel_scope = Scope(stage)
        self.children = 0
        self.errors: list[BaseException] = []
        self.lot = stage.lowlevel.ParkingLot()
        self.scopes: list[Scope] = []

    def start_soon(self, function, *args) -> None:
        self.children += 1
        self.stage.start(function(*args), list(self.scopes), self._ended)

    def _ended(self, error: BaseException | None) -> None:
        self.children -= 1
        if error is not None and not isinstance(error, Cancelled):
            self.errors.append(error)
            self.cancel_scope.cancel()
        self.lot.unpark_all()

    async def __aenter__(self) -> Self:
        self.cancel_scope.__enter__()
        assert self.stage.current is not None
        self.scopes = list(self.stage.current.scopes)
        return self

    async def __aexit__(self, kind, error, trace) -> bool:
        if not self.stage.alive:  # gone: nobody waits for anybody
            return self.cancel_scope.__exit__(kind, error, trace)
        if error is not None:
            if not isinstance(error, (Exception, Cancelled)):
                self.stage.failed = error
            if not isinstance(error, Cancelled):
                self.errors.append(error)
            self.cancel_scope.cancel()
        while self.children:
            await self.stage.wait_shielded(self.lot)
        if self.errors:
            self.cancel_scope.__exit__(None, None, None)
            raise BaseExceptionGroup("tasks failed", self.errors) from None
        return self.cancel_scope.__exit__(kind, error, trace) or error is None


class Event:
    """trio.Event."""

    def __init__(self, stage: "Stage") -> None:
        self._set = False
        self._lot = stage.lowlevel.ParkingLot()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._set = True
        self._lot.unpark_all()

    async def wait(self) -> None:
        while not self._set:
            await self._lot.park()


class Lock:
    """trio.Lock."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._held = False
        self._lot = stage.lowlevel.ParkingLot()

    async def __aenter__(self) -> None:
        await self._stage.lowlevel.checkpoint()  # like trio, also when nobody holds it
        while self._held:
            await self._lot.park()
        self._held = True

    async def __aexit__(self, kind, error, trace) -> None:
        self._held = False
        self._lot.unpark_all()


class Semaphore:
    """trio.Semaphore."""

    def __init__(self, stage: "Stage", value: int) -> None:
        self.value = value
        self._lot = stage.lowlevel.ParkingLot()

    def acquire_nowait(self) -> None:
        assert self.value > 0
        self.value -= 1

    async def acquire(self) -> None:
        while self.value <= 0:
            await self._lot.park()
        self.value -= 1

    def release(self) -> None:
        self.value += 1
        self._lot.unpark_all()


class ParkingLot:
    """trio.lowlevel.ParkingLot."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage
        self._parked: list[Task] = []

    def __len__(self) -> int:
        return len(self._parked)

    async def park(self) -> None:
        task = self._stage.current
        assert task is not None
        self._parked.append(task)
        await self._stage.block(lambda: self._parked.remove(task))

    def unpark_all(self) -> None:
        parked, self._parked = self._parked, []
        for task in parked:
            task.wake()


class Lowlevel:
    """trio.lowlevel."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage

    def ParkingLot(self) -> ParkingLot:  # noqa: N802 - trio's name
        return ParkingLot(self._stage)

    async def checkpoint(self) -> None:
        task = self._stage.current
        assert task is not None
        task.wake()
        await self._stage.block(None)

    async def checkpoint_if_cancelled(self) -> None:
        task = self._stage.current
        assert task is not None
        if task.cancelled():
            await self.checkpoint()

    async def wait_readable(self, fd: int) -> None:
        await self._stage.wait_file(fd, "readable")

    async def wait_writable(self, fd: int) -> None:
        await self._stage.wait_file(fd, "writable")


class CapacityLimiter:
    """trio.CapacityLimiter."""

    def __init__(self, stage: "Stage", total: int) -> None:
        self._semaphore = Semaphore(stage, total)

    async def __aenter__(self) -> None:
        await self._semaphore.acquire()

    async def __aexit__(self, kind, error, trace) -> None:
        self._semaphore.release()


class ToThread:
    """trio.to_thread: others run before the worker is done."""

    def __init__(self, stage: "Stage") -> None:
        self._stage = stage

    async def run_sync(self, function, *args, limiter: CapacityLimiter | None = None):
        if limiter is not None:
            async with limiter:
                return await self.run_sync(function, *args)
        task = self._stage.current
        assert task is not None
        task.shielded = True
        try:
            await self._stage.lowlevel.checkpoint()
            return function(*args)
        finally:
            task.shielded = False


class Stage:
    """The trio of one process. `clock` counts monotonic ns; `ready` is what the loop may run."""

    Cancelled = Cancelled

    def __init__(self, clock) -> None:
        self.clock = clock
        self.alive = True
        self.failed: BaseException | None = None
        self.tasks: list[Task] = []
        self.ready: list[Task] = []
        self.current: Task | None = None
        self.lowlevel = Lowlevel(self)
        self.to_thread = ToThread(self)
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._timer_count = 0
        self._files: dict[tuple[int, str], list[Task]] = {}
        self.sockets: dict[int, Any] = {}
        self.watched: dict[int, int] = {}
        """Sockets that an epoll listens to, with its number."""

    # --- what the product calls -----------------------------------------------------------

    def CancelScope(self, deadline: float = inf) -> Scope:  # noqa: N802 - trio's name
        return Scope(self, deadline)

    def CapacityLimiter(self, total: int) -> CapacityLimiter:  # noqa: N802 - trio's name
        return CapacityLimiter(self, total)

    def Event(self) -> Event:  # noqa: N802 - trio's name
        return Event(self)

    def Lock(self) -> Lock:  # noqa: N802 - trio's name
        return Lock(self)

    def Semaphore(self, value: int) -> Semaphore:  # noqa: N802 - trio's name
        return Semaphore(self, value)

    def open_nursery(self) -> Nursery:
        return Nursery(self)

    def move_on_after(self, seconds: float) -> Scope:
        return Scope(self, self.current_time() + seconds)

    def current_time(self) -> float:
        return self.clock.monotonic() / 1e9

    async def sleep(self, seconds: float) -> None:
        task = self.current
        assert task is not None
        waiting = [True]

        def wake() -> None:
            if waiting:
                task.wake()

        self.at(self.clock.monotonic() + int(seconds * 1e9), wake)
        try:
            await self.block(lambda: None)
        finally:
            waiting.clear()

    async def sleep_forever(self) -> None:
        await self.block(lambda: None)

    # --- waiting ----------------------------------------------------------------------------

    async def block(self, leave: Callable[[], None] | None) -> None:
        """Wait until woken. leave: takes the task out of what it waits for, when cancelled."""
        task = self.current
        assert task is not None
        if not task.ready:
            task.leave = leave
        if task.cancelled():
            task.aborted = True
            if not task.ready:
                task.abort()
        await _yield()
        if task.aborted:
            task.aborted = False
            raise Cancelled

    async def wait_shielded(self, lot: ParkingLot) -> None:
        """Park even inside a cancelled scope."""
        task = self.current
        assert task is not None
        was, task.shielded = task.shielded, True
        try:
            await lot.park()
        finally:
            task.shielded = was

    async def wait_file(self, fd: int, how: str) -> None:
        if getattr(self.sockets[fd], how):
            await self.lowlevel.checkpoint()
            return
        task = self.current
        assert task is not None
        waiting = self._files.setdefault((fd, how), [])
        waiting.append(task)
        await self.block(lambda: waiting.remove(task) if task in waiting else None)

    def file_ready(self, fd: int, how: str) -> None:
        """A socket became readable or writable."""
        for task in self._files.pop((fd, how), ()):
            task.wake()
        if how == "readable" and fd in self.watched:
            self.file_ready(self.watched[fd], how)

    def at(self, time: int, action: Callable[[], None]) -> None:
        self._timer_count += 1
        heapq.heappush(self._timers, (time, self._timer_count, action))

    # --- what the loop calls ----------------------------------------------------------------

    def start(self, coro: Coroutine, scopes: list[Scope] | None = None, ended=None) -> None:
        task = Task(self, coro, scopes or [], ended or self._ended)
        self.tasks.append(task)
        task.wake()

    def _ended(self, error: BaseException | None) -> None:
        if error is not None:
            self.failed = error

    def fire(self) -> None:
        """Do what is due by the clock."""
        now = self.clock.monotonic()
        while self._timers and self._timers[0][0] <= now:
            heapq.heappop(self._timers)[2]()

    def step(self, choice: int) -> None:
        """Run the ready task number `choice` up to its next wait."""
        ready = self.ready
        task = ready[choice]
        ready[choice] = ready[-1]
        ready.pop()
        task.ready = False
        self.current = task
        try:
            task.coro.send(None)
        except StopIteration:
            self._end(task, None)
        except BaseException as error:  # noqa: BLE001 - its nursery or process deals with it
            self._end(task, error)
        finally:
            self.current = None

    def _end(self, task: Task, error: BaseException | None) -> None:
        self.tasks.remove(task)
        if error is not None and not isinstance(error, (Exception, Cancelled)):
            self.failed = error  # the process or the machine is gone: nobody unwinds
        task.ended(error)

    def kill(self) -> None:
        """The process is gone: nothing of it runs again, not even what cleans up."""
        self.alive = False
        self.ready.clear()
        self._timers.clear()
        for task in self.tasks:
            self.current = task
            task.shielded = True
            _close(task.coro)
        self.current = None
        self.tasks.clear()


def _close(coro: Coroutine) -> None:
    """End a coroutine, however often it waits while it cleans up."""
    for _ in range(20):
        try:
            coro.close()
        except BaseException:  # noqa: BLE001 - nobody is there to hear it
            continue
        return
    raise AssertionError(f"{coro} does not end")
