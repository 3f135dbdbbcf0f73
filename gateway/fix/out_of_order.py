"""What came behind a gap, kept until the gap is filled.

Both bounds are soft ends: what does not fit is dropped, for the ResendRequest that is out covers
it too, and it comes again.
"""

from typing import Final

from gateway.fix.message import Message

OUT_OF_ORDER_BYTES: Final = 4 * 1024 * 1024
"""Messages kept behind a gap, bytes of one session: some 20,000 orders, or 64 of the largest."""


class OutOfOrder(dict[int, Message | None]):
    """Messages by MsgSeqNum, at most `cap` of at most OUT_OF_ORDER_BYTES together.

    None stands for one that was seen to already: only its number counts. A dict, because it is
    asked for every message whether it is empty.
    """

    __slots__ = ("_bytes", "_cap")

    def __init__(self, cap: int) -> None:
        super().__init__()
        self._cap = cap
        self._bytes = 0

    def keep(self, number: int, message: Message | None) -> None:
        """Keep the first message with a number, if there is room for it."""
        size = len(message.raw) if message is not None else 0
        if number in self or len(self) >= self._cap:
            return
        if self._bytes + size <= OUT_OF_ORDER_BYTES:
            self[number] = message
            self._bytes += size

    def take(self, number: int) -> Message | None:
        """The message with a number that is kept; it is not kept any longer."""
        message = self.pop(number)
        if message is not None:
            self._bytes -= len(message.raw)
        return message

    def forget_below(self, number: int) -> None:
        """The numbers below have passed."""
        for passed in [kept for kept in self if kept < number]:
            self.take(passed)

    def clear(self) -> None:  # type: ignore[explicit-override] # typing has it from 3.12
        """Keep nothing."""
        super().clear()
        self._bytes = 0
