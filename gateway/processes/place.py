"""Where a process runs: its configuration, its folders, its ports."""

import socket
import sys
from functools import cached_property
from pathlib import Path
from typing import Final

from custody.settings import CustodySettings
from custody.terms import Terms, terms_of
from engine.model.ingress import INGRESS_SOCKET
from gateway.children import CORE
from gateway.config import Config, load_config
from gateway.data import data_file
from gateway.fix.dictionary import Dictionary
from gateway.flow.counters import Counters
from gateway.flow.listener import listen_or_explain
from gateway.flow.system_clock import SystemClock, silent

STATUS_SECONDS: Final = 1.0
"""How often a process tells the supervisor how it is doing."""

MIB: Final = 1024 * 1024


class Place:
    """Where a process runs: its configuration, its folders, its ports."""

    def __init__(
        self,
        name: str,
        config: Path,
        data: Path,
        port_offset: int,
        clock_offset: int | None = None,
        mirror: Path | None = None,
    ) -> None:
        self.name = name
        self.config: Config = load_config(config)
        self.config_folder = config.absolute().parent
        self.data = data
        self.mirror = mirror
        self.port_offset = port_offset
        # All processes keep one time; one of them speaks of what the wall clock does.
        self.clock = SystemClock(self.log if name == CORE else silent, clock_offset)
        self.counters = Counters()
        self.journal = data / "journal"
        self.snapshots = data / "snapshots"
        self.market = data / "market"
        """Checkpoints of the market."""
        self.copies = data / "dropcopy"
        """Checkpoints of drop copy."""
        self.indexes = data / "sessions"
        self.wake = data / "run" / "journal.sock"
        self.ingress = data / "run" / INGRESS_SOCKET

    @cached_property
    def dictionary(self) -> Dictionary:
        """What the venue speaks; only those who speak FIX load it."""
        return Dictionary.load(data_file("fix_dictionaries", "FIX44.xml"))

    def custody(self) -> tuple[CustodySettings, Terms]:
        """The part `custody` of the configuration, and what it means."""
        settings = self.config.custody
        assert settings is not None, "what custody is made of is started with its part alone"
        return settings, terms_of(settings, {a.code: a.scale for a in self.config.assets})

    def log(self, text: str) -> None:
        """One line for the operator, on standard error."""
        print(f"{self.name}: {text}", file=sys.stderr, flush=True)

    def listen(self, port: int) -> socket.socket:
        """A listening socket on a port of the configuration, moved by the offset."""
        return self.listen_at(self.config.venue.bind, port)

    def listen_at(self, address: str, port: int) -> socket.socket:
        """The same, on an address of its own."""
        return listen_or_explain(address, port + self.port_offset)
