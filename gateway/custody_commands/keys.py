"""`fixgate keys`: make the venue's keys, and show the addresses that they have. Never a secret."""

import argparse
import json
import secrets
from pathlib import Path
from typing import Final

from custody.settings import CustodySettings
from engine.model.errors import OperatorError
from gateway.config import load_config
from gateway.flow.system_clock import SystemClock, silent

SIGNER_LOG: Final = Path("custody/signer.log")
"""What the signer has signed, in the data folder: whoever has it has used its keys."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What `fixgate keys` takes."""
    parser.add_argument("what", choices=("create", "show"), help="make them, or show what they are")
    parser.add_argument("--config", type=Path, required=True, help="the venue's YAML file")
    parser.add_argument("--data", type=Path, required=True, help="folder of journal and sessions")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run_keys(args: argparse.Namespace) -> int:
    """Make keys, or show them. Raises OperatorError, ConfigError and KeysGone."""
    settings = load_config(args.config).custody
    if settings is None:
        raise OperatorError(f"{args.config} has no part `custody`: see docs/custody.md")
    folder = args.config.absolute().parent
    made = _create(settings, folder, args.data) if args.what == "create" else []
    shown = _shown(settings, folder) | {"made": made}
    if args.json:
        print(json.dumps(shown))
    else:
        print(_text(shown))
    return 0


def _create(settings: CustodySettings, folder: Path, data: Path) -> list[str]:
    """Make what is missing; what was. What is there stays as it is."""
    from custody.signing.keystore import RANDOM_BYTES, create_keystore, read_password
    from custody.signing.opening import Seal, keystore_files, open_token

    log = data / SIGNER_LOG
    if log.exists() and log.stat().st_size:
        raise OperatorError(
            f"{log} says that this venue has signed already: new keys would leave its coins behind."
            " Restore the keystore and the HSM from their copies"
        )
    file, password_file = keystore_files(settings, folder)
    password = read_password(password_file)
    made = []
    outer = None
    if settings.hsm is not None:
        hsm = settings.hsm
        token = open_token(hsm, folder, SystemClock(), silent)
        for label in (hsm.hot_label, hsm.gas_tank_label):
            made += [f"key pair {label} in the HSM"] if token.make_pair(label) else []
        if token.make_sealing_key(hsm.seal_label):
            made.append(f"AES key {hsm.seal_label} in the HSM")
        outer = Seal(token, hsm.seal_label)
    if not file.exists():
        create_keystore(file, password, secrets.token_bytes(RANDOM_BYTES), outer)
        made.append(f"keystore {file}")
    if not made:
        raise OperatorError("all keys are there already, and are never written over: `keys show`")
    return made


def _shown(settings: CustodySettings, folder: Path) -> dict[str, object]:
    """What the keys are, opened as the signer opens them."""
    from custody.chains.calldata import checksummed
    from custody.signing.keys import Wallet
    from custody.signing.opening import keystore_files, open_keys

    keys = open_keys(settings, folder, SystemClock(), silent)
    return {
        "hot": checksummed(keys.address(Wallet.HOT)),
        "gas_tank": checksummed(keys.address(Wallet.GAS_TANK)),
        "xpub": keys.xpub(),
        "keystore": str(keystore_files(settings, folder)[0]),
        "hsm": settings.hsm.token if settings.hsm else "",
    }


def _text(shown: dict[str, object]) -> str:
    hsm = shown["hsm"]
    where = f"in the HSM, token {hsm}" if hsm else "derived from the keystore"
    lines = [
        f"hot wallet  {shown['hot']}  ({where})",
        f"gas tank    {shown['gas_tank']}  ({where})",
        f"deposits    {shown['xpub']}",
    ]
    made = shown["made"]
    if isinstance(made, list) and made:
        lines += [f"made        {each}" for each in made]
        lines.append(f"Copy {shown['keystore']} to another place now, its password to a third one.")
        if hsm:
            lines.append(
                "Without the HSM it cannot be opened: copy the token by its maker's means too."
            )
    return "\n".join(lines)
