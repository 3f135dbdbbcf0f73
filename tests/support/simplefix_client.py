"""A member on simplefix: it makes the bytes that are sent, and takes apart those that come."""

import simplefix

from tests.support.fix_client import FixClient

CHUNK_BYTES = 4_096
"""Fed to the parser at once: it moves all that it holds for every field that it reads."""


class SimplefixClient(FixClient):
    """A FixClient whose codec is simplefix. It can be paused as an EngineMember can."""

    def connect(self, timeout=10):
        """As a FixClient's, with a parser that has seen nothing."""
        self._parser = simplefix.FixParser()
        return super().connect(timeout)

    def _encode(self, text):
        message = simplefix.FixMessage()
        message.append_pair(8, "FIX.4.4", header=True)
        for pair in text.rstrip("|").split("|"):
            message.append_string(pair)
        return message.encode()

    def _frame(self):
        while (message := self._parser.get_message()) is None:
            if not self._buffer:
                return None
            chunk, self._buffer = self._buffer[:CHUNK_BYTES], self._buffer[CHUNK_BYTES:]
            self._parser.append_buffer(chunk)
        return message.encode(raw=True)

    def pause(self):
        """Read nothing more from this connection."""

    def resume(self):
        """Log on again, the connection being gone, and catch up."""
        self.reconnect()
