"""A signer whose clock is moved by hand."""

import pytest
from eth_utils.crypto import keccak

from custody.signing.keys import SeedKeys
from custody.signing.log import SignerLog
from custody.signing.signer import Signer, SignerRules
from tests.custody.world import CHAIN, COLD, DECIMALS, ETHER, GWEI, POLICY, USDC, HandClock

KEYS = SeedKeys(keccak(b"a seed"))


class Bench:
    """A signer and its log on disk."""

    def __init__(self, folder):
        self.path = folder / "signer.log"
        self.clock = HandClock()
        self.said = []
        self.policy = POLICY
        self.log = None
        self.start()

    def start(self):
        if self.log is not None:
            self.log.close()
        rules = SignerRules(
            CHAIN, {"ETH": "", "USD": USDC}, DECIMALS, self.policy, COLD, 500 * GWEI, ETHER
        )
        self.log = SignerLog(self.path, self.said.append)
        self.signer = Signer(rules, KEYS, self.log, self.clock, self.said.append)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.log.close()
