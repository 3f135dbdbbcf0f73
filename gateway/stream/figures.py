"""The figures of a feed's process: of its FIX connections and of its stream clients."""

from gateway.figure import Figure
from gateway.flow.acceptor import Acceptor
from gateway.flow.figures import connection_figures
from gateway.stream.replay import Replays
from gateway.stream.server import StreamServer


def feed_figures(acceptor: Acceptor, server: StreamServer, replays: Replays) -> dict[str, Figure]:
    """What both doors of a feed have counted; they share their counters, so that bytes, refusals
    and disconnects are those of both."""
    assert acceptor.counters is server.counters
    fix = connection_figures(acceptor)
    clients = [client.connection for client in server.clients]
    bytes_out, unsent = fix["fixgate_bytes_out"], fix["fixgate_unsent_bytes"]
    assert isinstance(bytes_out, int)
    assert isinstance(unsent, int)
    return {
        **fix,
        "fixgate_stream_clients": {
            "open": len(clients),
            "before_token": max(0, server.connections - len(clients)),
        },
        "fixgate_stream_replays": replays.running,
        "fixgate_bytes_out": bytes_out + sum(connection.bytes_out for connection in clients),
        "fixgate_unsent_bytes": unsent + sum(connection.queued for connection in clients),
    }
