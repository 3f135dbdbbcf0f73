"""A gap in the member's numbers: what was asked for, and what waits behind it.

FIX 4.4 volume 2, "Ordered message processing": whatever comes behind a missing message waits until
the gap is filled.
"""

from gateway.fix.out_of_order import OutOfOrder


class Gap:
    """The inbound gap of one connection; there is none while `until` is 0.

    waiting: messages behind the gap. until: the gap that was asked for ends below this number.
    asked_below: the highest such number of this connection.
    """

    __slots__ = ("_asked_again", "_asked_from", "asked_below", "until", "waiting")

    def __init__(self, cap: int) -> None:
        self.waiting = OutOfOrder(cap)
        self.until = 0
        self.asked_below = 0
        self._asked_from = 0
        self._asked_again = False

    def open(self, due: int, until: int) -> bool:
        """All from `due` to below `until` lacks. Whether to ask: not while a request is out."""
        self.asked_below = max(self.asked_below, until)
        if self.until:
            return False
        self._asked_from = due
        self._asked_again = False
        self.until = until
        return True

    def ask_again(self) -> bool:
        """The request may not have been read. Whether to repeat it: once for each open gap."""
        if not self.until or self._asked_again:
            return False
        self._asked_again = True
        return True

    def was_asked(self, seq: int) -> bool:
        """A message with this number is among what was asked for last: all from the gap on."""
        return 0 < self._asked_from <= seq

    def shrink(self, due: int) -> bool:
        """Number `due` is the next to come. Whether all that was asked for is here."""
        self.waiting.forget_below(due)
        if due < self.until:
            return False
        self.until = 0
        return True

    def forget(self) -> None:
        """Both numbers start again: nothing that was asked for counts."""
        self.waiting.clear()
        self.until = self.asked_below = self._asked_from = 0
