"""A member, whatever engine it is on: what it asks for, and what tests ask it.

FixClient is one by hand; EngineMember is one on an engine that is not ours.
"""

import re
import time
from decimal import Decimal

SOH = b"\x01"
_ENVELOPE = re.compile(rb"(?:^|(?<=\x01))(?:8|9|10|34|43|49|52|56|97|122)=[^\x01]*\x01")

REPORTS = frozenset("89r")
REJECTS = frozenset("3j")


class ConnectionEnded(Exception):
    """The venue closed the connection, or the connection broke."""


def utc_now():
    """SendingTime, milliseconds."""
    nanos = time.clock_gettime_ns(time.CLOCK_REALTIME)
    seconds, rest = divmod(nanos, 1_000_000_000)
    return time.strftime("%Y%m%d-%H:%M:%S", time.gmtime(seconds)) + f".{rest // 1_000_000:03d}"


def pairs(text):
    """`150=F|11=a1` as [(150, "F"), (11, "a1")]."""
    found = (pair.partition("=") for pair in text.split("|") if pair)
    return [(int(tag), value) for tag, _, value in found]


class Message(dict):
    """The fields of a message by tag; of a repeated tag the first. raw: its bytes."""

    __slots__ = ("raw",)

    def __init__(self, raw):
        fields = (field.partition(b"=") for field in reversed(raw.split(SOH)[:-1]))
        super().__init__((int(tag), value.decode("latin-1")) for tag, _, value in fields)
        self.raw = raw

    @property
    def seq(self):
        """MsgSeqNum."""
        return int(self[34])

    @property
    def body(self):
        """What may not differ between two copies: MsgType and all outside header and trailer."""
        return _ENVELOPE.sub(b"", self.raw)

    def has(self, wanted):
        """Whether every field of `wanted` is as it says."""
        return all(self.get(tag) == value for tag, value in wanted.items())

    def number(self, tag):
        """A quantity or price of this message, exactly."""
        return Decimal(self[tag])

    def __str__(self):
        return self.raw.decode("latin-1").replace("\x01", "|")


class Member:
    """The requests of an order entry session and the answers to them.

    A subclass gives comp_id, send(msg_type, body), receive(timeout), reconnect(), drop() and
    delivered: application messages in the order of their numbers, each once, as an engine gives
    them to its application.
    """

    def __init__(self, comp_id):
        self.comp_id = comp_id
        self.delivered = []
        self._latest = []
        self._asks = 0

    # --- requests -------------------------------------------------------------------------

    def order(
        self, cl_ord_id, side, qty, price, *, symbol="BTC-USD", tif="0", kind="2", extra="", **how
    ):
        """NewOrderSingle; price None for a market order."""
        limit = "" if price is None else f"44={price}|"
        return self.send(
            "D",
            f"11={cl_ord_id}|55={symbol}|54={side}|60={utc_now()}|38={qty}|40={kind}|"
            f"{limit}59={tif}|{extra}",
            **how,
        )

    def cancel(self, cl_ord_id, original, side, *, symbol="BTC-USD"):
        """OrderCancelRequest."""
        body = f"41={original}|11={cl_ord_id}|55={symbol}|54={side}|60={utc_now()}|"
        return self.send("F", body)

    def replace(self, cl_ord_id, original, side, qty, price, *, symbol="BTC-USD"):
        """OrderCancelReplaceRequest; qty is the new total."""
        return self.send(
            "G",
            f"41={original}|11={cl_ord_id}|55={symbol}|54={side}|60={utc_now()}|38={qty}|40=2|"
            f"44={price}|",
        )

    def mass_cancel(self, cl_ord_id, symbol=None):
        """OrderMassCancelRequest, all or of one symbol; its report."""
        scope = "530=7|" if symbol is None else f"530=1|55={symbol}|"
        self.send("q", f"11={cl_ord_id}|{scope}60={utc_now()}|")
        return self.expect("r", f"11={cl_ord_id}")

    def status(self, cl_ord_id, side, *, symbol="BTC-USD"):
        """OrderStatusRequest and its answer."""
        self._asks += 1
        ask = f"q{self._asks}"
        self.send("H", f"790={ask}|11={cl_ord_id}|55={symbol}|54={side}|")
        return self.expect("8", f"150=I|790={ask}")

    # --- answers --------------------------------------------------------------------------

    def expect(self, msg_type, wanted="", timeout=10.0):
        """The next message of that type whose fields are as wanted; others pass by."""
        fields = dict(pairs(wanted))
        end = time.monotonic() + timeout
        while True:
            try:
                message = self.receive(max(0.0, end - time.monotonic()))
            except ConnectionEnded as error:
                raise ConnectionEnded(
                    f"{self.comp_id}, waiting for {msg_type} {wanted}: {error}; "
                    f"last: {self._latest[-3:]}"
                ) from error
            assert message is not None, (
                f"{self.comp_id}: no {msg_type} with {wanted} in {timeout} s; got {self._latest}"
            )
            if message[35] == msg_type and message.has(fields):
                return message

    def delivered_reports(self):
        """The reports (35=8, 9, r) among what was delivered, without status answers."""
        return [m for m in self.delivered if m[35] in REPORTS and m.get(150) != "I"]

    def exec_ids(self):
        """ExecIDs in the order of delivery."""
        return [m[17] for m in self.delivered if m[35] == "8" and m.get(150) != "I"]

    @property
    def rejects(self):
        """Every Reject and BusinessMessageReject that came."""
        return [str(m) for m in self.delivered if m[35] in REJECTS]
