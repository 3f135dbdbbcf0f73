"""A member on an engine that is not ours: a process of its own, told and heard over its pipes.

The engine reconnects, asks for what it missed and resends what we lack by itself, with the
MsgSeqNums and the messages in its own store.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time

from tests.support.member import ConnectionEnded, Member, Message, pairs
from tests.support.venue import ROOT

LOGON_SECONDS = 30
"""From the start of a process, or of core, to the engine's Logon on a loaded machine."""

LOG_TAIL_CHARACTERS = 2_000


def with_settings(text, **changes):
    """The settings of a session with some of them changed, added, or taken away (None)."""
    lines = text.rstrip("\n").split("\n")
    kept = [line for line in lines if line.partition("=")[0] not in changes]
    new = [f"{key}={value}" for key, value in changes.items() if value is not None]
    return "\n".join([*kept, *new, ""])


class EngineMember(Member):
    """One session of a `tests.support` program, with its store in `folder`.

    resend_requests: ResendRequests that the engine sent.
    """

    def __init__(self, program, folder, comp_id, settings):
        super().__init__(comp_id)
        self.program, self.folder = program, folder
        self.resend_requests = self.logons = 0
        self.connected = False
        self._rejects = []
        self._process = None
        self._lines = queue.SimpleQueue()
        folder.mkdir()
        (folder / "session.cfg").write_text(settings)

    def __repr__(self):
        return f"EngineMember({self.program}, {self.comp_id})"

    # --- its process ----------------------------------------------------------------------

    def start(self):
        """Start the engine; it connects by itself."""
        assert self._process is None
        with (self.folder / "stderr").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"tests.support.{self.program}", "session.cfg"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                text=True,
            )
        threading.Thread(target=self._listen, args=(self._process.stdout,), daemon=True).start()
        return self

    def _listen(self, pipe):
        """Always empty the pipe, so that the engine never waits for the test."""
        lines = self._lines
        with pipe:
            for line in pipe:
                lines.put(json.loads(line))
        lines.put(None)

    def reconnect(self, timeout=LOGON_SECONDS):
        """Start the engine if it is not there; wait until it is logged on and has caught up."""
        wanted = self.logons
        if self._process is None:
            wanted += 1
            self.start()
        self.until(lambda: self.connected and self.logons >= wanted, timeout, "Logon")
        if "-OE" in self.comp_id:
            self.sync()
        return self

    def drop(self):
        """kill -9: its store is as the kernel has it."""
        if self._process is not None:
            self._process.kill()
            self._gone()

    def logout(self):
        """End as one should: Logout, and exit code 0."""
        self._process.stdin.close()
        code = self._gone()
        assert code == 0, self.describe()

    def _gone(self):
        """Hear what it said to its end."""
        code = self._process.wait(LOGON_SECONDS)
        self._process.stdin.close()
        self._process = None
        while (line := self._lines.get(timeout=LOGON_SECONDS)) is not None:
            self._hear(line)
        self.connected = False
        return code

    def pause(self):
        """Stop its clock: it neither reads nor answers nor reconnects."""
        self._process.send_signal(signal.SIGSTOP)
        self._paused_at = self.logons

    def resume(self):
        """Let it go on, the connection being gone: it makes another, and catches up."""
        self._process.send_signal(signal.SIGCONT)
        wanted = self._paused_at + 1
        self.until(lambda: self.connected and self.logons >= wanted, LOGON_SECONDS, "a new Logon")
        self.sync()

    def describe(self):
        """For a failed test: what the engine wrote."""
        return (self.folder / "stderr").read_text()[-LOG_TAIL_CHARACTERS:]

    # --- messages -------------------------------------------------------------------------

    def send(self, msg_type, body, *, header=""):
        """Have the engine send a message of `55=BTC-USD|...`; header: fields such as `97=Y|`."""
        order = {"send": msg_type, "header": pairs(header), "fields": pairs(body)}
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def receive(self, timeout=5.0):
        """The next message that the engine delivers; None at time-out."""
        end = time.monotonic() + timeout
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                return None
            if line is None:
                self._lines.put(None)  # for _gone
                raise ConnectionEnded(f"{self} ended by itself: {self.describe()}")
            if (message := self._hear(line)) is not None:
                return message

    def _hear(self, line):
        if "delivered" in line:
            message = Message(line["delivered"].encode("latin-1"))
            fees = [[message[137], message[138]]] if 136 in message else []
            assert line["fees"] == fees, f"{self} has the fees {line['fees']} of {message}"
            self.delivered.append(message)
            self._latest = [*self._latest[-7:], str(message)]
            return message
        if "logged on" in line:
            self.connected = line["logged on"]
            self.logons += self.connected
        elif "asked" in line:
            self.resend_requests += 1
        else:
            self._rejects.append(line["reject"])
        return None

    def until(self, holds, seconds, what):
        """Receive until `holds()`."""
        end = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < end, f"{self}: no {what} in {seconds} s: {self.describe()}"
            self.receive(0.05)

    def sync(self, timeout=60.0):
        """Wait until everything that the venue has sent us so far is delivered."""
        self._asks += 1
        ask = f"sync{self._asks}"
        self.send("H", f"790={ask}|11=sync|55=BTC-USD|54=1|")
        self.expect("8", f"150=I|790={ask}", timeout)

    @property
    def rejects(self):
        """Every Reject and BusinessMessageReject, of either side."""
        return super().rejects + self._rejects
