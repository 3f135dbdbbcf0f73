"""An honest client of each stream: one keeps a book, one gets a member's reports.

    python -m tests.hostile.honest_listeners --book PORT --copy PORT

Says when both are there, runs until SIGTERM, then prints one JSON line: for each, how many messages
came, how often its connection ended, and the 99th percentile of their age when they arrived,
microseconds by the machine's clock. Ends with a traceback if anything is missing, comes twice, or
is not what its checksum says.
"""

import argparse
import contextlib
import json
import signal
import threading
import time
from datetime import UTC, datetime

from benchmarks.figures import percentile
from gateway.flow.system_clock import SystemClock
from tests.support.member import ConnectionEnded
from tests.support.stream_books import Levels
from tests.support.stream_client import StreamClient

TOKEN = "demo-BENCH"
POLL_SECONDS = 0.2
CLOCK = SystemClock()


class Listener(threading.Thread):
    """One client, that comes back where it was."""

    def __init__(self, port):
        super().__init__()
        self.client = StreamClient(port, TOKEN)
        self.ages = []
        self.ended = 0
        self.stopping = False
        self.fault = None
        self.subscribe()

    def subscribe(self):
        """Connect, and ask for what is missing."""
        self.client.connect()
        _answer, before = self.client.subscribe(**self.wants())
        for message in before:
            self.hear(message)

    def run(self):
        try:
            while not self.stopping:
                self._read()
        except BaseException as error:
            self.fault = error
            raise

    def _read(self):
        try:
            if not self.client.connected:
                self.subscribe()
            message = self.client.receive(POLL_SECONDS)
        except ConnectionEnded:
            self.ended += 1
            return
        if message is not None:
            self.hear(message)
            self.ages.append(CLOCK.now() - nanos(self.time(message)))

    def told(self):
        """What the last line says of it."""
        self.stopping = True
        self.join()
        if self.fault is not None:
            raise self.fault
        p99 = percentile(sorted(self.ages), 0.99) // 1_000 if self.ages else None
        return {"messages": len(self.ages), "ended": self.ended, "p99_us": p99}


class BookListener(Listener):
    """Every change of a book."""

    book = None

    def wants(self):
        words = {} if self.book is None else {"resume_from": self.book.seq}
        return {"channel": "book", "symbol": "BTC-USD"} | words

    def hear(self, message):
        if message["type"] == "book_snapshot":
            assert self.book is None or message["seq"] >= self.book.seq
            self.book = Levels(message)
        else:
            self.book.hear(message)
        assert self.book.checksum() == message["checksum"]

    def time(self, message):
        return message["time"]


class CopyListener(Listener):
    """Every report of a member."""

    seq = 0

    def wants(self):
        return {"channel": "reports", "resume_from": self.seq}

    def hear(self, message):
        assert message["seq"] == self.seq + 1, "ApplSeqNum has no holes"
        self.seq = message["seq"]

    def time(self, message):
        return message["message"]["TransactTime"]


def nanos(text):
    """Of a time as either stream writes it."""
    whole, _, fraction = text.removesuffix("Z").partition(".")
    form = "%Y-%m-%dT%H:%M:%S" if "T" in whole else "%Y%m%d-%H:%M:%S"
    seconds = int(datetime.strptime(whole, form).replace(tzinfo=UTC).timestamp())
    return seconds * 10**9 + int(fraction.ljust(9, "0") or 0)


class Stopped(Exception):
    """SIGTERM came."""


def stop(signum, frame):
    """End it."""
    raise Stopped


def main():
    """Parse the arguments, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--book", type=int, required=True)
    parser.add_argument("--copy", type=int, required=True)
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, stop)
    listeners = {"book": BookListener(chosen.book), "copy": CopyListener(chosen.copy)}
    with contextlib.suppress(Stopped):
        for listener in listeners.values():
            listener.start()
        print("ready", flush=True)
        while all(listener.is_alive() for listener in listeners.values()):
            time.sleep(POLL_SECONDS)
    print(json.dumps({name: listener.told() for name, listener in listeners.items()}), flush=True)


if __name__ == "__main__":
    main()
