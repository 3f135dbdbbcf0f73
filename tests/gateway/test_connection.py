"""The sending half of a socket: in order, never blocking, within its limits."""

import socket

import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from gateway.fix.disconnect import DisconnectReason
from gateway.flow.connection import CLOSE_BYTES, FLAG_BYTES, Connection


class Peer:
    """A connection over a socket pair, and the member at its other end."""

    def __init__(self):
        ours, self.sock = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.sock.setblocking(False)
        self.log = []
        self.connection = Connection(_WithoutNagle(ours), "peer", self.log.append)

    async def read(self, size):
        """The next `size` bytes."""
        data = b""
        with trio.fail_after(5):
            while len(data) < size:
                await trio.lowlevel.wait_readable(self.sock.fileno())
                data += self.sock.recv(size - len(data))
        return data

    def at_end(self):
        """Whether the stream has ended, and nothing is left to read."""
        return self.sock.recv(1) == b""

    def waiting(self):
        """All bytes that have arrived."""
        data = b""
        while True:
            try:
                more = self.sock.recv(65536)
            except BlockingIOError:
                return data
            if not more:
                return data
            data += more


class _WithoutNagle:
    """A local socket has no TCP_NODELAY: everything else passes through."""

    def __init__(self, sock):
        self._sock = sock

    def __getattr__(self, name):
        return getattr(self._sock, name)

    def setsockopt(self, level, option, value):
        assert (level, option, value) == (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


@pytest.fixture
def peer():
    peer = Peer()
    yield peer
    peer.sock.close()
    peer.connection.sock.close()


def test_what_the_kernel_takes_leaves_at_once(peer):
    peer.connection.write(b"one;")
    peer.connection.write(b"")
    peer.connection.write(b"two;")
    assert peer.waiting() == b"one;two;"
    assert (peer.connection.queued, peer.connection.bytes_out) == (0, 8)


@pytest.mark.trio
async def test_what_the_kernel_does_not_take_leaves_later_and_in_order(peer):
    connection = peer.connection
    text = b"".join(b"%06d;" % n for n in range(60_000))
    for at in range(0, len(text), 7_000):
        connection.write(text[at : at + 7_000])
    assert connection.queued > 0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run_writer)
        assert await peer.read(len(text)) == text
        await wait_all_tasks_blocked()
        assert connection.queued == 0
        connection.write(b"again")
        assert await peer.read(5) == b"again"
        nursery.cancel_scope.cancel()
    assert connection.bytes_out == len(text) + 5


def test_a_peer_that_does_not_read_is_named_and_then_closed(peer):
    connection = peer.connection
    piece = b"x" * 65_536
    for _ in range(FLAG_BYTES // len(piece)):
        connection.write(piece)
        assert not peer.log
    for _ in range((CLOSE_BYTES - FLAG_BYTES) // len(piece)):
        assert not connection.closed
        assert connection.queued <= CLOSE_BYTES
        connection.write(piece)
    assert len(peer.log) == 1
    assert "slow consumer peer" in peer.log[0]
    for _ in range(4):  # what the kernel took
        connection.write(piece)
    assert connection.closing is DisconnectReason.SLOW_CONSUMER
    queued = connection.queued
    connection.write(piece)
    connection.write_ahead(piece)
    assert connection.queued == queued


def test_what_is_held_counts_too(peer):
    peer.connection.hold()
    for _ in range(CLOSE_BYTES // 65_536 + 1):
        peer.connection.write(b"x" * 65_536)
    assert peer.connection.closed
    assert peer.connection.closing is DisconnectReason.SLOW_CONSUMER


def test_a_peer_that_is_gone_is_noticed(peer):
    peer.sock.close()
    peer.connection.write(b"x")
    peer.connection.write(b"x")
    assert peer.connection.closing is DisconnectReason.PEER_CLOSED


def test_live_messages_wait_for_a_resend(peer):
    connection = peer.connection
    connection.hold()
    connection.write(b"live 1;")
    connection.write_ahead(b"resent 1;")
    connection.write(b"live 2;")
    connection.write_ahead(b"resent 2;")
    assert peer.waiting() == b"resent 1;resent 2;"
    connection.unhold()
    assert peer.waiting() == b"live 1;live 2;"
    assert connection.queued == 0


def test_live_messages_wait_for_the_last_of_several_resends(peer):
    connection = peer.connection
    connection.hold()
    connection.hold()
    connection.write(b"live;")
    connection.unhold()
    assert peer.waiting() == b""
    connection.unhold()
    assert peer.waiting() == b"live;"


# --- the end --------------------------------------------------------------------------------------


def test_a_connection_without_a_queue_ends_at_once(peer):
    peer.connection.finish(DisconnectReason.LOGOUT)
    assert peer.connection.flushed.is_set()
    assert peer.connection.closing is DisconnectReason.LOGOUT
    assert peer.at_end()


def test_the_end_of_a_stream_is_said_once(peer):
    peer.connection.finish(DisconnectReason.LOGOUT)
    peer.connection.finish(DisconnectReason.LOGOUT)
    peer.connection.close(DisconnectReason.LOGOUT)
    assert peer.at_end()


def test_nothing_more_is_read_once_the_end_is_decided(peer):
    peer.connection.write(b"x" * 500_000)
    peer.connection.finish(DisconnectReason.LOGOUT)
    assert peer.connection.read_scope.cancel_called
    assert not peer.connection.flushed.is_set()


@pytest.mark.trio
async def test_last_words_leave_before_the_stream_ends(peer):
    connection = peer.connection
    text = b"x" * 500_000
    connection.write(text)
    connection.finish(DisconnectReason.LOGOUT)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_until_closed, connection)
        assert not connection.flushed.is_set()
        assert await peer.read(len(text)) == text
        with trio.fail_after(5):
            await connection.flushed.wait()
        assert peer.at_end()
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_last_words_behind_a_resend_leave_before_the_stream_ends(peer):
    """The writer sleeps when the resend is done, and there is nothing queued to wake it for."""
    connection = peer.connection
    async with trio.open_nursery() as nursery:
        nursery.start_soon(run_until_closed, connection)
        connection.hold()
        connection.write(b"logout")
        connection.finish(DisconnectReason.LOGOUT)
        await wait_all_tasks_blocked()
        assert not connection.flushed.is_set()
        connection.write_ahead(b"resent;")
        connection.unhold()
        with trio.fail_after(5):
            assert await peer.read(13) == b"resent;logout"
            await connection.flushed.wait()
        assert peer.at_end()
        nursery.cancel_scope.cancel()


async def run_until_closed(connection):
    """The writer as the acceptor runs it: inside the connection's own scope."""
    with connection.cancel_scope:
        await connection.run_writer()


def test_the_first_reason_counts(peer):
    peer.connection.hold()
    peer.connection.write(b"x")
    peer.connection.finish(DisconnectReason.LOGOUT)
    peer.connection.finish(DisconnectReason.SHUTDOWN)
    peer.connection.close(DisconnectReason.PEER_CLOSED)
    peer.connection.close(DisconnectReason.INTERNAL)
    assert peer.connection.closing is DisconnectReason.LOGOUT


@pytest.mark.trio
async def test_a_peer_that_takes_nothing_is_closed(peer, autojump_clock):
    peer.connection.write(b"x" * 500_000)
    with trio.fail_after(60):  # by the test's own clock
        await run_until_closed(peer.connection)
    assert peer.connection.closing is DisconnectReason.SLOW_CONSUMER


@pytest.mark.trio
async def test_drained_waits_until_little_is_queued(peer):
    connection = peer.connection
    with trio.fail_after(5):
        await connection.drained(1)
    connection.write(b"x" * 500_000)
    done = []

    async def wait():
        await connection.drained(1)
        done.append(connection.queued)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connection.run_writer)
        nursery.start_soon(wait)
        await wait_all_tasks_blocked()
        assert not done
        await peer.read(500_000)
        await wait_all_tasks_blocked()
        assert done == [0]
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_nobody_waits_for_a_closed_connection(peer):
    connection = peer.connection
    connection.write(b"x" * 500_000)
    with trio.fail_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(connection.drained, 1)
            await wait_all_tasks_blocked()
            connection.close(DisconnectReason.SHUTDOWN)
