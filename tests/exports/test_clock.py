"""Samples of the clock, for whoever reviews them."""

from compliance.exports.clock import CLOCK
from engine.model.commands import ClockSampled
from tests.exports.support import Scene, document, validator


def test_a_row_a_sample():
    scene = Scene()
    scene.send(ClockSampled(-300, 100, 5_000, 1_000_000, "kernel"))
    scene.send(ClockSampled(0, 0, 2_000_000, 1_000_000, "kernel"))
    scene.send(ClockSampled(7, 0, -1, 1_000_000, "kernel: not disciplined"))
    scene.send(ClockSampled(7, 0, -1, 0, "kernel: not disciplined"))
    validator(CLOCK).validate(document(CLOCK, scene.wholes))
    rows = scene.rows(CLOCK)
    assert [row["record"] for row in rows] == [scene.last - 3 + k for k in range(4)]
    told = [{k: v for k, v in row.items() if k not in ("record", "time")} for row in rows]
    assert told == [
        {
            "source": "kernel", "wall_ahead_ns": -300, "utc_ahead_of_wall_ns": 100,
            "max_error_ns": 5_000, "divergence_ns": 5_200, "allowed_ns": 1_000_000,
            "in_class": True,
        },
        {
            "source": "kernel", "wall_ahead_ns": 0, "utc_ahead_of_wall_ns": 0,
            "max_error_ns": 2_000_000, "divergence_ns": 2_000_000, "allowed_ns": 1_000_000,
            "in_class": False,
        },
        {
            "source": "kernel: not disciplined", "wall_ahead_ns": 7, "utc_ahead_of_wall_ns": 0,
            "allowed_ns": 1_000_000, "in_class": False,
        },
        {"source": "kernel: not disciplined", "wall_ahead_ns": 7, "utc_ahead_of_wall_ns": 0},
    ]  # fmt: skip
