"""Every reason for which a connection can end, provoked and counted: no member lacks its test."""

import pytest
import trio

from gateway.fix.codec import encode
from gateway.fix.disconnect import DisconnectReason
from gateway.fix.timestamps import format_utc
from tests.fix_session.desk import Desk
from tests.support.house import House, order, trading

SECOND = 1_000_000_000
SCENARIOS = {}


def provokes(reason, **limits):
    """Registers a scenario: an async function of (house, monkeypatch)."""

    def register(scenario):
        SCENARIOS[reason] = (scenario, limits)
        return scenario

    return register


def raw(body, begin=b"FIX.4.4"):
    return encode(begin, body.encode().replace(b"|", b"\x01"))


def head(house, msg_type, seq=2, comp_id="BENCH-OE1", late=0):
    stamp = format_utc(house.clock.now() - late * SECOND, 3).decode()
    number = f"34={seq}|" if seq is not None else ""
    return f"35={msg_type}|49={comp_id}|56=FIXGATE|{number}52={stamp}|"


# --- before the Logon -----------------------------------------------------------------------------


@provokes(DisconnectReason.NO_LOGON)
async def says_nothing(house, monkeypatch):
    monkeypatch.setattr("gateway.flow.lobby.LOGON_TIMEOUT_SECONDS", 0.05)
    assert await (await house.knock()).is_closed()


@provokes(DisconnectReason.FIRST_MESSAGE_NOT_LOGON)
async def begins_with_a_heartbeat(house, monkeypatch):
    member = await house.knock()
    await member.send("0|")
    assert await member.is_closed()


@provokes(DisconnectReason.UNKNOWN_COMP_ID)
async def is_nobody(house, monkeypatch):
    member = await house.knock("NOBODY")
    await member.logon()
    assert await member.is_closed()


@provokes(DisconnectReason.DUPLICATE_SESSION)
async def comes_twice(house, monkeypatch):
    first = await house.enter()
    second = await house.knock()
    await second.logon()
    assert await second.is_closed()
    await first.send("1|112=alive|")
    assert (await first.receive())[112] == "alive"


@provokes(DisconnectReason.LOGON_REFUSED)
async def has_a_wrong_password(house, monkeypatch):
    member = await house.knock()
    await member.logon("guess")
    assert await member.is_closed()


@provokes(DisconnectReason.BLOCKED, failed_logons=1)
async def guesses_again(house, monkeypatch):
    await has_a_wrong_password(house, monkeypatch)
    member = await house.knock()
    await member.logon()
    assert await member.is_closed()


@provokes(DisconnectReason.GAVE_WAY, connections_before_logon=1)
async def is_slower_than_the_next(house, monkeypatch):
    first = await house.knock()
    await house.until(lambda: house.acceptor.admission.total == 1)
    await house.enter()
    assert await first.is_closed()


# --- in a session ---------------------------------------------------------------------------------


@provokes(DisconnectReason.BAD_BEGIN_STRING)
async def changes_its_version(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(raw(head(house, "0"), b"FIX.4.2"))
    assert "BeginString" in (await member.receive())[58]


@provokes(DisconnectReason.HEARTBEAT_TIMEOUT)
async def falls_silent(house, monkeypatch):
    await house.enter()
    house.clock.time += 100 * SECOND


@provokes(DisconnectReason.LOGOUT)
async def logs_out(house, monkeypatch):
    member = await house.enter()
    await member.send("5|")
    assert (await member.receive())[35] == "5"


@provokes(DisconnectReason.LOGOUT_TIMEOUT)
async def does_not_answer_a_logout(house, monkeypatch):
    await house.enter()
    link = house.acceptor.links[b"BENCH-OE1"]
    for step in link.session.logout("please go", house.clock.monotonic()):
        house.service.perform(link, step, house.clock.now())
    house.clock.time += 5 * SECOND


@provokes(DisconnectReason.SEQ_MISSING)
async def sends_no_number(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(raw(head(house, "0", seq=None)))
    assert "MsgSeqNum" in (await member.receive())[58]


@provokes(DisconnectReason.SEQ_TOO_LOW)
async def sends_an_old_number(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(raw(head(house, "0", seq=1)))
    assert "too low" in (await member.receive())[58]


@provokes(DisconnectReason.SENDING_TIME)
async def has_a_clock_that_is_late(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(raw(head(house, "0", late=300)))
    assert (await member.receive())[373] == "10"


@provokes(DisconnectReason.COMP_ID)
async def becomes_somebody_else(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(raw(head(house, "0", comp_id="BENCH-OE2")))
    assert (await member.receive())[373] == "9"


@provokes(DisconnectReason.RESEND_LOOP)
async def asks_for_the_same_for_ever(house, monkeypatch):
    member = await house.enter()
    for _ in range(10):
        await house.until(lambda: not house.acceptor.resends.running)
        await member.send("2|7=1|16=0|")
        answer = await member.receive()
    assert "the same ResendRequest" in answer[58]


@provokes(DisconnectReason.THROTTLED, messages_per_second=1, message_burst=1, flood_multiple=2)
async def floods(house, monkeypatch):
    member = await house.enter()
    await member.send("0|", "0|")
    assert "more than 2 messages in a second" in (await member.receive())[58]


@provokes(DisconnectReason.SLOW_CONSUMER)
async def never_reads(house, monkeypatch):
    await house.enter()
    connection = house.acceptor.links[b"BENCH-OE1"].connection
    for _ in range(64):
        connection.write(b"x" * 1_000_000)
    assert house.counters.slow_consumers == 1


@provokes(DisconnectReason.GARBLED)
async def sends_garbage_only(house, monkeypatch):
    member = await house.enter()
    await member.stream.send_all(b"8=FIX.4.4\x019=5\x0135=0\x0110=000\x01" * 1_001)


@provokes(DisconnectReason.PEER_CLOSED)
async def hangs_up(house, monkeypatch):
    member = await house.enter()
    await member.stream.aclose()


@provokes(DisconnectReason.SHUTDOWN)
async def does_not_leave_a_venue_that_closes(house, monkeypatch):
    monkeypatch.setattr("gateway.flow.acceptor.CLOSE_SECONDS", 0.1)
    await house.enter()
    await house.acceptor.close("closing")


@provokes(DisconnectReason.INTERNAL)
async def meets_a_fault_of_ours(house, monkeypatch):
    def fault(link, step, now):
        raise RuntimeError("a mistake")

    monkeypatch.setattr(house.service, "application", fault)
    member = await house.enter()
    await member.send(order("a"))
    assert await member.is_closed()
    assert any("a mistake" in line for line in house.lines)


# --- all of them ----------------------------------------------------------------------------------


def test_too_many_messages_behind_a_logon_end_a_session():
    """The acceptor reads nothing until the verdict, so only a session without it shows this."""
    desk = Desk(held_cap=3)
    desk.authenticates = False
    desk.logon()
    for _ in range(4):
        desk.send("35=0|")
    assert desk.ends == [DisconnectReason.TOO_MANY_HELD]


def test_every_reason_has_its_scenario():
    assert {*SCENARIOS, DisconnectReason.TOO_MANY_HELD} == set(DisconnectReason)


@pytest.mark.trio
@pytest.mark.parametrize("reason", SCENARIOS, ids=str)
async def test_the_reason_is_counted_once_and_logged(reason, tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.flow.acceptor.LINGER_SECONDS", 0.1)
    scenario, limits = SCENARIOS[reason]
    house = House(tmp_path, **limits)
    try:
        async with trading(house) as nursery:
            await house.open(nursery)
            await scenario(house, monkeypatch)
            await house.ended(reason)
            assert any(reason.name in line or "mistake" in line for line in house.lines)
    finally:
        house.close()


@pytest.mark.trio
async def test_a_connection_that_is_served_is_not_counted_as_ended(tmp_path):
    house = House(tmp_path)
    try:
        async with trading(house) as nursery:
            await house.open(nursery)
            await house.enter()
            await trio.lowlevel.checkpoint()
            assert sum(house.counters.disconnects.values()) == 0
    finally:
        house.close()
