"""The signer: it holds the keys, and answers on its local socket alone. One thread, no loop."""

import os
from pathlib import Path

from custody.demo.keystore import demo_seed
from custody.settings import CustodySettings
from custody.signing.keys import Keys, SeedKeys
from custody.signing.log import SIGNER_LOG, SignerLog
from custody.signing.opening import open_keys
from custody.signing.rules import rules_of
from custody.signing.server import SIGNER_SOCKET, SignerServer
from custody.signing.signer import Signer
from custody.terms import FOLDER
from gateway.children import announce_ready
from gateway.processes.place import Place


def run_signer(place: Place, stop: int) -> None:
    """Sign until the descriptor `stop` can be read."""
    settings, terms = place.custody()
    folder = place.data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    keys = _keys(place, settings, folder)
    memory = SignerLog(folder / SIGNER_LOG, place.log)
    try:
        signer = Signer(rules_of(settings, terms), keys, memory, place.clock, place.log)
        server = SignerServer(place.data / "run" / SIGNER_SOCKET, signer, stop, place.log)
        announce_ready()
        server.serve()
    finally:
        memory.close()


def _keys(place: Place, settings: CustodySettings, folder: Path) -> Keys:
    if settings.keystore is None:
        return SeedKeys(demo_seed(folder, os.urandom))
    return open_keys(settings, place.config_folder, place.clock, place.log)
