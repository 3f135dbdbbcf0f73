"""Members with engines that are not ours, and with dictionaries that are not ours."""

import json
import socket
import subprocess
import sys
import time
from decimal import Decimal
from itertools import count
from pathlib import Path

import fixcore
import pytest
import simplefix

from tests.support.fix_client import utc_now
from tests.support.venue import ROOT

OURS = ROOT / "fix_dictionaries" / "FIX44.xml"
STOCK = Path(fixcore.__file__).parent / "specs" / "FIX44.xml"
STORY = ROOT / "tests" / "support" / "fixcore_members.py"

NEXT_SESSION = count(2)


def fill_of(report, cum, leaves):
    """Whether it is a fill with that CumQty and LeavesQty."""
    got = (report["150"], Decimal(report["14"]), Decimal(report["151"]))
    return got == ("F", Decimal(cum), Decimal(leaves))


@pytest.mark.parametrize("dictionary", [OURS, STOCK], ids=["our FIX44.xml", "the stock FIX44.xml"])
def test_fixcore_members_trade_and_recover(venue, tmp_path, dictionary):
    assert dictionary.is_file()
    number = next(NEXT_SESSION)
    sessions = (f"BENCH-OE{number}", f"BENCH2-OE{number}")
    result = subprocess.run(
        [sys.executable, STORY, str(venue.order_entry), dictionary, tmp_path, *sessions],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    told = json.loads(result.stdout)
    assert told["rejects"] == [], "with validation on, neither side finds fault with the other"
    assert told["new"]["39"] == "0"
    assert fill_of(told["fill"], "0.5", "1")
    assert fill_of(told["their fill"], "0.5", "0")
    # 1 and 5 basis points of 25,000.005 USD, as the engine finds it in the group 136
    assert told["fill"]["fee"] == [["2.5000005", "USD"]]
    assert told["their fill"]["fee"] == [["12.5000025", "USD"]]
    assert (told["replaced"]["39"], told["replaced"]["41"]) == ("1", "b1")
    assert (told["cancelled"]["39"], told["cancelled"]["41"]) == ("4", "b2")
    assert told["too late"]["39"] == "4"
    assert [
        fill_of(m, cum, str(2 - Decimal(cum)))
        for m, cum in zip(told["missed"], ("0.5", "1", "1.5"), strict=True)
    ] == [True, True, True]
    assert [m["43"] for m in told["missed"]] == ["Y", "Y", "Y"]
    assert told["resend requests"] == 1
    assert fill_of(told["status"] | {"150": "F"}, "1.5", "0.5")
    assert len(set(told["exec ids"])) == len(told["exec ids"]) == 9


class SimpleMember:
    """A member on simplefix, with numbers that outlive its connections."""

    def __init__(self, port, comp_id):
        self.port, self.comp_id = port, comp_id
        self.seq = self.due = 1

    def connect(self):
        """Open a connection; nothing is sent."""
        self.parser = simplefix.FixParser()
        self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        return self

    def send(self, msg_type, **fields):
        """One message; fields as t38="1"."""
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4", header=True)
        message.append_pair(35, msg_type, header=True)
        message.append_pair(49, self.comp_id, header=True)
        message.append_pair(56, "FIXGATE", header=True)
        message.append_pair(34, self.seq, header=True)
        message.append_pair(52, utc_now(), header=True)
        if msg_type in "DFG":
            message.append_pair(60, utc_now())
        for key, value in fields.items():
            message.append_pair(int(key[1:]), value)
        self.seq += 1
        self.sock.sendall(message.encode())

    def logon(self):
        """Go on with the numbers of before; the MsgSeqNum of the venue's Logon."""
        self.send("A", t98="0", t108="30", t553=self.comp_id, t554="demo")
        return self.expect("A")

    def expect(self, msg_type, **wanted):
        """The next message of that type with these fields, in whatever order numbers come."""
        fields = {int(key[1:]): value.encode() for key, value in wanted.items()}
        end = time.monotonic() + 10
        while time.monotonic() < end:
            message = self.parser.get_message()
            if message is None:
                data = self.sock.recv(65_536)
                assert data, f"closed by the venue; wanted {msg_type} {wanted}"
                self.parser.append_buffer(data)
                continue
            if int(message.get(34)) == self.due:
                self.due = int(message.get(36)) if message.get(35) == b"4" else self.due + 1
            found = message.get(35) == msg_type.encode()
            if found and all(message.get(tag) == value for tag, value in fields.items()):
                return message
        raise AssertionError(f"no {msg_type} {wanted}")


@pytest.fixture
def simple(venue):
    """Makes members on simplefix."""
    made = []

    def make(comp_id):
        made.append(SimpleMember(venue.order_entry, comp_id).connect())
        return made[-1]

    yield make
    for one in made:
        one.sock.close()


def test_simplefix_members_trade_and_recover(simple):
    buyer, seller = simple("BENCH-OE10"), simple("BENCH2-OE10")
    buyer.logon()
    seller.logon()
    limit = {"t55": "BTC-USD", "t40": "2", "t59": "0"}
    buyer.send("D", t11="b1", t54="1", t38="2", t44="45000.00", **limit)
    new = buyer.expect("8", t150="0", t11="b1")
    seller.send("D", t11="s1", t54="2", t38="0.5", t44="45000.00", **limit)
    fill = buyer.expect("8", t150="F", t39="1")
    assert fill.get(37) == new.get(37)
    assert (fill.get(136), fill.get(138), fill.get(139)) == (b"1", b"USD", b"4")
    buyer.send("G", t41="b1", t11="b2", t54="1", t38="1.5", t44="45000.00", **limit)
    buyer.expect("8", t150="5", t11="b2", t39="1")

    buyer.sock.close()
    seller.send("D", t11="s2", t54="2", t38="1", t44="45000.00", **limit)
    seller.expect("8", t150="F", t11="s2")
    missed = buyer.due
    reply = buyer.connect().logon()
    assert int(reply.get(34)) == missed + 1, "the fill has its number, though we were away"
    buyer.send("2", t7=str(missed), t16="0")
    again = buyer.expect("8", t43="Y", t34=str(missed))
    assert (again.get(150), again.get(39), again.get(11)) == (b"F", b"2", b"b2")
    buyer.expect("4", t123="Y")
    assert buyer.due > int(reply.get(34))

    buyer.send("D", t11="b3", t54="1", t38="1", t44="44000.00", **limit)
    buyer.expect("8", t150="0", t11="b3")
    buyer.send("F", t41="b3", t11="b4", t55="BTC-USD", t54="1", t38="1")
    buyer.expect("8", t150="4", t11="b4")
    for member in (buyer, seller):
        member.send("5")
        member.expect("5")
