"""From the file to the journal: what the first start writes, and what later starts may change."""

import pytest

from engine.core.venue import Venue
from engine.model.commands import (
    DefineAccount,
    DefineAsset,
    DefineInstrument,
    DefineMember,
    DefineSession,
    DefineVenue,
    Deposit,
    SetAccountLimits,
    SetFees,
    SetInstrumentLimits,
)
from engine.model.enums import DROP_COPY, MARKET_DATA, ORDER_ENTRY
from engine.model.errors import ConfigError
from engine.model.events import CommandRefused, Deposited
from engine.model.money import INT64_MAX
from engine.model.record import MAX_RECORD_BYTES, Record, decode_record, encode_record
from engine.model.refdata import ReferenceData
from gateway.bootstrap import bootstrap_commands
from tests.gateway.support import DEMO, ROOT, VENUE, configured, edited, folded

T0 = 1_772_366_400_000_000_000
"""2026-03-01 12:00:00 UTC."""


class Core:
    """A venue that journals what each start owes it, as the core process does."""

    def __init__(self, folder):
        self.folder = folder
        self.venue = Venue()
        self.number = 0

    def start(self, *edits, text=VENUE):
        """What a start with the edited file owes; every command must be accepted."""
        config = configured(self.folder, edited(*edits, text=text))
        owed = bootstrap_commands(config, self.venue.refdata)
        for command in owed:
            events = self.venue.apply(command, self.number, T0)
            assert not [e for e in events if isinstance(e, CommandRefused)]
            self.number += 1
        self.venue.check()
        return owed

    def refusal(self, *edits, text=VENUE):
        """(path, text) of the start that is refused."""
        with pytest.raises(ConfigError) as error:
            self.start(*edits, text=text)
        return error.value.path, str(error.value).removeprefix(f"{error.value.path}: ")


@pytest.fixture
def core(tmp_path):
    """A venue after its first start."""
    core = Core(tmp_path)
    assert core.start()
    return core


# --- the first start ------------------------------------------------------------------------------


def test_the_first_start_writes_the_whole_file_in_its_order(tmp_path):
    commands = bootstrap_commands(configured(tmp_path, VENUE), ReferenceData())
    assert commands == [
        DefineAsset(1, "USD", 8),
        DefineAsset(2, "BTC", 8),
        DefineAsset(3, "JPY", 2),
        DefineInstrument(1, "BTC-USD", 2, 1, 2, 1, 6, 1, 6_000_000),
        SetInstrumentLimits(1, 1_000_000_000, 5_000_000_000_000_000, 2000),
        SetFees(1, 100, 500),
        DefineInstrument(2, "BTC-JPY", 2, 3, 0, 5, 2, 25, 1_800_000),
        SetInstrumentLimits(2, 0, 0, 0),
        SetFees(2, 0, 0),
        DefineInstrument(3, "JPY-USD", 3, 1, 6, 25, 0, 100, 260),
        SetInstrumentLimits(3, 0, 0, 0),
        SetFees(3, 0, 0),
        DefineMember(1, "ACME"),
        DefineAccount(1, 1, "ACME"),
        SetAccountLimits(1, 0),
        Deposit(1, 1, 100_000_000_000_000, "opening/ACME/USD"),
        Deposit(1, 2, 1_050_000_000, "opening/ACME/BTC"),
        DefineAccount(2, 1, "ACME-HEDGE"),
        SetAccountLimits(2, 7, ((2, 3, 1234),)),
        Deposit(2, 1, 500_000_000, "opening/ACME-HEDGE/USD"),
        DefineMember(2, "BOREAS"),
        DefineAccount(3, 2, "BOREAS"),
        SetAccountLimits(3, 0),
        Deposit(3, 1, 100_000_000_000_000, "opening/BOREAS/USD"),
        Deposit(3, 2, 1_050_000_000, "opening/BOREAS/BTC"),
        DefineSession(1, 1, "ACME-OE1", ORDER_ENTRY, 2_000_000),
        DefineSession(2, 1, "ACME-OE2", ORDER_ENTRY, 2_000_000),
        DefineSession(3, 1, "ACME-DC1", DROP_COPY, 2_000_000),
        DefineSession(4, 2, "BOREAS-OE1", ORDER_ENTRY, 2_000_000),
        DefineSession(5, 2, "BOREAS-OE2", ORDER_ENTRY, 2_000_000),
        DefineSession(6, 2, "BOREAS-DC1", DROP_COPY, 2_000_000),
    ]


def test_its_commands_fold_into_the_reference_data_of_the_file(tmp_path):
    refdata = folded(bootstrap_commands(configured(tmp_path, VENUE), ReferenceData()))
    assert [(a.id, a.code, a.scale) for a in refdata.assets.values()] == [
        (1, "USD", 8),
        (2, "BTC", 8),
        (3, "JPY", 2),
    ]
    yen = refdata.instruments[2]
    assert (yen.base.code, yen.quote.code) == ("BTC", "JPY")
    assert (yen.format_price(1), yen.format_qty(1)) == (b"5", b"0.25")
    assert (yen.quote_per_tick_lot, yen.base_per_lot) == (125, 25_000_000)
    assert (refdata.instruments[1].maker_ppm, refdata.instruments[1].taker_ppm) == (100, 500)
    assert refdata.default_account == {1: 1, 2: 3}
    assert {s.comp_id: (s.id, s.member, s.kind) for s in refdata.sessions.values()} == {
        "ACME-OE1": (1, 1, ORDER_ENTRY),
        "ACME-OE2": (2, 1, ORDER_ENTRY),
        "ACME-DC1": (3, 1, DROP_COPY),
        "BOREAS-OE1": (4, 2, ORDER_ENTRY),
        "BOREAS-OE2": (5, 2, ORDER_ENTRY),
        "BOREAS-DC1": (6, 2, DROP_COPY),
    }


@pytest.mark.parametrize("name", ["demo.yaml", "bench.yaml", "production.example.yaml"])
def test_the_core_accepts_what_a_file_that_ships_asks_for_and_then_is_owed_nothing(tmp_path, name):
    core = Core(tmp_path)
    text = (ROOT / "config" / name).read_text(encoding="utf-8")
    assert core.start(text=text)
    assert core.start(text=text) == []


def test_no_secret_becomes_a_record(tmp_path):
    text = edited(("password: demo", "password: hush-hush-hush"))
    for command in bootstrap_commands(configured(tmp_path, text), ReferenceData()):
        payload = encode_record(Record(0, T0, bytes(16), command, ()))
        assert len(payload) <= MAX_RECORD_BYTES
        assert b"hush" not in payload
        assert decode_record(payload).command == command


def test_market_data_sessions_are_defined_too(tmp_path):
    commands = bootstrap_commands(
        configured(tmp_path, DEMO.read_text(encoding="utf-8")), ReferenceData()
    )
    kinds = [c.kind for c in commands if isinstance(c, DefineSession) and c.member == 1]
    assert kinds == [ORDER_ENTRY] * 4 + [DROP_COPY, MARKET_DATA]


def test_what_can_be_stored_is_stored_up_to_the_last_unit(tmp_path):
    core = Core(tmp_path)
    owed = core.start(
        ('USD: "1000000"', 'USD: "92233720368.54775807"'),
        ('balances: {USD: "5"}', "balances: {}"),
        ("  - name: BOREAS\n", "  - name: BOREAS\n    accounts: [{name: B, balances: {}}]\n"),
    )
    assert [c.amount for c in owed if isinstance(c, Deposit) and c.asset == 1] == [INT64_MAX]


# --- later starts ---------------------------------------------------------------------------------


def test_the_same_file_owes_nothing(core):
    assert core.start() == []
    assert core.start() == []


ALLOWED = [
    (
        "limits of an instrument",
        ("collar_bps: 2000", "collar_bps: 500"),
        [SetInstrumentLimits(1, 1_000_000_000, 5_000_000_000_000_000, 500)],
    ),
    (
        "an order size taken off",
        ('    max_order_qty: "1000"\n', ""),
        [SetInstrumentLimits(1, 0, 5_000_000_000_000_000, 2000)],
    ),
    ("fees", ('taker_fee_bps: "5"', 'taker_fee_bps: "4.25"'), [SetFees(1, 100, 425)]),
    (
        "a reference price",
        ('"9000000"', '"9000005"'),
        [DefineInstrument(2, "BTC-JPY", 2, 3, 0, 5, 2, 25, 1_800_001)],
    ),
    (
        "limits of an account",
        ("max_open_orders: 7", "max_open_orders: 8"),
        [SetAccountLimits(2, 8, ((2, 3, 1234),))],
    ),
    (
        "the most open orders of all accounts that do not say",
        ("password: demo", "password: demo\n  max_open_orders: 100"),
        [SetAccountLimits(1, 100), SetAccountLimits(3, 100)],
    ),
    (
        "the ClOrdIDs that a session may have",
        (
            "sessions: {order_entry: 2, drop_copy: 1}",
            "sessions: {order_entry: 2, drop_copy: 1}\n  cl_ord_id_cap: 9",
        ),
        [
            DefineSession(1, 1, "ACME-OE1", ORDER_ENTRY, 9),
            DefineSession(2, 1, "ACME-OE2", ORDER_ENTRY, 9),
            DefineSession(3, 1, "ACME-DC1", DROP_COPY, 9),
            DefineSession(4, 2, "BOREAS-OE1", ORDER_ENTRY, 9),
            DefineSession(5, 2, "BOREAS-OE2", ORDER_ENTRY, 9),
            DefineSession(6, 2, "BOREAS-DC1", DROP_COPY, 9),
        ],
    ),
    ("an asset", ("assets:\n", "assets:\n  - {code: EUR, scale: 4}\n"), [DefineAsset(4, "EUR", 4)]),
    (
        "an account",
        (
            "      - name: ACME\n",
            '      - {name: ACME-NEW, balances: {USD: "1"}}\n      - name: ACME\n',
        ),
        [
            DefineAccount(4, 1, "ACME-NEW"),
            SetAccountLimits(4, 0),
            Deposit(4, 1, 100_000_000, "opening/ACME-NEW/USD"),
        ],
    ),
    (
        "who the venue is",
        ("  bind: 127.0.0.1\n", "  bind: 127.0.0.1\n  mic: XFXG\n  lei: 000000FIXGATE0000087\n"),
        [DefineVenue("XFXG", "000000FIXGATE0000087")],
    ),
    (
        "what assets are",
        (
            "{code: USD, scale: 8}\n  - {code: BTC, scale: 8}",
            "{code: USD, scale: 8, currency: USD}\n  - {code: BTC, scale: 8, dti: 4H95J0R2X}",
        ),
        [DefineAsset(1, "USD", 8, "", "USD"), DefineAsset(2, "BTC", 8, "4H95J0R2X")],
    ),
    (
        "who a member is",
        ("  - name: ACME\n", "  - name: ACME\n    lei: 000000ACME0000000063\n"),
        [DefineMember(1, "ACME", "000000ACME0000000063")],
    ),
    (
        "what a member is, and which of its codes are algorithms",
        (
            "  - name: ACME\n",
            "  - name: ACME\n    investment_firm: false\n    country: US\n    algos: [T-1, T-2]\n",
        ),
        [DefineMember(1, "ACME", "", False, "US", ("T-1", "T-2"))],
    ),
    (
        "what an instrument is",
        ("  - symbol: BTC-USD\n", "  - symbol: BTC-USD\n    isin: US0378331005\n"),
        [DefineInstrument(1, "BTC-USD", 2, 1, 2, 1, 6, 1, 6_000_000, "US0378331005")],
    ),
    ("a password", ("password: demo", "password: another"), []),
    ("digits and extensions", ("password: demo", "password: demo\n  extensions: true"), []),
    ("a port", ("bind: 127.0.0.1", "bind: 127.0.0.1\n  ports: {order_entry: 1}"), []),
]


@pytest.mark.parametrize(
    ("edit", "owed"), [row[1:] for row in ALLOWED], ids=[row[0] for row in ALLOWED]
)
def test_what_may_change_becomes_commands_and_is_then_owed_no_more(core, edit, owed):
    assert core.start(edit) == owed
    assert core.start(edit) == []


@pytest.mark.parametrize("edit", [row[1] for row in ALLOWED[:6]], ids=[r[0] for r in ALLOWED[:6]])
def test_what_changed_can_be_changed_back(core, edit):
    changed = core.start(edit)
    restored = core.start()
    assert [type(c) for c in restored] == [type(c) for c in changed]
    assert core.start() == []


def test_a_new_reference_price_keeps_the_fees(core):
    core.start(('"60000"', '"70000"'))
    instrument = core.venue.refdata.instruments[1]
    assert instrument.reference_price == 7_000_000
    assert (instrument.maker_ppm, instrument.taker_ppm) == (100, 500)


def test_ids_stay_when_entries_are_put_in_between(core):
    """A new asset, instrument, member and session, each first in the file; old ids stay."""
    before = {s.comp_id: s.id for s in core.venue.refdata.sessions.values()}
    owed = core.start(
        ("assets:\n", "assets:\n  - {code: EUR, scale: 2}\n"),
        (
            "instruments:\n",
            "instruments:\n  - {symbol: BTC-EUR, base: BTC, quote: EUR, tick: '1', lot: '0.01',"
            " reference_price: '5'}\n",
        ),
        ("members:\n", "members:\n  - name: AAA\n    sessions: {order_entry: 1}\n"),
        ("  - name: BOREAS", "  - name: BOREAS\n    sessions: {order_entry: 3, drop_copy: 1}"),
    )
    assert owed == [
        DefineAsset(4, "EUR", 2),
        DefineInstrument(4, "BTC-EUR", 2, 4, 0, 1, 2, 1, 5),
        SetInstrumentLimits(4, 0, 0, 0),
        SetFees(4, 0, 0),
        DefineMember(3, "AAA"),
        DefineAccount(4, 3, "AAA"),
        SetAccountLimits(4, 0),
        Deposit(4, 1, 100_000_000_000_000, "opening/AAA/USD"),
        Deposit(4, 2, 1_050_000_000, "opening/AAA/BTC"),
        DefineSession(7, 3, "AAA-OE1", ORDER_ENTRY, 2_000_000),
        DefineSession(8, 2, "BOREAS-OE3", ORDER_ENTRY, 2_000_000),
    ]
    after = {s.comp_id: s.id for s in core.venue.refdata.sessions.values()}
    assert {name: after[name] for name in before} == before


def test_the_default_account_stays_the_first_that_there_was(core):
    core.start(("      - name: ACME\n", "      - name: ACME-NEW\n      - name: ACME\n"))
    assert core.venue.refdata.default_account[1] == 1


def test_an_opening_balance_is_credited_once(core):
    assert core.start() == []
    again = core.venue.apply(Deposit(1, 1, 5, "opening/ACME/USD"), core.number, T0)
    assert not [event for event in again if isinstance(event, Deposited)]


REFUSED = [
    (
        "a tick",
        ('tick: "0.01"', 'tick: "0.02"'),
        "instruments[0].tick",
        "tick of BTC-USD may not change",
    ),
    ("a lot", ('lot: "0.25"', 'lot: "0.75"'), "instruments[1].lot", "lot of BTC-JPY may not"),
    (
        "a base",
        ("base: JPY\n    quote: USD", "base: BTC\n    quote: USD"),
        "instruments[2].base",
        "base of JPY-USD may not change",
    ),
    (
        "a quote",
        ("quote: JPY\n    tick", "quote: USD\n    tick"),
        "instruments[1].quote",
        "quote of BTC-JPY may not change",
    ),
    (
        "a scale",
        ("JPY, scale: 2", "JPY, scale: 4"),
        "assets[2].scale",
        "scale of JPY may not change",
    ),
    (
        "a member and the order of the file",
        ("  - name: BOREAS\n", "  - name: CYGNUS\n"),
        "members",
        "member BOREAS is in the journal and may not be removed",
    ),
    (
        "an instrument's name",
        ("symbol: JPY-USD", "symbol: YEN-USD"),
        "instruments",
        "instrument JPY-USD is in the journal and may not be removed",
    ),
    (
        "an account",
        ("ACME-HEDGE", "ACME-OTHER"),
        "members[0].accounts",
        "account ACME-HEDGE is in the journal and may not be removed",
    ),
    (
        "an opening balance of the defaults",
        ('BTC: "10.5"', 'BTC: "10.50000001"'),
        "defaults.balances.BTC",
        "credited once, at the first start",
    ),
    (
        "an opening balance of an account",
        ('balances: {USD: "5"}', 'balances: {USD: "4"}'),
        "members[0].accounts[1].balances.USD",
        "credited once",
    ),
    (
        "an opening balance left out",
        ('balances: {USD: "5"}', "balances: {}"),
        "members[0].accounts[1].balances.USD",
        "credited once",
    ),
    (
        "an opening balance of zero",
        ('BTC: "10.5"', 'BTC: "0"'),
        "defaults.balances.BTC",
        "credited once",
    ),
]


@pytest.mark.parametrize(
    ("edit", "path", "text"),
    [row[1:] for row in REFUSED],
    ids=[row[0] for row in REFUSED],
)
def test_what_may_not_change_is_refused_at_its_path_and_changes_nothing(core, edit, path, text):
    before, number = core.venue.state_hash(), core.number
    found, said = core.refusal(edit)
    assert found == path
    assert text in said
    assert (core.venue.state_hash(), core.number) == (before, number)


def test_an_asset_that_trades_no_more_may_not_be_removed_either(tmp_path):
    core = Core(tmp_path)
    extra = ("assets:\n", "assets:\n  - {code: EUR, scale: 2}\n")
    core.start(extra)
    assert core.refusal() == ("assets", "asset EUR is in the journal and may not be removed")


def test_an_account_does_not_move_to_another_member(core):
    path, text = core.refusal(
        ("      - name: ACME-HEDGE\n", "      - name: ACME-X\n"),
        (
            "  - name: BOREAS\n",
            "  - name: BOREAS\n    accounts: [{name: BOREAS}, {name: ACME-HEDGE}]\n",
        ),
    )
    assert path == "members[1].accounts[1]"
    assert text == "account ACME-HEDGE belongs to another member"


def test_a_session_does_not_change_its_member_or_its_kind(core):
    listed = (
        "  - name: BOREAS\n",
        "  - name: BOREAS\n    session_list:\n"
        "      - {comp_id: BOREAS-OE1, kind: drop_copy}\n"
        "      - {comp_id: BOREAS-OE2, kind: order_entry}\n",
    )
    path, text = core.refusal(listed)
    assert path == "members[1].session_list[0]"
    assert text == "member and kind of BOREAS-OE1 may not change"
    moved = (
        "  - name: BOREAS\n",
        "  - name: BOREAS\n    session_list: [{comp_id: ACME-OE2, kind: order_entry}]\n",
    )
    path, text = core.refusal(
        ("- name: ACME\n", "- name: ACME\n    sessions: {order_entry: 1}\n"), moved
    )
    assert path == "members[1].session_list[0]"
    assert text == "member and kind of ACME-OE2 may not change"


def test_ten_thousand_sessions_are_not_too_many(tmp_path):
    text = edited(("sessions: {order_entry: 2, drop_copy: 1}", "sessions: {order_entry: 999}"))
    text += "".join(f"  - name: M{n}\n" for n in range(8))
    commands = bootstrap_commands(configured(tmp_path, text), ReferenceData())
    ids = [c.session for c in commands if isinstance(c, DefineSession)]
    assert ids == list(range(1, 9_991))


def test_a_folder_of_before_starts_with_identifiers_and_still_refuses_another_scale(core):
    named = ("{code: BTC, scale: 8}", "{code: BTC, scale: 8, dti: 4H95J0R2X}")
    assert core.start(named) == [DefineAsset(2, "BTC", 8, "4H95J0R2X")]
    path, _ = core.refusal(("{code: BTC, scale: 8}", "{code: BTC, scale: 9, dti: 4H95J0R2X}"))
    assert path == "assets[1].scale"
