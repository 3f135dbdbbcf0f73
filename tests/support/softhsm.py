"""A token of SoftHSM in a folder of the test's own, for tests that ask for an HSM.

The library reads where its tokens are when it is loaded, and is loaded once in a process: a process
has one folder of tokens, and every test in it another token.
"""

import atexit
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from custody.settings import HsmSettings
from custody.signing.hsm import HsmKeys
from custody.signing.keystore import RANDOM_BYTES, create_keystore, open_keystore
from custody.signing.opening import Seal, labels_of
from custody.signing.token import HsmToken
from tests.support.needs import needs

try:
    import pkcs11
except ImportError:
    pkcs11 = None

LIBRARIES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
)
PIN = "3141592653"
_numbers = itertools.count(1)
_folders = []


def find_softhsm():
    """Its library, or None."""
    named = os.environ.get("FIXGATE_SOFTHSM")
    return named or next((str(path) for path in LIBRARIES if path.exists()), None)


def needs_softhsm():
    """Skip the test, or fail it, where there is none."""
    there = pkcs11 is not None and find_softhsm() is not None and shutil.which("softhsm2-util")
    needs("SoftHSM and python-pkcs11 (apt-get install softhsm2, pip)", there=bool(there))


def token_folder():
    """The process's folder of tokens."""
    if not _folders:
        folder = Path(tempfile.mkdtemp(prefix="fg-hsm-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        (folder / "tokens").mkdir()
        conf = folder / "softhsm2.conf"
        conf.write_text(f"directories.tokendir = {folder}/tokens\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(conf)
        _folders.append(folder)
    return _folders[0] / "tokens"


def new_token(folder):
    """Settings of an empty token, whose PIN file is in `folder`."""
    needs_softhsm()
    token_folder()
    label = f"fixgate-{os.getpid()}-{next(_numbers)}"
    subprocess.run(
        ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin",
         "2718281828"],
        check=True, capture_output=True, timeout=60,
    )  # fmt: skip
    write_pin(folder, PIN)
    return HsmSettings(library=find_softhsm(), token=label, pin_file=str(folder / "pin"))


def write_pin(folder, pin):
    """What is in the PIN file."""
    path = folder / "pin"
    path.unlink(missing_ok=True)
    path.touch(0o600)
    path.write_text(pin + "\n")


class TokenKeys(HsmKeys):
    """Keys, and the token that they are in."""

    def __init__(self, token, hsm, path):
        seal = Seal(token, hsm.seal_label)
        super().__init__(token, labels_of(hsm), lambda: open_keystore(path, b"secret", seal))
        self.token = token


def make_keys(hsm, folder, clock, log, *, fresh=True):
    """Keys of a token, made there if it is a fresh one, and a keystore that is sealed by it."""
    token = HsmToken(hsm, folder / "pin", clock, log)
    path = folder / "keystore.json"
    if fresh:
        for label in labels_of(hsm).values():
            assert token.make_pair(label)
        assert token.make_sealing_key(hsm.seal_label)
        create_keystore(path, b"secret", os.urandom(RANDOM_BYTES), Seal(token, hsm.seal_label))
    return TokenKeys(token, hsm, path)
