"""A real Ethereum node, anvil, started for the tests that ask for one; it mines when it is told to.

Its program is found in FIXGATE_ANVIL, on the PATH, or where `npm ci` in tests/support/evm puts it.
"""

import http.client
import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from custody.chains.calldata import MAX_UINT256
from tests.support.needs import needs

HERE = Path(__file__).parent / "evm"
INSTALLED = HERE / "node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil"
CONTRACTS = json.loads((HERE / "tokens.json").read_text())["contracts"]

CHAIN = 31337
START_SECONDS = 20

KEYS = (
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
)
"""Of the first two accounts of every anvil: known to all the world."""


def find_anvil():
    """The program, or None."""
    named = os.environ.get("FIXGATE_ANVIL") or shutil.which("anvil")
    return named or (str(INSTALLED) if INSTALLED.exists() else None)


def needs_anvil():
    """Skip the test, or fail it, where there is none."""
    needs("anvil (npm ci in tests/support/evm, or FIXGATE_ANVIL)", there=find_anvil() is not None)


class RpcFailed(Exception):
    """The node's error. args: code and text."""


class Anvil:
    """A node. Its ten accounts are unlocked and rich; amounts are wei."""

    def __init__(self, port):
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._ids = itertools.count(1)

    def connect(self):
        """Wait until it answers."""
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.accounts = self.rpc("eth_accounts")
            except OSError:
                assert time.monotonic() < deadline, "anvil does not answer"
                self._line.close()
                time.sleep(0.01)
            else:
                return

    def close(self):
        """End the connection."""
        self._line.close()

    def rpc(self, method, *params):
        """The answer to a question."""
        (answer,) = self.batch([(method, params)])
        return answer

    def batch(self, asked):
        """The answers to many questions at once: (method, params) each."""
        body = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}
            for method, params in asked
        ]
        self._line.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
        answers = json.loads(self._line.getresponse().read())
        answers.sort(key=lambda answer: answer["id"])
        for answer in answers:
            if "error" in answer:
                raise RpcFailed(answer["error"]["code"], answer["error"]["message"])
        return [answer["result"] for answer in answers]

    def mine(self, blocks=1):
        """Make blocks; the hash of the last."""
        self.rpc("anvil_mine", hex(blocks))
        return bytes.fromhex(self.rpc("eth_getBlockByNumber", "latest", False)["hash"][2:])

    def send(self, to, value=0, data="0x", sender=0, gas=1_000_000):
        """Hand a transaction in; its hash. sender: which of the accounts."""
        tx = {
            "from": self.accounts[sender], "value": hex(value), "data": data, "gas": hex(gas),
        } | ({"to": to} if to else {})  # fmt: skip
        return bytes.fromhex(self.rpc("eth_sendTransaction", tx)[2:])

    def deploy(self, name):
        """The address of a contract of tests/support/evm/tokens.sol, in a block of its own."""
        tx = self.send(None, data=CONTRACTS[name]["bytecode"], gas=5_000_000)
        self.mine()
        receipt = self.rpc("eth_getTransactionReceipt", "0x" + tx.hex())
        assert receipt["status"] == "0x1", name
        return receipt["contractAddress"]


def calldata(web3, name, function, *args):
    """Calldata by a contract's own description, as web3 makes it."""
    contract = web3.eth.contract(abi=CONTRACTS[name]["abi"])
    return contract.encode_abi(function, args=list(args))


def rich(anvil, address):
    """Give an address as much as it can have."""
    anvil.rpc("anvil_setBalance", address, hex(MAX_UINT256 >> 32))


@contextmanager
def start_anvil(*options, fork=None):
    """A node as long as the block lasts. fork: the node whose past it shares."""
    needs_anvil()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        find_anvil(), "--host", "127.0.0.1", "--port", str(port), "--quiet", "--no-mining",
        "--slots-in-an-epoch", "4", "--chain-id", str(CHAIN), *options,
    ]  # fmt: skip
    if fork is not None:
        command += ["--fork-url", fork.url, "--no-storage-caching"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    node = Anvil(port)
    try:
        node.connect()
        yield node
    finally:
        node.close()
        process.kill()
        process.wait()
