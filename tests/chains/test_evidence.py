"""A block is what its hash says: no field of it can be changed unseen."""

import json

import pytest
import rlp as pyrlp
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils import keccak
from hypothesis import given, settings
from hypothesis import strategies as st

from custody.chains.evidence import (
    check_header,
    check_receipts,
    check_transactions,
    encode_transaction,
)
from custody.chains.tries import ordered_root, rlp
from custody.chains.wire import BlockReceipt, FullBlock, Malformed, Transaction, read
from tests.support.evm_scene import KEPT

TOLD = json.loads(KEPT.read_text())

ITEMS = st.recursive(st.binary(max_size=70), lambda items: st.lists(items, max_size=6))


def block_of(answer):
    return read(json.dumps(answer).encode(), FullBlock)


def receipts_of(answer):
    return read(json.dumps(answer).encode(), list[BlockReceipt])


@given(ITEMS)
def test_rlp_is_what_the_library_makes_of_it(item):
    assert rlp(item) == pyrlp.encode(item)


@given(st.integers(0, 2**256))
def test_numbers_too(number):
    assert rlp(number) == pyrlp.encode(number)


def test_an_empty_trie_has_the_root_that_everybody_knows():
    assert ordered_root([]).hex() == (
        "56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
    )


def naive_root(values):
    """The same trie as a dict of hex digits, put together from its definition."""

    def node(entries):
        if not entries:
            return b""
        if len(entries) == 1:
            ((path, value),) = entries.items()
            return [prefixed(path, 2), value]
        shared = 0
        while len({path[: shared + 1] for path in entries}) == 1:
            shared += 1
        if shared:
            path = next(iter(entries))[:shared]
            return [prefixed(path, 0), short(node({p[shared:]: v for p, v in entries.items()}))]
        branches = [
            short(node({p[1:]: v for p, v in entries.items() if p[0] == digit}))
            for digit in "0123456789abcdef"
        ]
        return [*branches, b""]

    def short(made):
        encoded = pyrlp.encode(made)
        return keccak(encoded) if len(encoded) >= 32 else made

    def prefixed(path, flag):
        odd = len(path) % 2
        return bytes.fromhex(f"{flag + odd:x}" + ("" if odd else "0") + path)

    entries = {pyrlp.encode(index).hex(): value for index, value in enumerate(values)}
    return keccak(pyrlp.encode(node(entries)))


@given(st.lists(st.binary(min_size=1, max_size=40), max_size=40))
def test_the_root_is_what_the_definition_says(values):
    assert ordered_root(values) == naive_root(values)


@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 255, 256, 257, 300])
def test_the_root_is_right_where_keys_grow_longer(count):
    values = [b"%d" % index * (index % 5 + 1) for index in range(count)]
    assert ordered_root(values) == naive_root(values)


def test_a_real_block_is_what_its_hash_says():
    block = block_of(TOLD["block"])
    assert {int(tx.type) for tx in block.transactions} == {0, 1, 2, 4}
    check_header(block)
    check_transactions(block, block.transactions)
    check_receipts(block, receipts_of(TOLD["receipts"]))


UNHASHED = {"hash", "size", "totalDifficulty", "uncles", "transactions", "withdrawals"}
"""Fields of a block that are no part of its header."""


@pytest.mark.parametrize("field", sorted(TOLD["block"].keys() - UNHASHED))
def test_no_field_of_a_header_can_be_changed(field):
    block = block_of(TOLD["block"] | {field: another(TOLD["block"][field])})
    with pytest.raises(Malformed, match="does not have the hash"):
        check_header(block)


def another(text):
    """The same kind of text, with another last digit."""
    return text[:-1] + format((int(text[-1], 16) + 1) % 16, "x") if text != "0x" else "0x01"


def changes(answer, path=()):
    """Every text in an answer, by its path."""
    if isinstance(answer, str) and answer.startswith("0x"):
        yield path
    elif isinstance(answer, dict):
        for key, value in answer.items():
            yield from changes(value, (*path, key))
    elif isinstance(answer, list):
        for index, value in enumerate(answer):
            yield from changes(value, (*path, index))


def changed(answer, path):
    """The answer with another text at one place."""
    copy = json.loads(json.dumps(answer))
    there = copy
    for step in path[:-1]:
        there = there[step]
    there[path[-1]] = another(there[path[-1]])
    return copy


IN_TRANSACTIONS = (
    "hash", "type", "nonce", "gas", "to", "value", "input", "r", "s", "chainId", "gasPrice",
    "maxFeePerGas", "maxPriorityFeePerGas", "maxFeePerBlobGas", "address", "yParity",
)  # fmt: skip
"""Fields under a transaction's hash. Its sender is not: it follows from the signature."""


def hashed_in_transactions():
    """Of one transaction of each type."""
    seen = set()
    for index, tx in enumerate([*TOLD["block"]["transactions"], TOLD["blob"]]):
        if tx["type"] in seen:
            continue
        seen.add(tx["type"])
        for path in changes(tx):
            field = path[-1] if isinstance(path[-1], str) else path[-2]
            follows = field == "gasPrice" and int(tx["type"], 16) > 1  # what was paid in the end
            names = (*IN_TRANSACTIONS, "storageKeys", "blobVersionedHashes")
            if not follows and (field in names or (field == "v" and tx["type"] == "0x0")):
                if field == "chainId" and tx["type"] == "0x0":
                    continue  # it is in `v`
                yield (index, *path)


def test_transactions_of_every_type_have_the_hashes_they_say():
    block = block_of(TOLD["block"])
    blob = read(json.dumps(TOLD["blob"]).encode(), Transaction)
    for tx in (*block.transactions, blob):
        assert keccak(encode_transaction(tx)) == tx.hash


@pytest.mark.parametrize("field", ["hash", "value", "to"])
def test_a_block_with_a_changed_transaction_is_refused(field):
    told = changed(TOLD["block"], ("transactions", 0, field))
    with pytest.raises(Malformed):
        check_transactions(block_of(TOLD["block"]), block_of(told).transactions)


@pytest.mark.parametrize("path", list(hashed_in_transactions()), ids=str)
def test_no_field_of_a_transaction_can_be_changed(path):
    told = changed([*TOLD["block"]["transactions"], TOLD["blob"]], path)
    tx = read(json.dumps(told[path[0]]).encode(), Transaction)
    try:
        assert keccak(encode_transaction(tx)) != tx.hash
    except Malformed:
        assert path[-1] == "type"


HASHED_IN_RECEIPTS = {"type", "status", "cumulativeGasUsed", "logsBloom", "address", "data"}


@pytest.mark.parametrize(
    "path",
    [
        path
        for path in changes(TOLD["receipts"])
        if path[-1] in HASHED_IN_RECEIPTS or path[-2] == "topics"
    ],
    ids=str,
)
def test_no_field_of_a_receipt_can_be_changed(path):
    block = block_of(TOLD["block"])
    with pytest.raises(Malformed):
        check_receipts(block, receipts_of(changed(TOLD["receipts"], path)))


@given(st.data())
@settings(max_examples=30)
def test_nothing_can_be_left_out_doubled_or_moved(data):
    block = block_of(TOLD["block"])
    receipts = receipts_of(TOLD["receipts"])
    at = data.draw(st.integers(0, len(receipts) - 2))
    for items, check in ((block.transactions, check_transactions), (receipts, check_receipts)):
        for wrong in (
            items[:at] + items[at + 1 :],
            items[: at + 1] + items[at:],
            [*items[:at], items[at + 1], items[at], *items[at + 2 :]],
        ):
            with pytest.raises(Malformed):
                check(block, wrong)


KEY = "0x" + "11" * 32
WHO = Account.from_key(KEY).address
U64 = st.integers(0, 2**64 - 1)


@given(U64, U64, U64, st.integers(0, 2**256 - 1), st.binary(max_size=80), st.booleans())
@settings(max_examples=25)
def test_a_transaction_is_hashed_as_its_signer_hashed_it(nonce, gas, price, value, data, creates):
    tx = {
        "nonce": nonce, "gas": gas, "maxFeePerGas": price, "maxPriorityFeePerGas": price // 2,
        "value": value, "data": data, "chainId": 1, "type": 2,
    } | ({} if creates else {"to": WHO})  # fmt: skip
    signed = Account.sign_transaction(tx, KEY)
    fields = TypedTransaction.from_bytes(signed.raw_transaction).as_dict()
    told = {
        "hash": "0x" + signed.hash.hex(), "from": WHO, "input": "0x" + data.hex(),
        "to": None if creates else WHO, "type": "0x2", "yParity": hex(fields["v"]),
        "accessList": [],
    } | {
        key: hex(fields[key])
        for key in ("nonce", "gas", "value", "chainId", "maxFeePerGas", "maxPriorityFeePerGas",
                    "r", "s")
    }  # fmt: skip
    read_back = read(json.dumps(told).encode(), Transaction)
    assert encode_transaction(read_back) == signed.raw_transaction


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "0x7e"}, "type 126 are not known"),
        ({"type": "0x64"}, "type 100 are not known"),
        ({"type": "0x2", "maxFeePerGas": None}, "lacks fields"),
        ({"type": "0x0", "v": None}, "lacks fields"),
    ],
)
def test_a_transaction_that_cannot_be_hashed_is_none(change, words):
    told = dict(TOLD["block"]["transactions"][0]) | change
    with pytest.raises(Malformed, match=words):
        encode_transaction(read(json.dumps(told).encode(), Transaction))
