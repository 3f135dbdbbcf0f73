"""What bad peers do who speak HTTP and WebSocket, more or less: one small generator each."""

import base64
import json
import random

from tests.hostile.acts import Act, Acts

SYMBOLS = ("BTC-USD", "ETH-USD", "ETH-BTC")
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
FIN = 0x80
RSV1 = 0x40


def frame(
    payload: bytes,
    *,
    opcode: int = TEXT,
    first: int = FIN,
    mask: bytes | None = bytes(4),
    length: int | None = None,
) -> bytes:
    """A client's frame as RFC 6455, section 5.2 has it, or with whatever is asked for instead.

    first: bits beside the opcode; mask None: none; length: what the frame says, if not the truth.
    """
    size = len(payload) if length is None else length
    masked = 0 if mask is None else 0x80
    head = bytes((first | opcode,))
    if size < 126:
        head += bytes((masked | size,))
    elif size < 65_536:
        head += bytes((masked | 126,)) + size.to_bytes(2, "big")
    else:
        head += bytes((masked | 127,)) + size.to_bytes(8, "big")
    return head + (mask or b"") + payload


def request(**words: object) -> bytes:
    """A client's request, framed."""
    return frame(json.dumps(words).encode())


class Peer:
    """One connection's words: a token, and what it may ask with it. The same peer may meet either
    stream, so that it also asks for what only the other has."""

    def __init__(self, rng: random.Random, token: str) -> None:
        self.rng = rng
        self.token = token

    def upgrade(
        self,
        *headers: bytes,
        method: bytes = b"GET",
        target: bytes = b"/v1/stream",
        version: bytes = b"HTTP/1.1",
        token: str | None = "",
        **changed: bytes | None,
    ) -> bytes:
        """A handshake; token None: without one. changed: headers, None leaves one out."""
        fields: dict[str, bytes | None] = {
            "Host": b"venue",
            "Upgrade": b"websocket",
            "Connection": b"Upgrade",
            "Sec_WebSocket_Version": b"13",
            "Sec_WebSocket_Key": base64.b64encode(self.rng.randbytes(16)),
        }
        if token is not None:
            fields["Authorization"] = b"Bearer " + (token or self.token).encode()
        fields |= changed
        lines = [method + b" " + target + b" " + version]
        lines += [
            name.replace("_", "-").encode() + b": " + value
            for name, value in fields.items()
            if value is not None
        ]
        return b"\r\n".join([*lines, *headers, b"", b""])

    def everything(self) -> bytes:
        """Requests for all that either stream has."""
        told = [request(op="subscribe", channel="reports", resume_from=0)]
        for symbol in SYMBOLS:
            told += [
                request(op="subscribe", channel=channel, symbol=symbol)
                for channel in ("book", "orders", "ticker")
            ]
            told.append(request(op="subscribe", channel="trades", symbol=symbol, resume_from=0))
            told.append(request(op="subscribe", channel="candles", symbol=symbol, interval=1))
        return b"".join(told)


# --- before the handshake is done ---------------------------------------------------------------


def random_bytes(peer: Peer) -> Acts:
    for _ in range(20):
        yield peer.rng.randbytes(peer.rng.randrange(1, 4_000))
        yield 0.05


def half_a_handshake(peer: Peer) -> Acts:
    raw = peer.upgrade()
    yield raw[: peer.rng.randrange(1, len(raw))]
    yield 8.0


def handshake_byte_by_byte(peer: Peer) -> Acts:
    for byte in peer.upgrade() + peer.everything():
        yield bytes([byte])
        yield peer.rng.uniform(0.02, 0.1)


def headers_without_end(peer: Peer) -> Acts:
    yield peer.upgrade()[:-2]
    for k in range(2_000):
        yield b"X-%d: %b\r\n" % (k, b"y" * 400)


def other_protocols(peer: Peer) -> Acts:
    yield peer.rng.choice(
        [
            b"8=FIX.4.4\x019=5\x0135=0\x0110=161\x01",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + peer.rng.randbytes(509),
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
            b"SSH-2.0-OpenSSH_9.2\r\n",
            b"GET / HTTP/0.9\r\n\r\n",
        ]
    )
    yield 0.5


def requests_that_are_no_upgrade(peer: Peer) -> Acts:
    yield peer.rng.choice(
        [
            peer.upgrade(method=b"POST"),
            peer.upgrade(version=b"HTTP/1.0"),
            peer.upgrade(target=b"/"),
            peer.upgrade(target=b"/v1/stream" + b"?" * 8_000),
            peer.upgrade(target=b"http://elsewhere/v1/stream"),
            peer.upgrade(Upgrade=None),
            peer.upgrade(Host=None),
            peer.upgrade(Connection=b"close"),
            peer.upgrade(Sec_WebSocket_Version=b"8"),
            peer.upgrade(Sec_WebSocket_Key=b"short"),
            peer.upgrade(Sec_WebSocket_Key=None),
        ]
    )
    yield 0.5


def requests_within_requests(peer: Peer) -> Acts:
    inner = peer.upgrade()
    yield peer.rng.choice(
        [
            peer.upgrade(b"Content-Length: %d" % len(inner)) + inner,
            peer.upgrade(b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n0\r\n\r\n" + inner,
            peer.upgrade(b"Content-Length: 3", b"Content-Length: 4") + b"abc" + inner,
            peer.upgrade(b"X: a\r\n b") + inner,
            peer.upgrade(b"X: \x00\xff") + inner,
        ]
    )
    yield 0.5


def pages_of_other_origins(peer: Peer) -> Acts:
    yield peer.upgrade(Origin=peer.rng.choice([b"https://evil.example", b"null", b"\xff"]))
    yield 0.5


def wrong_tokens(peer: Peer) -> Acts:
    guess = f"guess{peer.rng.random()}"
    if peer.rng.random() < 0.5:
        yield peer.upgrade(token=guess)
    else:
        yield peer.upgrade(token=None) + request(op="auth", token=guess)
    yield 0.5


def no_token_ever(peer: Peer) -> Acts:
    yield peer.upgrade(token=None)
    for _ in range(16):
        yield frame(b"", opcode=PING)
        yield 0.5


def first_words_that_show_no_token(peer: Peer) -> Acts:
    yield peer.upgrade(token=None)
    yield peer.everything()
    yield 0.5


def early_frames(peer: Peer) -> Acts:
    """Frames in one piece with the handshake, or before it."""
    if peer.rng.random() < 0.5:
        yield peer.everything() + peer.upgrade()
    else:
        yield peer.upgrade(token=None) + request(op="auth", token=peer.token) + peer.everything()
    yield 1.0


def a_byte_behind_the_upgrade(peer: Peer) -> Acts:
    yield peer.upgrade() + peer.rng.randbytes(1)
    yield 1.0
    yield peer.rng.randbytes(1)
    yield 1.0


def connect_and_close(peer: Peer) -> Acts:
    if peer.rng.random() < 0.5:
        yield Act.RESET
    yield 0.0


def handshake_then_reset(peer: Peer) -> Acts:
    yield peer.upgrade()
    if peer.rng.random() < 0.5:
        yield Act.HALF_CLOSE
        yield peer.rng.uniform(0.1, 2)
    yield Act.RESET


# --- frames -------------------------------------------------------------------------------------


def unmasked_frames(peer: Peer) -> Acts:
    yield peer.upgrade()
    yield frame(b'{"op":"subscribe","channel":"book","symbol":"BTC-USD"}', mask=None)
    yield 0.5


def reserved_bits_and_opcodes(peer: Peer) -> Acts:
    yield peer.upgrade()
    if peer.rng.random() < 0.5:
        yield frame(b"x", first=FIN | peer.rng.choice((RSV1, 0x20, 0x10)))
    else:
        yield frame(b"x", opcode=peer.rng.choice((3, 7, 11, 15)))
    yield 0.5


def compressed_frames(peer: Peer) -> Acts:
    yield peer.upgrade(b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits")
    yield frame(b"\x00" * 500, first=FIN | RSV1)
    yield 0.5


def bad_utf_8(peer: Peer) -> Acts:
    yield peer.upgrade()
    bad = peer.rng.choice([b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2"])
    if peer.rng.random() < 0.5:
        yield frame(b'{"op":"' + bad + b'"}')
    else:  # cut between two fragments
        yield frame(b'{"op":"\xe2\x82', first=0) + frame(bad, opcode=0)
    yield 0.5


def oversized_messages(peer: Peer) -> Acts:
    yield peer.upgrade()
    for size in (4_000, 60_000, 500_000):
        yield frame(b'{"op":"' + b"x" * size)
        yield 0.2


def lengths_that_lie(peer: Peer) -> Acts:
    yield peer.upgrade()
    length = peer.rng.choice([2**63 - 1, 2**63, 2**64 - 1, 2**32, 70_000])
    yield frame(b"{}", length=length)
    for _ in range(100):
        yield b" " * 4_000
    yield 0.5


def endless_fragments(peer: Peer) -> Acts:
    yield peer.upgrade()
    piece = peer.rng.choice([b"", b"x"])
    yield frame(piece, first=0)
    for _ in range(100):
        yield frame(piece, opcode=0, first=0) * 50
        yield 0.02


def fragments_with_pings_between(peer: Peer) -> Acts:
    yield peer.upgrade()
    yield frame(b'{"op":', first=0)
    for _ in range(50):
        yield frame(b" ", opcode=0, first=0) + frame(b"are you there", opcode=PING)
        yield 0.02


def fragments_out_of_order(peer: Peer) -> Acts:
    yield peer.upgrade()
    if peer.rng.random() < 0.5:
        yield frame(b"x", opcode=0)
    else:
        yield frame(b"x", first=0) + frame(b"y", first=0)
    yield 0.5


def bad_control_frames(peer: Peer) -> Acts:
    yield peer.upgrade()
    yield peer.rng.choice(
        [
            frame(b"p" * 126, opcode=PING),
            frame(b"p" * 70_000, opcode=PONG),
            frame(b"p", opcode=PING, first=0),
            frame(b"\x03", opcode=CLOSE),
            frame((999).to_bytes(2, "big"), opcode=CLOSE),
            frame((1005).to_bytes(2, "big") + b"\xff", opcode=CLOSE),
        ]
    )
    yield 0.5


def words_behind_the_close(peer: Peer) -> Acts:
    yield peer.upgrade()
    yield frame((1000).to_bytes(2, "big"), opcode=CLOSE) + peer.everything()
    for _ in range(20):
        yield peer.everything()
        yield 0.05


def binary_messages(peer: Peer) -> Acts:
    yield peer.upgrade()
    yield frame(peer.rng.randbytes(200), opcode=BINARY)
    yield 0.5


def garbage_between_requests(peer: Peer) -> Acts:
    yield peer.upgrade()
    for _ in range(10):
        yield peer.everything() + peer.rng.randbytes(peer.rng.randrange(1, 300))
        yield 0.05


def resets_in_the_middle_of_a_frame(peer: Peer) -> Acts:
    yield peer.upgrade() + peer.everything()
    raw = request(op="subscribe", channel="book", symbol="BTC-USD", depth=10)
    yield raw[: peer.rng.randrange(1, len(raw))]
    yield 0.05
    yield Act.RESET


# --- requests -----------------------------------------------------------------------------------


def bad_json(peer: Peer) -> Acts:
    yield peer.upgrade()
    for text in (
        "[" * 3_000,
        '{"op":' * 500,
        '{"op":"subscribe","channel":"book","symbol":"BTC-USD","depth":1e400}',
        '{"op":"subscribe","channel":"book","symbol":"BTC-USD","depth":NaN}',
        '{"op":"subscribe","channel":"trades","symbol":"BTC-USD","resume_from":'
        + "9" * 3_000
        + "}",
        '{"op":"subscribe","op":"unsubscribe","channel":"book"}',
        '{"op":"subscribe","channel":"' + "\\u0000" * 300 + '"}',
        "null",
        "",
    ):
        yield frame(text.encode())
        yield 0.1


def requests_for_what_is_not_there(peer: Peer) -> Acts:
    yield peer.upgrade()
    for words in (
        {"channel": "passwords"},
        {"channel": "book", "symbol": "../../etc/passwd"},
        {"channel": "book", "symbol": "BTC-USD", "depth": 4_999},
        {"channel": "book", "symbol": "BTC-USD", "resume_from": 2**63 - 1},
        {"channel": "candles", "symbol": "BTC-USD", "interval": 7},
        {"channel": "reports", "resume_from": 2**62},
        {"channel": "reports", "filter": {"accounts": ["BENCH2", "BENCH"] * 100}},
        {"channel": "reports", "filter": {"sessions": ["BENCH-OE1"]}},
    ):
        yield request(op="subscribe", **words)
        yield 0.1


def flood_of_subscriptions(peer: Peer) -> Acts:
    yield peer.upgrade()
    depths = list(range(1, 60))
    for _ in range(40):
        words = {"symbol": peer.rng.choice(SYMBOLS), "depth": peer.rng.choice(depths)}
        yield request(op="subscribe", channel="book", **words)
        yield request(op="unsubscribe", channel="book", **words)
        yield 0.02


def talks_without_end(peer: Peer) -> Acts:
    yield peer.upgrade()
    for _ in range(20):
        yield peer.everything() * 10
        yield 0.1


def flood_of_pings(peer: Peer) -> Acts:
    yield peer.upgrade()
    for _ in range(40):
        yield frame(b"p" * 125, opcode=PING) * 100
        yield 0.05


def asks_for_all_and_never_reads(peer: Peer) -> Acts:
    yield Act.STOP_READING
    yield peer.upgrade() + peer.everything()
    for _ in range(40):
        yield frame(b"p" * 125, opcode=PING) * 20
        yield 0.3


def asks_for_all_and_reads_slowly(peer: Peer) -> Acts:
    yield Act.READ_SLOWLY
    yield peer.upgrade() + peer.everything()
    yield 12.0


def asks_for_all_again_and_again(peer: Peer) -> Acts:
    yield peer.upgrade()
    for _ in range(10):
        for channel, words in (("reports", {}), ("trades", {"symbol": "BTC-USD"})):
            yield request(op="subscribe", channel=channel, resume_from=0, **words)
            yield 0.1
            yield request(op="unsubscribe", channel=channel, **words)


BEHAVIOURS = (
    random_bytes,
    half_a_handshake,
    handshake_byte_by_byte,
    headers_without_end,
    other_protocols,
    requests_that_are_no_upgrade,
    requests_within_requests,
    pages_of_other_origins,
    wrong_tokens,
    no_token_ever,
    first_words_that_show_no_token,
    early_frames,
    a_byte_behind_the_upgrade,
    connect_and_close,
    handshake_then_reset,
    unmasked_frames,
    reserved_bits_and_opcodes,
    compressed_frames,
    bad_utf_8,
    oversized_messages,
    lengths_that_lie,
    endless_fragments,
    fragments_with_pings_between,
    fragments_out_of_order,
    bad_control_frames,
    words_behind_the_close,
    binary_messages,
    garbage_between_requests,
    resets_in_the_middle_of_a_frame,
    bad_json,
    requests_for_what_is_not_there,
    flood_of_subscriptions,
    talks_without_end,
    flood_of_pings,
    asks_for_all_and_never_reads,
    asks_for_all_and_reads_slowly,
    asks_for_all_again_and_again,
)
