"""A Safe on a test's own node, of the contracts that Safe publishes, put together by web3."""

import json
from pathlib import Path

from eth_account import Account
from web3 import Web3

from custody.wallets.safe import ZERO
from tests.support.needs import needs

ARTIFACTS = (
    Path(__file__).parent / "evm/node_modules/@safe-global/safe-contracts/build/artifacts/contracts"
)
OWNERS = [Account.from_key(bytes([k]) * 32) for k in (1, 2, 3)]
THIEF = Account.from_key(b"\x66" * 32)
THRESHOLD = 2
LISTED = tuple(owner.address.lower() for owner in OWNERS)
WEB3 = Web3()


def artifact(name):
    """The bytecode and the description of one of Safe's contracts."""
    path = ARTIFACTS / name
    needs("Safe's contracts (npm ci in tests/support/evm)", there=path.exists())
    return json.loads(path.read_text())


def contract(name):
    return WEB3.eth.contract(abi=artifact(name)["abi"])


def deploy(anvil, code, *, gas=8_000_000):
    """The address of a contract of this bytecode."""
    tx = anvil.send(None, data=code, gas=gas)
    anvil.mine()
    receipt = anvil.rpc("eth_getTransactionReceipt", "0x" + tx.hex())
    assert receipt["status"] == "0x1"
    return receipt["contractAddress"]


def new_safe(anvil, owners=LISTED, threshold=THRESHOLD):
    """The address of a new Safe, `0x` and lower-case digits."""
    singleton, factory, handler = (
        deploy(anvil, artifact(name)["bytecode"])
        for name in (
            "SafeL2.sol/SafeL2.json",
            "proxies/SafeProxyFactory.sol/SafeProxyFactory.json",
            "handler/CompatibilityFallbackHandler.sol/CompatibilityFallbackHandler.json",
        )
    )
    people = [Web3.to_checksum_address(owner) for owner in owners]
    handler = Web3.to_checksum_address(handler)
    zero = Web3.to_checksum_address(ZERO)
    setup = contract("SafeL2.sol/SafeL2.json").encode_abi(
        "setup", [people, threshold, zero, b"", handler, zero, 0, zero]
    )
    make = contract("proxies/SafeProxyFactory.sol/SafeProxyFactory.json").encode_abi(
        "createProxyWithNonce", [Web3.to_checksum_address(singleton), setup, 7]
    )
    tx = anvil.send(factory, data=make, gas=2_000_000)
    anvil.mine()
    receipt = anvil.rpc("eth_getTransactionReceipt", "0x" + tx.hex())
    (made,) = [log for log in receipt["logs"] if log["address"] == factory]
    return "0x" + made["topics"][1][-40:]


def view(anvil, safe, name, *args):
    """What a Safe answers, decoded by web3."""
    described = contract("SafeL2.sol/SafeL2.json")
    data = described.encode_abi(name, list(args))
    answer = anvil.rpc("eth_call", {"to": safe, "data": data}, "latest")
    outputs = next(f for f in described.abi if f.get("name") == name)["outputs"]
    (value,) = WEB3.codec.decode([o["type"] for o in outputs], bytes.fromhex(answer[2:]))
    return value
