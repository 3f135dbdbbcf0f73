"""A client of a StreamService without a socket: it reads the frames that it is sent."""

import json
from types import SimpleNamespace

from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage


class Everybody:
    """Tokens: any will do."""

    def owner(self, token):
        return token


class Subscriber:
    """A client of `service`."""

    def __init__(self, service, who="ACME"):
        self.service = service
        self.heard = []
        self.connection = SimpleNamespace(queued=0)
        self.open = True
        self.closed_with = None
        self.who = who
        self._protocol = Connection(ConnectionType.CLIENT)
        service.opened(self)

    @property
    def unsent(self):
        """What the venue asks."""
        return self.connection.queued

    def send(self, frames):
        """What the venue calls."""
        self._protocol.receive_data(frames)
        for event in self._protocol.events():
            assert isinstance(event, TextMessage)
            assert event.message_finished
            self.hear(json.loads(event.data))

    def hear(self, message):
        self.heard.append(message)

    def say(self, **words):
        """A request; what is answered, and what else comes with it."""
        already = len(self.heard)
        self.service.received(self, json.dumps(words))
        answered = self.heard[already:]
        del self.heard[already:]
        return answered

    def close(self, code, reason, now):
        """What the venue calls when it has to."""
        self.closed_with = code
        self.leave()

    def leave(self):
        self.open = False
        self.service.closed(self)

    def take(self):
        """What was heard since this was last asked."""
        heard, self.heard = self.heard, []
        return heard
