"""What nodes say no with, as they say it."""

import pytest

from custody.chains.node import Refusal
from custody.chains.refusals import is_failed_call, is_no_such_block, is_of_the_pool, refusal_of

KNOWN, LOW, CHEAP, POOR, OTHER = (
    Refusal.KNOWN, Refusal.NONCE_TOO_LOW, Refusal.UNDERPRICED, Refusal.NO_FUNDS, Refusal.OTHER,
)  # fmt: skip


@pytest.mark.parametrize(
    ("node", "code", "text", "refusal"),
    [
        ("anvil", -32003, "transaction already imported", KNOWN),
        ("anvil", -32003, "nonce too low", LOW),
        ("anvil", -32003, "replacement transaction underpriced", CHEAP),
        ("anvil", -32003, "Insufficient funds for gas * price + value", POOR),
        ("anvil", -32003, "max fee per gas less than block base fee", CHEAP),
        ("geth", -32000, "already known", KNOWN),
        ("geth", -32000, "known transaction: 5a41bd", KNOWN),
        ("geth", -32000, "nonce too low: next nonce 7, tx nonce 6", LOW),
        ("geth", -32000, "replacement transaction underpriced", CHEAP),
        ("geth", -32000, "transaction underpriced: gas tip cap 0, minimum needed 1", CHEAP),
        (
            "geth", -32000,
            "insufficient funds for gas * price + value: balance 0, tx cost 21, overshot 21", POOR,
        ),
        ("geth", -32000, "txpool is full", OTHER),
        ("geth", -32000, "intrinsic gas too low", OTHER),
        ("geth", -32000, "tx fee (1.20 ether) exceeds the configured cap (1.00 ether)", OTHER),
        ("erigon", -32000, "existing tx with same hash", KNOWN),
        ("erigon", -32000, "could not replace existing tx", CHEAP),
        ("erigon", -32000, "INTERNAL_ERROR: could not replace existing tx", CHEAP),
        ("erigon", -32000, "fee too low", CHEAP),
        ("erigon", -32000, "insufficient funds", POOR),
        ("nethermind", -32010, "AlreadyKnown", KNOWN),
        ("nethermind", -32010, "OldNonce, Current nonce: 7, nonce of rejected tx: 6", LOW),
        ("nethermind", -32010, "ReplacementNotAllowed", CHEAP),
        ("nethermind", -32010, "FeeTooLowToCompete", CHEAP),
        ("nethermind", -32010, "InsufficientFunds, Account balance: 0", POOR),
        ("nethermind", -32010, "already known", KNOWN),
        ("besu", -32000, "Known transaction", KNOWN),
        ("besu", -32001, "Nonce too low", LOW),
        ("besu", -32004, "Upfront cost exceeds account balance", POOR),
        ("besu", -32009, "Gas price below configured minimum gas price", CHEAP),
        ("reth", -32003, "insufficient gas price to replace existing transaction", CHEAP),
    ],
)  # fmt: skip
def test_a_node_s_words_are_understood(node, code, text, refusal):
    assert refusal_of(text) is refusal, node
    assert is_of_the_pool(code, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32601, "the method eth_sendRawTransaction does not exist/is not available"),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32603, "Internal error"),
        (-32700, "parse error"),
    ],
)
def test_what_a_node_says_of_itself_is_no_refusal(code, text):
    assert not is_of_the_pool(code, text)


def test_a_refusal_within_an_internal_error_is_one():
    assert is_of_the_pool(-32603, "internal error: nonce too low")


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (3, "execution reverted: blocked"),
        (-32000, "gas required exceeds allowance (30000000)"),
        (-32000, "insufficient funds for transfer"),
        (-32015, "VM execution error."),
        (-32003, "Out of gas: gas required exceeds allowance: 21000"),
        (-32000, "invalid opcode: INVALID"),
    ],
)
def test_a_call_that_would_fail_is_known(code, text):
    assert is_failed_call(code, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [(-32601, "method not found"), (-32603, "Internal error"), (-32000, "missing trie node")],
)
def test_a_call_that_could_not_be_tried_is_not_a_failed_one(code, text):
    assert not is_failed_call(code, text)
    assert not is_no_such_block(code, text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-32001, "Resource not found"),
        (-32000, "header for hash not found"),
        (-32000, "block not found: 0x11"),
        (-32001, "0x11 could not be found"),
    ],
)
def test_a_block_that_is_not_there_is_known(code, text):
    assert is_no_such_block(code, text)
