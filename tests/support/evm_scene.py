"""A block in which coins come to one address in every way there is, and seem to in some more.

    python -m tests.support.evm_scene

writes what anvil has to say of it to tests/support/evm/block.json, for tests without a node.
"""

import json
from pathlib import Path

from eth_account import Account
from web3 import Web3

from tests.support.anvil import CHAIN, KEYS, calldata, start_anvil

KEPT = Path(__file__).parent / "evm/block.json"
TARGET = "0x" + "7a" * 20
WEB3 = Web3()
TOKENS = ("Honest", "Silent", "Taxed", "Refusing", "Lying", "Blocking")
AMOUNT = 1_000


def words(name, function, *args):
    """Calldata, with addresses as web3 wants them."""
    args = [Web3.to_checksum_address(a) if isinstance(a, str) else a for a in args]
    return calldata(WEB3, name, function, *args)


def deploy_all(anvil):
    """By name, the addresses of all contracts; the payer has coins."""
    contracts = {name: anvil.deploy(name) for name in (*TOKENS, "Noise", "Payer")}
    anvil.send(contracts["Payer"], 10**18)
    anvil.send(contracts["Blocking"], data=words("Blocking", "block_", "0x" + "66" * 20))
    anvil.mine()
    return contracts


def play(anvil, contracts):
    """Send it all: transactions of every type, tokens, calls. Nothing is mined yet."""
    anvil.send(TARGET, 5)
    anvil.send(TARGET, 0)  # nothing came
    anvil.send("0x" + "66" * 20, 7)  # to somebody else
    for name in TOKENS:
        anvil.send(contracts[name], data=words(name, "transfer", TARGET, AMOUNT))
    # Fails, and moves nothing, though it sends coins along.
    anvil.send(contracts["Blocking"], 3, data=words("Blocking", "transfer", TARGET, 1))
    anvil.send(contracts["Noise"], data=words("Noise", "make", TARGET))
    anvil.send(contracts["Payer"], 1, data=words("Payer", "all", TARGET), gas=12_000_000)
    # Taken back by the contract: the transaction has failed.
    anvil.send(contracts["Payer"], data=words("Payer", "payAndRevert", TARGET, 9))
    for raw in signed(anvil, (0, 1, 2, 4)):
        anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())


def signed(anvil, kinds):
    """A transaction of each of these types with a value for the target, by account 1."""
    account = Account.from_key(KEYS[1])
    nonce = int(anvil.rpc("eth_getTransactionCount", account.address, "latest"), 16)
    plain = {"to": Web3.to_checksum_address(TARGET), "gas": 100_000, "chainId": CHAIN}
    old = plain | {"gasPrice": 10**11}
    new = plain | {"maxFeePerGas": 10**11, "maxPriorityFeePerGas": 10**9}
    access = [{"address": account.address, "storageKeys": ["0x" + "01" * 32, "0x" + "00" * 32]}]
    permit = account.sign_authorization({"chainId": CHAIN, "address": "0x" + "05" * 20, "nonce": 0})
    shapes = (
        old,
        old | {"type": 1, "accessList": access},
        new | {"type": 2, "accessList": access},
        new | {"type": 3, "maxFeePerBlobGas": 10**10, "accessList": []},
        new | {"type": 4, "authorizationList": [permit], "gas": 200_000},
    )
    for index, kind in enumerate(kinds):
        tx = shapes[kind] | {"nonce": nonce + index, "value": 100 + kind}
        blobs = [b"\0" * 131_072] if kind == 3 else None
        yield account.sign_transaction(tx, blobs=blobs).raw_transaction


def blob(anvil):
    """A transaction with a blob, as a node tells it. It is in a block of its own, because anvil
    puts the blob itself under the root of a block's transactions."""
    (raw,) = signed(anvil, (3,))
    anvil.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    return told(anvil, anvil.mine())["block"]["transactions"][0]


def told(anvil, block):
    """What the node answers about a block."""
    full = anvil.rpc("eth_getBlockByHash", "0x" + block.hex(), True)
    for tx in full["transactions"]:
        for sidecar in ("blobs", "commitments", "proofs"):  # anvil alone shows these
            tx.pop(sidecar, None)
    return {
        "block": full,
        "receipts": anvil.rpc("eth_getBlockReceipts", "0x" + block.hex()),
        "nested": anvil.rpc("debug_traceBlockByHash", "0x" + block.hex(), {"tracer": "callTracer"}),
        "flat": anvil.rpc("trace_block", full["number"]),
    }


def main():
    """Write it."""
    with start_anvil() as anvil:
        contracts = deploy_all(anvil)
        play(anvil, contracts)
        kept = {"contracts": contracts} | told(anvil, anvil.mine()) | {"blob": blob(anvil)}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    main()
