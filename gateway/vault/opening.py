"""Opening the vault, once all that opens seals is loaded: by files that a command line names, or by
those that a configuration does."""

import secrets
import sys
from functools import partial
from pathlib import Path
from typing import Final

from compliance.vault.key_file import KeyFile
from compliance.vault.store import VaultStore
from compliance.vault.vault import Vault
from custody.signing.seal import seal_process
from engine.model.errors import OperatorError
from engine.password import check_private, password_key, read_password
from gateway.config import load_config
from gateway.flow.system_clock import SystemClock, silent

VAULT_NAME: Final = "vault"
"""Its place under DIR/compliance."""


def open_vault(data: Path, keys: Path, password_file: Path) -> Vault:
    """The vault in a data folder; from here on nobody looks into this process. Raises
    OperatorError."""
    seal_process()
    if keys.resolve().is_relative_to(data.resolve()):
        raise OperatorError(
            f"{keys}, the vault's keys, is in the data folder: a copy of that would be a copy of"
            " both"
        )
    if keys.exists():
        check_private(keys)
    derive = partial(password_key, read_password(password_file))
    file = KeyFile(keys, derive, secrets.token_bytes)
    now = SystemClock(silent).now
    folder = data / "compliance" / VAULT_NAME
    return Vault(VaultStore(folder, file, now, secrets.token_bytes), _alarm)


def configured_vault(data: Path, config: Path) -> Vault:
    """The same by `compliance.vault` of a configuration. Raises OperatorError, ConfigError."""
    settings = load_config(config).compliance
    if settings is None or settings.vault is None:
        raise OperatorError(
            f"{config} names no vault, and names of people are kept nowhere else: say where its"
            " `keys` and its `password_file` are in compliance.vault, and make it by"
            " `fixgate vault init`"
        )
    folder = config.absolute().parent
    return open_vault(data, folder / settings.vault.keys, folder / settings.vault.password_file)


def _alarm(text: str) -> None:
    print(f"fixgate: ALARM: {text}", file=sys.stderr, flush=True)
