"""Broken FIX out of good FIX: what a bad network, a bad engine or a bad person would send."""

import random

from gateway.fix.codec import encode
from tests.fix.pipes import ORDER, fix

PARTIES = "453=2|448=ALGO1|447=D|452=12|448=TRADER9|447=D|452=3|802=2|523=x|803=3|523=y|803=4|"
FILL = (
    "37=7|11=a1|17=12-2|150=F|39=2|1=ACME|55=BTC-USD|54=1|38=0.5|40=2|44=60000.01|59=1|32=0.5|"
    "31=60000|851=2|151=0|14=0.5|6=60000|60=20260301-12:00:00.000000|136=1|137=15|138=USD|139=4|"
)
SEEDS = [
    fix("A", "98=0|108=30|95=10|96=a|10=123|b|141=Y|553=ACME-OE1|554=demo|"),
    fix("0", ""),
    fix("1", "112=t|"),
    fix("2", "7=1|16=0|"),
    fix("4", "123=Y|36=12|"),
    fix("5", "58=Bye|"),
    fix("D", ORDER),
    fix("D", ORDER + PARTIES),
    fix("D", ORDER + "18=G 6|58=hello|"),
    fix("F", "41=a1|11=a2|55=BTC-USD|54=1|60=20260301-12:00:00|"),
    fix("G", "41=a1|" + ORDER),
    fix("H", "11=a1|55=BTC-USD|54=1|"),
    fix("q", "11=m1|530=7|60=20260301-12:00:00.123456|"),
    fix("8", FILL),
    fix("R", "131=q1|"),
]
_LUMPS = [
    b"\x01", b"=", b"8=FIX", b"8=FIX.4.4\x019=", b"10=000\x01", b"9=999999999\x01", b"35=", b"\x00",
    b"453=100\x01", b"453=2\x01", b"448=A\x01", b"96=x\x01", b"95=5\x01", b"0", b"-", b".", b"\xff",
    b"34=1\x01", b"99999999999999999999=1\x01", b"58=\x01", b"20260230-25:61:61",
]  # fmt: skip


def mutated(chance: random.Random, raw: bytes) -> bytes:
    """`raw` with one to four things wrong in it; half of them with length and sum made right."""
    data = bytearray(raw)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(9)
        if kind == 0 and data:
            data[at % len(data)] = chance.randrange(256)
        elif kind == 1:
            data[at:at] = chance.choice(_LUMPS)
        elif kind == 2:
            del data[at : at + chance.randrange(1, 12)]
        elif kind == 3:
            del data[at:]
        elif kind == 4:
            other = chance.choice(SEEDS)
            start = chance.randrange(len(other))
            data[at:at] = other[start : start + chance.randrange(1, 60)]
        elif kind in (5, 7, 8):
            shuffle_fields(chance, data)
        elif data:
            data[at % len(data)] ^= 1 << chance.randrange(8)
    return resealed(bytes(data)) if chance.random() < 0.5 else bytes(data)


def shuffle_fields(chance: random.Random, data: bytearray) -> None:
    """Move, double or drop one whole field, or give it another field's value."""
    fields = bytes(data).split(b"\x01")
    one, two = chance.randrange(len(fields)), chance.randrange(len(fields))
    kind = chance.randrange(4)
    if kind == 0:
        fields.insert(two, fields.pop(one))
    elif kind == 1:
        fields.insert(two, fields[one])
    elif kind == 2:
        del fields[one]
    else:
        fields[one] = fields[one].partition(b"=")[0] + b"=" + fields[two].partition(b"=")[2]
    data[:] = b"\x01".join(fields)


def resealed(data: bytes) -> bytes:
    """`data` as a message that a framer passes: its body under a right length and checksum."""
    start = data.find(b"\x0135=")
    end = data.rfind(b"\x0110=")
    body = data[start + 1 : end + 1] if 0 <= start < end else b"35=D\x01" + data + b"\x01"
    return encode(b"FIX.4.4", body)
