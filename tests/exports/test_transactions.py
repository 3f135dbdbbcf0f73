"""Transaction reports: two for each trade, each valid, and what cannot be reported says why."""

import io
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from compliance.exports.errors import ExportRefused
from compliance.exports.kind import LACKS
from compliance.exports.kinds import KINDS
from compliance.exports.times import Period
from compliance.exports.transactions import TRANSACTIONS
from compliance.exports.writing import write_export
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import (
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineVenue,
    Deposit,
)
from engine.model.events import OrderFilled
from tests.engine.desk import LOT
from tests.engine.streams import (
    ACME,
    ACME_ACCOUNT,
    ACME_OE1,
    BOREAS,
    BOREAS_ACCOUNT,
    BOREAS_OE1,
    BTC,
    BTC_USD,
    CYGNUS,
    ETH,
    ETH_BTC,
    ETH_USD,
    LEIS,
    REFERENCE,
    START,
    USD,
    VENUE,
    NamingTrader,
)
from tests.exports.support import ALL, SCHEMAS, Scene, random_scene, records_of, spelled, xml_rows

TRADER, OWN, AGENT = ((12, b"T1"),), ((528, b"P"),), ((528, b"A"),)


@pytest.fixture(scope="module")
def schema():
    return etree.XMLSchema(etree.parse(SCHEMAS / "transactions-1.xsd"))


@pytest.fixture
def scene():
    """A venue that was told everything; who trades says T1, for itself."""
    made = Scene()
    made.send(VENUE)
    made.parties, made.capacity = TRADER, OWN
    return made


def trade(s, price=6_000_000, instrument=BTC_USD):
    """ACME sells to BOREAS."""
    s.sell(ACME_OE1, f"ask{s.number}", LOT, price, instrument=instrument)
    s.buy(BOREAS_OE1, f"lift{s.number}", LOT, price, instrument=instrument)


def document(wholes, period=ALL):
    out = io.BytesIO()
    write_export(TRANSACTIONS, "xml", records_of(wholes), period, out)
    return out.getvalue()


def reports(scene, schema, period=ALL):
    """By TxId; of a document that is valid."""
    data = document(scene.wholes, period)
    schema.assertValid(etree.fromstring(data))
    return {row["New"]["TxId"]: row["New"] for row in xml_rows(data) if "New" in row}


def lacking(scene):
    """What the comments of a document say."""
    return [row[LACKS] for row in scene.rows(TRANSACTIONS) if LACKS in row]


def test_a_trade_is_two_reports_as_they_stand_in_the_document(scene, schema):
    scene.parties, scene.capacity = ((12, b"T<7>"), (122, b"T1")), OWN
    scene.sell(ACME_OE1, "ask", LOT, 6_000_050)
    scene.parties, scene.capacity = ((3, LEIS[CYGNUS].encode()), (12, b"NORE")), AGENT
    scene.buy(BOREAS_OE1, "lift", LOT // 2, 6_000_050)
    data = document(scene.wholes)
    schema.assertValid(etree.fromstring(data))
    head, seller, buyer, end = data.decode().splitlines()[1:]
    assert data.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n')
    assert head == (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:auth.016.001.03"><FinInstrmRptgTxRpt>'
    )
    assert end == "</FinInstrmRptgTxRpt></Document>"
    trade = (
        "<Tx><TradDt>2024-10-04T09:00:00.000000Z</TradDt><TradgCpcty>{}</TradgCpcty>"
        "<Qty><Unit>0.5</Unit></Qty>"
        "<DgtlTknQty><Idr>1BTC0000F</Idr><Unit>0.5</Unit></DgtlTknQty>"
        '<Pric><Pric><MntryVal><Amt Ccy="USD">60000.5</Amt></MntryVal></Pric></Pric>'
        "<TradVn>XFXG</TradVn><TradPlcMtchgId>1</TradPlcMtchgId></Tx>"
        "<FinInstrm><AltrnId><OthrId><Id>1BTC0000F</Id><Tp><Prtry>DTI</Prtry></Tp></OthrId>"
        "<Desc>BTC-USD</Desc></AltrnId></FinInstrm>"
    )
    other = "<AcctOwnr><Id><MIC>XFXG</MIC></Id></AcctOwnr>"
    said = "<AddtlAttrbts><SctiesFincgTxInd>false</SctiesFincgTxInd></AddtlAttrbts></New></Tx>"
    assert seller == (
        f"<Tx><New><TxId>1S</TxId><ExctgPty>{LEIS[ACME]}</ExctgPty>"
        "<InvstmtPtyInd>true</InvstmtPtyInd><SubmitgPty>000000FIXGATE0000087</SubmitgPty>"
        f"<Buyr>{other}</Buyr>"
        f"<Sellr><AcctOwnr><Id><LEI>{LEIS[ACME]}</LEI></Id></AcctOwnr></Sellr>"
        "<OrdrTrnsmssn><TrnsmssnInd>false</TrnsmssnInd></OrdrTrnsmssn>"
        + trade.format("DEAL")
        + "<InvstmtDcsnPrsn><Algo>T1</Algo></InvstmtDcsnPrsn>"
        "<ExctgPrsn><Prsn><CtryOfBrnch>DE</CtryOfBrnch><Othr><Id>T&lt;7&gt;</Id>"
        f"<SchmeNm><Prtry>SHORT CODE</Prtry></SchmeNm><Issr>{LEIS[ACME]}</Issr></Othr></Prsn>"
        f"</ExctgPrsn>{said}"
    )
    assert buyer == (
        f"<Tx><New><TxId>1B</TxId><ExctgPty>{LEIS[BOREAS]}</ExctgPty>"
        "<InvstmtPtyInd>false</InvstmtPtyInd><SubmitgPty>000000FIXGATE0000087</SubmitgPty>"
        f"<Buyr><AcctOwnr><Id><LEI>{LEIS[CYGNUS]}</LEI></Id></AcctOwnr></Buyr>"
        f"<Sellr>{other}</Sellr>"
        "<OrdrTrnsmssn><TrnsmssnInd>false</TrnsmssnInd></OrdrTrnsmssn>"
        + trade.format("AOTC")
        + f"<ExctgPrsn><Clnt>NORE</Clnt></ExctgPrsn>{said}"
    )


@pytest.mark.parametrize(
    ("capacity", "client", "code", "owner"),
    [
        (b"P", b"", "DEAL", {"LEI": LEIS[ACME]}),
        (b"G", b"AGGR", "DEAL", {"LEI": LEIS[ACME]}),
        (b"R", b"C-7", "MTCH", {"LEI": LEIS[ACME]}),
        (b"A", b"AGGR", "AOTC", {"Intl": "INTC"}),
        (b"I", LEIS[CYGNUS].encode(), "AOTC", {"LEI": LEIS[CYGNUS]}),
    ],
)
def test_whose_trade_it_is_follows_from_the_capacity(scene, schema, capacity, client, code, owner):
    scene.parties += ((3, client),) if client else ()
    scene.capacity = ((528, capacity),)
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.parties, scene.capacity = TRADER, OWN
    scene.buy(BOREAS_OE1, "lift", LOT, 6_000_000)
    found = reports(scene, schema)["1S"]
    assert found["Tx"]["TradgCpcty"] == code
    assert found["Sellr"]["AcctOwnr"] == [{"Id": owner}]
    assert found["Buyr"]["AcctOwnr"] == [{"Id": {"MIC": "XFXG"}}]


def test_an_order_that_waits_is_of_whom_it_named_last(scene, schema):
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.parties = ((12, b"NORE"),)
    scene.replace(ACME_OE1, "ask2", "ask", LOT, 6_000_100, side=2)
    scene.parties, scene.capacity = (), ()
    scene.replace(ACME_OE1, "ask3", "ask2", LOT, 6_000_200, side=2)
    scene.parties, scene.capacity = TRADER, OWN
    scene.buy(BOREAS_OE1, "lift", LOT, 6_000_200)
    found = reports(scene, schema)
    assert found["1S"]["ExctgPrsn"] == {"Clnt": "NORE"}
    assert found["1B"]["ExctgPrsn"]["Prsn"]["Othr"]["Id"] == "T1"


def test_a_price_in_tokens_says_that_there_is_none_in_money(scene, schema):
    trade(scene, REFERENCE[ETH_BTC], ETH_BTC)
    found = reports(scene, schema)["1B"]["Tx"]
    price = {"Pdg": "NOAP", "DgtlTkn": [{"Idr": "1BTC0000F", "Unit": "0.05"}]}
    assert found["Pric"] == {"NoPric": price}
    assert found["DgtlTknQty"] == [{"Idr": "2TH000007", "Unit": "1000"}]


def test_a_financial_instrument_goes_by_its_isin(scene, schema):
    scene.send(DefineAsset(ETH, "ETH", 8))
    trade(scene, REFERENCE[ETH_USD], ETH_USD)
    found = reports(scene, schema)["1B"]
    assert found["FinInstrm"] == {"Id": "US0378331005"}
    assert "DgtlTknQty" not in found["Tx"]


def test_a_period_and_a_member_alone(scene, schema):
    for _ in range(3):
        trade(scene)
        scene.wait(1)
    second = START + NANOS_PER_SECOND
    period = Period(second, second + NANOS_PER_SECOND)
    assert list(reports(scene, schema, period)) == ["2S", "2B"]
    assert list(reports(scene, schema, Period(member="ACME"))) == ["1S", "2S", "3S"]
    with pytest.raises(ExportRefused, match="there is no member NOBODY"):
        document(scene.wholes, Period(member="NOBODY"))
    with pytest.raises(ExportRefused, match="nothing was traded then"):
        document(scene.wholes, Period(member="CYGNUS"))


# --- what is not known ----------------------------------------------------------------------------


UNTOLD = [
    (DefineVenue("", VENUE.lei), "venue.mic"),
    (DefineVenue("XFXG", ""), "venue.lei"),
    (DefineMember(ACME, "ACME", "", True, "DE", ("T1",)), "members[].lei of ACME"),
    (
        DefineMember(ACME, "ACME", LEIS[ACME], None, "DE", ("T1",)),
        "members[].investment_firm of ACME",
    ),
    (
        DefineMember(ACME, "ACME", LEIS[ACME], True, "", ("T2",)),
        "members[].country of ACME, or the code among its algos",
    ),
    (DefineAsset(USD, "USD", 8), "assets[].currency of USD, or its dti"),
    (DefineAsset(BTC, "BTC", 8), "instruments[].isin of BTC-USD, or assets[].dti of BTC"),
]


@pytest.mark.parametrize(("command", "what"), UNTOLD, ids=[what for _, what in UNTOLD])
def test_what_the_venue_was_not_told_is_named_and_nothing_is_made_up(scene, command, what):
    trade(scene)
    scene.wait(1)
    scene.send(command)
    trade(scene)
    assert f"not reported: 2S lacks {what}" in lacking(scene)
    with pytest.raises(ExportRefused, match=re.escape(f"Records lack {what} (1 times)")):
        document(scene.wholes, Period(scene.time, member="ACME"))


UNSAID = [
    ((), OWN, "PartyID(448) of PartyRole(452) 12 by ACME"),
    (((12, b""),), OWN, "PartyID(448) of PartyRole(452) 12 by ACME"),
    (((12, b"T" * 36),), OWN, "a PartyID(448) of 35 characters at most by ACME"),
    (TRADER, (), "OrderCapacity(528) by ACME"),
    (TRADER, ((528, b"X"),), "OrderCapacity(528) by ACME"),
    (TRADER, AGENT, "an LEI or AGGR as PartyID(448) of PartyRole(452) 3 by ACME"),
    (
        (*TRADER, (3, b"C-7")),
        AGENT,
        "an LEI or AGGR as PartyID(448) of PartyRole(452) 3 by ACME",
    ),
]


@pytest.mark.parametrize(("parties", "capacity", "what"), UNSAID)
def test_what_an_order_did_not_say_leaves_its_side_out_and_counts_it(
    scene, schema, parties, capacity, what
):
    scene.parties, scene.capacity = parties, capacity
    scene.sell(ACME_OE1, "ask", LOT, 6_000_000)
    scene.parties, scene.capacity = TRADER, OWN
    scene.buy(BOREAS_OE1, "lift", LOT, 6_000_000)
    assert lacking(scene) == [f"not reported: 1S lacks {what}"]
    assert list(reports(scene, schema)) == ["1B"]
    written = write_export(TRANSACTIONS, "xml", records_of(scene.wholes), ALL, io.BytesIO())
    assert (written.rows, written.missing) == (2, {"New": 1})


@pytest.mark.parametrize("said", [OWN, ()], ids=["one that reports", "one that cannot"])
def test_a_run_that_goes_on_at_the_end_knows_what_there_was(scene, said):
    scene.capacity = said
    trade(scene)
    first, second = TRANSACTIONS.make(ALL), TRANSACTIONS.make(ALL)
    for whole in scene.wholes:
        list(first.take(whole, inside=True))
    second.load(first.save())
    assert outcome(second) == outcome(first)


def outcome(fold):
    """The rows of the end, or why there is no export."""
    try:
        return list(fold.closing())
    except ExportRefused as refused:
        return str(refused)


def test_an_identifier_is_what_it_was_at_the_record(scene, schema):
    scene.send(DefineVenue("", VENUE.lei))
    trade(scene)
    scene.send(VENUE)
    trade(scene)
    assert list(reports(scene, schema)) == ["2S", "2B"]


def test_numbers_that_the_document_cannot_hold_are_not_rounded(scene):
    """A lot of 10**-18 and a tick of 10**-14."""
    trade(scene)
    scene.send(DefineAsset(8, "FINE", 18, dti="1BTC0000F"))
    scene.send(DefineAsset(9, "EUR", 18, currency="EUR"))
    scene.send(DefineInstrument(8, "FINE-USD", 8, 9, 0, 1, 18, 1, 3))
    scene.send(DefineInstrument(9, "BTC-EUR", BTC, 9, 14, 1, 4, 1, 10**14))
    scene.send(Deposit(ACME_ACCOUNT, 8, 10**18, "fine"))
    scene.send(Deposit(BOREAS_ACCOUNT, 9, 10**18, "eur"))
    for instrument, qty, price in ((8, 11, 3), (9, 100, 10**14 + 1)):
        scene.sell(ACME_OE1, f"ask{instrument}", qty, price, instrument=instrument)
        scene.buy(BOREAS_OE1, f"lift{instrument}", qty, price, instrument=instrument)
    assert lacking(scene) == [
        f"not reported: {tx} lacks a {what} at most, {places} after the point"
        for tx, what, places in (
            ("2S", "quantity of 18 digits", 17),
            ("2B", "quantity of 18 digits", 17),
            ("3S", "price of 18 digits", 13),
            ("3B", "price of 18 digits", 13),
        )
    ]


# --- valid ----------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(st.binary(min_size=1, max_size=8), st.booleans())
def test_no_short_code_breaks_the_document(schema, code, decides):
    """Members may send any byte but the separator: what XML has not is spelled out."""
    scene = Scene()
    scene.send(VENUE)
    scene.capacity = OWN
    scene.parties = (*TRADER, (122, code)) if decides else ((12, code),)
    trade(scene)
    scene.parties = TRADER
    trade(scene)
    data = document(scene.wholes)
    schema.assertValid(etree.fromstring(data))
    assert xml_rows(data) == spelled(scene.rows(TRANSACTIONS))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**32))
def test_random_trading_gives_a_valid_document_with_both_sides_of_every_trade(schema, seed):
    venue, wholes = random_scene(seed, 500, trader=NamingTrader, told=(VENUE,))
    rows = list(TRANSACTIONS.derive(wholes, ALL))
    fills = sum(isinstance(e, OrderFilled) for whole in wholes for e in whole.events)
    assert len(rows) == fills == 2 * venue.state.match > 0
    schema.assertValid(etree.fromstring(document(wholes)))
    ids = [row["New"]["TxId"] if "New" in row else row[LACKS].split()[2] for row in rows]
    sides = Counter((ident[:-1], ident[-1]) for ident in ids)
    assert sides == Counter(
        (str(match), side) for match in range(1, venue.state.match + 1) for side in "BS"
    )


def test_a_schema_notices_what_is_wrong(scene, schema):
    trade(scene)
    good = document(scene.wholes)
    for right, wrong in (
        (b"<TxId>1S</TxId>", b"<TxId>1-S</TxId>"),
        (b"<TxId>1S</TxId>", b"<TxId></TxId>"),
        (b"<InvstmtPtyInd>true", b"<InvstmtPtyInd>yes"),
        (LEIS[ACME].encode(), b"ACME"),
        (b"<MIC>XFXG", b"<MIC>XFX"),
        (b"DEAL", b"PRIN"),
        (b"<Unit>1</Unit></Qty>", b"<Unit>1.123456789012345678</Unit></Qty>"),
        (b"<Unit>1</Unit></Qty>", b"<Unit>1e3</Unit></Qty>"),
        (b'Ccy="USD"', b""),
        (b">60000<", b">-60000<"),
        (b"00.000000Z", b"00Z"),
        (b"<Id>1BTC0000F</Id>", b""),
        (b"<TradVn>XFXG</TradVn>", b""),
        (b"</TradPlcMtchgId>", b"</TradPlcMtchgId><NetAmt>1</NetAmt>"),
        (b"xsd:auth.016.001.03", b"xsd:auth.016.001.01"),
    ):
        assert right in good
        assert not schema.validate(etree.fromstring(good.replace(right, wrong, 1))), wrong
    assert schema.validate(etree.fromstring(good))


def test_every_kind_that_is_xml_has_a_schema():
    for kind in KINDS.values():
        if "xml" in kind.formats:
            etree.XMLSchema(etree.parse(SCHEMAS / f"{kind.name}-{kind.version}.xsd"))
