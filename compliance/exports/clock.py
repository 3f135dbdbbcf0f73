"""How far the venue's time was from UTC, sample by sample: evidence for the review that (EU)
2017/574 (RTS 25), Article 4 wants each year. Pure."""

from collections.abc import Iterable, Iterator

from compliance.exports.kind import Column, Kind, Row
from compliance.exports.times import Period, time_text
from engine.model.clock import divergence
from engine.model.commands import ClockSampled
from engine.replay import Whole


class Clock:
    """The samples of a period."""

    def __init__(self, period: Period) -> None:
        pass

    def opening(self) -> Iterable[Row]:
        """See Fold."""
        return ()

    closing = opening

    def save(self) -> bytes:
        """See Fold. A sample stands for itself."""
        return b""

    def load(self, data: bytes) -> None:
        """See Fold."""

    def take(self, whole: Whole, *, inside: bool) -> Iterator[Row]:
        """See Fold."""
        sample = whole.command
        if not inside or not isinstance(sample, ClockSampled):
            return
        row: Row = {
            "record": whole.first,
            "time": time_text(whole.time),
            "source": sample.source,
            "wall_ahead_ns": sample.ahead,
            "utc_ahead_of_wall_ns": sample.offset,
        }
        apart = divergence(sample.ahead, sample.offset, sample.max_error)
        if apart is not None:
            row |= {"max_error_ns": sample.max_error, "divergence_ns": apart}
        if sample.limit:
            row["allowed_ns"] = sample.limit
            row["in_class"] = apart is not None and apart <= sample.limit
        yield row


CLOCK = Kind(
    "clock",
    1,
    ("csv", "json"),
    Clock,
    (
        Column(("record",), "integer"),
        Column(("time",), "time"),
        Column(("source",)),
        Column(("wall_ahead_ns",), "integer"),
        Column(("utc_ahead_of_wall_ns",), "integer"),
        Column(("max_error_ns",), "integer"),
        Column(("divergence_ns",), "integer"),
        Column(("allowed_ns",), "integer"),
        Column(("in_class",), "boolean"),
    ),
    wanted=(("divergence_ns",),),
    begin=b'{"clock":[',
)
