"""How a member connects: the text that `fixgate run` prints, and QuickFIX configurations."""

from typing import Final

from engine.model.errors import OperatorError
from gateway.config import DEMO_PASSWORD, Config, ResolvedSession, resolve_sessions
from gateway.data import data_file

PORTS: Final = {
    "order_entry": "order_entry",
    "drop_copy": "drop_copy",
    "market_data": "market_data",
    "market_data_stream": "market_data_stream",
    "audit": "audit",
    "webhooks": "webhooks",
    "metrics": "metrics",
}

STREAM_PATH: Final = "/v1/stream"
"""Where every WebSocket of the venue is."""

MAX_PORT: Final = 65_535


def port_of(config: Config, kind: str, port_offset: int) -> int:
    """The TCP port of a kind of session, or of `metrics`.

    Raises OperatorError if the offset leads out of range.
    """
    port = int(getattr(config.venue.ports, PORTS[kind])) + port_offset
    if not 1 <= port <= MAX_PORT:
        raise OperatorError(f"--port-offset {port_offset} makes port {port}: ports end at 65535")
    return port


def quickfix_config(config: Config, comp_id: str, port_offset: int) -> str:
    """A QuickFIX initiator's settings for one session. Raises OperatorError for unknown ones."""
    sessions = {s.comp_id: s for s in resolve_sessions(config)}
    session = sessions.get(comp_id)
    if session is None:
        some = ", ".join(list(sessions)[:4])
        raise OperatorError(f"no session {comp_id} in the configuration; there are {some} ...")
    port = port_of(config, session.kind, port_offset)
    return "\n".join(
        [
            "[DEFAULT]",
            "ConnectionType=initiator",
            "ReconnectInterval=5",
            "FileStorePath=store",
            "FileLogPath=log",
            "NonStopSession=Y",
            "[SESSION]",
            "BeginString=FIX.4.4",
            f"SenderCompID={session.comp_id}",
            f"TargetCompID={config.venue.comp_id}",
            f"SocketConnectHost={config.venue.bind}",
            f"SocketConnectPort={port}",
            "SocketNodelay=Y",
            "HeartBtInt=30",
            "ResetOnLogon=N",
            "UseDataDictionary=Y",
            f"DataDictionary={data_file('fix_dictionaries', 'FIX44.xml')}",
            f"# your application adds to Logon: 553={session.comp_id} and 554={_password(session)}",
        ]
    )


def _password(session: ResolvedSession) -> str:
    return DEMO_PASSWORD if session.password == DEMO_PASSWORD else "your password"


def _token(config: Config) -> str:
    """The Authorization that opens a stream; a plain token is only ever a demo's."""
    token = next((member.token for member in config.members if member.token), "your token")
    return f"Authorization: Bearer {token}"


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def connect_text(config: Config, port_offset: int, processes: list[str]) -> str:
    """What a person who has just started the venue wants to know."""
    venue = config.venue
    sessions = resolve_sessions(config)
    lines = [f"{venue.comp_id} speaks FIX.4.4:"]
    for process, kind, label in (
        ("core", "order_entry", "order entry"),
        ("dropcopy", "drop_copy", "drop copy"),
        ("marketdata", "market_data", "market data"),
    ):
        names = [s.comp_id for s in sessions if s.kind == kind]
        if process in processes and names:
            port = port_of(config, kind, port_offset)
            shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
            lines.append(f"  {label:12} {venue.bind}:{port}  {shown}")
    if "marketdata" in processes:
        port = port_of(config, "market_data_stream", port_offset)
        url = f"ws://{_host(venue.bind)}:{port}{STREAM_PATH}"
        lines.append(f"  {'':12} {url}  {_token(config)}")
    compliance = config.compliance
    if "compliance" in processes and compliance is not None and compliance.http_bind is not None:
        port = port_of(config, "audit", port_offset)
        lines.append(f"  {'audit log':12} http://{_host(compliance.http_bind)}:{port}/checkpoint")
    if "webhooks" in processes and compliance is not None and compliance.provider is not None:
        firm, port = compliance.provider, port_of(config, "webhooks", port_offset)
        lines.append(f"  {'webhooks':12} http://{_host(firm.bind)}:{port}/v1/webhooks/{firm.name}")
    port = port_of(config, "metrics", port_offset)
    lines.append(f"  {'metrics':12} http://{_host(venue.metrics_bind)}:{port}/metrics")
    first = next((s for s in sessions if s.kind == "order_entry"), None)
    if first is not None:
        lines.append("QuickFIX, for the first of them (`fixgate cfg` prints any other):")
        lines += [
            "    " + row for row in quickfix_config(config, first.comp_id, port_offset).split("\n")
        ]
    return "\n".join(lines)
