"""A signer whose clock is moved by hand.

With FIXGATE_TEST_KEYS=hsm its keys are in a token: test_hsm.py runs the others' tests like that.
"""

import os

import pytest
from eth_utils.crypto import keccak
from hypothesis import strategies as st

from custody.signing import requests
from custody.signing.keys import SeedKeys
from custody.signing.log import SignerLog
from custody.signing.rules import SignerRules
from custody.signing.signer import Signer
from tests.custody.conftest import make_template
from tests.custody.world import CHAIN, COLD, DECIMALS, ETHER, GWEI, POLICY, USDC, HandClock


def keys_of_all_tests():
    if os.environ.get("FIXGATE_TEST_KEYS") != "hsm":
        return SeedKeys(keccak(b"a seed"))
    from tests.support.softhsm import make_keys, new_token, token_folder

    folder = token_folder().parent
    return make_keys(new_token(folder), folder, HandClock(), print)


KEYS = keys_of_all_tests()


class Bench:
    """A signer and its log on disk."""

    def __init__(self, folder):
        self.path = folder / "signer.log"
        self.clock = HandClock()
        self.said = []
        self.policy = POLICY
        self.keys = KEYS
        self.has_warm = False
        self.log = None
        self.start()

    def start(self):
        if self.log is not None:
            self.log.close()
        rules = SignerRules(
            CHAIN, {"ETH": "", "USD": USDC}, DECIMALS, self.policy, COLD, 500 * GWEI, ETHER,
            self.has_warm,
        )  # fmt: skip
        self.log = SignerLog(self.path, self.said.append)
        self.signer = Signer(rules, self.keys, self.log, self.clock, self.said.append)


def mangled(data, asked):
    """A request with one byte of it changed, as hypothesis draws it; None if nobody can read it."""
    payload = bytearray(requests.frame(asked)[4:])
    at = data.draw(st.integers(0, len(payload) - 1))
    payload[at] ^= data.draw(st.integers(1, 255))
    try:
        return requests.read_request(bytes(payload))
    except requests.FrameMalformed:
        return None


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.log.close()


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """See tests/custody/conftest.py."""
    return make_template(tmp_path_factory)
