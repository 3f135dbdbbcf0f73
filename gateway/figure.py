"""What a process says of itself in numbers; the table of their names is gateway/metrics.py."""

from collections.abc import Mapping

Figure = int | float | Mapping[str, int | list[int]]
"""A number; numbers by label; or times as total_ns, bounds_ns and buckets."""
