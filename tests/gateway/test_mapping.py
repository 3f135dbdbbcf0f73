"""FIX order messages to commands: through the real decoder, to the exact command or refusal."""

import pytest

from engine.model.commands import (
    CancelOrder,
    MassCancel,
    NewOrder,
    Origin,
    RefusedCancel,
    RefusedMassCancel,
    RefusedOrder,
    ReplaceOrder,
)
from engine.model.enums import (
    BUY,
    DAY,
    FOK,
    GTC,
    IOC,
    LIMIT,
    MARKET,
    MASS_CANCEL_ALL,
    MASS_CANCEL_INSTRUMENT,
    SELL,
    SOURCE_FIX,
)
from engine.model.money import INT64_MAX
from engine.model.record import MAX_RECORD_BYTES, Record, encode_record
from gateway.fix.errors import PeerError
from gateway.order_entry.mapping import (
    CAPACITY_TAGS,
    MAX_ID_BYTES,
    MAX_PARTIES,
    NUMBER_CACHE_ENTRIES,
    UNSUPPORTED_TAGS,
    BusinessError,
    OrderMapper,
    StatusRequest,
    _Symbol,
)
from tests.gateway.support import (
    BTC_JPY,
    BTC_USD,
    JPY_USD,
    bootstrap_commands,
    configured,
    decoded,
    edited,
    fields,
    ns,
    refdata_of,
    venue_dictionary,
)

NOW = ns("20260301-12:00:00.250")
SEQ = 7
SECOND = 1_000_000_000

ORDER = {
    "t11": "a1",
    "t55": "BTC-USD",
    "t54": "1",
    "t60": "20260301-12:00:00.000",
    "t38": "0.5",
    "t40": "2",
    "t44": "60000.01",
    "t59": "1",
}
CANCEL = {"t11": "c1", "t41": "a1", "t55": "BTC-USD", "t54": "1", "t60": "20260301-12:00:00.000"}
REPLACE = {
    "t11": "r1",
    "t41": "a1",
    "t55": "BTC-USD",
    "t54": "1",
    "t60": "20260301-12:00:00.000",
    "t38": "0.75",
    "t40": "2",
    "t44": "60000.02",
}
MASS = {"t11": "m1", "t530": "7", "t60": "20260301-12:00:00.000"}
STATUS = {"t11": "a1", "t55": "BTC-USD", "t54": "1"}
KINDS = {"D": ORDER, "F": CANCEL, "G": REPLACE, "q": MASS, "H": STATUS}


@pytest.fixture(scope="module")
def refdata(tmp_path_factory):
    return refdata_of(tmp_path_factory.mktemp("venue"))


@pytest.fixture(scope="module")
def mapper(refdata):
    return OrderMapper(refdata, max_order_age=30 * SECOND)


@pytest.fixture
def mapped(refdata, mapper):
    """Maps a message of ACME-OE1 (session 1) or of another session; the decoder must pass it."""

    def run(msg_type, *given, header="", session=1):
        body = fields(*given, **KINDS[msg_type])
        message = decoded(msg_type, body, header)
        assert message.error is None, message.error
        return mapper.map(message, refdata.sessions[session], SEQ, NOW)

    return run


@pytest.fixture
def refused(mapped):
    """(reason, text) of a refusal that will be journalled."""

    def run(msg_type, *given, header=""):
        command = mapped(msg_type, *given, header=header)
        assert isinstance(command, RefusedOrder | RefusedCancel | RefusedMassCancel)
        return command.reason, command.text

    return run


def origin(session=1, **given):
    return Origin(session, SEQ, NOW, SOURCE_FIX, **given)


def new_order(**changed):
    """The command of ORDER, with some fields changed."""
    terms = {
        "origin": origin(),
        "cl_ord_id": b"a1",
        "account": 1,
        "instrument": BTC_USD,
        "side": BUY,
        "ord_type": LIMIT,
        "tif": GTC,
        "qty": 500_000,
        "price": 6_000_001,
    }
    return NewOrder(**terms | changed)


# --- NewOrderSingle(35=D) -------------------------------------------------------------------------

ORDERS = [
    ("a limit order", (), {}),
    ("a sell", ("54=2",), {"side": SELL}),
    ("a day order", ("59=0",), {"tif": DAY}),
    ("a day order by default", ("59=",), {"tif": DAY}),
    ("an immediate or cancel", ("59=3",), {"tif": IOC}),
    ("a fill or kill", ("59=4",), {"tif": FOK}),
    ("a market order", ("40=1", "44="), {"ord_type": MARKET, "price": 0}),
    ("a market order with a price", ("40=1",), {"ord_type": MARKET, "price": 0}),
    ("the default account by name", ("1=ACME",), {}),
    ("another account of the member", ("1=ACME-HEDGE",), {"account": 2}),
    ("a possible resend", ("97=Y",), {"poss_resend": True}),
    ("no possible resend", ("97=N",), {}),
    ("the longest ClOrdID", ("11=" + "x" * MAX_ID_BYTES,), {"cl_ord_id": b"x" * MAX_ID_BYTES}),
    ("a ClOrdID of any bytes", ("11=a b\x7f\xff=",), {"cl_ord_id": b"a b\x7f\xff="}),
    ("zeros that say nothing", ("38=00.500000000", "44=060000.0100"), {}),
    ("a number without a whole part", ("38=.5",), {}),
    (
        "a number that ends in its point",
        ("44=60000.", "38=1."),
        {"price": 6_000_000, "qty": 1_000_000},
    ),
    ("one lot and one tick", ("38=0.000001", "44=0.01"), {"qty": 1, "price": 1}),
    ("what handles nothing", ("21=1", "58=hello", "15=USD"), {}),
    (
        "a tick of five and a lot of a quarter",
        ("55=BTC-JPY", "38=0.75", "44=9000005"),
        {"instrument": BTC_JPY, "qty": 3, "price": 1_800_001},
    ),
    (
        "no decimals at all",
        ("55=JPY-USD", "38=500.0", "44=.0065"),
        {"instrument": JPY_USD, "qty": 5, "price": 260},
    ),
    ("a quantity of nothing is the core's to refuse", ("38=0",), {"qty": 0}),
    ("a quantity below nothing is the core's to refuse", ("38=-1",), {"qty": -1_000_000}),
    ("a price below nothing is the core's to refuse", ("44=-0.01",), {"price": -1}),
    ("the largest price", ("44=92233720368547758.07",), {"price": INT64_MAX}),
    ("the largest quantity", ("38=9223372036854.775807",), {"qty": INT64_MAX}),
]


@pytest.mark.parametrize(
    ("given", "changed"), [row[1:] for row in ORDERS], ids=[row[0] for row in ORDERS]
)
def test_an_order_becomes_its_command(mapped, given, changed):
    header = "97=Y|" if "97=Y" in given else "97=N|" if "97=N" in given else ""
    given = tuple(field for field in given if not field.startswith("97="))
    assert mapped("D", *given, header=header) == new_order(**changed)


def test_a_number_of_an_instrument_without_decimals_may_be_point_zero(mapped):
    """`.0` is a FIX float: nothing, in whole units."""
    order = mapped("D", "55=BTC-JPY", "38=.0", "44=-.0")
    assert (order.qty, order.price) == (0, 0)


def test_the_other_member_has_its_own_default_account(mapped):
    order = mapped("D", session=4)
    assert (order.account, order.origin.session) == (3, 4)
    assert mapped("D", "1=BOREAS", session=4) == order
    assert mapped("D", "1=ACME", session=4).reason == 15


REFUSALS = [
    (
        "off tick",
        ("44=60000.001",),
        99,
        "Price(44) 60000.001 is not a whole number of ticks of 0.01",
    ),
    ("off a tick of five", ("55=BTC-JPY", "38=1", "44=9000001"), 99, "ticks of 5,"),
    ("off tick by the last of many", ("44=1.00000000000000000001",), 99, "a multiple of 0.01"),
    ("a price out of range", ("44=92233720368547758.08",), 99, "too large"),
    ("a price far out of range", ("44=" + "9" * 40,), 99, "too large"),
    ("a price below range", ("44=-92233720368547758.08",), 99, "too large"),
    (
        "off lot",
        ("38=0.0000001",),
        13,
        "OrderQty(38) 0.0000001 is not a whole number of lots of 0.000001",
    ),
    ("off a lot of a quarter", ("55=BTC-JPY", "38=0.3", "44=5"), 13, "a multiple of 0.25"),
    ("off a lot of a hundred", ("55=JPY-USD", "38=50", "44=0.0065"), 13, "lots of 100,"),
    ("a quantity out of range", ("38=9223372036854.775808",), 13, "too large"),
    ("a quantity far out of range", ("38=" + "1" * 40,), 13, "too large"),
    ("an unknown symbol", ("55=BTC-EUR",), 1, "Symbol(55) BTC-EUR is not traded here"),
    ("a symbol in lower case", ("55=btc-usd",), 1, "btc-usd"),
    ("another member's account", ("1=BOREAS",), 15, "not one of this member's"),
    ("an account of nobody", ("1=NOBODY",), 15, "leave it out for the default account"),
    ("a short sale", ("54=5",), 11, "Side(54): only 1 (buy) and 2 (sell)"),
    ("a cross", ("54=8",), 11, "Side(54)"),
    ("a stop", ("40=3", "99=50000"), 11, "OrdType(40): only 1 (market) and 2 (limit)"),
    ("a stop limit", ("40=4", "99=50000"), 11, "OrdType(40)"),
    ("a pegged order", ("40=P", "211=0.1"), 11, "OrdType(40)"),
    (
        "at the opening",
        ("59=2",),
        11,
        "TimeInForce(59): only 0 (day), 1 (GTC), 3 (IOC) and 4 (FOK)",
    ),
    ("good till date", ("59=6", "432=20260401"), 11, "TimeInForce(59)"),
    ("at the close", ("59=7",), 11, "TimeInForce(59)"),
    ("an instruction", ("18=6",), 11, "ExecInst(18) is not supported: send the order without it"),
    ("a stop price on a limit order", ("99=50000",), 11, "StopPx(99)"),
    ("a least quantity", ("110=0.1",), 11, "MinQty(110)"),
    ("an iceberg", ("111=0.1",), 11, "MaxFloor(111)"),
    ("an iceberg by its older name", ("210=0.1",), 11, "MaxShow(210)"),
    ("a time of expiry", ("126=20260401-00:00:00",), 11, "ExpireTime(126)"),
    ("a date of expiry", ("432=20260401",), 11, "ExpireDate(432)"),
    ("a quantity of cash", ("152=1000",), 11, "CashOrderQty(152)"),
    ("a time to begin", ("168=20260302-00:00:00",), 11, "EffectiveTime(168)"),
    ("a peg", ("211=0.1",), 11, "PegOffsetValue(211)"),
]


@pytest.mark.parametrize(
    ("given", "reason", "text"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_a_well_formed_order_that_cannot_be_is_refused_as_an_order(refused, given, reason, text):
    found, said = refused("D", *given)
    assert found == reason
    assert text in said


def test_every_instruction_that_the_dictionary_lets_in_and_the_venue_does_not_do_is_refused():
    """388 is not declared, so the message is rejected; all others must be in the table above."""
    allowed = venue_dictionary().messages[b"D"].members
    asked = {int(f.partition("=")[0]) for row in REFUSALS for f in row[1]}
    assert {tag for tag in UNSUPPORTED_TAGS if tag in allowed} <= asked
    assert 388 not in allowed
    assert {99, 110, 111, 126, 152, 168, 210, 211, 432} <= UNSUPPORTED_TAGS.keys()


def test_a_refusal_keeps_the_words_that_came(mapped):
    order = mapped("D", "1=BOREAS", "38=007.50", "44=1.001", "59=", "11=word")
    assert order == RefusedOrder(
        origin(),
        b"word",
        b"BOREAS",
        b"BTC-USD",
        b"1",
        b"2",
        b"",
        b"007.50",
        b"1.001",
        15,
        "Account(1) is not one of this member's: leave it out for the default account",
    )


def test_the_largest_refusal_fits_a_record(mapped):
    """Identifiers are capped, so that whatever a peer sends can be journalled."""
    parties = "".join(f"448={'p' * MAX_ID_BYTES}|452=3|" for _ in range(MAX_PARTIES))
    order = mapped(
        "D",
        "11=" + "\xff" * MAX_ID_BYTES,
        "1=" + "\xff" * MAX_ID_BYTES,
        "55=" + "\xff" * MAX_ID_BYTES,
        "38=" + "1" * 40,
        f"453={MAX_PARTIES}|" + parties[:-1],
    )
    assert order.reason == 1
    assert len(order.origin.parties) == MAX_PARTIES
    assert len(encode_record(Record(2**62, NOW, bytes(16), order, ()))) < MAX_RECORD_BYTES // 8


# --- a possible duplicate that is old -------------------------------------------------------------


def dup(sent):
    return f"43=Y|122={sent}|"


@pytest.mark.parametrize(
    ("sent", "refused_"),
    [
        ("20260301-12:00:00.000", False),
        ("20260301-11:59:30.250", False),  # 30 s exactly
        ("20260301-11:59:30.249", True),
        ("20260301-11:59:30", True),
        ("20250301-12:00:00", True),
        ("20260301-12:00:10.000", False),  # a peer's clock that is ahead
    ],
)
def test_a_possible_duplicate_is_an_order_while_its_sender_may_still_want_it(
    mapped, sent, refused_
):
    order = mapped("D", header=dup(sent))
    assert isinstance(order, RefusedOrder if refused_ else NewOrder)
    if refused_:
        assert order.reason == 4
        assert order.text == (
            "PossDup order older than 30 s by OrigSendingTime(122): send a new one"
        )


def test_age_counts_for_possible_duplicates_only(mapped):
    assert mapped("D", header="43=N|122=20250301-12:00:00|") == new_order()


def test_without_its_first_time_a_possible_duplicate_is_as_old_as_it_says(mapped):
    """122 missing: SendingTime(52), 12:00:00.000, counts."""
    assert mapped("D", header="43=Y|") == new_order()


# --- what belongs to a regulator's record ---------------------------------------------------------


def party(ident, role, source="D"):
    return f"448={ident}|447={source}|452={role}"


@pytest.mark.parametrize("msg_type", ["D", "F", "G"])
def test_the_client_and_the_trader_are_kept_and_no_other_role(mapped, msg_type):
    entries = [party("client", 3), party("desk", 24), party("trader", 12), party("other", 38)]
    command = mapped(msg_type, "453=4|" + "|".join(entries))
    assert command.origin.parties == ((3, b"client"), (12, b"trader"))


@pytest.mark.parametrize("msg_type", ["D", "F", "G"])
def test_the_first_executing_trader_is_the_one_that_reports_name(mapped, msg_type):
    entries = [party("client", 3), party("trader", 12), party("other", 12)]
    command = mapped(msg_type, "453=3|" + "|".join(entries))
    assert command.origin.trader == b"trader"
    assert mapped(msg_type, "453=1|" + party("client", 3)).origin.trader == b""


def test_who_decided_is_kept(mapped):
    """Role 122, investment decision maker: of FIX 5.0SP2, but regulators ask for it in 4.4 too."""
    assert mapped("D", "453=1|" + party("algo", 122)).origin.parties == ((122, b"algo"),)


def test_parties_of_parties_are_not_kept(mapped):
    inner = party("client", 3) + "|802=2|523=person|803=2|523=other|803=3"
    command = mapped("D", f"453=2|{inner}|{party('trader', 12)}")
    assert command.origin.parties == ((3, b"client"), (12, b"trader"))


def test_a_party_without_id_or_role_is_not_kept(mapped):
    assert mapped("D", "453=2|448=x|448=y|447=D").origin.parties == ()


def test_roles_are_kept_up_to_their_cap(mapped):
    entries = "|".join(party(f"p{n}", 3) for n in range(MAX_PARTIES))
    assert len(mapped("D", f"453={MAX_PARTIES}|{entries}").origin.parties) == MAX_PARTIES
    entries += f"|{party('one more', 12)}"
    with pytest.raises(PeerError) as error:
        mapped("D", f"453={MAX_PARTIES + 1}|{entries}")
    assert (error.value.reason, error.value.ref_tag) == (5, 453)


def test_capacity_is_kept(mapped):
    command = mapped("D", "528=A", "529=1 5", "581=1", "582=4")
    assert command.origin.capacity == ((528, b"A"), (529, b"1 5"), (581, b"1"), (582, b"4"))
    assert {tag for tag, _ in command.origin.capacity} == CAPACITY_TAGS
    assert mapped("G", "582=1").origin.capacity == ((582, b"1"),)
    assert mapped("D").origin.capacity == ()


def test_a_refusal_has_its_origin_too(mapped):
    command = mapped("D", "55=NONE", "582=4", "453=1|" + party("client", 3))
    assert command.origin == origin(parties=((3, b"client"),), capacity=((582, b"4"),))


# --- OrderCancelRequest(35=F) ---------------------------------------------------------------------

CANCELS = [
    ("by ClOrdID", (), {}),
    ("by OrderID too", ("37=12",), {"order_id": 12}),
    ("by an OrderID that we never gave", ("37=abc",), {"order_id": 0}),
    ("by an OrderID that no record can have", ("37=" + "9" * 30,), {"order_id": INT64_MAX}),
    ("of a sell", ("54=2",), {"side": SELL}),
    ("of a side that we do not have", ("54=5",), {"side": 0}),
    ("of a symbol that we do not have", ("55=NONE",), {"instrument": 0}),
    ("with a quantity", ("38=0.1234567891",), {}),
]


@pytest.mark.parametrize(
    ("given", "changed"), [row[1:] for row in CANCELS], ids=[row[0] for row in CANCELS]
)
def test_a_cancel_becomes_its_command(mapped, given, changed):
    terms = {
        "origin": origin(),
        "cl_ord_id": b"c1",
        "orig_cl_ord_id": b"a1",
        "order_id": 0,
        "instrument": BTC_USD,
        "side": BUY,
    }
    assert mapped("F", *given) == CancelOrder(**terms | changed)


def test_a_cancel_sent_again_says_so(mapped):
    assert mapped("F", header="97=Y|").poss_resend
    assert mapped("G", header="97=Y|").poss_resend


def test_a_cancel_is_never_too_old(mapped):
    assert isinstance(mapped("F", header=dup("20250301-12:00:00")), CancelOrder)


# --- OrderCancelReplaceRequest(35=G) --------------------------------------------------------------

REPLACES = [
    ("quantity and price", (), {}),
    ("with the order's own time in force", ("59=1",), {"tif": GTC}),
    ("by OrderID too", ("37=3",), {"order_id": 3}),
    ("to a market order", ("40=1",), {"ord_type": MARKET}),
    ("to an order type that we do not have", ("40=P",), {"ord_type": 0}),
    ("to nothing", ("38=0",), {"qty": 0}),
]


@pytest.mark.parametrize(
    ("given", "changed"), [row[1:] for row in REPLACES], ids=[row[0] for row in REPLACES]
)
def test_a_replace_becomes_its_command(mapped, given, changed):
    terms = {
        "origin": origin(),
        "cl_ord_id": b"r1",
        "orig_cl_ord_id": b"a1",
        "order_id": 0,
        "instrument": BTC_USD,
        "side": BUY,
        "ord_type": LIMIT,
        "tif": -1,
        "qty": 750_000,
        "price": 6_000_002,
    }
    assert mapped("G", *given) == ReplaceOrder(**terms | changed)


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (("44=60000.001",), "Price(44) 60000.001 is not a whole number of ticks of 0.01"),
        (("44=92233720368547758.08",), "too large"),
        (("38=0.0000001",), "OrderQty(38) 0.0000001 is not a whole number of lots of 0.000001"),
        (("38=" + "9" * 20,), "too large"),
        (("55=NONE",), "Symbol(55) NONE is not traded here"),
        (("59=6",), "TimeInForce(59) cannot be changed: leave it out"),
        (("18=6",), "ExecInst(18) is not supported"),
        (("99=1",), "StopPx(99) is not supported"),
        (("210=1",), "MaxShow(210) is not supported"),
    ],
)
def test_a_replace_that_cannot_be_is_refused_as_a_replace(mapped, given, text):
    command = mapped("G", *given)
    assert isinstance(command, RefusedCancel)
    assert (command.cl_ord_id, command.orig_cl_ord_id) == (b"r1", b"a1")
    assert (command.response_to, command.reason) == (2, 99)
    assert text in command.text


# --- OrderMassCancelRequest(35=q) -----------------------------------------------------------------


def test_a_mass_cancel_is_of_all_orders_or_of_an_instruments(mapped):
    assert mapped("q") == MassCancel(origin(), b"m1", MASS_CANCEL_ALL, 0)
    assert mapped("q", "530=1", "55=BTC-JPY") == MassCancel(
        origin(), b"m1", MASS_CANCEL_INSTRUMENT, BTC_JPY
    )


@pytest.mark.parametrize("scope", ["2", "3", "4", "5", "6"])
def test_another_scope_is_refused(mapped, scope):
    assert mapped("q", f"530={scope}", "55=BTC-USD") == RefusedMassCancel(
        origin(),
        b"m1",
        scope.encode(),
        b"BTC-USD",
        0,
        "MassCancelRequestType(530): only 1 (by symbol) and 7 (all)",
    )


def test_a_mass_cancel_of_an_unknown_symbol_is_refused(refused):
    assert refused("q", "530=1", "55=NONE") == (1, "Symbol(55) NONE is not traded here")


# --- OrderStatusRequest(35=H) ---------------------------------------------------------------------


def test_a_status_request_is_a_question(mapped):
    assert mapped("H") == StatusRequest(b"a1", 0, b"BTC-USD", b"1", b"")
    assert mapped("H", "37=9", "790=why") == StatusRequest(b"a1", 9, b"BTC-USD", b"1", b"why")


# --- what is not an order message at all ----------------------------------------------------------


@pytest.mark.parametrize(
    ("msg_type", "given", "text"),
    [
        ("D", ("44=",), "Price(44) is missing on a limit order"),
        ("G", ("44=",), "Price(44) is missing"),
        ("q", ("530=1",), "Symbol(55) is missing with 530=1"),
    ],
)
def test_a_field_that_this_kind_of_order_needs_is_missed(mapped, msg_type, given, text):
    """BusinessMessageReject(35=j), 380=5."""
    with pytest.raises(BusinessError) as error:
        mapped(msg_type, *given)
    assert (error.value.reason, error.value.text) == (5, text)


@pytest.mark.parametrize(
    ("msg_type", "tag"),
    [
        *(("D", tag) for tag in (11, 1, 55)),
        *(("F", tag) for tag in (11, 41, 37, 55)),
        *(("G", tag) for tag in (11, 41, 37, 1, 55)),
        *(("H", tag) for tag in (11, 37, 55, 790)),
        *(("q", tag) for tag in (11, 55)),
    ],
)
def test_an_identifier_that_is_too_long_is_rejected(mapped, msg_type, tag):
    mapped(msg_type, f"{tag}={'1' * MAX_ID_BYTES}")
    with pytest.raises(PeerError) as error:
        mapped(msg_type, f"{tag}={'1' * (MAX_ID_BYTES + 1)}")
    assert (error.value.reason, error.value.ref_tag) == (5, tag)
    assert f"tag {tag} is longer than 64 characters" in error.value.text


def test_a_party_that_is_too_long_is_rejected(mapped):
    with pytest.raises(PeerError) as error:
        mapped("D", "453=1|" + party("p" * (MAX_ID_BYTES + 1), 3))
    assert (error.value.reason, error.value.ref_tag) == (5, 448)


def test_a_party_that_is_not_kept_may_be_long(mapped):
    assert mapped("D", "453=1|" + party("p" * 500, 24)).origin.parties == ()


WRITTEN_WRONG = ["1e5", "1E5", "NaN", "nan", "Infinity", "+1", " 1", "1 ", "0x1", "1_000", "1,5"]
WRITTEN_WRONG += ["--1", "1-", "1.2.3", ".", "-", "-.", "1" * 41, "½"]


@pytest.mark.parametrize("text", WRITTEN_WRONG)
@pytest.mark.parametrize(
    ("msg_type", "tag"), [("D", 38), ("D", 44), ("G", 38), ("G", 44), ("F", 38), ("D", 99)]
)
def test_a_number_written_wrong_is_rejected_with_its_tag(msg_type, tag, text):
    """Reject(35=3), 373=6, before anything of ours sees it."""
    message = decoded(msg_type, fields(f"{tag}={text}", **KINDS[msg_type]))
    assert message.error is not None
    assert (message.error.reason, message.error.ref_tag) == (6, tag)
    assert f"({tag})" in message.error.text


@pytest.mark.parametrize(
    ("msg_type", "tag"),
    [
        *(("D", tag) for tag in (11, 55, 54, 60, 38, 40)),
        *(("F", tag) for tag in (11, 41, 55, 54, 60)),
        *(("G", tag) for tag in (11, 41, 55, 54, 60, 38, 40)),
        *(("H", tag) for tag in (11, 55, 54)),
        *(("q", tag) for tag in (11, 530, 60)),
    ],
)
def test_a_field_that_fix_requires_is_missed_before_the_mapping(msg_type, tag):
    """Reject(35=3), 373=1: the mapper relies on these being there."""
    message = decoded(msg_type, fields(f"{tag}=", **KINDS[msg_type]))
    assert message.error is not None
    assert (message.error.reason, message.error.ref_tag) == (1, tag)


@pytest.mark.parametrize(
    ("msg_type", "field"),
    [("D", "54=Z"), ("D", "40=?"), ("D", "59=9"), ("q", "530=8"), ("D", "528=Z"), ("D", "581=9")],
)
def test_a_value_that_fix_does_not_have_is_rejected_before_the_mapping(msg_type, field):
    message = decoded(msg_type, fields(field, **KINDS[msg_type]))
    assert message.error is not None
    assert (message.error.reason, message.error.ref_tag) == (5, int(field.partition("=")[0]))


# --- the mapper as a whole ------------------------------------------------------------------------


def test_reference_data_that_changes_is_seen_after_a_refresh(tmp_path):
    refdata = refdata_of(tmp_path)
    mapper = OrderMapper(refdata, max_order_age=30 * SECOND)
    message = decoded("D", fields("55=BTC-EUR", "38=1", "44=3", **ORDER))
    session = refdata.sessions[1]
    assert mapper.map(message, session, SEQ, NOW).reason == 1
    text = edited(
        ("assets:\n", "assets:\n  - {code: EUR, scale: 2}\n"),
        (
            "instruments:\n",
            "instruments:\n  - {symbol: BTC-EUR, base: BTC, quote: EUR, tick: '1', lot: '0.01',"
            " reference_price: '5'}\n",
        ),
    )
    for command in bootstrap_commands(configured(tmp_path, text), refdata):
        refdata.apply(command)
    mapper.refresh()
    order = mapper.map(message, session, SEQ, NOW)
    assert (order.instrument, order.qty, order.price) == (4, 100, 3)


def test_the_memory_of_number_texts_is_bounded_and_never_wrong(refdata):
    symbol = _Symbol(refdata.instruments[BTC_USD])
    for ticks in range(NUMBER_CACHE_ENTRIES + 10):
        assert symbol.price(b"%d.%02d" % divmod(ticks, 100)) == ticks
    assert len(symbol.prices) == 10
    assert symbol.price(b"0.05") == 5


def test_a_refused_number_is_refused_again(mapped):
    for _ in range(2):
        assert mapped("D", "44=1.001").reason == 99
        assert mapped("D", "38=0.0000001").reason == 13
