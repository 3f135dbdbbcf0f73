"""Strangers at the door of a real listener: what they cost, and what they cannot do."""

import errno
import os
import resource
import socket
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest
import trio

from gateway.config import verify_password
from gateway.fix.disconnect import DisconnectReason
from gateway.flow import entrance as entrance_module
from gateway.flow.admission import Refusal
from gateway.flow.log_limit import MEMBER_LINES, STRANGER_LINES
from tests.support.house import House, Member, order, trading

SECOND = 1_000_000_000
OE1 = b"BENCH-OE1"


@pytest.fixture
def open_house(tmp_path, monkeypatch):
    """Makes houses that listen, with the limits given."""
    monkeypatch.setattr("gateway.flow.acceptor.LINGER_SECONDS", 0.1)
    houses = []

    @asynccontextmanager
    async def make(**limits):
        house = House(tmp_path, **limits)
        houses.append(house)
        async with trading(house) as nursery:
            await house.open(nursery)
            yield house

    yield make
    for house in houses:
        house.close()


async def trades(member, name):
    await member.send(order(name))
    with trio.fail_after(10):
        assert (await member.receive())[150] == "0"


# --- a wrong password -----------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_wrong_password_uses_no_number_and_gets_no_word(open_house):
    async with open_house() as house:
        link = house.acceptor.links[OE1]
        before = (link.session.next_out, link.session.next_in)
        for _ in range(3):
            stranger = await house.knock()
            await stranger.logon("guess")
            assert await stranger.is_closed()
        assert (link.session.next_out, link.session.next_in) == before
        await trades(await house.enter(), "a")


@pytest.mark.trio
async def test_whoever_is_being_verified_does_not_hold_the_session(open_house, monkeypatch):
    """The stranger's password takes its time; the member logs on to the same session meanwhile."""
    monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: False)
    async with open_house() as house:
        turn = house.acceptor.entrance._turn
        await turn.acquire()
        monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
        stranger = await house.knock()
        await stranger.logon("guess")
        await house.until(lambda: house.acceptor.entrance.verifying == 1)
        assert house.acceptor.links[OE1].connection is None
        monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: False)
        member = await house.enter()
        turn.release()
        assert await stranger.is_closed()
        await trades(member, "a")


@pytest.mark.trio
async def test_a_logon_whose_sender_gave_up_meanwhile_resets_nothing(open_house, monkeypatch):
    """He came back on another connection, traded and left, all while the first one waited."""
    async with open_house() as house:
        turn = house.acceptor.entrance._turn
        await turn.acquire()
        monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
        first = await house.knock()
        await first.logon()
        await house.until(lambda: house.acceptor.entrance.verifying == 1)
        await first.stream.aclose()
        monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: False)
        member = await house.enter()
        await trades(member, "a")
        await member.send("5|")
        assert (await member.receive())[35] == "5"
        await member.stream.aclose()
        await house.ended(DisconnectReason.LOGOUT)
        session = house.acceptor.links[OE1].session
        before = (session.next_out, session.next_in)
        turn.release()
        await house.ended(DisconnectReason.PEER_CLOSED)
        assert (session.next_out, session.next_in) == before


@pytest.mark.trio
async def test_two_right_passwords_at_once_make_one_session(open_house, monkeypatch):
    monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
    async with open_house() as house:
        turn = house.acceptor.entrance._turn
        await turn.acquire()
        one, two = await house.knock(), await house.knock()
        await one.logon()
        await two.logon()
        await house.until(lambda: house.acceptor.entrance.verifying == 2)
        turn.release()
        await house.ended(DisconnectReason.DUPLICATE_SESSION)
        assert house.acceptor.links[OE1].session.logged_on


@pytest.mark.trio
async def test_passwords_beyond_the_queue_are_refused_without_work(open_house, monkeypatch):
    monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
    monkeypatch.setattr(entrance_module, "MAX_VERIFYING", 2)
    async with open_house() as house:
        turn = house.acceptor.entrance._turn
        await turn.acquire()
        waiting = [await house.knock(f"BENCH-OE{k}") for k in (1, 2)]
        for member in waiting:
            await member.logon()
        await house.until(lambda: house.acceptor.entrance.verifying == 2)
        late = await house.knock("BENCH-OE3")
        await late.logon()
        assert await late.is_closed()
        turn.release()
        for member in waiting:
            assert (await member.receive())[35] == "A"


@pytest.mark.trio
async def test_once_blocked_the_passwords_behind_in_the_queue_cost_no_work(open_house, monkeypatch):
    verified = []

    def verify(config, password):
        verified.append(password)
        return verify_password(config, password)

    monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
    monkeypatch.setattr(entrance_module, "verify_password", verify)
    async with open_house(failed_logons=2) as house:
        turn = house.acceptor.entrance._turn
        await turn.acquire()
        strangers = [await house.knock() for _ in range(8)]
        for stranger in strangers:
            await stranger.logon("guess")
        await house.until(lambda: house.acceptor.entrance.verifying == 8)
        turn.release()
        for stranger in strangers:
            assert await stranger.is_closed()
        assert len(verified) == 2
        assert house.counters.disconnects[DisconnectReason.BLOCKED] == 6


# --- blocked sources ------------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_blocked_address_is_closed_at_once_and_its_members_go_on(open_house):
    async with open_house(failed_logons=5) as house:
        member = await house.enter("BENCH-OE2")
        for _ in range(5):
            stranger = await house.knock("NOBODY")
            await stranger.logon()
            assert await stranger.is_closed()
        late = await house.knock("BENCH-OE3")
        assert await late.is_closed()
        assert house.counters.refused[Refusal.ADDRESS_BLOCKED] == 1
        await trades(member, "a")
        await member.send("5|")
        assert (await member.receive())[35] == "5"
        house.clock.time += 60 * SECOND
        await trades(await house.enter("BENCH-OE3"), "b")


@pytest.mark.trio
async def test_a_member_may_reset_his_numbers_while_his_address_is_blocked(open_house, monkeypatch):
    monkeypatch.setattr(entrance_module, "verifies_slowly", lambda config: True)
    async with open_house(failed_logons=1) as house:
        member = await house.enter("BENCH-OE2")
        await (await house.knock("NOBODY")).send("0|")
        await house.ended(DisconnectReason.FIRST_MESSAGE_NOT_LOGON)
        await member.logon()
        assert (await member.receive())[141] == "Y"


# --- connections that say little ------------------------------------------------------------------


@pytest.mark.trio
async def test_who_comes_and_goes_all_the_time_is_counted_but_not_always_logged(open_house):
    rounds = 2 * MEMBER_LINES[1] // 3
    async with open_house() as house:
        for k in range(rounds):
            member = await house.enter()
            await member.stream.aclose()
            await house.until(lambda k=k: len(house.acceptor.connections) == 0)
        lines = [line for line in house.lines if "BENCH-OE1" in line]
        assert len(lines) == MEMBER_LINES[1]
        assert house.counters.logons == rounds
        assert house.counters.disconnects[DisconnectReason.PEER_CLOSED] == rounds
        house.clock.time += SECOND
        left_out = f"{2 * rounds - len(lines)} more such lines were not written"
        await house.until(lambda: left_out in house.lines)


@pytest.mark.trio
async def test_a_flood_of_silent_connections_keeps_no_member_out(open_house):
    async with open_house(connections_before_logon=8) as house:
        for k in range(1, 5):
            for _ in range(40):
                await house.knock()
            await trades(await house.enter(f"BENCH-OE{k}"), "a")
            await house.until(lambda: house.acceptor.admission.total <= 8 + 4)
        assert house.counters.disconnects[DisconnectReason.GAVE_WAY] >= 4 * 40 - 8
        assert len([line for line in house.lines if "GAVE_WAY" in line]) <= STRANGER_LINES[1]
        house.clock.time += SECOND
        await house.until(lambda: any("more such lines" in line for line in house.lines))


@pytest.mark.trio
async def test_whoever_says_nothing_costs_no_task(open_house):
    async with open_house() as house:
        await house.enter("BENCH-OE2")
        tasks = trio.lowlevel.current_statistics().tasks_living
        silent = [await house.knock() for _ in range(50)]
        await house.until(lambda: house.acceptor.admission.total == 51)
        assert trio.lowlevel.current_statistics().tasks_living <= tasks
        await trades(await house.enter(), "a")
        await silent[0].stream.send_all(b"8")
        await silent[1].stream.aclose()
        await house.ended(DisconnectReason.PEER_CLOSED)


@pytest.mark.trio
async def test_the_silent_are_closed_after_the_logon_timeout(open_house, monkeypatch):
    monkeypatch.setattr("gateway.flow.lobby.LOGON_TIMEOUT_SECONDS", 0.05)
    async with open_house() as house:
        silent = [await house.knock() for _ in range(40)]
        for stranger in silent:
            assert await stranger.is_closed()
        assert house.counters.disconnects[DisconnectReason.NO_LOGON] == 40
        assert house.acceptor.admission.total == 0


@pytest.mark.trio
async def test_a_logon_may_come_byte_by_byte(open_house):
    async with open_house() as house:
        member = await house.knock()
        pieces = []
        member.stream, real = Recorder(pieces), member.stream
        await member.logon()
        member.stream = real
        for byte in b"".join(pieces):
            await member.stream.send_all(bytes([byte]))
            await trio.lowlevel.checkpoint()
        assert (await member.receive())[35] == "A"


class Recorder:
    """Keeps what would be sent."""

    def __init__(self, pieces):
        self.pieces = pieces

    async def send_all(self, data):
        await trio.lowlevel.checkpoint()
        self.pieces.append(data)


@pytest.mark.trio
async def test_a_stranger_may_not_send_much(open_house):
    async with open_house() as house:
        stranger = await house.knock()
        await stranger.stream.send_all(b"8=FIX.4.4\x019=60000\x0135=A\x0158=" + b"x" * 20_000)
        await house.ended(DisconnectReason.FIRST_MESSAGE_NOT_LOGON)


@pytest.mark.trio
async def test_a_stranger_who_sends_a_byte_now_and_then_gains_no_time(open_house, monkeypatch):
    monkeypatch.setattr("gateway.flow.lobby.LOGON_TIMEOUT_SECONDS", 0.2)
    async with open_house() as house:
        stranger = await house.knock()

        async def drip(*, task_status):
            task_status.started()
            with suppress(trio.BrokenResourceError):
                while True:
                    await stranger.stream.send_all(b"8")
                    await trio.sleep(0.02)

        async with trio.open_nursery() as nursery:
            await nursery.start(drip)
            await house.ended(DisconnectReason.NO_LOGON)
            nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_an_address_has_its_share_of_connections_only(open_house):
    async with open_house(connections_per_address=3) as house:
        first = [await house.knock() for _ in range(3)]
        assert await (await house.knock()).is_closed()
        assert house.counters.refused[Refusal.ADDRESS_FULL] == 1
        await first[0].stream.aclose()
        await house.until(lambda: house.acceptor.admission.total == 2)
        await house.enter()


@pytest.mark.trio
async def test_a_full_house_takes_nobody_in_and_serves_those_inside(open_house):
    async with open_house(connections=2, connections_before_logon=1) as house:
        members = [await house.enter(f"BENCH-OE{k}") for k in (1, 2)]
        assert await (await house.knock("BENCH-OE3")).is_closed()
        assert house.counters.refused[Refusal.PROCESS_FULL] == 1
        for member in members:
            await trades(member, "a")


@pytest.mark.trio
async def test_nobody_comes_in_once_the_house_closes(open_house, monkeypatch):
    monkeypatch.setattr("gateway.flow.acceptor.CLOSE_SECONDS", 0.05)
    async with open_house() as house:
        waiting = await house.knock()
        await house.until(lambda: house.acceptor.admission.total == 1)
        await house.acceptor.close("closing")
        assert await waiting.is_closed()
        assert await (await house.knock()).is_closed()
        assert house.counters.refused[Refusal.SHUTDOWN] == 1


# --- file descriptors -----------------------------------------------------------------------------


@contextmanager
def descriptors_left(count):
    """As if the process had only that many more file descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir("/proc/self/fd"))) + 1
    spare = [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]
    probe = os.dup(spare[0] if spare else 0)
    os.close(probe)
    for descriptor in spare:
        os.close(descriptor)
    lowest = min(probe, used)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.trio
async def test_running_out_of_descriptors_harms_nobody_and_passes(open_house):
    async with open_house() as house:
        member = await house.enter()
        late = [socket.socket() for _ in range(3)]
        house.sockets += late
        with descriptors_left(0):
            with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
                socket.socket()
            for sock in late:
                sock.connect(house.address)
            await house.until(lambda: any("cannot accept" in line for line in house.lines))
            await trades(member, "a")
        for sock in late:
            sock.setblocking(False)
        newcomer = Member(late[0], house.clock, "BENCH-OE2")
        await newcomer.logon()
        with trio.fail_after(1):
            assert (await newcomer.receive())[35] == "A"
        await trades(member, "b")
