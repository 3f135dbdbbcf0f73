"""A watcher and the venue's stream with nothing between them: real frames, no sockets."""

from gateway.watch.client import requests
from gateway.watch.conversation import Conversation
from gateway.watch.model import Picture
from gateway.websocket.handshake import Handshake, accepted
from gateway.websocket.stream import WebSocketStream


class Line:
    """One connection: the venue's half of it, and what is on its way to the watcher."""

    def __init__(self, floor, picture, depth=5, symbol=None):
        self.floor = floor
        self.picture = picture
        self.open, self.who = True, "ACME"
        self.unsent = 0
        wanted = requests(symbol or picture.symbol, depth)
        self.talk = Conversation("127.0.0.1:8081", "demo-ACME", wanted)
        upgrade = Handshake().receive(self.talk.take_output())
        assert upgrade.authorization == "Bearer demo-ACME"
        self.down = accepted(upgrade)
        self._stream = WebSocketStream(0)
        floor.stream.opened(self)
        picture.begin()

    def send(self, frames):
        """What the venue calls."""
        self.down += frames

    def flow(self, size=1 << 20):
        """All that is on its way arrives, in pieces of `size` bytes."""
        while self.down:
            piece, self.down = self.down[:size], self.down[size:]
            for message in self.talk.receive(piece):
                self.picture.hear(message)
            output = self.talk.take_output()
            for text in self._stream.receive(output, 0) if output else ():
                self.floor.stream.received(self, text)

    def leave(self):
        self.floor.stream.closed(self)


def connected(floor, depth=5, symbol="BTC-USD"):
    """A picture with its line, complete."""
    line = Line(floor, Picture(symbol), depth)
    line.flow()
    assert line.picture.complete
    return line
