"""A real Safe of two of three on a real node: what we sign it does, what we refuse it refuses."""

import asyncio

import pytest

from custody.assets import ChainAssets
from custody.chains.calldata import MAX_UINT256
from custody.chains.endpoint import Endpoint
from custody.chains.evm import EvmNode, Traces
from custody.deposits.judge import judge
from custody.deposits.states import DepositState
from custody.outgoing.gas import gas_of
from custody.wallets import safe as ours
from tests.custody.world import ASSETS
from tests.support.anvil import CHAIN, RpcFailed, start_anvil
from tests.support.evm_scene import words as calldata_of
from tests.support.safe import LISTED, OWNERS, THIEF, new_safe, view

pytestmark = pytest.mark.proof

HOT = "0x" + "b0" * 20
ETHER = 10**18


@pytest.fixture(scope="module")
def anvil():
    with start_anvil() as node:
        yield node


@pytest.fixture
def safe(anvil):
    made = new_safe(anvil)
    anvil.send(made, 10 * ETHER)
    anvil.mine()
    return made


def signatures(digest, *people):
    made = [person.unsafe_sign_hash(digest) for person in people]
    return [ours.signature_of(each.r, each.s, each.v - 27) for each in made]


def call(anvil, safe, tx, ready):
    """What the chain says to an execution: it is sent, and mined, if it would not revert."""
    asked = {"from": anvil.accounts[0], "to": safe, "data": "0x" + ours.execution(tx, ready).hex()}
    anvil.rpc("eth_call", asked, "latest")  # raises with the Safe's reason
    sent = anvil.send(safe, data=asked["data"])
    anvil.mine()
    return anvil.rpc("eth_getTransactionReceipt", "0x" + sent.hex())


def balance(anvil, address):
    return int(anvil.rpc("eth_getBalance", address, "latest"), 16)


@pytest.mark.parametrize(
    "tx",
    [
        ours.payment_of("", HOT, ETHER, 0),
        ours.payment_of("0x" + "c0" * 20, HOT, 12_345, 0),
        ours.SafeTx(HOT, 7, b"\x01\x02\x03", 99, 1, 2, 3, 4, "0x" + "0a" * 20, "0x" + "0b" * 20),
        ours.SafeTx(HOT, MAX_UINT256, b"\xff" * 100, MAX_UINT256),
    ],
)
def test_the_contract_has_the_same_hash(anvil, safe, tx):
    from web3 import Web3

    whole = [
        Web3.to_checksum_address(tx.target), tx.value, tx.data, int(tx.operation), tx.safe_tx_gas,
        tx.base_gas, tx.gas_price, Web3.to_checksum_address(tx.gas_token),
        Web3.to_checksum_address(tx.refund_receiver), tx.nonce,
    ]  # fmt: skip
    assert view(anvil, safe, "getTransactionHash", *whole) == ours.hash_of(tx, CHAIN, safe)


@pytest.mark.parametrize("people", [(0, 1), (1, 0), (2, 0), (1, 2), (0, 1, 2)])
def test_two_of_three_in_any_order_pay_the_hot_wallet(anvil, safe, people):
    before = balance(anvil, HOT)
    tx = ours.payment_of("", HOT, 3 * ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    ready = ours.joined(digest, signatures(digest, *(OWNERS[k] for k in people)), LISTED, 2)
    receipt = call(anvil, safe, tx, ready)
    assert receipt["status"] == "0x1"
    assert balance(anvil, HOT) == before + 3 * ETHER
    assert balance(anvil, safe) == 7 * ETHER


def test_a_tokens_transfer_pays_too(anvil, safe):
    token = anvil.deploy("Honest")
    anvil.send(token, data=calldata_of("Honest", "transfer", safe, 500))
    anvil.mine()
    tx = ours.payment_of(token, HOT, 400, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    call(anvil, safe, tx, ours.joined(digest, signatures(digest, *OWNERS[:2]), LISTED, 2))
    held = anvil.rpc("eth_call", {
        "to": token, "data": calldata_of("Honest", "balanceOf", HOT)}, "latest")  # fmt: skip
    assert int(held, 16) == 400


def test_too_few_are_refused_by_us_and_by_the_chain(anvil, safe):
    tx = ours.payment_of("", HOT, ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    one = signatures(digest, OWNERS[0])
    with pytest.raises(ours.SafeRefused, match="1 of 2"):
        ours.joined(digest, one, LISTED, 2)
    with pytest.raises(RpcFailed, match="GS020"):
        call(anvil, safe, tx, one[0])


def test_signatures_out_of_order_are_put_in_order_by_us_and_refused_by_the_chain(anvil, safe):
    tx = ours.payment_of("", HOT, ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    down = sorted(OWNERS[:2], key=lambda owner: int(owner.address, 16), reverse=True)
    unsorted = signatures(digest, *down)
    with pytest.raises(RpcFailed, match="GS026"):
        call(anvil, safe, tx, b"".join(unsorted))
    assert call(anvil, safe, tx, ours.joined(digest, unsorted, LISTED, 2))["status"] == "0x1"


def test_a_stranger_is_refused_by_us_and_by_the_chain(anvil, safe):
    tx = ours.payment_of("", HOT, ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    pair = sorted([OWNERS[0], THIEF], key=lambda owner: int(owner.address, 16))
    with pytest.raises(ours.SafeRefused, match="is no owner"):
        ours.joined(digest, signatures(digest, *pair), LISTED, 2)
    with pytest.raises(RpcFailed, match="GS026"):
        call(anvil, safe, tx, b"".join(signatures(digest, *pair)))


def test_what_was_executed_is_not_executed_again(anvil, safe):
    tx = ours.payment_of("", HOT, ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    ready = ours.joined(digest, signatures(digest, *OWNERS[:2]), LISTED, 2)
    assert call(anvil, safe, tx, ready)["status"] == "0x1"
    with pytest.raises(RpcFailed, match="GS026"):  # over the next nonce they are nobody's
        call(anvil, safe, tx, ready)
    with pytest.raises(ours.SafeRefused, match="the Safe's next is 1"):
        ours.check_payment(tx, HOT, [""], view(anvil, safe, "nonce"))


def test_a_delegatecall_would_be_executed_and_so_is_never_signed(anvil, safe):
    """What took whole exchanges: the chain does it if two owners sign it, with the Safe's own
    storage. Only the refusal before the signature helps."""
    tx = ours.SafeTx(anvil.deploy("Honest"), 0, b"", 0, ours.DELEGATECALL)
    with pytest.raises(ours.SafeRefused, match="delegatecall"):
        ours.check_payment(tx, HOT, [""], 0)
    other = ours.SafeTx("0x" + "02".rjust(40, "0"), 0, b"abc", 0, ours.DELEGATECALL)
    digest = ours.hash_of(other, CHAIN, safe)
    ready = ours.joined(digest, signatures(digest, *OWNERS[:2]), LISTED, 2)
    assert call(anvil, safe, other, ready)["status"] == "0x1"


def test_signatures_for_another_safe_or_chain_are_worth_nothing(anvil, safe):
    tx = ours.payment_of("", HOT, ETHER, 0)
    for chain, where in ((CHAIN, HOT), (1, safe)):
        digest = ours.hash_of(tx, chain, where)
        ready = ours.joined(digest, signatures(digest, *OWNERS[:2]), LISTED, 2)
        with pytest.raises(RpcFailed, match="GS026"):
            call(anvil, safe, tx, ready)


# --- what custody makes of it ------------------------------------------------------------------


def asked(anvil, question):
    """The answer of a node as custody asks it."""

    async def run():
        node = EvmNode(Endpoint(anvil.url, "anvil", 1_000, 10_000), CHAIN, Traces.DEBUG)
        try:
            return await question(node)
        finally:
            await node.close()

    return asyncio.run(run())


def test_the_internal_call_is_seen_as_a_move_between_wallets_of_ours(anvil, safe):
    tx = ours.payment_of("", HOT, 3 * ETHER, 0)
    digest = ours.hash_of(tx, CHAIN, safe)
    receipt = call(anvil, safe, tx, ours.joined(digest, signatures(digest, *OWNERS[:2]), LISTED, 2))
    block = bytes.fromhex(receipt["blockHash"][2:])
    found = asked(anvil, lambda node: node.movements(block, [HOT, safe]))
    ((moved),) = found
    assert (moved.source, moved.target, moved.amount) == (safe, HOT, 3 * ETHER)
    assert moved.position.startswith("trace/")
    both = frozenset({HOT, safe})
    head = asked(anvil, lambda node: node.head())
    (judged,) = judge(CHAIN, head, found, {}, both, ChainAssets(ASSETS), {}, safe)
    assert (judged.state, judged.account) == (DepositState.INTERNAL, 0)
    assert judge(CHAIN, head, found, {}, both, ChainAssets(ASSETS), {}, "") == []


def test_coins_for_a_safe_take_more_gas_than_for_an_address(anvil, safe):
    """A refill that is given 21,000 would be reverted; nodes are asked first."""
    payer = anvil.accounts[0]
    sent = anvil.send(safe, ETHER, gas=21_000)
    anvil.mine()
    failed = anvil.rpc("eth_getTransactionReceipt", "0x" + sent.hex())
    assert failed is None or failed["status"] == "0x0"
    gas = asked(anvil, lambda node: gas_of(node, payer, "", safe, ETHER))
    assert gas > 21_000
    sent = anvil.send(safe, ETHER, gas=gas)
    anvil.mine()
    assert anvil.rpc("eth_getTransactionReceipt", "0x" + sent.hex())["status"] == "0x1"
    assert asked(anvil, lambda node: gas_of(node, payer, "", HOT, ETHER)) == 21_000
