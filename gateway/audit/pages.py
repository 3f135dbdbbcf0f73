"""The audit log over HTTP: c2sp.org/tlog-tiles, and receipts.

Hashes tell nothing of what was hashed: the checkpoint, the tiles and the receipts are for everybody
who is let near the port. The bundles of entries are the whole journal, and are not here.
"""

import re
from pathlib import Path
from typing import Final

from compliance.audit.errors import AuditRefused
from compliance.audit.receipts import make_receipt, published
from compliance.audit.tile_store import COSIGNED_NAME, LogFolder
from compliance.audit.tiles import TileReader
from gateway.flow.small_http import Answer, SmallHttpServer

MAX_READERS: Final = 64
"""Connections at a time: members, witnesses and monitors that poll; each has a few seconds."""

_TILE: Final = re.compile(
    rb"/(tile/(?:[0-9]|[1-5][0-9]|6[0-3])/(?:x[0-9]{3}/){0,5}[0-9]{3}(?:\.p/[0-9]{1,3})?)\Z"
)
_RECEIPT: Final = re.compile(rb"/receipt/([0-9]{1,18}-[0-9]{1,9})\.tlog-proof\Z")

KNOWN: Final = (
    b"/checkpoint, /checkpoint.cosigned, /tile/L/N, /tile/L/N.p/W and"
    b" /receipt/EXECID.tlog-proof are here\n"
)

TEXT: Final = ("Content-Type", "text/plain; charset=utf-8")
BYTES: Final = ("Content-Type", "application/octet-stream")
CHANGES: Final = ("Cache-Control", "no-cache")
LASTS: Final = ("Cache-Control", "public, max-age=31536000, immutable")
"""A tile never changes: its name says how much is in it."""


class LogPages:
    """What is at each path. A checkpoint names no tile that is not there."""

    def __init__(self, folder: Path) -> None:
        self._log = LogFolder(folder)

    def answer(self, path: bytes) -> Answer:
        """Of a GET."""
        try:
            if path == b"/checkpoint":
                return self._found(self._log.checkpoint(), TEXT, CHANGES)
            if path == b"/checkpoint.cosigned":
                return self._found(self._log.read(COSIGNED_NAME), TEXT, CHANGES)
            if tile := _TILE.match(path):
                return self._found(self._log.read(tile[1].decode()), BYTES, LASTS)
            if receipt := _RECEIPT.match(path):
                return self._receipt(receipt[1].decode())
        except OSError:
            return 503, [TEXT], b"the log cannot be read: try again\n"
        if path.startswith(b"/tile/entries/"):
            return 403, [TEXT], b"entries are the venue's whole journal: ask the venue\n"
        return 404, [TEXT], KNOWN

    def _found(self, data: bytes | None, kind: tuple[str, str], lasts: tuple[str, str]) -> Answer:
        if data is None:
            return 404, [TEXT], b"it is not there, or not yet\n"
        return 200, [kind, lasts], data

    def _receipt(self, exec_id: str) -> Answer:
        """Made when it is asked for: a few tiles are read."""
        note = self._log.checkpoint()
        if note is None:
            return self._found(None, TEXT, CHANGES)
        reader = TileReader(published(note).size, self._log.read)
        try:
            receipt = make_receipt(reader, note, exec_id, whole=False)
        except AuditRefused as error:
            return 404, [TEXT], f"{error}\n".encode()
        return self._found(receipt, TEXT, CHANGES)


def log_server(folder: Path) -> SmallHttpServer:
    """Serves the log of a folder, also while it grows."""
    return SmallHttpServer(LogPages(folder).answer, MAX_READERS)
