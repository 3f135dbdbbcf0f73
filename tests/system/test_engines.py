"""Members with engines that are not ours, and with dictionaries that are not ours.

fixcore-engine and QuickFIX run in processes of their own, on the settings that `fixgate cfg`
prints, and validate all that the venue sends. QuickFIX is compiled by `make quickfix`.
"""

import importlib.util
import random
import re
import sysconfig
import threading
from collections import Counter
from decimal import Decimal
from itertools import count
from pathlib import Path

import fixcore
import pytest
import yaml

from tests.support.engine_member import EngineMember, with_settings
from tests.support.journal import Journal
from tests.support.needs import needs
from tests.support.simplefix_client import SimplefixClient
from tests.support.thorough_trader import CXL_REJ_REASONS, ORD_REJ_REASONS, ThoroughTrader
from tests.support.venue import CONFIG, ROOT, fixgate, wait_until

OURS = ROOT / "fix_dictionaries" / "FIX44.xml"
FIXCORES = Path(fixcore.__file__).parent / "specs" / "FIX44.xml"
QUICKFIXES = Path(sysconfig.get_path("data")) / "share" / "quickfix" / "FIX44.xml"

STRICT = {
    "ValidateIncomingMessage": "Y",
    "ValidateFieldsOutOfOrder": "Y",
    "ValidateFieldsOutOfRange": "Y",
    "ValidateFieldsHaveValues": "Y",
    "ValidateUserDefinedFields": "Y",
    "ValidateLengthAndChecksum": "Y",
    "AllowUnknownMsgFields": "N",
    "CheckCompID": "Y",
    "CheckLatency": "Y",
}
"""Every check that an engine has, by the names of QuickFIX and of those that follow it."""

COMPLAINT = re.compile(r"(?i)reject|invalid|unsupported|incorrect|(?<!socket )error|too low")
"""In QuickFIX's log of events: it did not like what it got."""

ENGINES = [
    "simplefix",
    "fixcore",
    pytest.param("quickfix", marks=pytest.mark.proof),
]

BUY, SELL = 1, 2

NEXT_SESSION = count(2)
"""Numbers of sessions that no other test of this module has used: engines begin at 1."""

ORDERS, WINDOW = 5_000, 200
"""NewOrderSingles of each of two members, and requests of one that may be unanswered."""

GAP = 5_000
"""Reports that a member misses."""

IN_FLIGHT = 500
"""Orders on their way when core dies."""


@pytest.fixture
def engine(tmp_path):
    """Makes a member of a venue on an engine; it is not connected yet."""
    made = []

    def make(kind, venue, comp_id, **settings):
        if kind == "simplefix":
            made.append(SimplefixClient(comp_id, venue.order_entry, resends=True))
            return made[-1]
        if kind == "quickfix":
            there = importlib.util.find_spec("_quickfix") is not None
            needs("QuickFIX for Python: `make quickfix`, with g++ and python3-dev", there=there)
        text = fixgate(
            *("cfg", "--config", venue.config, "--session", comp_id),
            *("--port-offset", venue.offset),
        ).stdout
        text = with_settings(text, **settings)
        made.append(EngineMember(f"{kind}_engine", tmp_path / comp_id, comp_id, text))
        return made[-1]

    yield make
    for one in made:
        one.drop()
    for log in tmp_path.glob("*/log/*.event.current.log"):
        assert not COMPLAINT.search(log.read_text()), log.read_text()


# --- a story of two members -----------------------------------------------------------------


def fill_of(report, cum, leaves):
    """Whether it is a fill with that CumQty and LeavesQty."""
    return (report[150], report.number(14), report.number(151)) == (
        "F",
        Decimal(cum),
        Decimal(leaves),
    )


def fee_of(report):
    """MiscFeeAmt(137) and MiscFeeCurr(138): an EngineMember has them from its engine, too."""
    return report[136], report[137], report[138]


DICTIONARIES = [
    pytest.param("simplefix", {}, id="simplefix"),
    pytest.param("fixcore", STRICT, id="fixcore with our FIX44.xml"),
    pytest.param("fixcore", STRICT | {"DataDictionary": FIXCORES}, id="fixcore with its own"),
    pytest.param("quickfix", {}, id="QuickFIX as printed", marks=pytest.mark.proof),
    pytest.param(
        "quickfix",
        STRICT | {"DataDictionary": QUICKFIXES},
        id="QuickFIX with its own",
        marks=pytest.mark.proof,
    ),
]


@pytest.mark.parametrize(("kind", "settings"), DICTIONARIES)
def test_members_trade_and_recover(venue, engine, kind, settings):
    number = next(NEXT_SESSION)
    buyer = engine(kind, venue, f"BENCH-OE{number}", **settings).reconnect()
    seller = engine(kind, venue, f"BENCH2-OE{number}", **settings).reconnect()

    buyer.order("b1", BUY, "1.5", "50000.01")
    new = buyer.expect("8", "150=0|11=b1|39=0")
    seller.order("s1", SELL, "0.5", "50000.00")
    fill, theirs = buyer.expect("8", "150=F|39=1"), seller.expect("8", "150=F|39=2")
    assert fill[37] == new[37]
    assert fill_of(fill, "0.5", "1")
    assert fill_of(theirs, "0.5", "0")
    # 1 and 5 basis points of 25,000.005 USD
    assert fee_of(fill) == ("1", "2.5000005", "USD")
    assert fee_of(theirs) == ("1", "12.5000025", "USD")
    buyer.replace("b2", "b1", BUY, "1.2", "49000.00")
    buyer.expect("8", "150=5|11=b2|41=b1|39=1")
    buyer.cancel("b3", "b2", BUY)
    buyer.expect("8", "150=4|11=b3|41=b2|39=4")
    buyer.cancel("b4", "b2", BUY)
    buyer.expect("9", "11=b4|39=4|102=0")

    buyer.order("b5", BUY, "2", "50000.00")
    buyer.expect("8", "150=0|11=b5")
    buyer.sync()  # an engine stores that it has seen a message after it has delivered it
    buyer.drop()  # without a Logout
    for k in range(3):
        seller.order(f"s{k + 2}", SELL, "0.5", "50000.00")
        seller.expect("8", f"150=F|11=s{k + 2}")
    seen, asked = len(buyer.delivered), buyer.resend_requests
    buyer.reconnect()
    missed = [m for m in buyer.delivered[seen:] if m[150] != "I"]
    assert all(
        fill_of(m, cum, 2 - Decimal(cum))
        for m, cum in zip(missed, ("0.5", "1", "1.5"), strict=True)
    )
    assert [m[43] for m in missed] == ["Y", "Y", "Y"]
    assert buyer.resend_requests == asked + 1
    assert buyer.status("b5", BUY).has({39: "1", 14: "1.5", 151: "0.5"})
    buyer.mass_cancel("b6")

    for member in (buyer, seller):
        member.logout()
        assert member.rejects == [], "neither side finds fault with the other"
    assert len(set(buyer.exec_ids())) == len(buyer.exec_ids()) == 9


# --- 10,000 orders --------------------------------------------------------------------------


@pytest.fixture
def extended_venue(new_venue, tmp_path):
    """bench.yaml, where the session BENCH-OE17 has the extensions and all others have not."""
    config = yaml.safe_load((CONFIG / "bench.yaml").read_text())
    [member] = [member for member in config["members"] if member["name"] == "BENCH"]
    member["sessions"] = {"order_entry": 16, "drop_copy": 1}
    member["session_list"] = [{"comp_id": "BENCH-OE17", "kind": "order_entry", "extensions": True}]
    extended = tmp_path / "extended.yaml"
    extended.write_text(yaml.safe_dump(config))
    return new_venue(extended).start()


# fixcore's file store syncs up to four times for a message: not where its process lives on.
IN_MEMORY = STRICT | {"FileStorePath": None}

# It puts our ResendRequest behind its own gap, where our gap fill swallows it: we ask again
# after a heartbeat interval.
FORGETFUL = IN_MEMORY | {"HeartBtInt": "3"}

BULK = {
    "simplefix": ({}, {}),
    "fixcore": (IN_MEMORY, IN_MEMORY | {"DataDictionary": FIXCORES}),
    "quickfix": (STRICT, STRICT | {"DataDictionary": QUICKFIXES}),
}
"""Settings of the member that has the extensions, and of the one that has not."""


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["simplefix", "fixcore", "quickfix"])
def test_10_000_orders_end_as_the_journal_says_and_nobody_rejects_a_message(
    extended_venue, engine, kind
):
    venue = extended_venue
    first, second = BULK[kind]
    members = [
        engine(kind, venue, "BENCH-OE17", **first),
        engine(kind, venue, "BENCH2-OE1", **second),
    ]
    copy = engine(kind, venue, "BENCH-DC1", **STRICT) if kind == "quickfix" else None
    traders = [
        ThoroughTrader(member.reconnect(), random.Random(seed), window=WINDOW, orders=ORDERS)
        for seed, member in enumerate(members)
    ]
    if copy is not None:
        copy.reconnect()
    trade(traders)
    for member in members:
        member.sync()
    journal = Journal(venue.data)
    for member in members:
        assert member.rejects == []
        journal.check_member(member)
        check_variety(member)
    assert all(20001 in report for report in members[0].delivered_reports())
    assert not any(20001 in report for report in members[1].delivered_reports())
    if copy is not None:
        copies = len(journal.of_member("BENCH"))
        copy.until(lambda: len(copy.delivered) == copies, 30, "drop copy")
        journal.check_drop_copy(copy, "BENCH")
        assert copy.rejects == []
        copy.logout()
    for member in members:
        member.logout()


def trade(traders):
    """Until all are done; a message that an engine rejected would be waited for for ever."""
    for turn in count():
        for trader in traders:
            trader.trade()
        if all(trader.done for trader in traders):
            return
        if turn % 100 == 0:
            assert [trader.client.rejects for trader in traders] == [[], []]


def check_variety(member):
    """It has met everything that an order can meet, but for the end of a day."""
    reports = [m for m in member.delivered if m[35] in "89r"]
    exec_types = Counter(m[150] for m in reports if m[35] == "8")
    assert exec_types.keys() == set("0458FI")
    assert exec_types["F"] > ORDERS / 10
    assert {m[103] for m in reports if 103 in m} == ORD_REJ_REASONS
    assert {m[102] for m in reports if 102 in m} == CXL_REJ_REASONS
    assert {m[531] for m in reports if m[35] == "r"} == {"0", "1", "7"}
    assert {m[378] for m in reports if 378 in m} == {"8"}, "its own orders met"
    assert "7" in {m[54] for m in reports if m.get(150) == "I"}, "the state of a refused order"


# --- 5,000 reports missed -------------------------------------------------------------------


def rest(member):
    """An order that rests, for others to trade with."""
    member.order("big", BUY, "6000", "50000.00")
    member.expect("8", "150=0|11=big")


def fill(other):
    """GAP trades with it, one at a time."""
    other.reconnect()
    for k in range(GAP):
        other.order(f"small{k}", SELL, "1", "50000.00")
        if k % WINDOW == WINDOW - 1:
            other.expect("8", f"150=F|11=small{k}")
    other.sync()


@pytest.fixture
def other(dial):
    """Makes the other member of a venue."""

    def make(venue, comp_id):
        client = dial(venue, comp_id)
        client.resends = True
        return client

    return make


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["simplefix", "fixcore", "quickfix"])
def test_a_gap_of_5000_after_kill_9_of_core_is_recovered(new_venue, engine, other, kind):
    venue = new_venue().start()
    settings = FORGETFUL if kind == "fixcore" else STRICT
    member = engine(kind, venue, "BENCH-OE1", **settings, ReconnectInterval=1).reconnect()
    rest(member)
    for k in range(IN_FLIGHT):
        member.order(f"flight{k}", BUY, "1", "40000.00")
    member.expect("8", f"150=0|11=flight{IN_FLIGHT // 10}")
    venue.kill_one("core")
    member.pause()
    fill(other(venue, "BENCH2-OE1"))

    seen = len(member.delivered)
    again = threading.Thread(target=kill_core_after, args=(venue, member, seen + GAP // 10))
    again.start()  # core dies once more, while it resends
    member.resume()
    again.join()
    member.reconnect()
    journal = Journal(venue.data)
    assert journal.starts == 3
    journal.check_member(member)
    assert member.rejects == []
    assert sum(m.get(43) == "Y" for m in member.delivered) >= GAP
    assert member.resend_requests >= 1
    orders = Counter(
        record["command"]["cl_ord_id"]
        for record in journal.records
        if record["command"]["type"] in ("NewOrder", "RefusedOrder")
    )
    assert set(orders.values()) == {1}, "no order was done twice"
    assert {f"flight{k}" for k in range(IN_FLIGHT)} <= orders.keys(), "and none was lost"
    member.logout()


def kill_core_after(venue, member, delivered):
    """In a thread: as soon as the member has so many messages."""
    wait_until(lambda: len(member.delivered) >= delivered, 60, "a part of the gap")
    venue.kill_one("core")


@pytest.mark.proof
@pytest.mark.parametrize("kind", ["simplefix", "fixcore", "quickfix"])
def test_a_member_that_was_away_gets_5000_reports(new_venue, engine, other, kind):
    """Its engine is killed, too, and starts again from its own store."""
    venue = new_venue().start()
    member = engine(kind, venue, "BENCH-OE1", **STRICT).reconnect()
    copy = engine(kind, venue, "BENCH-DC1", **STRICT) if kind == "quickfix" else None
    rest(member)
    member.sync()
    if copy is not None:
        copy.reconnect()
        copy.until(lambda: len(copy.delivered) == 1, 10, "drop copy")
        copy.logout()
    member.drop()
    fill(other(venue, "BENCH2-OE1"))
    if copy is not None:
        venue.kill_one("dropcopy")
        copy.reconnect()
        copy.until(lambda: len(copy.delivered) == 1 + GAP, 60, "drop copy")
    seen = len(member.delivered)
    member.reconnect()
    missed = [m for m in member.delivered[seen:] if m[150] != "I"]
    assert len(missed) == GAP
    assert all(m[43] == "Y" and m[150] == "F" for m in missed)
    journal = Journal(venue.data)
    journal.check_member(member)
    if copy is not None:
        journal.check_drop_copy(copy, "BENCH")
        assert copy.rejects == []
        copy.logout()
    assert member.rejects == []
    member.logout()
