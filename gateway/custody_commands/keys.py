"""`fixgate keys`: make the venue's keys, and show the addresses that they have. Never a secret."""

import argparse
import json
import secrets
from pathlib import Path
from typing import Final

from custody.settings import CustodySettings, HsmSettings
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
    made, kept = ([], []) if args.what == "show" else _create(settings, folder, args.data)
    shown = _shown(settings, folder) | {"made": made, "kept": kept}
    if args.json:
        print(json.dumps(shown))
    else:
        print(_text(shown))
    return 0


def _create(settings: CustodySettings, folder: Path, data: Path) -> tuple[list[str], list[str]]:
    """Make what is missing: what was made, and what was there and stays as it is."""
    from custody.signing.keystore import RANDOM_BYTES, create_keystore
    from custody.signing.opening import Seal, keystore_files, open_token
    from engine.password import read_password

    log = data / SIGNER_LOG
    if log.exists() and log.stat().st_size:
        return _add_warm(settings, folder, log)
    file, password_file = keystore_files(settings, folder)
    password = read_password(password_file)
    done: dict[str, bool] = {}
    outer = None
    if settings.hsm is not None:
        hsm = settings.hsm
        token = open_token(hsm, folder, SystemClock(), silent)
        for label in _pairs(settings, hsm):
            done[f"key pair {label} in the HSM"] = token.make_pair(label)
        done[f"AES key {hsm.seal_label} in the HSM"] = token.make_sealing_key(hsm.seal_label)
        outer = Seal(token, hsm.seal_label)
    done[f"keystore {file}"] = not file.exists()
    if not file.exists():
        create_keystore(file, password, secrets.token_bytes(RANDOM_BYTES), outer)
    if not any(done.values()):
        raise OperatorError("all keys are there already, and are never written over: `keys show`")
    return [name for name, new in done.items() if new], [n for n, new in done.items() if not new]


def _pairs(settings: CustodySettings, hsm: HsmSettings) -> list[str]:
    """Labels of the key pairs that this venue needs."""
    return [hsm.hot_label, hsm.gas_tank_label, *([hsm.warm_label] if settings.warm else [])]


def _add_warm(settings: CustodySettings, folder: Path, log: Path) -> tuple[list[str], list[str]]:
    """Of a venue that has signed, only the pair of a warm wallet that it never had; a keystore has
    it from the beginning. Raises KeysGone if the HSM lacks the others."""
    from custody.signing.log import names_the_warm_wallet
    from custody.signing.opening import open_token

    hsm = settings.hsm
    if hsm is None or not settings.warm or names_the_warm_wallet(log):
        raise OperatorError(
            f"{log} says that this venue has signed already: new keys would leave its coins behind."
            " Restore the keystore and the HSM from their copies"
        )
    token = open_token(hsm, folder, SystemClock(), silent)
    others = [hsm.hot_label, hsm.gas_tank_label]
    for label in others:
        token.point(label)
    if not token.make_pair(hsm.warm_label):
        raise OperatorError("all keys are there already, and are never written over: `keys show`")
    return [f"key pair {hsm.warm_label} in the HSM"], [f"key pair {it} in the HSM" for it in others]


def _shown(settings: CustodySettings, folder: Path) -> dict[str, object]:
    """What the keys are, opened as the signer opens them."""
    from custody.chains.calldata import checksummed
    from custody.signing.keys import Wallet
    from custody.signing.opening import keystore_files, open_keys

    keys = open_keys(settings, folder, SystemClock(), silent)
    return {
        "hot": checksummed(keys.address(Wallet.HOT)),
        "warm": checksummed(keys.address(Wallet.WARM)) if settings.warm else "",
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
        *([f"warm wallet {shown['warm']}  ({where})"] if shown["warm"] else []),
        f"gas tank    {shown['gas_tank']}  ({where})",
        f"deposits    {shown['xpub']}",
    ]
    made, kept = shown["made"], shown["kept"]
    assert isinstance(made, list)
    assert isinstance(kept, list)
    lines += [f"made        {each}" for each in made]
    lines += [f"was there   {each}: is it another venue's? Then name others" for each in kept]
    if made:
        lines.append(f"Copy {shown['keystore']} to another place now, its password to a third one.")
    if made and hsm:
        lines.append("It does not open without the HSM: copy the token by its maker's means too.")
    return "\n".join(lines)
