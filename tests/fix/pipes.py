"""FIX as people write it in tests: fields between pipes, header and trailer filled in."""

from functools import cache
from pathlib import Path

from gateway.fix.codec import encode
from gateway.fix.decoder import Decoder
from gateway.fix.dictionary import Dictionary

ROOT = Path(__file__).parents[2]
FIX44 = ROOT / "fix_dictionaries" / "FIX44.xml"

HEADER = "49=ACME-OE1|56=FIXGATE|34=2|52=20260301-12:00:00.000|"
ORDER = "11=a1|55=BTC-USD|54=1|60=20260301-12:00:00.000|38=0.5|40=2|44=60000.01|59=1|"


@cache
def venue_dictionary() -> Dictionary:
    """The venue's dictionary, loaded once."""
    return Dictionary.load(FIX44)


def soh(text: str) -> bytes:
    """Pipes to SOH, otherwise as it stands."""
    return text.replace("|", "\x01").encode("latin-1")


def pipes(raw: bytes) -> str:
    """SOH to pipes."""
    return raw.decode("latin-1").replace("\x01", "|")


def wire(text: str, begin: bytes = b"FIX.4.4") -> bytes:
    """A whole message from `35=...|...|`, with length and checksum as they must be."""
    return encode(begin, soh(text))


def fix(msg_type: str, body: str) -> bytes:
    """A whole message of that type with a good header."""
    return wire(f"35={msg_type}|{HEADER}{body}")


def full_decoder(**options: bool) -> Decoder:
    """A decoder that takes the full check always."""
    return Decoder(venue_dictionary(), compile_shapes=False, **options)
