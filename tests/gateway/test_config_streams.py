"""What a configuration says of streams and drop copies: tokens, and which reports."""

import pytest

from gateway.config import resolve_sessions, token_hash
from gateway.stream.tokens import Tokens
from tests.gateway.support import VENUE, configured, edited, refusal

BOREAS = "  - name: BOREAS"
SESSION = BOREAS + "\n    session_list:\n      - "
PUBLIC = (
    ("bind: 127.0.0.1", "bind: 0.0.0.0"),
    (
        "password: demo",
        "password_hash: '$argon2id$v=19$m=19456,t=2,p=1$6O2I0UjkCJg0P9BufgW1Xg"
        "$5YccJUePElHGuY3aw0N9FbIQGu/A2BEqrzL954IR7l8'",
    ),
)


def test_a_token_is_one_members(tmp_path):
    edit = f"    token: t0\n{BOREAS}\n    token_hashes: [{token_hash('t0')}]"
    path, text = refusal(tmp_path, (BOREAS, edit))
    assert path == "members[1].token_hashes[0]"
    assert "a token of ACME already" in text


def test_a_plain_token_is_refused_where_the_address_is_not_loopback(tmp_path):
    path, text = refusal(tmp_path, *PUBLIC, (BOREAS, f"{BOREAS}\n    token: t0"))
    assert path == "members[1].token"
    assert "`fixgate token` makes one" in text


def test_each_hash_of_a_member_opens_its_streams(tmp_path):
    hashes = f"{BOREAS}\n    token_hashes: [{token_hash('t0')}, {token_hash('t1')}]"
    tokens = Tokens(configured(tmp_path, edited(*PUBLIC, (BOREAS, hashes))))
    assert [tokens.owner(t) for t in ("t0", "t1", "t2", "")] == ["BOREAS", "BOREAS", None, None]


def test_a_filter_is_the_sessions(tmp_path):
    words = "{comp_id: X, kind: drop_copy, filter: {symbols: [BTC-USD], kinds: [filled, expired]}}"
    config = configured(tmp_path, edited((BOREAS, SESSION + words), text=VENUE))
    [session] = [s for s in resolve_sessions(config) if s.comp_id == "X"]
    assert session.filter is not None
    assert (session.filter.symbols, session.filter.kinds) == (("BTC-USD",), ("filled", "expired"))
    assert session.filter.accounts is None


@pytest.mark.parametrize(
    ("kind", "words", "place", "text"),
    [
        ("drop_copy", "accounts: [ACME]", ".accounts[0]", "no such account of the member"),
        ("drop_copy", "sessions: [X]", ".sessions[0]", "no such order entry session"),
        ("drop_copy", "symbols: [BTC-USD, X]", ".symbols[1]", "no such instrument: X"),
        ("drop_copy", "kinds: [eaten]", ".kinds[0]", "eaten"),
        ("drop_copy", "kinds: []", ".kinds", "length"),
        ("order_entry", "symbols: [BTC-USD]", "", "only a drop copy session has a filter"),
    ],
)
def test_a_filter_that_means_nothing_is_refused_at_its_path(tmp_path, kind, words, place, text):
    path, said = refusal(
        tmp_path, (BOREAS, SESSION + f"{{comp_id: X, kind: {kind}, filter: {{{words}}}}}")
    )
    assert path == f"members[1].session_list[0].filter{place}"
    assert text in said
