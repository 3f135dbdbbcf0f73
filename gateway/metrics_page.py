"""GET /metrics."""

from collections.abc import Callable
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST

from gateway.flow.small_http import Answer, SmallHttpServer

MAX_SCRAPERS: Final = 8
"""Connections at a time: one or two are usual."""

PATH: Final = b"/metrics"


def metrics_server(render: Callable[[], bytes]) -> SmallHttpServer:
    """Serves what `render` gives."""

    def answer(path: bytes) -> Answer:
        if path != PATH:
            return 404, [], b"only /metrics is here\n"
        return 200, [("Content-Type", CONTENT_TYPE_LATEST)], render()

    return SmallHttpServer(answer, MAX_SCRAPERS)
