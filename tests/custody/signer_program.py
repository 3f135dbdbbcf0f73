"""A signer by itself, for tests that look at it from outside: `python -m ... FOLDER`.

It serves FOLDER/signer.sock until its standard input ends. --open: it is not sealed.
"""

import sys
from pathlib import Path

from custody.signing.keys import SeedKeys
from custody.signing.keystore import open_keystore
from custody.signing.log import SignerLog
from custody.signing.rules import SignerRules
from custody.signing.seal import is_sealed, seal_process
from custody.signing.server import SignerServer
from custody.signing.signer import Signer
from engine.password import read_password
from tests.custody.world import CHAIN, COLD, DECIMALS, ETHER, GWEI, POLICY, USDC, HandClock


def main():
    folder = Path(sys.argv[1])
    if "--open" not in sys.argv:
        seal_process()
    keys = SeedKeys(open_keystore(folder / "keystore", read_password(folder / "password")))
    rules = SignerRules(
        CHAIN, {"ETH": "", "USD": USDC}, DECIMALS, POLICY, COLD, 500 * GWEI, ETHER
    )  # fmt: skip
    memory = SignerLog(folder / "signer.log", _say)
    signer = Signer(rules, keys, memory, HandClock(), _say)
    server = SignerServer(folder / "signer.sock", signer, sys.stdin.fileno(), _say)
    _say(f"sealed: {is_sealed()}")
    server.serve()


def _say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
