"""What a provider posts to us: whether it is from the provider, of now, and new.

The signature is HMAC-SHA256 (RFC 2104) with a shared secret over the time in seconds, a point, and
the body as it came: `t=1800000000,v1=<hex>`, in the header Fixgate-Signature. A message that
somebody has kept is refused once its time is out of the window; until then its id is known. A
provider that had no answer posts again, with the same id and a new time.
"""

import hmac
import re
from collections.abc import Container, Sequence
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from engine.model.clock import NANOS_PER_SECOND

WINDOW_SECONDS: Final = 300
"""How far a message's time may be from ours, either way. Own value: what providers commonly use."""

MAX_BODY_BYTES: Final = 64 * 1024
"""Of a message; one that tells an outcome has some hundred."""

MAX_SIGNATURES: Final = 4
"""In one header: a provider signs with its old secret and its new one while it changes them."""

MIN_SECRET_BYTES: Final = 32
"""Of a secret: as long as the digest (RFC 2104, section 3)."""

SIGNATURE_HEADER: Final = "Fixgate-Signature"
"""Of what we post, and of what is posted to us."""

_TIME: Final = re.compile(r"t=([0-9]{1,12})\Z")
_SIGNATURE: Final = re.compile(r"v1=([0-9a-f]{64})\Z")

Word = Annotated[str, Meta(pattern=r"^[!-~]{1,100}\Z")]


class Outcome(StrEnum):
    """What a provider has to say about what it was asked."""

    CLEAR = "clear"
    HIT = "hit"
    FAILED = "failed"
    """It could not be screened."""


class Posted(Struct, frozen=True):
    """A message: its id, which no other message of the provider has, and the reference of what it
    answers. Fields besides are the provider's own."""

    id: Word
    reference: Word
    outcome: Outcome


class WebhookRefused(ValueError):
    """It is not believed; the text says why, for the log and not for whoever has sent it."""


class WebhookMalformed(WebhookRefused):
    """It is the provider's, and no message."""


def sign(secret: bytes, seconds: int, body: bytes) -> str:
    """The header of a message that is sent at a time, seconds UTC."""
    return f"t={seconds},v1={_digest(secret, seconds, body)}"


def receive(
    secrets: Sequence[bytes], header: str, body: bytes, known: Container[str], now: int
) -> Posted | None:
    """A message that is the provider's; None if its id is known, which is to be answered like the
    first time. secrets: those in force. known: ids that were taken, on disk. now: ns UTC. Raises
    WebhookRefused, and WebhookMalformed of these.

    Nothing of a body is read before its signature is that of one of the secrets.
    """
    assert secrets
    assert all(len(secret) >= MIN_SECRET_BYTES for secret in secrets)
    if len(body) > MAX_BODY_BYTES:
        raise WebhookRefused(f"{len(body)} bytes; at most {MAX_BODY_BYTES}")
    seconds, signatures = _parsed(header)
    if not any(_is_signed(secret, seconds, body, signatures) for secret in secrets):
        raise WebhookRefused("no signature is right")
    if abs(now - seconds * NANOS_PER_SECOND) > WINDOW_SECONDS * NANOS_PER_SECOND:
        raise WebhookRefused(f"its time is more than {WINDOW_SECONDS} s from ours")
    try:
        posted = msgspec.json.decode(body, type=Posted, strict=True)
    except msgspec.DecodeError as error:
        raise WebhookMalformed(f"signed, but no message: {error}") from None
    return None if posted.id in known else posted


def _parsed(header: str) -> tuple[int, list[str]]:
    """A header's time and signatures. Versions that we do not know are left out."""
    parts = header.split(",")
    times = [found[1] for part in parts if (found := _TIME.match(part))]
    signatures = [found[1] for part in parts if (found := _SIGNATURE.match(part))]
    if len(times) != 1 or not 0 < len(signatures) <= MAX_SIGNATURES:
        raise WebhookRefused("the header has no time, or no signature")
    return int(times[0]), signatures


def _is_signed(secret: bytes, seconds: int, body: bytes, signatures: Sequence[str]) -> bool:
    """Whether one of the signatures is right, compared in a time that tells nothing of it."""
    right = _digest(secret, seconds, body)
    return any(hmac.compare_digest(right, signature) for signature in signatures)


def _digest(secret: bytes, seconds: int, body: bytes) -> str:
    return hmac.new(secret, b"%d." % seconds + body, sha256).hexdigest()
