"""Checking frames one after the other without reading what is in them. Pure."""

from engine.journal.frame import CONTINUES, GENESIS, MORE, frame_hash, read_frame


class Chain:
    """The end of a run of sound frames: what the next one must fit.

    number: the last record, -1 for none. whole: the last record that ends a command, whose parts
    are all there.
    """

    __slots__ = ("_open", "epoch", "hash", "number", "whole")

    def __init__(self, number: int = -1, hash_: bytes = GENESIS) -> None:
        """Begins behind record `number`, whose frame's hash is `hash_`."""
        self.number = self.whole = number
        self.hash = hash_
        self.epoch = 0
        self._open: bool | None = None if number >= 0 else False
        """Whether further parts of a command are due; None: nobody knows yet."""

    def follow(self, data: bytes) -> tuple[int, int]:
        """Go on over the frames at the beginning of `data`.

        Returns how many bytes are sound frames that continue the chain, and how many of them lie
        before the end of the last whole command (0: it did not end in here).
        """
        at = end = 0
        while (frame := read_frame(data, at)) is not None:
            if frame.number != self.number + 1 or frame.prev != self.hash:
                break
            continues = bool(frame.flags & CONTINUES)
            if frame.epoch < self.epoch or self._open is (not continues):
                break
            self.number, self.epoch = frame.number, frame.epoch
            self.hash = frame_hash(data[at : frame.end])
            at = frame.end
            self._open = bool(frame.flags & MORE)
            if not self._open:
                self.whole, end = frame.number, at
        return at, end
