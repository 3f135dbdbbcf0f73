"""A place in the journal: where a record lies and what proves that it is this one. Pure."""

from typing import NamedTuple

from engine.journal.segment import SegmentIndex


class Place(NamedTuple):
    """Record `number` lies from `begin` to `end` of segment `segment`.

    chain is the hash of its frame, so the place stands for all records up to it. epoch and known
    are what the frame says: the opening that wrote it, and the last record (-1: none) that was
    durable when it was written.
    """

    number: int
    segment: int
    begin: int
    end: int
    chain: bytes
    epoch: int
    known: int


class Start(NamedTuple):
    """Where a scan may begin instead of at record 0: a place that was checked, and the indexes of
    every segment up to it."""

    place: Place
    indexes: dict[int, SegmentIndex]
