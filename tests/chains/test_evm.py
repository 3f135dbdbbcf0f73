"""A node that says what a test wants: good answers are understood, others are no answer."""

import asyncio
import json

import pytest
from eth_utils import keccak

from custody.chains.calldata import balance_of, transfer
from custody.chains.endpoint import Endpoint, RpcError
from custody.chains.evm import USUAL_TIP, EvmNode, Traces, next_base
from custody.chains.node import (
    Block,
    Call,
    CallFails,
    Fees,
    NodeFailed,
    NodeRefused,
    Receipt,
    Refusal,
)
from tests.support.anvil import CHAIN
from tests.support.evm_scene import KEPT, TARGET
from tests.support.rpc_responder import Error, responding

TOLD = json.loads(KEPT.read_text())
HEADER = {k: v for k, v in TOLD["block"].items() if k != "transactions"}
HASH = bytes.fromhex(HEADER["hash"][2:])
TX = "0x" + "ab" * 32
WHO = "0x" + "11" * 20
TOKEN = "0x" + "22" * 20
NUMBER = int(HEADER["number"], 16)

BLOCK = Block(
    NUMBER, HASH, bytes.fromhex(HEADER["parentHash"][2:]), int(HEADER["timestamp"], 16) * 10**9
)


def ask(question, answers, traces=Traces.NONE, proves=True):
    """What a node makes of a question. answers: by method; a function is called with the
    parameters, an Error is raised."""

    def say(method, params):
        answer = answers[method]
        if callable(answer):
            answer = answer(*params)
        if isinstance(answer, Error):
            raise answer
        return answer

    async def run():
        async with responding(say) as responder:
            node = EvmNode(
                Endpoint(responder.url, "n1", 1_000, 10_000), CHAIN, traces, proves=proves
            )
            try:
                return await question(node)
            finally:
                await node.close()

    return asyncio.run(run())


def fails(question, answers, words, **options):
    """It is no answer, for this reason."""
    with pytest.raises(NodeFailed, match=words) as caught:
        ask(question, answers, **options)
    assert str(caught.value).startswith("n1")


# --- blocks --------------------------------------------------------------------------------


def test_a_block_is_asked_for_by_tag_and_by_number():
    def say(name, full):
        assert not full
        return {"latest": HEADER, "finalized": HEADER, "safe": HEADER, hex(NUMBER): HEADER}[name]

    answers = {"eth_getBlockByNumber": say}
    assert ask(lambda n: n.head(), answers) == BLOCK
    assert ask(lambda n: n.finalized(), answers) == BLOCK
    assert ask(lambda n: n.safe(), answers) == BLOCK
    block = ask(lambda n: n.header(NUMBER), answers)
    assert block == BLOCK
    assert type(block.hash) is bytes


def test_a_block_that_is_not_there_yet_is_none():
    assert ask(lambda n: n.header(5), {"eth_getBlockByNumber": None}) is None


def test_a_node_without_finality_has_failed_and_says_why():
    for answer in (None, Error(-39001, "finalized block not found"), Error(-32602, "bad tag")):
        fails(lambda n: n.finalized(), {"eth_getBlockByNumber": answer}, "catching up, or is too")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": "0x7"}, "does not have the hash"),
        ({"hash": "0x" + "12" * 32}, "does not have the hash"),
        ({"timestamp": "0x1"}, "does not have the hash"),
        ({"number": "-0x1"}, "is no hex"),
        ({"number": 10}, "is no text"),
        ({"number": "0x-1"}, "is no quantity"),
        ({"number": "0x 1"}, "is no quantity"),
        ({"number": "0x1_0"}, "is no quantity"),
        ({"number": "0x"}, "is no quantity"),
        ({"number": "0x" + "f" * 65}, "is no quantity"),
        ({"number": "0xzz"}, "invalid literal"),
        ({"hash": "0x12"}, "is no hash"),
        ({"hash": "0x" + "12 " * 32}, "is no hex"),
        ({"hash": None}, "is no text"),
        ({"parentHash": ["0x"]}, "is no text"),
        ({"miner": "0x12"}, "is no address"),
        ({"extraData": "0x1"}, "non-hexadecimal"),
        ({"timestamp": {}}, "is no text"),
    ],
)
def test_a_header_that_is_none_is_no_answer(change, words):
    answers = {"eth_getBlockByNumber": HEADER | change}
    fails(lambda n: n.head(), answers, words)
    if words == "does not have the hash":  # what goes unseen where nothing is hashed again
        ask(lambda n: n.head(), answers, proves=False)


def test_a_header_without_a_field_is_no_answer():
    short = {k: v for k, v in HEADER.items() if k != "stateRoot"}
    fails(lambda n: n.head(), {"eth_getBlockByNumber": short}, "stateRoot")


def test_another_block_than_the_one_asked_for_is_no_answer():
    answers = {"eth_getBlockByNumber": HEADER}
    fails(lambda n: n.header(NUMBER + 1), answers, f"block {NUMBER} for {NUMBER + 1}")


# --- what came -----------------------------------------------------------------------------

GOOD = {
    "eth_getBlockByHash": TOLD["block"],
    "eth_getBlockReceipts": TOLD["receipts"],
    "debug_traceBlockByHash": TOLD["nested"],
    "trace_block": TOLD["flat"],
}


def came(node):
    return node.movements(HASH, [TARGET])


def test_what_came_is_told():
    assert len(ask(came, GOOD)) == 10
    nested = ask(came, GOOD, Traces.DEBUG)
    assert len(nested) == 15
    assert ask(came, GOOD, Traces.FLAT) == nested
    assert ask(came, GOOD, proves=False) == ask(came, GOOD)


def test_a_block_is_asked_for_by_its_hash_alone():
    def traced(name, options):
        assert options == {"tracer": "callTracer"}
        return TOLD["nested"] if name == HEADER["hash"] else None

    answers = GOOD | {
        "eth_getBlockByHash": lambda name, _: TOLD["block"] if name == HEADER["hash"] else None,
        "eth_getBlockReceipts": lambda name: TOLD["receipts"] if name == HEADER["hash"] else None,
        "debug_traceBlockByHash": traced,
    }
    assert len(ask(came, answers, Traces.DEBUG)) == 15


@pytest.mark.parametrize("method", GOOD)
@pytest.mark.parametrize("answer", [None, Error(-32000, "header for hash not found")], ids=str)
def test_a_node_without_the_block_knows_nothing(method, answer):
    traces = Traces.FLAT if method == "trace_block" else Traces.DEBUG
    if method == "eth_getBlockByHash" and answer is not None:
        return  # there is no such thing
    assert ask(came, GOOD | {method: answer}, traces) is None


def test_a_node_that_cannot_tell_has_failed():
    missing = Error(-32601, "the method is not available")
    fails(came, GOOD | {"eth_getBlockReceipts": missing}, "eth_getBlockReceipts: the method is not")
    fails(came, GOOD | {"trace_block": missing}, "trace_block", traces=Traces.FLAT)


RECEIPTS = TOLD["receipts"]
WITH_LOG = next(i for i, r in enumerate(RECEIPTS) if r["logs"])
SILENCED = [
    r | {"logs": []} if i == WITH_LOG else r for i, r in enumerate(RECEIPTS)
]  # fmt: skip
RICHER = [
    tx | {"value": "0xde0b6b3a7640000"} if i == 0 else tx
    for i, tx in enumerate(TOLD["block"]["transactions"])
]

LIES = {
    "another block": (
        {"eth_getBlockByHash": TOLD["block"] | {"hash": "0x" + "12" * 32}},
        "another block",
    ),
    "a log is left out": ({"eth_getBlockReceipts": SILENCED}, "receipts are not those"),
    "a receipt is left out": ({"eth_getBlockReceipts": RECEIPTS[1:]}, "receipts are not of"),
    "a failure is a success": (
        {"eth_getBlockReceipts": [r | {"status": "0x1"} for r in RECEIPTS]},
        "receipts are not those",
    ),
    "a richer transaction": (
        {"eth_getBlockByHash": TOLD["block"] | {"transactions": RICHER}},
        "is not the hash of its transaction",
    ),
    "a transaction is left out": (
        {
            "eth_getBlockByHash": TOLD["block"] | {"transactions": RICHER[1:]},
            "eth_getBlockReceipts": RECEIPTS[1:],
        },
        "transactions are not those",
    ),
    "an empty block": (
        {
            "eth_getBlockByHash": TOLD["block"] | {"transactions": []},
            "eth_getBlockReceipts": [],
        },
        "transactions are not those",
    ),
    "receipts as a dict": ({"eth_getBlockReceipts": {"0": RECEIPTS[0]}}, "Expected `array"),
    "logs as text": (
        {"eth_getBlockReceipts": [r | {"logs": "many"} for r in RECEIPTS]},
        "Expected `array",
    ),
    "thousands of logs": (
        {"eth_getBlockReceipts": [RECEIPTS[0] | {"logs": RECEIPTS[WITH_LOG]["logs"] * 10_000}]},
        "receipts are not of",
    ),
    "transactions by hash only": (
        {"eth_getBlockByHash": TOLD["block"] | {"transactions": [TX]}},
        "Expected `object`",
    ),
    "a trace is left out": ({"debug_traceBlockByHash": TOLD["nested"][1:]}, "traces of"),
    "no trace": (
        {"debug_traceBlockByHash": [{"error": "execution timeout"}] * len(RECEIPTS)},
        "no trace of",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_about_a_block_is_found_out(lie):
    change, words = LIES[lie]
    fails(came, GOOD | change, words, traces=Traces.DEBUG)


# --- accounts ------------------------------------------------------------------------------


def test_balances_are_those_at_a_block():
    at = {"blockHash": HEADER["hash"]}

    def coins(address, block):
        assert (address, block) == (WHO, at)
        return "0xde0b6b3a7640000"

    def tokens(call, block):
        assert call == {"to": TOKEN, "data": "0x" + balance_of(WHO).hex()}
        assert block == at
        return "0x" + (2**256 - 1).to_bytes(32, "big").hex()

    answers = {"eth_getBalance": coins, "eth_call": tokens}
    assert ask(lambda n: n.balance(WHO, "", HASH), answers) == 10**18
    assert ask(lambda n: n.balance(WHO, TOKEN, HASH), answers) == 2**256 - 1


@pytest.mark.parametrize("answer", ["0x", "0x01", "0x" + "00" * 31, "0x" + "00" * 64])
def test_a_balance_that_is_no_word_is_no_answer(answer):
    fails(lambda n: n.balance(WHO, TOKEN, HASH), {"eth_call": answer}, "is it a token")


def test_a_balance_at_a_block_that_is_not_there_is_none():
    gone = Error(-32000, "header for hash not found")
    answers = {"eth_getBalance": gone, "eth_call": gone, "eth_getTransactionCount": gone}
    assert ask(lambda n: n.balance(WHO, "", HASH), answers) is None
    assert ask(lambda n: n.balance(WHO, TOKEN, HASH), answers) is None
    assert ask(lambda n: n.nonce(WHO, HASH), answers) is None


def test_a_state_that_was_thrown_away_is_no_answer():
    pruned = Error(-32000, "missing trie node 12 (path ) state 0x12 is not available")
    fails(lambda n: n.balance(WHO, "", HASH), {"eth_getBalance": pruned}, "missing trie node")


def test_nonces_are_those_of_the_head_or_of_a_block():
    def count(address, at):
        return {"latest": "0x9"}.get(at) if isinstance(at, str) else "0x7"

    answers = {"eth_getTransactionCount": count}
    assert ask(lambda n: n.nonce(WHO), answers) == 9
    assert ask(lambda n: n.nonce(WHO, HASH), answers) == 7


# --- transactions --------------------------------------------------------------------------

RECEIPT = {
    "transactionHash": TX, "blockHash": HEADER["hash"], "blockNumber": "0x5", "status": "0x1",
    "gasUsed": "0x5208", "effectiveGasPrice": "0x3b9aca00",
}  # fmt: skip


def receipt_of(node):
    return node.receipt(bytes.fromhex(TX[2:]))


def test_a_receipt_says_what_became_of_a_transaction():
    expected = Receipt(bytes.fromhex(TX[2:]), HASH, 5, True, 21_000, 10**9)
    assert ask(receipt_of, {"eth_getTransactionReceipt": RECEIPT}) == expected
    failed = ask(receipt_of, {"eth_getTransactionReceipt": RECEIPT | {"status": "0x0"}})
    assert not failed.succeeded


@pytest.mark.parametrize("answer", [None, RECEIPT | {"blockHash": None, "blockNumber": None}])
def test_no_receipt_is_never_a_failure(answer):
    assert ask(receipt_of, {"eth_getTransactionReceipt": answer}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"transactionHash": "0x" + "12" * 32}, "another transaction"),
        ({"status": None}, "neither success nor failure"),
        ({"status": "0x2"}, "neither success nor failure"),
        ({"effectiveGasPrice": None}, "without a price"),
        ({"blockNumber": None}, "without its block"),
        ({"gasUsed": -1}, "is no text"),
    ],
)
def test_a_receipt_that_is_none_is_no_answer(change, words):
    fails(receipt_of, {"eth_getTransactionReceipt": RECEIPT | change}, words)


def test_a_transaction_is_known_or_not():
    known = lambda n: n.knows(bytes.fromhex(TX[2:]))  # noqa: E731
    assert ask(known, {"eth_getTransactionByHash": {"hash": TX, "blockHash": None}})
    assert not ask(known, {"eth_getTransactionByHash": None})
    fails(known, {"eth_getTransactionByHash": {"hash": "0x" + "12" * 32}}, "another transaction")


NO_METHOD = Error(-32601, "method not found")


def test_fees_are_those_of_the_next_block():
    history = {"baseFeePerGas": ["0x5", "0x7"], "oldestBlock": "0x1", "gasUsedRatio": [0.5]}
    answers = {"eth_feeHistory": history, "eth_maxPriorityFeePerGas": "0x3"}
    assert ask(lambda n: n.fees(), answers) == Fees(7, 3)
    assert ask(lambda n: n.fees(), answers | {"eth_maxPriorityFeePerGas": NO_METHOD}) == Fees(
        7, USUAL_TIP
    )
    fails(lambda n: n.fees(), answers | {"eth_feeHistory": {"baseFeePerGas": []}}, "fee history")


def test_a_node_without_fee_history_shows_its_last_header():
    answers = {
        "eth_feeHistory": NO_METHOD, "eth_maxPriorityFeePerGas": "0x3",
        "eth_getBlockByNumber": HEADER,
    }  # fmt: skip
    base, used, limit = (int(HEADER[f], 16) for f in ("baseFeePerGas", "gasUsed", "gasLimit"))
    assert ask(lambda n: n.fees(), answers) == Fees(next_base(base, used, limit), 3)


@pytest.mark.parametrize(
    ("base", "used", "expected"),
    [(1_000, 15, 1_000), (1_000, 30, 1_125), (1_000, 0, 875), (1, 30, 2), (1_000, 16, 1_008)],
)
def test_the_base_fee_follows_eip_1559(base, used, expected):
    assert next_base(base, used, 30) == expected


# --- trying and sending --------------------------------------------------------------------

TRY = Call(WHO, TOKEN, 0, transfer(TARGET, 5))
TRUE = "0x" + "00" * 31 + "01"


def test_a_call_is_tried_and_measured():
    def tried(call, at="latest"):
        assert call == {
            "from": WHO, "to": TOKEN, "value": "0x0", "data": "0x" + TRY.data.hex()
        }  # fmt: skip
        return TRUE

    answers = {"eth_call": tried, "eth_estimateGas": "0x8000"}
    assert ask(lambda n: n.gas(TRY), answers) == 0x8000
    silent = answers | {"eth_call": "0x", "eth_getCode": "0x6001"}
    assert ask(lambda n: n.gas(TRY), silent) == 0x8000
    assert ask(lambda n: n.gas(Call(WHO, TARGET, 5)), {"eth_estimateGas": "0x5208"}) == 21_000


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"eth_call": "0x" + "00" * 32}, "answers false"),
        ({"eth_call": "0x", "eth_getCode": "0x"}, "no contract"),
        ({"eth_call": Error(3, "execution reverted: blocked")}, "blocked"),
        ({"eth_call": TRUE, "eth_estimateGas": Error(-32000, "gas required exceeds")}, "required"),
        ({"eth_call": Error(-32000, "insufficient funds for transfer")}, "insufficient"),
    ],
)
def test_a_call_that_would_fail_is_told(answers, words):
    with pytest.raises(CallFails, match=words):
        ask(lambda n: n.gas(TRY), answers)


def test_a_call_that_could_not_be_tried_is_no_answer():
    fails(lambda n: n.gas(TRY), {"eth_call": NO_METHOD}, "method not found")


RAW = b"\x02whatever was signed"


def test_a_transaction_is_handed_over():
    def send(raw):
        assert raw == "0x" + RAW.hex()
        return "0x" + keccak(RAW).hex()

    assert ask(lambda n: n.broadcast(RAW), {"eth_sendRawTransaction": send}) is None


def test_a_refusal_says_why():
    refused = {"eth_sendRawTransaction": Error(-32000, "already known")}
    with pytest.raises(NodeRefused) as caught:
        ask(lambda n: n.broadcast(RAW), refused)
    assert caught.value.refusal is Refusal.KNOWN


@pytest.mark.parametrize("answer", [None, "0x" + "12" * 32, "0x12", True, {}, []])
def test_another_hash_than_that_of_what_was_sent_is_no_answer(answer):
    fails(lambda n: n.broadcast(RAW), {"eth_sendRawTransaction": answer}, "n1")


def test_a_node_that_is_overrun_has_not_refused():
    answers = {"eth_sendRawTransaction": Error(-32005, "rate limited")}
    with pytest.raises(RpcError, match="rate limited"):
        ask(lambda n: n.broadcast(RAW), answers)
