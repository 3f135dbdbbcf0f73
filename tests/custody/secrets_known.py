"""Secrets that a test knows, and every way in which one may have got into something."""

import re
from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

from eth_utils import keccak

from custody.wallets.bip32 import DEPOSITS, GAS_TANK, HOT, WARM, ExtendedPrivateKey

LEAST = 6
"""Shortest secret that is looked for, bytes: of less every file is full."""


def forms(secret):
    """By name, what a secret looks like where somebody has written it."""
    assert len(secret) >= LEAST
    number = int.from_bytes(secret, "big")
    found = {
        "bytes": secret,
        "reversed": secret[::-1],
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "hex in pairs": secret.hex(":").encode(),
        "decimal": b"%d" % number,
        "hex number": b"%x" % number,
        "repr": repr(secret)[2:-1].encode(),
        "list": ", ".join(map(str, secret)).encode(),
        "JSON list": ",".join(map(str, secret)).encode(),
        "quoted": quote(secret).encode(),
    }
    for name, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
        for before in range(3):  # where it stands in what was encoded decides on its characters
            text = encode(bytes(before) + secret)
            first, last = (8 * before + 5) // 6, (8 * (before + len(secret))) // 6
            found[f"{name} behind {before}"] = text[first:last]
    return found


class Known:
    """Secrets by name."""

    def __init__(self, **secrets):
        self._patterns = {
            (name, form): text
            for name, secret in secrets.items()
            for form, text in forms(secret).items()
        }
        every = sorted(set(self._patterns.values()), key=len, reverse=True)
        self._any = re.compile(b"|".join(map(re.escape, every)))

    def found_in(self, data):
        """Which secrets are in some bytes or text, and as what."""
        if isinstance(data, str):
            data = data.encode("utf-8", "surrogateescape")
        if self._any.search(data) is None:
            return []
        return sorted(what for what, text in self._patterns.items() if text in data)


PASSWORD = b"horse-battery-7731"
RANDOM = b"".join(keccak(b"random %d" % k) for k in range(2))[:60]
SEED = RANDOM[:32]
RPC_KEY = "5b1f7c20d9e84a6f"
DATABASE_PASSWORD = "swan-lake-4402"
RPC_URL = f"http://127.0.0.1:9/v3/{RPC_KEY}"
DATABASE_URL = f"postgresql://custody:{DATABASE_PASSWORD}@127.0.0.1:9/custody"


def keys_of(seed):
    """By name, every private key that this venue derives of a seed, and those between."""
    master = ExtendedPrivateKey.of_seed(seed)
    paths = {"hot": HOT, "gas_tank": GAS_TANK, "warm": WARM}
    paths |= {f"deposit_{k}": (*DEPOSITS, k) for k in range(3)}
    paths |= {"deposits": DEPOSITS, "coin": DEPOSITS[:2], "purpose": DEPOSITS[:1], "master": ()}
    return {name: master.derive(path)._key.secret for name, path in paths.items()}


KNOWN = Known(
    password=PASSWORD,
    seed=SEED,
    rpc_key=RPC_KEY.encode(),
    database_password=DATABASE_PASSWORD.encode(),
    **keys_of(SEED),
)


def everything_in(folder):
    """All bytes of all files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return b"\n".join(path.read_bytes() for path in files), len(files)
