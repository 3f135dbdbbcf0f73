"""What the processes beside core say to change the venue: requests and replies, in frames. Pure.

A frame is its length (4 bytes, big-endian) and MessagePack. Replies come in the order of the
requests, each behind the disk. They are receipts: what a command has done is in the journal, and
every command here may be sent again, because its reference is taken once.
"""

from collections.abc import Callable, Iterator
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Struct

from engine.model.commands import Block, CustodyCommand, SetHold, Unblock
from engine.model.errors import FixgateError

INGRESS_SOCKET: Final = "ingress.sock"
"""Its place under DIR/run."""

MAX_FRAME: Final = 4_096
"""Largest frame without its length, bytes: a command of some texts, and far less than a record."""

MAX_REQUESTS: Final = 512
"""Requests of one connection that wait for their replies at a time."""

_LENGTH: Final = 4


Commands = CustodyCommand | Block | Unblock | SetHold
"""What may be said here: no member's orders, and no configuration."""


class Request(Struct, frozen=True, array_like=True, gc=False):
    """number: the sender's, given back in the reply."""

    number: int
    command: Commands


class Reply(Struct, frozen=True, array_like=True, gc=False):
    """The command is record `record`, which is on disk. refusal: what the venue said if it changed
    nothing; empty if it did."""

    number: int
    record: int
    refusal: str


class FrameMalformed(FixgateError):
    """Bytes that are no frame of ours: only the end of the connection helps."""


T = TypeVar("T", Request, Reply)


class FrameReader(Generic[T]):
    """Takes a stream of bytes apart."""

    def __init__(self, kind: type[T]) -> None:
        self._decode: Callable[[bytes], T] = msgspec.msgpack.Decoder(kind).decode
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[T]:
        """Every message that is complete now. Raises FrameMalformed."""
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH:
            length = int.from_bytes(buffer[:_LENGTH], "big")
            if length > MAX_FRAME:
                raise FrameMalformed(f"a frame of {length} bytes; at most {MAX_FRAME}")
            end = _LENGTH + length
            if len(buffer) < end:
                return
            payload = bytes(buffer[_LENGTH:end])
            del buffer[:end]
            try:
                message = self._decode(payload)
            except msgspec.DecodeError as error:
                raise FrameMalformed(str(error)) from None
            yield message


def frame(message: Request | Reply) -> bytes:
    """A message as its bytes."""
    payload = _encode(message)
    assert len(payload) <= MAX_FRAME
    return len(payload).to_bytes(_LENGTH, "big") + payload


_encode = msgspec.msgpack.Encoder().encode
