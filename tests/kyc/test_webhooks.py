"""What a provider posts: believed if it is signed, of now, and new."""

import hashlib
import hmac
import json

import pytest

from compliance.kyc import webhooks
from compliance.kyc.webhooks import Outcome, Posted, WebhookRefused, receive, sign

SECRET, OLD, OTHER = b"s" * 32, b"o" * 32, b"x" * 32
AT = 1_800_000_000
NOW = AT * 1_000_000_000
SECOND = 1_000_000_000
BODY = b'{"id":"evt-1","reference":"q-7","outcome":"hit","theirs":{"a":1}}'
HIT = Posted("evt-1", "q-7", Outcome.HIT)


def got(header=None, body=BODY, known=(), now=NOW, secrets=(SECRET,)):
    return receive(secrets, sign(SECRET, AT, body) if header is None else header, body, known, now)


def test_a_signature_is_that_of_the_rfc():
    mac = hmac.new(SECRET, b"1800000000." + BODY, hashlib.sha256).hexdigest()
    assert sign(SECRET, AT, BODY) == f"t=1800000000,v1={mac}"


def test_a_message_is_taken_once():
    assert got() == HIT
    assert got(known={"evt-1"}) is None
    later = AT + 3_600  # posted again because nobody had answered
    header = sign(SECRET, later, BODY)
    assert got(header, now=later * SECOND, known={"evt-1"}) is None


@pytest.mark.parametrize("away", [300 * SECOND, -300 * SECOND])
def test_a_message_is_of_now(away):
    assert got(now=NOW + away) == HIT
    with pytest.raises(WebhookRefused, match="300 s from ours"):
        got(now=NOW + away + (1 if away > 0 else -1))


def test_whoever_changes_any_byte_of_body_or_header_is_refused():
    header = sign(SECRET, AT, BODY)
    for k in range(len(BODY)):
        with pytest.raises(WebhookRefused, match="no signature is right"):
            got(header, BODY[:k] + bytes([BODY[k] ^ 1]) + BODY[k + 1 :])
    for k in range(len(header)):
        changed = header[:k] + chr(ord(header[k]) ^ 1) + header[k + 1 :]
        with pytest.raises(WebhookRefused):
            got(changed)
    for body in (BODY + b" ", BODY[:-1], b""):
        with pytest.raises(WebhookRefused, match="no signature is right"):
            got(header, body)


def test_digits_do_not_wander_between_time_and_body():
    header = sign(SECRET, AT, b"1." + BODY)
    with pytest.raises(WebhookRefused, match="no signature"):
        got(header.replace(f"t={AT}", f"t={AT}.1"), BODY)


def test_while_a_secret_is_changed_both_hold_and_no_third():
    mac = sign(OTHER, AT, BODY).partition(",")[2]
    both = f"{sign(SECRET, AT, BODY)},{mac},v0=abc"
    for secrets in ((SECRET,), (OTHER,), (OLD, SECRET), (SECRET, OLD)):
        assert got(both, secrets=secrets) == HIT
    with pytest.raises(WebhookRefused, match="no signature is right"):
        got(both, secrets=(OLD,))


@pytest.mark.parametrize(
    "header",
    ["", "v1=" + "0" * 64, f"t={AT}", f"t={AT},t={AT},v1=" + "0" * 64, "t=-1,v1=" + "0" * 64,
     f"t={AT}," + ",".join(["v1=" + "0" * 64] * 5), f"t={AT},v1=" + "A" * 64],
)  # fmt: skip
def test_a_header_that_is_none_is_refused(header):
    with pytest.raises(WebhookRefused, match="the header has no time, or no signature"):
        got(header)


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", json.dumps({"id": "", "reference": "q", "outcome": "hit"}).encode(),
     b'{"id":"e","reference":"q","outcome":"fine"}', b'{"id":1,"reference":"q","outcome":"hit"}'],
)  # fmt: skip
def test_what_is_signed_and_makes_no_sense_is_refused(body):
    with pytest.raises(WebhookRefused, match="signed, but no message"):
        got(body=body)


def test_a_large_body_is_not_looked_at():
    body = b" " * (webhooks.MAX_BODY_BYTES + 1)
    with pytest.raises(WebhookRefused, match="bytes; at most"):
        got(body=body)
