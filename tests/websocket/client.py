"""A client's half, by wsproto: independent of how the venue builds and reads what it sends."""

from wsproto.connection import Connection, ConnectionType

from gateway.websocket.stream import WebSocketStream

SECOND = 10**9


class Client:
    """An open connection to a WebSocketStream, without a network."""

    def __init__(self):
        self.now = 0
        self.stream = WebSocketStream(self.now)
        self.protocol = Connection(ConnectionType.CLIENT)

    def frame(self, event):
        """The bytes of one of wsproto's events."""
        return self.protocol.send(event)

    def send(self, *events, slices=None):
        """Send events; the messages that the venue then has."""
        data = b"".join(self.frame(event) for event in events)
        return self.raw(data, slices)

    def raw(self, data, slices=None):
        messages = []
        at = 0
        for size in slices or [len(data)]:
            messages += self.stream.receive(data[at : at + size], self.now)
            at += size
        assert at >= len(data)
        return messages

    def heard(self):
        """What the venue has sent, as events."""
        self.protocol.receive_data(self.stream.take_output())
        return list(self.protocol.events())

    def wait(self, seconds):
        """Time passes, each time something is due."""
        end = self.now + seconds * SECOND
        while self.stream.due <= end and not self.stream.ended:
            self.now = max(self.now, self.stream.due)
            self.stream.tick(self.now)
        self.now = end
