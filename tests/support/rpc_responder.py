"""A node that says what a test wants: HTTP on 127.0.0.1, in the test's own event loop."""

import asyncio
import json
from contextlib import asynccontextmanager

from tests.support.anvil import CHAIN


class Answer:
    """Bytes to put on the wire in place of a decent answer, and what comes behind them: the `next`
    request, the `end` of the line, or `silence`."""

    def __init__(self, raw, then):
        self.raw, self.then = raw, then


class Error(Exception):
    """A JSON-RPC error as the answer: code, text."""


class Responder:
    """Answers by `say(method, params)`, and remembers what it was asked.

    A result becomes a decent answer, an Error that is raised a JSON-RPC error, an Answer goes out
    as it is. eth_chainId is answered by itself.
    """

    def __init__(self, say):
        self.say = say
        self.asked = []
        self.lines = 0

    def count(self, method):
        """How often a method was asked."""
        return sum(name == method for name, _ in self.asked)

    async def serve(self, reader, writer):
        """One connection."""
        self.lines += 1
        try:
            while (request := await self._read(reader)) is not None:
                answer = self._answer(request)
                writer.write(answer.raw)
                await writer.drain()
                if answer.then == "end":
                    return
                if answer.then == "silence":
                    await reader.read()  # until the other side gives up
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _read(self, reader):
        head = await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""
        if not head:
            return None
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        return json.loads(await reader.readexactly(int(fields[b"Content-Length"])))

    def _answer(self, request):
        method, params = request["method"], request["params"]
        self.asked.append((method, params))
        decent = {"jsonrpc": "2.0", "id": request["id"]}
        if method == "eth_chainId":
            return http(decent | {"result": hex(CHAIN)})
        try:
            said = self.say(method, params)
        except Error as error:
            code, text = error.args
            return http(decent | {"error": {"code": code, "message": text}})
        return said if isinstance(said, Answer) else http(decent | {"result": said})


def http(body, status="200 OK"):
    """An answer with a body, JSON unless it is bytes; the line stays open."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return Answer(head.encode() + b"\r\n\r\n" + body, "next")


@asynccontextmanager
async def responding(say):
    """A responder, and its URL."""
    responder = Responder(say)
    server = await asyncio.start_server(responder.serve, "127.0.0.1", 0, limit=2**25)
    port = server.sockets[0].getsockname()[1]
    responder.url = f"http://127.0.0.1:{port}/v3/0123456789secretkey"
    try:
        yield responder
    finally:
        server.close()
