"""WebSocket clients at a real socket: who gets in, what they are told, and what they cannot do."""

import pytest
import trio
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, TextMessage

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.admission import Refusal
from gateway.stream import client as client_module
from gateway.stream.client import REQUESTS
from gateway.websocket.frames import CloseCode, close_frame, text_frame
from tests.stream.studio import Studio, studio

SECOND = 10**9


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    monkeypatch.setattr("gateway.stream.server.LINGER_SECONDS", 0.2)
    monkeypatch.setattr("gateway.stream.server.TICK_SECONDS", 0.01)


async def opened(client):
    assert isinstance(await client.next(), AcceptConnection)


# --- who gets in --------------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_token_in_the_handshake_opens_the_stream():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        await client.say("hello")
        assert await client.hear() == "hello"
        assert here.service.heard == [("ACME", "hello")]


@pytest.mark.trio
async def test_a_token_in_the_first_message_opens_the_stream():
    async with studio() as here:
        client = await here.enter(token=None)
        await opened(client)
        assert here.service.there == []
        await client.say('{"op":"auth","token":"demo-BOREAS"}')
        await client.say("hello")
        assert await client.hear() == "hello"
        assert here.service.heard == [("BOREAS", "hello")]


@pytest.mark.trio
@pytest.mark.parametrize("token", [None, "demo-ACME"])
async def test_what_is_sent_right_behind_the_handshake_is_read(token):
    """A client may speak before it has the venue's answer; and everything may come in one read."""
    async with studio() as here:
        client = await here.dial()
        head = "GET /v1/stream HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\n"
        head += "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        head += "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        words = ["hello"]
        if token:
            head += f"Authorization: Bearer {token}\r\n"
        else:
            words.insert(0, '{"op":"auth","token":"demo-ACME"}')
        await client.raw((head + "\r\n").encode() + b"".join(map(masked, words)))
        await here.until(lambda: here.service.heard)
        assert here.service.heard == [("ACME", "hello")]


def masked(text):
    """A client's frame, with the mask 0."""
    frame = text_frame(text.encode())
    return frame[:1] + bytes((frame[1] | 0x80,)) + bytes(4) + frame[2:]


REFUSED = {
    "a wrong token": ({"Authorization": "Bearer demo-NOBODY"}, 401),
    "no token in it": ({"Authorization": "Bearer"}, 401),
    "another scheme": ({"Authorization": "Basic ZGVtbw=="}, 401),
    "another path": ({"target": "/v2/stream"}, 404),
    "a page of another origin": ({"Origin": "https://elsewhere"}, 403),
    "an origin that is none": ({"Origin": "http://[::1"}, 403),
}


@pytest.mark.trio
@pytest.mark.parametrize(("headers", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_handshake_is_refused_with_its_status(headers, status):
    async with studio(origins=["https://console"]) as here:
        client = await here.enter(**({"token": None} | headers))
        assert await client.refused() == status
        client.sock.close()
        wrong = status == 401
        reason = DisconnectReason.LOGON_REFUSED if wrong else DisconnectReason.GARBLED
        await here.ended(reason)
        assert "demo-NOBODY" not in "".join(here.log), "no secret in a log"


@pytest.mark.trio
@pytest.mark.parametrize("origin", ["https://venue", "http://venue", "https://console"])
async def test_pages_of_the_venue_and_of_the_origins_that_it_trusts_may_connect(origin):
    async with studio(origins=["https://console"]) as here:
        await opened(await here.enter(Origin=origin))


@pytest.mark.trio
@pytest.mark.parametrize(
    "text",
    ['{"op":"auth","token":"demo-NOBODY"}', '{"op":"subscribe","channel":"trades"}', "no JSON"],
)
async def test_a_first_message_that_shows_no_token_closes_the_stream(text):
    async with studio() as here:
        client = await here.enter(token=None)
        await opened(client)
        await client.say(text)
        assert await client.closed() == CloseCode.NOT_AUTHORIZED
        assert await client.hung_up()
        client.sock.close()
        await here.ended(DisconnectReason.LOGON_REFUSED)
        assert here.service.heard == []
        assert "demo-NOBODY" not in "".join(here.log)


@pytest.mark.trio
async def test_who_guesses_tokens_is_kept_out_and_who_is_in_stays():
    async with studio(failed_logons=3) as here:
        client = await here.enter()
        await opened(client)
        for _ in range(3):
            guess = await here.enter("guess")
            assert await guess.refused() == 401
        late = await here.enter()
        assert await late.hung_up()
        assert here.counters.refused[Refusal.ADDRESS_BLOCKED] == 1
        await client.say("still here")
        assert await client.hear() == "still here"


@pytest.mark.trio
async def test_who_was_connected_when_the_address_was_blocked_cannot_guess_on():
    async with studio(failed_logons=2) as here:
        waiting = [await here.enter(token=None) for _ in range(3)]
        for client in waiting:
            await opened(client)
        for client in waiting[:2]:
            await client.say('{"op":"auth","token":"guess"}')
            assert await client.closed() == CloseCode.NOT_AUTHORIZED
        await waiting[2].say('{"op":"auth","token":"demo-ACME"}')
        assert await waiting[2].closed() == CloseCode.NOT_AUTHORIZED


@pytest.mark.trio
async def test_an_address_has_so_many_connections():
    async with studio(connections_per_address=2) as here:
        for _ in range(2):
            await opened(await here.enter())
        assert await (await here.enter()).hung_up()
        assert here.counters.refused[Refusal.ADDRESS_FULL] == 1


@pytest.mark.trio
@pytest.mark.parametrize("data", [b"", b"GET /v1/stream HTTP/1.1\r\n"], ids=["silent", "half"])
async def test_a_handshake_that_does_not_come_in_time_is_closed(data, monkeypatch):
    monkeypatch.setattr("gateway.flow.lobby.LOGON_TIMEOUT_SECONDS", 0.1)
    async with studio() as here:
        client = await here.dial()
        await client.raw(data)
        assert await client.hung_up()
        client.sock.close()
        await here.ended(DisconnectReason.NO_LOGON)


@pytest.mark.trio
async def test_a_token_that_does_not_come_in_time_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("gateway.flow.lobby.LOGON_TIMEOUT_SECONDS", 0.3)
    async with studio() as here:
        client = await here.enter(token=None)
        await opened(client)
        assert await client.hung_up()
        client.sock.close()
        await here.ended(DisconnectReason.NO_LOGON)


# --- what they cannot do ------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_client_that_breaks_the_protocol_ends_alone():
    async with studio() as here:
        good, bad = await here.enter(), await here.enter()
        await opened(good)
        await opened(bad)
        await bad.raw(text_frame(b"not masked"))
        assert await bad.closed() == CloseCode.PROTOCOL_ERROR
        assert await bad.hung_up()
        bad.sock.close()
        await here.ended(DisconnectReason.GARBLED)
        await good.say("hello")
        assert await good.hear() == "hello"
        assert len(here.service.there) == 1


@pytest.mark.trio
async def test_a_fault_of_ours_ends_the_client_that_met_it_and_is_logged():
    async with studio() as here:
        good, unlucky = await here.enter(), await here.enter()
        await opened(good)
        await opened(unlucky)
        await unlucky.say("fault")
        assert await unlucky.hung_up()
        await here.ended(DisconnectReason.INTERNAL)
        assert any("met a fault" in line and "a fault of ours" in line for line in here.log)
        await good.say("hello")
        assert await good.hear() == "hello"
        assert len(here.service.there) == 1


@pytest.mark.trio
async def test_a_client_that_talks_too_much_is_closed():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        _, burst = REQUESTS
        await client.send(*[TextMessage(str(k)) for k in range(burst + 1)])
        heard = [await client.hear() for _ in range(burst)]
        assert heard == [str(k) for k in range(burst)]
        assert await client.closed() == CloseCode.POLICY_VIOLATION


class TurnsOfTheLoop(trio.abc.Instrument):
    """Counts them."""

    count = 0

    def after_io_wait(self, timeout):
        self.count += 1


@pytest.mark.trio
async def test_only_one_client_is_heard_in_a_turn_of_the_loop():
    """However many talk at once, the feed has its own turn between any two of them."""
    turns, heard = TurnsOfTheLoop(), []
    trio.lowlevel.add_instrument(turns)
    async with studio() as here:
        clients = [await here.enter() for _ in range(10)]
        for client in clients:
            await opened(client)
        here.service.received = lambda client, text: heard.append(turns.count)
        for client in clients:
            await client.send(*[TextMessage(str(k)) for k in range(5)])
        await here.until(lambda: len(heard) == 50)
        assert len(set(heard)) == len(heard)


@pytest.mark.trio
async def test_the_log_says_who_came_and_why_they_left():
    async with studio() as here:
        client = await here.enter(token="demo-BOREAS")
        await opened(client)
        client.reset()
        await here.ended(DisconnectReason.PEER_CLOSED)
        came, left = here.log
        assert came.startswith("BOREAS connected from 127.0.0.1:")
        assert left.startswith("BOREAS at 127.0.0.1:")
        assert left.endswith(" disconnected: PEER_CLOSED")


@pytest.mark.trio
async def test_a_client_that_does_not_read_is_closed_and_the_others_go_on(monkeypatch):
    async with studio() as here:
        good, stalled = await here.enter(), await here.enter(token="demo-BOREAS")
        await opened(good)
        await opened(stalled)
        frame = text_frame(b"x" * 100_000)
        (victim,) = [client for client in here.service.there if client.who == "BOREAS"]
        for _ in range(200):
            victim.send(frame)
        assert not victim.open
        await here.ended(DisconnectReason.SLOW_CONSUMER)
        await good.say("hello")
        assert await good.hear() == "hello"
        assert any("slow consumer" in line for line in here.log)


@pytest.mark.trio
async def test_a_client_that_resets_its_connection_is_gone():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        client.reset()
        await here.ended(DisconnectReason.PEER_CLOSED)
        assert here.service.there == []


# --- pings and the end --------------------------------------------------------------------------


@pytest.mark.trio
async def test_a_client_is_pinged_and_left_when_it_does_not_answer():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        here.clock.time += 20 * SECOND
        assert await client.next() == Ping(b"")
        await client.send(Pong(b""))
        here.clock.time += 20 * SECOND
        assert await client.next() == Ping(b"")
        here.clock.time += 60 * SECOND
        assert await client.closed() == CloseCode.NO_PONG
        client.sock.close()
        await here.ended(DisconnectReason.HEARTBEAT_TIMEOUT)


@pytest.mark.trio
async def test_the_clients_close_is_answered():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        await client.say("last")
        await client.send(CloseConnection(1000))
        assert await client.hear() == "last"
        assert await client.closed() == 1000
        assert await client.hung_up()
        client.sock.close()
        await here.ended(DisconnectReason.PEER_CLOSED)


@pytest.mark.trio
async def test_a_venue_that_closes_says_so_behind_all_that_was_sent():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        (there,) = here.service.there
        there.send(text_frame(b"last"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(here.server.close, "the venue is closing")
            assert await client.hear() == "last"
            event = await client.next()
            assert (event.code, event.reason) == (CloseCode.SERVICE_RESTART, "the venue is closing")
            await client.send(event.response())
            assert await client.hung_up()
            client.sock.close()
        await here.ended(DisconnectReason.SHUTDOWN)
        assert await (await here.dial()).hung_up()
        assert here.counters.refused[Refusal.SHUTDOWN] == 1


@pytest.mark.trio
async def test_nothing_is_sent_behind_a_close():
    async with studio() as here:
        client = await here.enter()
        await opened(client)
        (there,) = here.service.there
        there.close(CloseCode.SLOW_CONSUMER, "too slow", here.clock.monotonic())
        there.send(text_frame(b"late"))
        expected = close_frame(CloseCode.SLOW_CONSUMER, "too slow")
        here.clock.time += 5 * SECOND  # no answer comes: the venue hangs up
        assert await client.rest() == expected


@pytest.mark.trio
async def test_a_venue_that_closes_before_it_listens_just_closes():
    here = Studio({}, ())
    here.listener.close()
    with trio.move_on_after(0.1) as scope:
        await here.server.serve(here.listener)
    assert scope.cancelled_caught


@pytest.mark.trio
async def test_strangers_leave_when_the_venue_closes():
    async with studio() as here:
        silent = await here.dial()
        await here.until(lambda: here.server._admission.total == 1)
        await here.server.close("the venue is closing")
        assert await silent.hung_up()
        assert here.counters.disconnects[DisconnectReason.SHUTDOWN] == 1


def test_every_close_of_ours_is_counted_under_its_reason():
    peers = {CloseCode.NORMAL, CloseCode.GOING_AWAY, CloseCode.TRY_AGAIN_LATER}
    assert set(client_module._REASONS) == set(CloseCode) - peers
