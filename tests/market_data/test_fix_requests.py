"""Requests on a market data session and what is answered: pipe-delimited FIX in, FIX out."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.commands import Block, Origin, Unblock
from engine.model.enums import BLOCK_ALL, BUY, SELL
from gateway.market_data import fix_messages
from gateway.market_data.fix_requests import MAX_ID_BYTES, SYMBOLS
from gateway.market_data.offered import DEPTHS, INTERVALS_MS
from tests.engine.streams import BOREAS_OE1
from tests.market_data.fix_floor import fix_floor, request

V = "262=m1|263=1|264=0|265=1|267=2|269=0|269=1|146=1|55=BTC-USD|"
NO_SUCH_DEPTH = "MarketDepth(264) is one of 0 (all levels), 1, 5, 10, 20, 50, 100, 500, 1000"


@pytest.fixture
def here(tmp_path):
    with fix_floor(tmp_path) as found:
        yield found


@pytest.fixture
def member(here):
    return here.members[0].logon()


def changed(old, new):
    assert old in V
    return V.replace(old, new)


REFUSED = {
    "unknown symbol": (changed("BTC-USD", "XRP-USD"), "0", "Symbol(55) XRP-USD is not traded here"),
    "one of two": (
        changed("146=1|55=BTC-USD", "146=2|55=BTC-USD|55=X"), "0", "Symbol(55) X is not traded here"
    ),
    "no symbol": (changed("146=1|55=BTC-USD|", "146=0|"), "0", "NoRelatedSym(146) is 0: ..."),
    "too many symbols": (
        changed("146=1|55=BTC-USD|", f"146={SYMBOLS + 1}|"
                + "".join(f"55=S{k}|" for k in range(SYMBOLS + 1))),
        "2", f"at most {SYMBOLS} instruments in one request",
    ),
    "depth that is not on the menu": (changed("264=0", "264=7"), "5", NO_SUCH_DEPTH),
    "negative depth": (changed("264=0", "264=-1"), "5", NO_SUCH_DEPTH),
    "depth order by order": (
        changed("264=0|265=1|", "264=5|265=1|266=N|"), "5",
        "order by order (AggregatedBook(266)=N) there are all levels: MarketDepth(264)=0",
    ),
    "all levels whole at each change": (
        changed("265=1", "265=0"), "6",
        "MDUpdateType(265)=0 is for 1 to 20 levels, MarketDepth(264)"
    ),
    "50 levels whole at each change": (
        changed("264=0|265=1", "264=50|265=0"), "6",
        "MDUpdateType(265)=0 is for 1 to 20 levels, MarketDepth(264)",
    ),
    "interval that is not on the menu": (
        changed("265=1|", "265=1|20004=7|"), "6",
        "UpdateInterval(20004) is one of 0, 100, 250, 500, 1000, 5000 ms",
    ),
    "order by order and conflated": (
        changed("265=1|", "265=1|266=N|20004=100|"), "7",
        "order by order (AggregatedBook(266)=N) there is every change by itself, 265=1",
    ),
    "order by order and whole": (
        changed("265=1|", "265=0|266=N|"), "7",
        "order by order (AggregatedBook(266)=N) there is every change by itself, 265=1",
    ),
    "closing price": (
        changed("269=0|269=1", "269=0|269=5"), "8",
        "MDEntryType(269) 5 is not offered: one of 0 1 2 4 7 8 9 B",
    ),
    "nothing": (changed("267=2|269=0|269=1|", "267=0|"), "8", "NoMDEntryTypes(267) is 0: ..."),
    "book and statistics": (
        changed("269=0|269=1", "269=0|269=B"), "8",
        "statistics (4 7 8 9 B) are a subscription of their own: ask for 0 1 2 in another",
    ),
    "a trading session": (
        changed("267=", "386=1|336=1|267="), "9", "all trading sessions are one: leave 386"
    ),
    "a scope": (changed("267=", "546=1|267="), "A", "there is one market: leave Scope(546) out"),
    "open and close": (changed("267=", "286=0|267="), "B", "there is no open and close: ..."),
    "implicit deletes": (changed("267=", "547=Y|267="), "C", "every level that falls out of ..."),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_offered_is_refused_with_its_reason(here, member, name):
    body, reason, text = REFUSED[name]
    [answer] = member.ask("V", body)
    expected = f"35=Y|262=m1|281={reason}|58={text}"
    assert answer.startswith(expected.removesuffix("...")), answer
    if not expected.endswith("..."):
        assert answer == expected + "|"
    here.trade(20)
    assert member.take() == []
    assert here.service._subjects == {}


def test_a_request_id_has_one_subscription(here, member):
    assert member.ask("V", V)[0].startswith("35=W|")
    [answer] = member.ask("V", V)
    assert answer == (
        "35=Y|262=m1|281=1|58=this MDReqID(262) has a subscription: end it first (263=2), or take"
        " another|"
    )
    [answer] = member.ask("V", V.replace("263=1", "263=0"))
    assert answer.startswith("35=Y|262=m1|281=1|")


REJECTED = {
    "no request id": (changed("262=m1|", ""), "371=262|372=V|373=1|"),
    "no such type of request": (changed("263=1", "263=3"), "371=263|372=V|373=5|"),
    "no depth": (changed("264=0|", ""), "371=264|372=V|373=1|"),
    "depth of letters": (changed("264=0", "264=x"), "371=264|372=V|373=6|"),
    "no such update type": (changed("265=1", "265=2"), "371=265|372=V|373=5|"),
    "no such entry type": (changed("269=1", "269=Z"), "371=269|372=V|373=5|"),
    "no symbols": (changed("146=1|55=BTC-USD|", ""), "371=146|372=V|373=1|"),
    "wrong count": (changed("146=1", "146=2"), "371=146|372=V|373=16|"),
    "symbols without number": (changed("146=1|55=BTC-USD|", "146=1|65=x|"), "373=15|"),
    "a tag of nobody": (changed("265=1|", "265=1|20005=1|"), "371=20005|372=V|373=0|"),
    "an instruction that is not read": (changed("265=1|", "265=1|815=1|"), "371=815|372=V|373=2|"),
    "a request id without end": (
        changed("262=m1", "262=" + "m" * (MAX_ID_BYTES + 1)), "371=262|372=V|373=5|"
    ),
    "a symbol without end": (changed("BTC-USD", "B" * (MAX_ID_BYTES + 1)), "371=55|372=V|373=5|"),
}  # fmt: skip


@pytest.mark.parametrize("name", REJECTED)
def test_what_is_no_right_fix_is_a_reject(here, member, name):
    body, fields = REJECTED[name]
    [answer] = member.ask("V", body)
    assert answer.startswith("35=3|45=2|")
    assert fields in answer, answer
    assert here.service._subjects == {}


UNUSABLE = {
    "no update type": (
        "V", changed("265=1|", ""),
        "379=m1|380=5|58=MDUpdateType(265) is required with SubscriptionRequestType(263)=1|",
    ),
    "nothing to end": (
        "V", changed("263=1", "263=2"),
        "379=m1|380=1|58=nothing is subscribed to under this MDReqID(262)|",
    ),
    "list without symbol": ("x", "320=l1|559=0|", "379=l1|380=5|58=Symbol(55) is required here|"),
    "definition without symbol": (
        "c", "320=d1|321=0|", "379=d1|380=5|58=Symbol(55) is required here|"
    ),
    "no status to end": (
        "e", "324=s1|55=BTC-USD|263=2|",
        "379=s1|380=1|58=nothing is subscribed to under this SecurityStatusReqID(324)|",
    ),
    "no session status to end": (
        "g", "335=t1|263=2|",
        "379=t1|380=1|58=nothing is subscribed to under this TradSesReqID(335)|",
    ),
    "an order": (
        "D", "11=a1|55=BTC-USD|54=1|60=20260301-12:00:00|38=1|40=1|",
        "380=3|58=NewOrderSingle is not taken on a market data session|",
    ),
    "what only the venue says": (
        "W", "55=BTC-USD|268=0|",
        "380=3|58=MarketDataSnapshotFullRefresh is not taken on a market data session|",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_cannot_be_done_is_a_business_reject(member, name):
    msg_type, body, fields = UNUSABLE[name]
    assert member.ask(msg_type, body) == [f"35=j|45=2|372={msg_type}|{fields}"]


def test_a_business_reject_is_never_answered(here, member):
    assert member.ask("j", "372=W|380=0|58=what is this|") == []
    assert "BENCH-MD1 sent a BusinessMessageReject" in here.log[-1]


@pytest.mark.parametrize("depth", [0, *DEPTHS])
@pytest.mark.parametrize("interval", INTERVALS_MS)
def test_every_depth_and_interval_of_the_menu_is_there(member, depth, interval):
    [answer] = member.subscribe(depth=depth, t20004=interval)
    assert answer.startswith("35=W|")


def test_an_end_needs_nothing_but_its_request_id(member):
    member.ask("V", V)
    assert member.ask("V", "262=m1|263=2|264=9|267=0|146=0|") == []


# --- messages -------------------------------------------------------------------------------------


MANUAL = Path(__file__).parents[2] / "docs" / "market_data.md"
EXAMPLES = re.findall(r"```fix\n(.*?)```", MANUAL.read_text(), re.DOTALL)


FIRST_ORDER = 48
"""The record of the first order in the manual, and so its OrderID."""


def timeless(message, later=0):
    """Without what a clock decides, and records as if there had been `later` fewer before them."""
    found = []
    for field in message.split("|")[:-1]:
        tag, _, value = field.partition("=")
        if tag == "20001" or (tag == "278" and int(value) >= FIRST_ORDER + later):
            found.append(f"{tag}={int(value) - later}")
        elif tag not in {"779", "272", "273"}:
            found.append(field)
    return found


@pytest.mark.parametrize("number", range(2))
def test_the_manuals_examples(here, member, number):
    """A line `> ` is sent, lines `< ` are what comes, and behind `#` somebody buys."""
    later = here.market.last_read + 1 - FIRST_ORDER
    here.order(SELL, 6_000_000, 500_000)
    here.order(SELL, 6_000_001, 1_500_000)
    here.order(BUY, 5_900_000, 1_000_000)
    expected, heard = [], []
    for line in EXAMPLES[number].splitlines():
        if line.startswith("> "):
            msg_type, _, body = line.removeprefix("> 35=").partition("|")
            heard += member.ask(msg_type, body)
        elif line.startswith("#"):
            here.order(BUY, 6_000_001, 1_000_000, session=BOREAS_OE1)
            heard += member.take()
        else:
            expected.append(line.removeprefix("< "))
    assert [timeless(message, later) for message in heard] == [timeless(line) for line in expected]
    assert len(heard) > 1


def test_the_manual_names_every_tag_of_ours():
    text = MANUAL.read_text()
    for tag in (83, 20001, 20002, 20003, 20004, 2446, 969, 278, 779):
        assert f"({tag})" in text


# --- x, c -----------------------------------------------------------------------------------------

BTC_USD = "55=BTC-USD|15=USD|561=0.000001|562=0.000001|969=0.01|"
ETH_USD = "55=ETH-USD|15=USD|561=0.0001|562=0.0001|969=0.01|"
ETH_BTC = "55=ETH-BTC|15=BTC|561=0.001|562=0.001|969=0.00001|"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("320=l1|559=4|", "560=0|393=3|893=Y|146=3|" + BTC_USD + ETH_USD + ETH_BTC),
        ("320=l1|559=4|263=0|58=hello|", "560=0|393=3|893=Y|146=3|" + BTC_USD + ETH_USD + ETH_BTC),
        ("320=l1|559=0|55=ETH-BTC|", "560=0|393=1|893=Y|146=1|" + ETH_BTC),
        ("320=l1|559=0|55=X|", "560=2|"),
        ("320=l1|559=1|", "560=5|"),
        ("320=l1|559=4|263=1|", "560=1|"),
    ],
)
def test_lists(member, body, answer):
    assert member.ask("x", body) == [f"35=y|320=l1|322=l1-1|{answer}"]


def test_a_long_list_comes_in_pieces(member, monkeypatch):
    monkeypatch.setattr(fix_messages, "LISTED", 2)
    assert member.ask("x", "320=l1|559=4|") == [
        "35=y|320=l1|322=l1-1|560=0|393=3|893=N|146=2|" + BTC_USD + ETH_USD,
        "35=y|320=l1|322=l1-2|560=0|393=3|893=Y|146=1|" + ETH_BTC,
    ]


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("320=d1|321=0|55=ETH-USD|", "323=1|" + ETH_USD),
        ("320=d1|321=1|55=ETH-USD|", "323=1|" + ETH_USD),
        ("320=d1|321=3|", "323=5|58=SecurityRequestType(321) is 0 or 1; 35=x lists instruments|"),
        ("320=d1|321=0|55=X|", "323=6|58=Symbol(55) X is not traded here|"),
        ("320=d1|321=0|55=ETH-USD|263=1|", "323=5|58=a definition is sent once: 263=0|"),
    ],
)
def test_definitions(member, body, answer):
    assert member.ask("c", body) == [f"35=d|320=d1|322=d1-1|{answer}"]


# --- e, g -----------------------------------------------------------------------------------------


def state(message):
    """SecurityStatus and TradingSessionStatus without when and where."""
    fields = message.split("|")[:-1]
    return "".join(f"{f}|" for f in fields if f.partition("=")[0] not in {"60", "20001"})


def test_halts_are_told_to_those_who_asked(here, member):
    once = here.members[1].logon()
    [answer] = member.ask("e", "324=s1|55=BTC-USD|263=1|")
    assert state(answer) == "35=f|324=s1|55=BTC-USD|325=N|326=17|"
    [answer] = once.ask("e", "324=s1|55=BTC-USD|263=0|")
    assert f"|20001={here.market.last_read}|" in answer
    here.halt(1, "an announcement")
    assert [state(m) for m in member.take()] == [
        "35=f|324=s1|55=BTC-USD|325=Y|326=2|58=an announcement|"
    ]
    here.halt(2, "of another instrument")
    assert member.take() == []
    [answer] = member.ask("e", "324=s2|55=BTC-USD|263=0|")
    assert state(answer) == "35=f|324=s2|55=BTC-USD|325=N|326=2|58=an announcement|"
    here.open(1, "it is over")
    assert [state(m) for m in member.take()] == ["35=f|324=s1|55=BTC-USD|325=Y|326=3|"]
    assert member.ask("e", "324=s1|55=BTC-USD|263=2|") == []
    here.halt(1, "once more")
    assert member.take() == once.take()[1:] == []


def test_the_state_of_what_is_not_traded_is_unknown(member):
    answer = "35=f|324=s1|55=X|325=N|326=20|58=not traded here|"
    assert member.ask("e", "324=s1|55=X|263=1|") == [answer]


DAY = "341=20261118-00:00:00|345=20261119-00:00:00|"


def test_the_trading_session_is_halted_with_the_venue(here, member):
    asked = member.ask("g", "335=t1|263=1|")
    assert asked == [f"35=h|335=t1|336=1|338=1|325=N|340=2|{DAY}"]
    assert here.members[1].logon().ask("g", "335=t1|336=1|263=0|") == asked
    here.halt(1, "one instrument only")
    assert member.take() == []
    here.submit(Block(Origin(0, 0, 0), BLOCK_ALL, 0, False, "all of it"))
    assert member.take() == [f"35=h|335=t1|336=1|338=1|325=Y|340=1|{DAY}58=all of it|"]
    [answer] = member.ask("e", "324=s1|55=ETH-USD|263=0|")
    assert state(answer) == "35=f|324=s1|55=ETH-USD|325=N|326=2|58=all of it|"
    here.submit(Unblock(Origin(0, 0, 0), BLOCK_ALL, 0, "over"))
    assert member.take() == [f"35=h|335=t1|336=1|338=1|325=Y|340=2|{DAY}"]
    assert member.ask("g", "335=t1|263=2|") == []
    here.submit(Block(Origin(0, 0, 0), BLOCK_ALL, 0, False, "again"))
    assert member.take() == []


def test_a_trading_session_that_there_is_not(member):
    [answer] = member.ask("g", "335=t1|336=night|263=1|")
    assert answer == (
        "35=h|335=t1|336=night|325=N|340=6|567=1|58=there is one trading session,"
        " TradingSessionID(336)=1|"
    )


def test_a_state_is_subscribed_to_once_under_one_name(member):
    member.ask("e", "324=s1|55=BTC-USD|263=1|")
    member.ask("g", "335=t1|263=1|")
    for msg_type, body in (("e", "324=s1|55=ETH-USD|263=1|"), ("g", "335=t1|263=1|")):
        [answer] = member.ask(msg_type, body)
        assert answer.startswith("35=j|")
        assert "|380=0|58=this identifier has a subscription" in answer


# --- hostile --------------------------------------------------------------------------------------

TEXTS = st.sampled_from(["", "0", "1", "2", "N", "Y", "-1", "5", "100", "BTC-USD", "é", "9" * 30])
FIELDS = st.sampled_from(
    [262, 263, 264, 265, 266, 267, 269, 146, 55, 20004, 286, 546, 547, 386, 83]
)


@settings(max_examples=60, deadline=None, derandomize=True,
          suppress_health_check=list(HealthCheck))  # fmt: skip
@given(
    requests=st.lists(
        st.one_of(
            st.lists(st.tuples(FIELDS, TEXTS), max_size=12).map(
                lambda pairs: "".join(f"{tag}={text}|" for tag, text in pairs)
            ),
            st.builds(
                request,
                st.sampled_from(["a", "b", "c"]),
                types=st.text("0123456789ABCZ", max_size=4),
                depth=st.sampled_from([0, 1, 2, 5, -1, 10**17]),
                symbols=st.lists(st.sampled_from(["BTC-USD", "ETH-USD", "X"]), max_size=3),
                t263=st.sampled_from(["0", "1", "2", "x"]),
                t265=st.sampled_from([None, "0", "1"]),
                t266=st.sampled_from([None, "Y", "N"]),
                t20004=st.sampled_from([None, 0, 100, 101, -1]),
            ),
        ),
        max_size=20,
    )
)
def test_whatever_is_asked_is_answered_and_harms_nobody(requests, tmp_path_factory):
    with fix_floor(tmp_path_factory.mktemp("floor")) as here:
        honest, hostile, _ = (member.logon() for member in here.members)
        honest.subscribe()
        for body in requests:
            answers = hostile.ask("V", body)
            ends = "263=2" in body
            assert answers or ends, body
            assert {answer[:5] for answer in answers} <= {"35=W|", "35=Y|", "35=3|", "35=j|",
                                                          "35=X|"}  # fmt: skip
            here.trade(2)
        here.trade(10)
        assert honest.view.seq == here.feed().seq
        assert hostile.session.logged_on
        hostile.leave()
        honest.leave()
        assert here.service._subjects == {}
