"""One POST over HTTP/1.1, for what needs little of it: witnesses and providers answer in lines.

There is one deadline from the first byte to the last, so that whoever answers byte by byte holds
nobody up. No redirect is followed and no proxy is asked: what is sent goes where the configuration
says, or nowhere. The certificate of an https server is checked against the system's authorities.
"""

import socket
import ssl
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

import h11

ASK_SECONDS: Final = 5
"""From the connection to the last byte of the answer; asking for the address is the system's."""

MAX_ANSWER_BYTES: Final = 64 * 1024
"""Of an answer: sixteen ML-DSA-44 cosignatures of a witness."""

READ_BYTES: Final = 16 * 1024


def post(
    url: str,
    body: bytes,
    headers: Sequence[tuple[str, str]] = (),
    seconds: float = ASK_SECONDS,
    most: int = MAX_ANSWER_BYTES,
) -> tuple[int, bytes]:
    """Status and body of the answer, whatever the status. Raises OSError, and ValueError if it is
    no URL of http or https."""
    deadline = time.monotonic() + seconds
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("no URL of http or https")
    port = parts.port or (443 if parts.scheme == "https" else 80)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    head = [
        ("Host", parts.netloc.rpartition("@")[2]),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
        *headers,
    ]
    sock = _connected(parts.hostname, port, deadline)
    if parts.scheme == "https":
        sock = _secured(sock, parts.hostname, deadline)
    http = h11.Connection(h11.CLIENT)
    with sock:
        try:
            data = http.send(h11.Request(method="POST", target=target, headers=head)) or b""
            data += http.send(h11.Data(data=body)) or b""
            data += http.send(h11.EndOfMessage()) or b""
            sock.settimeout(_left(deadline))
            sock.sendall(data)
            return _answer(sock, http, deadline, most)
        except h11.ProtocolError as error:
            raise OSError(f"not HTTP: {error}") from None


def _connected(host: str, port: int, deadline: float) -> socket.socket:
    """To the first of its addresses that takes it. Raises OSError."""
    trouble = OSError(f"{host} has no address")
    for family, kind, protocol, _, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(_left(deadline))
            sock.connect(address)
        except OSError as error:
            sock.close()
            trouble = error
        else:
            return sock
    raise trouble


def _secured(sock: socket.socket, host: str, deadline: float) -> ssl.SSLSocket:
    """Raises OSError, for one whose certificate is not the host's too."""
    try:
        sock.settimeout(_left(deadline))
        return ssl.create_default_context().wrap_socket(sock, server_hostname=host)
    except OSError:
        sock.close()
        raise


def _answer(
    sock: socket.socket, http: h11.Connection, deadline: float, most: int
) -> tuple[int, bytes]:
    """Raises OSError, h11.ProtocolError."""
    status, body = 0, b""
    while True:
        event = http.next_event()
        if event is h11.NEED_DATA:
            sock.settimeout(_left(deadline))
            http.receive_data(sock.recv(READ_BYTES))
        elif isinstance(event, h11.Response):
            status = event.status_code
        elif isinstance(event, h11.Data):
            body += event.data
            if len(body) > most:
                raise OSError(f"an answer of more than {most:,} bytes")
        elif isinstance(event, h11.EndOfMessage):
            return status, body
        elif not isinstance(event, h11.InformationalResponse):
            raise OSError("closed without an answer")


def _left(deadline: float) -> float:
    """Seconds until the deadline. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("timed out")
    return left
