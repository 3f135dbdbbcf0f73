"""A risk desk's consumer over FIX, with simplefix: prints a member's reports, each once, in order.

    simplefix_copy.py ACME ACME-DC1 [--address 127.0.0.1:9880] [--password demo]
                      [--state FILE] [--reports N]

It keeps no MsgSeqNums, only the last ApplSeqNum(1181), in a file: each Logon sets the numbers to 1
(141=Y), and an ApplicationMessageRequest (35=BW) brings what is missing.
"""

import argparse
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

import simplefix


class Session:
    """A FIX session that never asks for a resend: what it lacks comes by application sequence."""

    def __init__(self, comp_id, address, password):
        host, _, port = address.rpartition(":")
        self._sock = socket.create_connection((host, int(port)), timeout=10)
        self._parser = simplefix.FixParser()
        self._comp_id = comp_id
        self._number = 0
        self.send("A", (98, 0), (108, 30), (141, "Y"), (553, comp_id), (554, password))

    def send(self, msg_type, *fields):
        """A message of those fields."""
        self._number += 1
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4")
        message.append_pair(35, msg_type)
        message.append_pair(49, self._comp_id)
        message.append_pair(56, "FIXGATE")
        message.append_pair(34, self._number)
        now = datetime.now(UTC)
        message.append_pair(52, now.strftime("%Y%m%d-%H:%M:%S.%f")[:-3])
        for tag, value in fields:
            message.append_pair(tag, value)
        self._sock.sendall(message.encode())

    def receive(self):
        """The next message; Heartbeats and TestRequests are answered here."""
        while True:
            while (message := self._parser.get_message()) is None:
                try:
                    data = self._sock.recv(65_536)
                except TimeoutError:
                    self.send("0")
                    continue
                if not data:
                    raise ConnectionError("the venue hung up")
                self._parser.append_buffer(data)
            match message.get(35):
                case b"1":
                    self.send("0", (112, message.get(112)))
                case b"5":
                    raise ConnectionError(message.get(58) or "logged out")
                case _:
                    return message

    def close(self):
        """Hang up."""
        self.send("5")
        self._sock.close()


def follow(args):
    """Connect, again and again, and print; ends after so many reports."""
    last = int(args.state.read_text()) if args.state.exists() else 0
    waiting, count = {}, 0
    while True:
        try:
            session = Session(args.comp_id, args.address, args.password)
            if session.receive().get(35) != b"A":
                raise SystemExit("the Logon was not answered by one")
            missed = (1351, 1), (1355, args.member), (1182, last + 1), (1183, 0)
            session.send("BW", (1346, "missed"), (1347, 0), *missed)
            while True:
                message = session.receive()
                if message.get(35) in (b"3", b"j") or message.get(1348) not in (None, b"0"):
                    raise SystemExit(message.get(58) or "refused")
                seq = int(message.get(1181) or 0)
                if seq > last:
                    waiting[seq] = message  # live ones come between those that are sent again
                while (message := waiting.pop(last + 1, None)) is not None:
                    last += 1
                    what = (message.get(150) or message.get(35)).decode()
                    print(last, what, message.get(11).decode(), flush=True)
                    args.state.write_text(str(last))
                    count += 1
                    if count == args.reports:
                        session.close()
                        return
        except OSError as error:
            print(f"{error}; connecting again", flush=True)
            waiting.clear()
            time.sleep(0.5)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("member")
    parser.add_argument("comp_id")
    parser.add_argument("--address", default="127.0.0.1:9880")
    parser.add_argument("--password", default="demo")
    parser.add_argument("--state", type=Path, default=Path("copies.seq"))
    parser.add_argument("--reports", type=int, help="how many to print; without it: for ever")
    follow(parser.parse_args())
