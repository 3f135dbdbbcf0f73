"""The venue's metrics: one table, and Prometheus text made of what its processes last said.

A process says its figures once a second on the pipe to its supervisor, which serves them. So a
scrape costs core nothing, and what can be said without core is said while core is down.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from gateway.figure import Figure

PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Definition:
    """One metric. label: what its numbers are told apart by beside `process`; "" for nothing."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    text: str
    label: str = ""


METRICS: Final = (
    Definition("fixgate_up", "gauge", "1 while the process is ready, else 0"),
    Definition("fixgate_restarts", "counter", "Times that the process was started again"),
    Definition("fixgate_resident_memory_bytes", "gauge", "Resident memory of the process"),
    Definition("fixgate_open_fds", "gauge", "Open file descriptors of the process"),
    Definition("fixgate_disk_free_bytes", "gauge", "Free space where the data folder is"),
    Definition("fixgate_connections", "gauge", "FIX connections now", "state"),
    Definition("fixgate_stream_clients", "gauge", "WebSocket connections now", "state"),
    Definition("fixgate_stream_replays", "gauge", "Replays that run or wait for their turn"),
    Definition(
        "fixgate_refused_connections", "counter", "Connections closed at once, unread", "cause"
    ),
    Definition("fixgate_disconnects", "counter", "Connections ended", "reason"),
    Definition("fixgate_logons", "counter", "Logons accepted"),
    Definition("fixgate_messages_in", "counter", "Well-formed messages read"),
    Definition(
        "fixgate_messages_out", "counter", "FIX messages numbered and sent, repetitions apart"
    ),
    Definition("fixgate_bytes_in", "counter", "Bytes read from sessions and clients"),
    Definition("fixgate_bytes_out", "counter", "Bytes sent to sessions and clients"),
    Definition("fixgate_throttled_messages", "counter", "Messages refused by a rate limit"),
    Definition("fixgate_slow_consumers", "counter", "Times that a peer left 1 MiB unread"),
    Definition("fixgate_unsent_bytes", "gauge", "Bytes that wait for peers to read"),
    Definition("fixgate_held_answers", "gauge", "Answers that wait for the disk"),
    Definition("fixgate_resends", "gauge", "Resends that are running or wait for their turn"),
    Definition("fixgate_pending_records", "gauge", "Records that wait for their commit"),
    Definition("fixgate_journal_records", "gauge", "Records on disk, since the first start"),
    Definition("fixgate_journal_durable_record", "gauge", "Number of the last record on disk"),
    Definition("fixgate_journal_read_record", "gauge", "Number of the last record a reader took"),
    Definition("fixgate_journal_sync_seconds", "histogram", "Time to sync a batch of records"),
    Definition("fixgate_snapshot_record", "gauge", "Last record of the newest snapshot, -1: none"),
    Definition("fixgate_mirror_record", "gauge", "Number of the last record in the mirror"),
    Definition("fixgate_mirror_lag_records", "gauge", "Records that the mirror has not got yet"),
    Definition("fixgate_mirror_lag_bytes", "gauge", "Bytes that the mirror has not got yet"),
    Definition("fixgate_mirror_lag_seconds", "gauge", "Age of the oldest record not mirrored"),
    Definition("fixgate_mirror_in_trouble", "gauge", "1 while the mirror cannot be written"),
    Definition("fixgate_clock_wall_ahead_seconds", "gauge", "Wall clock less the venue's time"),
    Definition("fixgate_clock_samples", "counter", "Samples of the clock in the journal"),
    Definition("fixgate_clock_divergence_seconds", "gauge", "Bound of the venue's time from UTC"),
    Definition(
        "fixgate_clock_out_of_class", "gauge", "1 if the clock is off too far, or nobody knows"
    ),
    Definition("fixgate_clock_jumps", "counter", "Jumps of the wall clock, which end no session"),
    Definition("fixgate_order_messages", "counter", "Order messages taken to the core"),
    Definition("fixgate_trades", "counter", "Trades"),
    Definition("fixgate_open_orders", "gauge", "Orders in the books"),
    Definition("fixgate_audit_published_records", "gauge", "Records in the published audit log"),
    Definition("fixgate_audit_behind_records", "gauge", "Records that are in no checkpoint yet"),
    Definition(
        "fixgate_surveillance_behind_records", "gauge", "Records that surveillance has not read yet"
    ),
    Definition("fixgate_surveillance_open_cases", "gauge", "Cases that nobody has closed"),
    Definition("fixgate_surveillance_in_trouble", "gauge", "1 while surveillance cannot go on"),
    Definition(
        "fixgate_provider_waiting_questions",
        "gauge",
        "Questions that a provider has not answered",
    ),
    Definition("fixgate_provider_in_trouble", "gauge", "1 while a provider's hits suspend nobody"),
    Definition("fixgate_audit_in_trouble", "gauge", "1 while the audit log cannot be written"),
    Definition("fixgate_custody_ledger_record", "gauge", "Last record that the ledger has posted"),
    Definition("fixgate_custody_ledger_behind_records", "gauge", "Records not posted yet"),
    Definition("fixgate_custody_ledger_batches", "gauge", "Number of the ledger's last batch"),
    Definition("fixgate_custody_final_block", "gauge", "Last final block looked through, -1: none"),
    Definition("fixgate_custody_nodes_failing", "gauge", "Nodes whose last answer was none"),
    Definition("fixgate_custody_alarms", "gauge", "What waits for a person"),
    Definition("fixgate_custody_deposits", "gauge", "Deposits", "state"),
    Definition("fixgate_custody_withdrawals", "gauge", "Withdrawals", "state"),
    Definition("fixgate_custody_restocks", "gauge", "Restocks of the hot wallet", "state"),
)
"""Every metric there is. Counters get the ending `_total` where they are served."""

_BY_NAME: Final = {metric.name: metric for metric in METRICS}


@dataclass(slots=True)
class ProcessFigures:
    """What is known of one process. pid 0: it does not run."""

    name: str
    pid: int
    up: bool
    restarts: int
    announced: Mapping[str, Figure] = field(default_factory=dict)


class VenueCollector:
    """A prometheus_client collector over the figures of all processes, as of one moment."""

    def __init__(self, processes: Iterable[ProcessFigures], disk_free: int) -> None:
        self._processes = list(processes)
        self._disk_free = disk_free

    def collect(self) -> Iterable[Metric]:
        """One family for each metric of the table that has a figure."""
        found: dict[str, list[tuple[str, Figure]]] = {}
        for process in self._processes:
            for name, figure in {**_of_system(process), **process.announced}.items():
                found.setdefault(name, []).append((process.name, figure))
        for name, metric in _BY_NAME.items():
            if name == "fixgate_disk_free_bytes":
                yield GaugeMetricFamily(name, metric.text, value=self._disk_free)
            elif name in found:
                yield _family(metric, found[name])


def _of_system(process: ProcessFigures) -> dict[str, Figure]:
    """What the system and the supervisor know of a process."""
    figures: dict[str, Figure] = {
        "fixgate_up": int(process.up),
        "fixgate_restarts": process.restarts,
    }
    proc = Path(f"/proc/{process.pid}")
    try:
        resident = int((proc / "statm").read_text().split()[1])
        figures["fixgate_resident_memory_bytes"] = resident * PAGE_BYTES
        figures["fixgate_open_fds"] = len(os.listdir(proc / "fd"))
    except (OSError, ValueError, IndexError):
        pass  # it has just ended, or is sealed, or the system has no /proc
    return figures


def _family(metric: Definition, figures: list[tuple[str, Figure]]) -> Metric:
    labels = ["process", metric.label] if metric.label else ["process"]
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.text, labels=labels)
        for process, figure in figures:
            buckets, total = _buckets(figure)
            histogram.add_metric([process], buckets, total)
        return histogram
    made: CounterMetricFamily | GaugeMetricFamily
    if metric.kind == "counter":
        made = CounterMetricFamily(metric.name, metric.text, labels=labels)
    else:
        made = GaugeMetricFamily(metric.name, metric.text, labels=labels)
    for process, figure in figures:
        if isinstance(figure, Mapping):
            for label, value in figure.items():
                assert isinstance(value, int)
                made.add_metric([process, label], value)
        else:
            made.add_metric([process], figure)
    return made


def _buckets(figure: Figure) -> tuple[list[tuple[str, float]], float]:
    """(upper bound in seconds, count up to it) of each bucket, and the sum in seconds."""
    assert isinstance(figure, Mapping)
    bounds, counts, total = figure["bounds_ns"], figure["buckets"], figure["total_ns"]
    assert isinstance(bounds, list)
    assert isinstance(counts, list)
    assert isinstance(total, int)
    rows: list[tuple[str, float]] = []
    below = 0
    for bound, count in zip([*(f"{ns / 1e9:g}" for ns in bounds), "+Inf"], counts, strict=True):
        below += count
        rows.append((bound, below))
    return rows, total / 1e9


def render(processes: Iterable[ProcessFigures], disk_free: int) -> bytes:
    """All metrics in Prometheus's text format. disk_free in bytes."""
    registry = CollectorRegistry()
    registry.register(VenueCollector(processes, disk_free))
    return generate_latest(registry)
