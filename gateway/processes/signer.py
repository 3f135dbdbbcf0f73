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
from engine.model.errors import OperatorError
from gateway.children import announce_ready
from gateway.processes.place import Place


def run_signer(place: Place, stop: int) -> None:
    """Sign until the descriptor `stop` can be read. The venue trades without it: one that cannot
    start says why, and is tried again."""
    folder = place.data / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        memory = SignerLog(folder / SIGNER_LOG, place.log)
        signer = _signer(place, folder, memory)
    except OperatorError:
        announce_ready()  # nobody else waits for what a person has to mend
        raise
    server = SignerServer(place.data / "run" / SIGNER_SOCKET, signer, stop, place.log)
    announce_ready()
    server.serve()
    memory.close()


def _signer(place: Place, folder: Path, memory: SignerLog) -> Signer:
    settings, terms = place.custody()
    keys = _keys(place, settings, folder)
    return Signer(rules_of(settings, terms), keys, memory, place.clock, place.log)


def _keys(place: Place, settings: CustodySettings, folder: Path) -> Keys:
    if settings.keystore is None:
        return SeedKeys(demo_seed(folder, os.urandom))
    return open_keys(settings, place.config_folder, place.clock, place.log)
