"""A world whose desk is asked over the control socket."""

import asyncio
import threading

from custody.control import Control
from custody.control_client import CONTROL_SOCKET, ask
from engine.model.errors import OperatorError
from tests.support.venue import wait_until


class Served:
    """The socket in the data folder `data`; the world goes on when the test says so."""

    def __init__(self, world, data):
        self.world, self.data = world, data
        self.path = data / "run" / CONTROL_SOCKET
        self.path.parent.mkdir(parents=True)
        self.control = Control(self.path, world.desk, lambda: {"alarms": 0}, world.logged.append)
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._run)
        self.started = threading.Event()
        self.thread.start()
        assert self.started.wait(10)
        wait_until(self.answers, 10, "it listens")

    def _run(self):
        async def main():
            serving = asyncio.ensure_future(self.control.serve())
            self.ended = asyncio.Event()
            self.started.set()
            await self.ended.wait()
            serving.cancel()

        self.loop.run_until_complete(main())
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.close()

    def answers(self):
        try:
            return self.ask("status")
        except OperatorError:
            return None

    def ask(self, op, **words):
        return ask(self.path, op=op, **words)

    def close(self):
        self.loop.call_soon_threadsafe(self.ended.set)
        self.thread.join(10)
