"""The configuration file: what loads, and every refusal with the path of what is wrong."""

import re

import pytest

from engine.model.errors import ConfigError
from engine.model.refdata import ReferenceData
from gateway.bootstrap import bootstrap_commands
from gateway.config import (
    ARGON2,
    MAX_CONFIG_BYTES,
    Limits,
    load_config,
    resolve_sessions,
    verifies_slowly,
    verify_password,
)
from tests.gateway.support import DEMO, ROOT, VENUE, configured, edited, refusal

HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$6O2I0UjkCJg0P9BufgW1Xg"
    "$5YccJUePElHGuY3aw0N9FbIQGu/A2BEqrzL954IR7l8"
)
"""Of `change me`, from production.example.yaml."""

A_NUMBER = "expected a number such as"
A_NAME = "expected 1 to 32 of"
BTC = 'symbol: BTC-USD\n    base: BTC\n    quote: USD\n    tick: "0.01"\n    lot: "0.000001"'
SESSION = "  - name: BOREAS\n    session_list:\n      - "


# --- files that are good --------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["demo.yaml", "bench.yaml", "production.example.yaml"])
def test_a_file_that_ships_loads_and_makes_a_venue(name):
    config = load_config(ROOT / "config" / name)
    commands = bootstrap_commands(config, ReferenceData())
    assert len(commands) > len(config.members) + 3 * len(config.instruments)


def test_the_venue_of_these_tests_loads_with_its_defaults(tmp_path):
    config = configured(tmp_path, VENUE)
    assert config.venue.comp_id == "FIXGATE"
    ports = config.venue.ports
    assert (ports.order_entry, ports.drop_copy, ports.metrics) == (9878, 9880, 9100)
    assert config.venue.durability == "fsync"
    assert config.venue.max_order_age_s == 30
    sessions = resolve_sessions(config)
    assert [s.comp_id for s in sessions] == [
        f"{member}-{kind}" for member in ("ACME", "BOREAS") for kind in ("OE1", "OE2", "DC1")
    ]
    assert {s.password for s in sessions} == {"demo"}
    assert {s.timestamp_precision for s in sessions} == {3}
    assert {s.extensions for s in sessions} == {False}
    assert {(s.heartbeat_s.min, s.heartbeat_s.max) for s in sessions} == {(1, 120)}


def test_demo_has_the_sessions_members_and_balances_that_are_promised():
    config = load_config(DEMO)
    assert [m.name for m in config.members] == [
        *("ACME", "BOREAS", "CYGNUS", "MAKER", "TAKER", "CLIENT")
    ]
    names = {s.comp_id for s in resolve_sessions(config)}
    for member in ("ACME", "BOREAS", "CYGNUS"):
        kinds = ("OE1", "OE2", "OE3", "OE4", "DC1", "MD1")
        assert {f"{member}-{kind}" for kind in kinds} <= names
    assert config.defaults.balances == {"USD": "1000000000", "BTC": "100000", "ETH": "1000000"}
    terms = [(i.symbol, i.tick, i.lot, i.reference_price) for i in config.instruments]
    assert terms == [
        ("BTC-USD", "0.01", "0.000001", "60000"),
        ("ETH-USD", "0.01", "0.0001", "3000"),
        ("ETH-BTC", "0.00001", "0.001", "0.05"),
    ]
    for instrument in config.instruments:
        assert (instrument.maker_fee_bps, instrument.taker_fee_bps) == ("1", "5")
        assert instrument.collar_bps == 2000


def test_bench_has_its_limits_off():
    config = load_config(ROOT / "config" / "bench.yaml")
    assert [m.name for m in config.members] == ["BENCH", "BENCH2"]
    assert config.venue.durability == "fsync"
    assert config.bots == ()
    for instrument in config.instruments:
        assert instrument.collar_bps == 0
        assert (instrument.max_order_qty, instrument.max_order_notional) == ("0", "0")
    assert config.defaults.max_open_orders == 0
    for session in resolve_sessions(config):
        assert session.cl_ord_id_cap >= 2_000_000
        assert session.timestamp_precision == 3
    assert len(resolve_sessions(config)) == 2 * 18
    limits = config.limits
    assert (limits.messages_per_second, limits.cancels_per_second) == (0, 0)
    assert limits.connections_per_address == 0
    assert (limits.failed_logons, limits.failed_logons_per_address) == (0, 0)


@pytest.mark.parametrize("name", ["demo.yaml", "production.example.yaml"])
def test_what_ships_for_members_has_the_limits_of_the_manual(name):
    assert load_config(ROOT / "config" / name).limits == Limits()
    page = (ROOT / "docs" / "configuration.md").read_text()
    for key in Limits.__struct_fields__:
        assert re.search(rf"`(limits)?\.{key}`", page), key


@pytest.mark.parametrize(
    ("limits", "path", "text"),
    [
        ("message_burst: 0", "limits.message_burst", "must be 1 or more"),
        ("cancel_burst: 0", "limits.cancel_burst", "must be 1 or more"),
        ("connections: 256", "limits.connections_before_logon", "must be less than connections"),
        ("messages_per_second: -1", "limits.messages_per_second", ">= 0"),
        ("flood_multiple: 1", "limits.flood_multiple", ">= 2"),
        ("orders_per_second: 1", "limits", "unknown field"),
    ],
)
def test_limits_that_make_no_sense_are_refused(tmp_path, limits, path, text):
    found = refusal(tmp_path, ("members:", f"limits: {{{limits}}}\n\nmembers:"))
    assert found[0] == path
    assert text in found[1]


def test_a_rate_that_is_off_needs_no_burst(tmp_path):
    limits = "limits: {messages_per_second: 0, message_burst: 0}\n\nmembers:"
    assert configured(tmp_path, edited(("members:", limits))).limits.messages_per_second == 0


def test_a_session_says_what_it_has_before_its_member_and_the_defaults_do(tmp_path):
    text = edited(
        (
            "  password: demo",
            "  password: demo\n  enable_last_msg_seq_num_processed: true",
        ),
        (
            "  - name: BOREAS",
            "  - name: BOREAS\n    password: of-boreas\n    session_list:\n"
            "      - {comp_id: B1, kind: order_entry}\n"
            "      - {comp_id: B2, kind: drop_copy, password: own, timestamp_precision: 9,"
            " extensions: true, cl_ord_id_cap: 5, heartbeat_s: {min: 2, max: 3},"
            " send_next_expected_msg_seq_num: true, enable_last_msg_seq_num_processed: false}\n"
            f"      - {{comp_id: B3, kind: market_data, password_hash: '{HASH}'}}",
        ),
    )
    sessions = resolve_sessions(configured(tmp_path, text))
    first, second, third = (s for s in sessions if s.member == "BOREAS")
    assert (first.comp_id, first.password, first.timestamp_precision) == ("B1", "of-boreas", 3)
    assert (second.password, second.timestamp_precision, second.extensions) == ("own", 9, True)
    assert (second.cl_ord_id_cap, second.heartbeat_s.max, second.kind) == (5, 3, "drop_copy")
    assert (third.password, third.password_hash) == (None, HASH)
    assert [s.send_next_expected_msg_seq_num for s in (first, second, third)] == [
        False,
        True,
        False,
    ]
    assert [s.enable_last_msg_seq_num_processed for s in (first, second, third)] == [
        True,
        False,
        True,
    ]
    assert third.path == "members[1].session_list[2]"


# --- refused by type and shape --------------------------------------------------------------------

SHAPES = [
    ("tick of a number", ('tick: "0.01"', "tick: 0.01"), "instruments[0].tick", "`float`"),
    ("tick with an exponent", ('tick: "0.01"', 'tick: "1e-2"'), "instruments[0].tick", A_NUMBER),
    ("tick below zero", ('tick: "0.01"', 'tick: "-0.01"'), "instruments[0].tick", A_NUMBER),
    ("tick without digits", ('tick: "0.01"', 'tick: "."'), "instruments[0].tick", A_NUMBER),
    (
        "digits of another script",
        ('"0.01"', '"\u0660.\u0660\u0661"'),
        "instruments[0].tick",
        A_NUMBER,
    ),
    ("a line end after a number", ('"0.01"', '"0.01\\n"'), "instruments[0].tick", A_NUMBER),
    ("a line end after a name", ("name: ACME\n", 'name: "ACME\\n"\n'), "members[0].name", A_NAME),
    ("a name with a space", ("name: ACME\n", 'name: "A CME"\n'), "members[0].name", A_NAME),
    ("a name too long", ("name: ACME\n", f"name: {'A' * 33}\n"), "members[0].name", A_NAME),
    ("an asset's scale", ("JPY, scale: 2", "JPY, scale: 19"), "assets[2].scale", "<= 18"),
    (
        "a collar of everything",
        ("collar_bps: 2000", "collar_bps: 10000"),
        "instruments[0].collar_bps",
        "9999",
    ),
    (
        "a port of zero",
        ("bind: 127", "ports: {order_entry: 0}\n  bind: 127"),
        "venue.ports.order_entry",
        ">= 1",
    ),
    (
        "a port too high",
        ("bind: 127", "ports: {drop_copy: 65536}\n  bind: 127"),
        "venue.ports.drop_copy",
        "65535",
    ),
    (
        "an unknown durability",
        ("bind: 127", "durability: maybe\n  bind: 127"),
        "venue.durability",
        "'maybe'",
    ),
    (
        "a segment of nothing",
        ("bind: 127", "segment_mib: 0\n  bind: 127"),
        "venue.segment_mib",
        ">= 1",
    ),
    (
        "an age of nothing",
        ("bind: 127", "max_order_age_s: 0\n  bind: 127"),
        "venue.max_order_age_s",
        ">= 1",
    ),
    (
        "a kind of session",
        ("  - name: BOREAS", SESSION + "{comp_id: X, kind: fix}"),
        "members[1].session_list[0].kind",
        "'fix'",
    ),
    (
        "a precision",
        ("  - name: BOREAS", SESSION + "{comp_id: X, kind: drop_copy, timestamp_precision: 4}"),
        "members[1].session_list[0].timestamp_precision",
        "4",
    ),
    (
        "a cap of nothing",
        ("  - name: BOREAS", SESSION + "{comp_id: X, kind: drop_copy, cl_ord_id_cap: 0}"),
        "members[1].session_list[0].cl_ord_id_cap",
        ">= 1",
    ),
    (
        "a limit below zero",
        ("max_open_orders: 7", "max_open_orders: -7"),
        "members[0].accounts[1].max_open_orders",
        ">= 0",
    ),
    (
        "a balance that is a number",
        ('USD: "1000000"', "USD: 1000000"),
        "defaults.balances[...]",
        "`int`",
    ),
    (
        "a balance of no asset name",
        ('USD: "1000000"', '"U S": "1"'),
        "defaults.balances",
        "as a key",
    ),
    ("a missing symbol", ("symbol: BTC-USD\n    base", "base"), "instruments[0]", "`symbol`"),
    ("a missing tick", ('    tick: "0.01"\n', ""), "instruments[0]", "`tick`"),
    ("a missing venue", ("venue:\n  bind: 127.0.0.1", ""), "", "`venue`"),
    ("an unknown key", ("bind: 127", "bnd: 1\n  bind: 127"), "venue", "unknown field `bnd`"),
    (
        "an unknown key of an instrument",
        ("base: BTC\n    quote: USD", "base: BTC\n    tik: 1\n    quote: USD"),
        "instruments[0]",
        "`tik`",
    ),
    ("an unknown key of the whole", ("\nassets:", "\nmemberz: []\nassets:"), "", "`memberz`"),
    ("members that are no list", ("members:\n", "members: 5\nx:\n"), "members", "`int`"),
]


@pytest.mark.parametrize(
    ("edit", "path", "text"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES]
)
def test_a_value_of_the_wrong_shape_is_refused_at_its_path(tmp_path, edit, path, text):
    found, said = refusal(tmp_path, edit)
    assert found == path
    assert text in said


# --- refused because it contradicts itself --------------------------------------------------------

MEANINGS = [
    (
        "an asset twice",
        ("{code: BTC, scale: 8}", "{code: USD, scale: 8}"),
        "assets[1].code",
        "listed twice",
    ),
    (
        "an instrument twice",
        ("symbol: BTC-JPY", "symbol: BTC-USD"),
        "instruments[1].symbol",
        "listed twice",
    ),
    ("a member twice", ("- name: BOREAS", "- name: ACME"), "members[1].name", "listed twice"),
    (
        "an account twice",
        ("name: ACME-HEDGE", "name: ACME"),
        "members[0].accounts[1].name",
        "listed twice",
    ),
    (
        "another member's account",
        ("name: ACME-HEDGE", "name: BOREAS"),
        "members[1].name",
        "account of ACME already",
    ),
    (
        "another member's listed account",
        ("- name: BOREAS", "- name: BOREAS\n    accounts: [{name: B}, {name: ACME}]"),
        "members[1].accounts[1].name",
        "account of ACME already",
    ),
    ("an unknown base", ("base: BTC", "base: XRP"), "instruments[0].base", "no such asset: XRP"),
    (
        "an unknown quote",
        ("quote: JPY", "quote: EUR"),
        "instruments[1].quote",
        "no such asset: EUR",
    ),
    ("a pair of one asset", ("quote: USD", "quote: BTC"), "instruments[0].quote", "the same asset"),
    ("a tick of zero", ('tick: "0.01"', 'tick: "0.00"'), "instruments[0].tick", "more than 0"),
    ("a lot of zero", ('lot: "0.25"', 'lot: "0"'), "instruments[1].lot", "more than 0"),
    ("no reference price", ('"9000000"', '"0.0"'), "instruments[1].reference_price", "more than 0"),
    (
        "a fee too fine",
        ('taker_fee_bps: "5"', 'taker_fee_bps: "5.001"'),
        "instruments[0].taker_fee_bps",
        "steps of 0.01",
    ),
    (
        "a fee too high",
        ('maker_fee_bps: "1"', 'maker_fee_bps: "1000.01"'),
        "instruments[0].maker_fee_bps",
        "at most 1000",
    ),
    (
        "a balance of no asset",
        ('BTC: "10.5"', 'XRP: "10.5"'),
        "defaults.balances.XRP",
        "no such asset",
    ),
    (
        "an account's balance of no asset",
        ('balances: {USD: "5"}', 'balances: {XRP: "5"}'),
        "members[0].accounts[1].balances.XRP",
        "no such asset",
    ),
    (
        "limits in no instrument",
        ("BTC-JPY: {max", "BTC-EUR: {max"),
        "members[0].accounts[1].limits.BTC-EUR",
        "no such instrument",
    ),
    (
        "one port for two",
        ("bind: 127", "ports: {order_entry: 9880}\n  bind: 127"),
        "venue.ports.drop_copy",
        "the port of order_entry",
    ),
    ("an address that is a name", ("127.0.0.1", "localhost"), "venue.bind", "IP address"),
    (
        "a CompID twice",
        ("  - name: BOREAS", SESSION + "{comp_id: ACME-OE1, kind: drop_copy}"),
        "members[1].session_list[0]",
        "used twice",
    ),
    (
        "the venue's own CompID",
        ("  - name: BOREAS", SESSION + "{comp_id: FIXGATE, kind: drop_copy}"),
        "members[1].session_list[0]",
        "used twice",
    ),
    (
        "counted and listed alike",
        (
            "  - name: BOREAS",
            SESSION.replace("session_list", "sessions: {drop_copy: 1}\n    session_list")
            + "{comp_id: BOREAS-DC1, kind: drop_copy}",
        ),
        "members[1].session_list[0]",
        "used twice",
    ),
    (
        "heartbeats from more to less",
        ("password: demo", "password: demo\n  heartbeat_s: {min: 9, max: 8}"),
        "defaults.heartbeat_s",
        "min is more than max",
    ),
    (
        "a session's heartbeats",
        (
            "  - name: BOREAS",
            SESSION + "{comp_id: X, kind: drop_copy, heartbeat_s: {min: 9, max: 8}}",
        ),
        "members[1].session_list[0].heartbeat_s",
        "min is more than max",
    ),
    (
        "no password at all",
        ("  password: demo\n", ""),
        "members[0].sessions",
        "ACME-OE1 has no password",
    ),
    ("an empty password", ("password: demo", 'password: ""'), "defaults.password", "is empty"),
    (
        "a member's empty password",
        ("- name: BOREAS", '- name: BOREAS\n    password: ""'),
        "members[1].password",
        "is empty",
    ),
    (
        "both kinds of password",
        ("password: demo", f"password: demo\n  password_hash: '{HASH}'"),
        "defaults.password",
        "keep one",
    ),
    (
        "another kind of hash",
        ("password: demo", f"password_hash: '{HASH.replace('argon2id', 'argon2i')}'"),
        "defaults.password_hash",
        "not argon2id",
    ),
    (
        "a hash cut short",
        ("password: demo", "password_hash: '$argon2id$v=19$m=19456'"),
        "defaults.password_hash",
        "not argon2id",
    ),
    ("no hash", ("password: demo", 'password_hash: ""'), "defaults.password_hash", "not argon2id"),
    (
        "a member's bad hash",
        ("- name: BOREAS", "- name: BOREAS\n    password_hash: md5"),
        "members[1].password_hash",
        "not argon2id",
    ),
    (
        "a session's bad hash",
        ("  - name: BOREAS", SESSION + "{comp_id: X, kind: drop_copy, password_hash: sha}"),
        "members[1].session_list[0].password_hash",
        "not argon2id",
    ),
    (
        "a bot without a session",
        ("\nassets:", "\nbots: [{kind: maker, comp_id: ACME-DC1, password: demo}]\nassets:"),
        "bots[0].comp_id",
        "no order entry session ACME-DC1",
    ),
]


@pytest.mark.parametrize(
    ("edit", "path", "text"), [row[1:] for row in MEANINGS], ids=[row[0] for row in MEANINGS]
)
def test_a_contradiction_is_refused_at_its_path(tmp_path, edit, path, text):
    found, said = refusal(tmp_path, edit)
    assert found == path
    assert text in said


# --- what makes whole numbers of everything -------------------------------------------------------

NUMBERS = [
    (
        "tick x lot finer than the quote",
        ('tick: "5"', 'tick: "0.05"'),
        "instruments[1]",
        "tick x lot is not a whole number of JPY units",
    ),
    (
        "a lot finer than the base",
        ('lot: "100"', 'lot: "0.001"'),
        "instruments[2]",
        "the lot is not a whole number of JPY units",
    ),
    (
        "a reference price off tick",
        ('"9000000"', '"9000001"'),
        "instruments[1].reference_price",
        "whole number",
    ),
    (
        "an order size off lot",
        ('max_order_qty: "1000"', 'max_order_qty: "0.0000005"'),
        "instruments[0].max_order_qty",
        "whole number",
    ),
    (
        "a notional off the quote's scale",
        ('"50000000"', '"0.000000001"'),
        "instruments[0].max_order_notional",
        "whole number",
    ),
    (
        "an account's order size off lot",
        ('{max_order_qty: "0.75"', '{max_order_qty: "0.8"'),
        "members[0].accounts[1].limits.BTC-JPY.max_order_qty",
        "whole number",
    ),
    (
        "an account's notional off scale",
        ('max_order_notional: "12.34"', 'max_order_notional: "12.345"'),
        "members[0].accounts[1].limits.BTC-JPY.max_order_notional",
        "whole number",
    ),
    (
        "a balance off scale",
        ('BTC: "10.5"', 'BTC: "0.000000001"'),
        "defaults.balances.BTC",
        "whole number",
    ),
    (
        "an account's balance off scale",
        ('balances: {USD: "5"}', 'balances: {USD: "0.123456789"}'),
        "members[0].accounts[1].balances.USD",
        "whole number",
    ),
    (
        "a balance above int64",
        ('USD: "1000000"', 'USD: "92233720368.54775808"'),
        "defaults.balances.USD",
        "larger than 2**63-1",
    ),
    (
        "balances that add up above int64",
        ('USD: "1000000"', 'USD: "46116860184.27387904"'),
        "defaults.balances.USD",
        "add up to more than 2**63-1",
    ),
    (
        "a notional above int64",
        ('"50000000"', '"92233720368.54775808"'),
        "instruments[0].max_order_notional",
        "larger than 2**63-1",
    ),
    (
        "a reference price above int64",
        ('reference_price: "60000"', 'reference_price: "92233720368547758.08"'),
        "instruments[0].reference_price",
        "larger than 2**63-1",
    ),
    (
        "a tick beyond int64",
        ('tick: "0.01"', 'tick: "999999999999999999.000000000000000001"'),
        "instruments[0].tick",
        "more digits",
    ),
    (
        "a lot beyond int64",
        ('lot: "0.000001"', 'lot: "999999999999999999.000000000000000001"'),
        "instruments[0].lot",
        "more digits",
    ),
]


@pytest.mark.parametrize(
    ("edit", "path", "text"), [row[1:] for row in NUMBERS], ids=[row[0] for row in NUMBERS]
)
def test_a_number_that_is_not_whole_or_does_not_fit_is_refused_at_its_path(
    tmp_path, edit, path, text
):
    config = configured(tmp_path, edited(edit))
    with pytest.raises(ConfigError) as error:
        bootstrap_commands(config, ReferenceData())
    assert error.value.path == path
    assert text in str(error.value)


def test_the_largest_balance_there_can_be_is_accepted(tmp_path):
    """2**63-1 of the smallest unit over all accounts: half each would be one unit too much."""
    text = edited(
        ('USD: "1000000"', 'USD: "46116860184.27387901"'),  # twice, and 5 in ACME-HEDGE
        ('balances: {USD: "5"}', 'balances: {USD: "0.00000005"}'),
    )
    commands = bootstrap_commands(configured(tmp_path, text), ReferenceData())
    amounts = [c.amount for c in commands if type(c).__name__ == "Deposit" and c.asset == 1]
    assert sum(amounts) == 2**63 - 1


# --- files ----------------------------------------------------------------------------------------


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"cannot read .*none\.yaml: No such file"):
        load_config(tmp_path / "none.yaml")


def test_a_file_that_is_no_configuration_is_not_read_to_its_end(tmp_path):
    path = tmp_path / "venue.yaml"
    path.write_bytes(b"#" * (MAX_CONFIG_BYTES + 1))
    with pytest.raises(ConfigError, match="larger than"):
        load_config(path)


@pytest.mark.parametrize(
    "raw",
    [
        b"venue: [",
        b"venue: \xff\xfe",
        b"venue: !!python/object/apply:os.system [true]",
        b"venue: 2026-13-45",
        b"[" * 3_000,
        b"venue: {}\nvenue: {}",
        b"assets: [{code: USD, code: BTC}]",
    ],
    ids=["open", "no UTF-8", "a tag", "no date", "deep", "a key twice", "an inner key twice"],
)
def test_a_file_that_is_not_plain_yaml_is_refused(tmp_path, raw):
    path = tmp_path / "venue.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match="is not YAML"):
        load_config(path)


def test_yaml_anchors_and_merges_are_understood(tmp_path):
    text = edited(
        ("  - {code: USD, scale: 8}", "  - &usd {code: USD, scale: 8}"),
        ("  - {code: BTC, scale: 8}", "  - {<<: *usd, code: BTC}"),
    )
    config = configured(tmp_path, text)
    assert [(a.code, a.scale) for a in config.assets] == [("USD", 8), ("BTC", 8), ("JPY", 2)]


@pytest.mark.parametrize("raw", [b"", b"[]", b"5"], ids=["empty", "a list", "a number"])
def test_a_file_that_is_no_mapping_is_refused(tmp_path, raw):
    path = tmp_path / "venue.yaml"
    path.write_bytes(raw)
    with pytest.raises(ConfigError, match="Expected `object`"):
        load_config(path)


# --- passwords ------------------------------------------------------------------------------------


@pytest.mark.parametrize("address", ["0.0.0.0", "10.1.2.3", "::", "2001:db8::1"])
@pytest.mark.parametrize("password", ["demo", "a much better one"])
def test_a_plain_password_is_refused_where_the_address_is_not_loopback(tmp_path, address, password):
    path, text = refusal(
        tmp_path,
        ("bind: 127.0.0.1", f'bind: "{address}"'),
        ("password: demo", f"password: {password}"),
    )
    assert path == "members[0].sessions"
    assert "plain password" in text
    assert "`fixgate password` makes one" in text


def test_one_demo_password_among_hashes_is_found_on_a_public_address(tmp_path):
    edits = (
        ("bind: 127.0.0.1", "bind: 0.0.0.0"),
        ("password: demo", f"password_hash: '{HASH}'"),
    )
    assert len(resolve_sessions(configured(tmp_path, edited(*edits)))) == 6
    path, _ = refusal(
        tmp_path,
        *edits,
        ("  - name: BOREAS", SESSION + "{comp_id: X, kind: drop_copy, password: demo}"),
    )
    assert path == "members[1].session_list[0]"


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.9.10", "::1"])
def test_demo_is_good_on_loopback(tmp_path, address):
    config = configured(tmp_path, edited(("bind: 127.0.0.1", f'bind: "{address}"')))
    assert config.venue.bind == address


def test_a_plain_password_opens_its_session_and_nothing_else_does(tmp_path):
    session = resolve_sessions(configured(tmp_path, VENUE))[0]
    assert not verifies_slowly(session)
    assert verify_password(session, b"demo")
    for wrong in (b"", b"dem", b"demo ", b"Demo", b"\xff\xfe", b"demodemo"):
        assert not verify_password(session, wrong)


def test_a_hashed_password_opens_its_session_and_nothing_else_does(tmp_path):
    text = edited(("password: demo", f"password_hash: '{HASH}'"))
    session = resolve_sessions(configured(tmp_path, text))[0]
    assert verifies_slowly(session)
    assert verify_password(session, b"change me")
    for wrong in (b"", b"change m", b"\xff", HASH.encode()):
        assert not verify_password(session, wrong)


def test_hashes_are_argon2id_with_their_own_salt():
    first, second = ARGON2.hash("correct horse battery"), ARGON2.hash("correct horse battery")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
