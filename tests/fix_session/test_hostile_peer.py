"""Whatever a peer sends, the session answers in FIX or ends; it never raises and never loops."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.fix.codec import encode
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.index import CHUNK_ENTRIES
from gateway.fix.states import State
from gateway.fix.steps import ResendStep
from tests.fix_session.desk import SECOND, Desk, at, fields

NUMBERS = ["0", "1", "2", "3", "4", "7", "99", "2147483647", "2147483648", "9" * 18, "-1", "x", ""]
VALUES = {
    7: NUMBERS,
    16: NUMBERS,
    36: NUMBERS,
    43: ["Y", "N", "x"],
    97: ["Y", "N"],
    98: ["0", "1"],
    108: ["30", "0", "1", "-1", "999999999999"],
    112: ["t", ""],
    123: ["Y", "N", "?"],
    141: ["Y", "N"],
    789: NUMBERS,
    554: ["demo", "guess"],
    58: ["\x7f"],
}
PAIR = st.sampled_from(sorted(VALUES)).flatmap(
    lambda tag: st.tuples(st.just(tag), st.sampled_from(VALUES[tag]))
)


@st.composite
def message(draw: st.DrawFn) -> tuple[str, str, int | None, int | None, list[tuple[int, str]]]:
    """(type, number or "", SendingTime and OrigSendingTime in seconds from now, other fields)."""
    return (
        draw(st.sampled_from(["0", "1", "2", "3", "4", "5", "A", "D", "j", "*", "8"])),
        draw(st.sampled_from(["next", "next", "next", *NUMBERS])),
        draw(st.sampled_from([0, 0, 0, 0, 200, -200, None])),
        draw(st.sampled_from([None, None, 0, -5, 5])),
        draw(st.lists(PAIR, max_size=4)),
    )


def sent(desk: Desk, drawn: tuple) -> bytes:
    kind, number, late, original, rest = drawn
    number = str(desk.session.next_in) if number == "next" else number
    body = f"35={kind}|49=ACME|56=FIXGATE|34={number}|"
    if late is not None:
        body += f"52={at(desk, late)}|"
    if original is not None:
        body += f"122={at(desk, original)}|"
    body += "".join(f"{tag}={value}|" for tag, value in rest)
    return encode(b"FIX.4.4", body.encode().replace(b"|", b"\x01"))


@given(st.lists(message(), min_size=1, max_size=25), st.booleans(), st.booleans())
@settings(max_examples=250, deadline=None)
def test_any_sequence_of_messages_is_survived(
    drawn: list[tuple], logged_on: bool, next_expected: bool
) -> None:
    desk = Desk(send_next_expected_msg_seq_num=next_expected)
    if logged_on:
        desk.logon()
    else:
        desk.connect()
    for one in drawn:
        if not desk.session.connected:
            desk.connect()
        desk.receive_bytes(sent(desk, one))
        desk.report()
        desk.wait(0.1)
    first_time = [tags for tags in map(dict, map(fields, desk.wire)) if tags.get(43) != b"Y"]
    numbers = [int(tags[34]) for tags in first_time]
    for before, after in pairwise(numbers):
        assert after > before or after == 1, "a number was used for two contents"
    if desk.session.connected:
        desk.lost()
    desk.logon(f"34={desk.session.next_in}|" if desk.session.next_in < 2**31 else "141=Y|")
    assert desk.session.state in {State.ACTIVE, State.DISCONNECTED}
    assert desk.wire


def test_a_resend_of_everything_is_streamed_and_stops_with_the_peer() -> None:
    desk = Desk()
    desk.logon()
    desk.report(20_000)
    desk.said.clear()
    slices = desk.resend(ResendStep(1, 0))
    for turn in range(1, 4):
        next(slices)
        assert desk.journal.rendered <= turn * CHUNK_ENTRIES
    desk.lost(DisconnectReason.PEER_CLOSED)
    assert list(slices) == []
    assert desk.journal.rendered <= 3 * CHUNK_ENTRIES


def test_a_long_resend_never_carries_a_stale_sending_time() -> None:
    desk = Desk()
    desk.logon()
    desk.report(1_000)
    desk.said.clear()
    times = set()
    for data in desk.resend(ResendStep(2, 0)):
        desk.leave(data)
        desk.now += 60 * SECOND
        times |= {tags[52] for tags in desk.tags()}
    assert len(times) == 4
