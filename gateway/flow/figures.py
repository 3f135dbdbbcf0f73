"""The figures of a process's connections, as it says them to its supervisor."""

from gateway.figure import Figure
from gateway.flow.acceptor import Acceptor
from gateway.flow.counters import SYNC_BOUNDS_NS, Durations


def connection_figures(acceptor: Acceptor) -> dict[str, Figure]:
    """What an acceptor, its connections and its sessions have counted."""
    counters, connections = acceptor.counters, acceptor.connections
    logged_on = sum(link.session.logged_on for link in acceptor.links.values())
    return {
        "fixgate_connections": {
            "logged_on": logged_on,
            "before_logon": max(0, acceptor.admission.total - logged_on),
        },
        "fixgate_refused_connections": dict(counters.refused),
        "fixgate_disconnects": dict(counters.disconnects),
        "fixgate_logons": counters.logons,
        "fixgate_messages_in": counters.messages_in,
        "fixgate_messages_out": counters.messages_out,
        "fixgate_bytes_in": counters.bytes_in,
        "fixgate_bytes_out": counters.bytes_out + sum(c.bytes_out for c in connections),
        "fixgate_throttled_messages": counters.throttled,
        "fixgate_slow_consumers": counters.slow_consumers,
        "fixgate_unsent_bytes": sum(c.queued for c in connections),
        "fixgate_held_answers": sum(len(link.gated) for link in acceptor.links.values()),
        "fixgate_resends": acceptor.resends.running,
    }


def duration_figure(durations: Durations) -> Figure:
    """A histogram of times."""
    return {
        "total_ns": durations.total_ns,
        "bounds_ns": list(SYNC_BOUNDS_NS),
        "buckets": list(durations.buckets),
    }
