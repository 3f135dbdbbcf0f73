"""What bad peers do who speak FIX, more or less: one small generator each, in one table."""

import random
import time

from tests.fix.mutations import mutated
from tests.hostile.acts import Act, Acts
from tests.support.fix_client import envelope, utc_now

FRESH = 0.05
"""Share of the orders that have a ClOrdID of their own."""


class Peer:
    """One connection's words: a CompID, numbers of its own, and messages that frame well."""

    def __init__(self, rng: random.Random, comp_id: str) -> None:
        self.rng = rng
        self.comp_id = comp_id
        self.seq = 0

    def say(
        self, msg_type: str, body: str = "", *, seq: int | None = None, header: str = ""
    ) -> bytes:
        if seq is None:
            self.seq += 1
            seq = self.seq
        head = f"35={msg_type}|49={self.comp_id}|56=FIXGATE|34={seq}|52={utc_now()}|"
        return envelope(head + header + body)

    def logon(self, *, reset: bool = True, password: str = "demo", body: str = "") -> bytes:
        flag = "141=Y|" if reset else ""
        word = f"553={self.comp_id}|554={password}|"
        return self.say("A", f"98=0|108=30|{flag}{word}{body}")

    def order(self, *, body: str = "", header: str = "", seq: int | None = None) -> bytes:
        """An order far from everybody's market, that ends at once. Most use a ClOrdID again: a
        venue keeps each for a day, so new ones take memory, whoever sends them."""
        name = f"h{self.rng.randrange(50)}"
        if self.rng.random() < FRESH:
            name = f"h{time.monotonic_ns() % 10**12}-{self.rng.randrange(10**9)}"
        return self.say(
            "D",
            f"11={name}|55=ETH-USD|54=1|60={utc_now()}|38=0.01|40=2|44=1.00|59=3|{body}",
            header=header,
            seq=seq,
        )


# --- before a Logon ---------------------------------------------------------------------------


def random_bytes(peer: Peer) -> Acts:
    for _ in range(20):
        yield peer.rng.randbytes(peer.rng.randrange(1, 4_000))
        yield 0.05


def half_a_logon(peer: Peer) -> Acts:
    raw = peer.logon()
    yield raw[: peer.rng.randrange(1, len(raw))]
    yield 8.0


def wrong_password(peer: Peer) -> Acts:
    yield peer.logon(reset=False, password="guess" + str(peer.rng.random()))
    yield 1.0


def unknown_comp_id(peer: Peer) -> Acts:
    peer.comp_id = f"NOBODY-{peer.rng.randrange(10**6)}"
    yield peer.logon()
    yield 1.0


def first_message_is_no_logon(peer: Peer) -> Acts:
    peer.seq = peer.rng.randrange(1_000)
    yield peer.order()
    yield 1.0


def logon_of_a_live_session(peer: Peer) -> Acts:
    peer.comp_id = "BENCH-OE1"
    yield peer.logon(reset=peer.rng.random() < 0.5)
    yield 0.5


def connect_and_close(peer: Peer) -> Acts:
    if peer.rng.random() < 0.5:
        yield Act.RESET
    yield 0.0


def half_open_then_reset(peer: Peer) -> Acts:
    yield peer.logon()[:40]
    yield Act.HALF_CLOSE
    yield peer.rng.uniform(0.1, 2)
    yield Act.RESET


def silence(peer: Peer) -> Acts:
    yield 7.0


def one_byte_at_a_time(peer: Peer) -> Acts:
    for byte in peer.logon() + peer.order():
        yield bytes([byte])
        yield peer.rng.uniform(0.02, 0.1)


def body_length_lies(peer: Peer) -> Acts:
    if peer.rng.random() < 0.5:
        yield peer.logon()
    for length in (0, 1, 5, 170, 65_536, 999_999_999, 10**18):
        raw = peer.order()
        _, _, rest = raw.partition(b"\x019=")
        yield b"8=FIX.4.4\x019=%d\x01" % length + rest.partition(b"\x01")[2]
        yield 0.3


# --- numbers ----------------------------------------------------------------------------------


def gaps(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(40):
        peer.seq += peer.rng.randrange(1, 50)
        yield peer.order()
        yield 0.05


def low_numbers(peer: Peer) -> Acts:
    yield peer.logon()
    yield peer.order() + peer.order() + peer.order(seq=peer.rng.randrange(0, 3))
    yield 0.5


def numbers_at_the_end_of_the_world(peer: Peer) -> Acts:
    yield peer.logon()
    for seq in (2**31 - 2, 2**31 - 1, 2**31, 2**63, 10**18):
        yield peer.order(seq=seq)
        yield 0.1


def sequence_resets(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(60):
        fill = peer.rng.choice(["", "123=Y|", "123=N|"])
        new = peer.rng.choice([0, 1, peer.seq, peer.seq + 2, peer.seq + 100, 2**31 - 1, 2**31])
        yield peer.say("4", f"{fill}36={new}|")
        yield 0.03


def resend_storm(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(200):
        yield peer.order()
    for _ in range(20):
        yield b"".join(peer.say("2", "7=1|16=0|") for _ in range(20))
        yield 0.1


def resend_storm_of_all_ranges(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(100):
        yield peer.order()
    for _ in range(20):
        ranges = [sorted(peer.rng.sample(range(1, 150), 2)) for _ in range(20)]
        yield b"".join(peer.say("2", f"7={a}|16={b}|") for a, b in ranges)
        yield 0.1


def poss_dup_flood(peer: Peer) -> Acts:
    yield peer.logon()
    header = f"43=Y|122={utc_now()}|"
    for _ in range(20):
        yield b"".join(peer.order(header=header, seq=1) for _ in range(20))
        yield 0.1


def resets_over_and_over(peer: Peer) -> Acts:
    for _ in range(8):
        peer.seq = 0
        yield peer.logon() + peer.order()
        yield 0.4


def logon_logout_cycles(peer: Peer) -> Acts:
    yield peer.logon()
    yield peer.order() + peer.say("5")
    yield 0.2


# --- inside a session -------------------------------------------------------------------------


def garbled_checksums(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(30):
        good, bad = peer.order(), bytearray(peer.order(seq=peer.seq + 1))
        bad[-3] = 48 + (bad[-3] - 47) % 10
        yield bytes(bad) + good
        yield 0.05


def huge_fields(peer: Peer) -> Acts:
    yield peer.logon()
    for size in (1_000, 8_000, 60_000, 65_000, 66_000, 200_000):
        yield peer.order(body=f"58={'x' * size}|")
        yield 0.2


def thousands_of_fields(peer: Peer) -> Acts:
    yield peer.logon()
    for count in (500, 999, 1_001, 5_000):
        yield peer.order(body="".join(f"{5_000 + k}=1|" for k in range(count)))
        yield 0.2


def group_bombs(peer: Peer) -> Acts:
    yield peer.logon()
    member = "448=a|447=D|452=12|"
    for said, given in ((100, 100), (101, 101), (999_999_999, 1), (0, 50), (3, 2_000), (-1, 1)):
        yield peer.order(body=f"453={said}|" + member * given)
        yield 0.2


def pipelined_64_kib(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(10):
        yield peer.order(body=f"58={'y' * 64_000}|")
        yield 0.1


def flood_of_test_requests(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(20):
        yield b"".join(peer.say("1", f"112=t{k}|") for k in range(50))
        yield 0.1


def lying_heartbeats(peer: Peer) -> Acts:
    yield peer.logon()
    for k in range(50):
        yield peer.say("0", f"112=never-asked-{k}|")
        yield peer.say("0", header=f"43=Y|122={utc_now()}|", seq=peer.rng.randrange(1, 3))
        yield 0.05


def never_reads(peer: Peer) -> Acts:
    yield Act.STOP_READING
    yield peer.logon()
    for _ in range(30):
        yield b"".join(peer.say("1", "112=" + "z" * 500 + "|") for _ in range(60))
        yield 0.2


def asks_for_a_resend_and_never_reads(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(100):
        yield peer.order()
    yield Act.STOP_READING
    yield peer.say("2", "7=1|16=0|")
    yield 3.0
    yield Act.RESET


def wrong_header(peer: Peer) -> Acts:
    yield peer.logon()
    yield peer.order()
    raw = peer.order()
    yield peer.rng.choice(
        [
            raw.replace(b"56=FIXGATE", b"56=FIXGAT5"),
            raw.replace(b"8=FIX.4.4", b"8=FIX.4.2"),
            envelope(f"35=D|49={peer.comp_id}|56=FIXGATE|34=3|52=20200101-00:00:00|11=x|"),
            envelope(f"35=D|49={peer.comp_id}|56=FIXGATE|52={utc_now()}|11=x|"),
        ]
    )
    yield 1.0


def orders_between_garbage(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(40):
        yield peer.order() + peer.rng.randbytes(peer.rng.randrange(1, 300))
        yield 0.05


def mutated_messages(peer: Peer) -> Acts:
    yield peer.logon()
    for _ in range(60):
        yield mutated(peer.rng, peer.order())
        yield 0.05


def resets_in_the_middle_of_a_message(peer: Peer) -> Acts:
    yield peer.logon() + peer.order()
    raw = peer.order()
    yield raw[: peer.rng.randrange(1, len(raw))]
    yield 0.05
    yield Act.RESET


BEHAVIOURS = (
    random_bytes,
    half_a_logon,
    wrong_password,
    unknown_comp_id,
    first_message_is_no_logon,
    logon_of_a_live_session,
    connect_and_close,
    half_open_then_reset,
    silence,
    one_byte_at_a_time,
    body_length_lies,
    gaps,
    low_numbers,
    numbers_at_the_end_of_the_world,
    sequence_resets,
    resend_storm,
    resend_storm_of_all_ranges,
    poss_dup_flood,
    resets_over_and_over,
    logon_logout_cycles,
    garbled_checksums,
    huge_fields,
    thousands_of_fields,
    group_bombs,
    pipelined_64_kib,
    flood_of_test_requests,
    lying_heartbeats,
    never_reads,
    asks_for_a_resend_and_never_reads,
    wrong_header,
    orders_between_garbage,
    mutated_messages,
    resets_in_the_middle_of_a_message,
)
