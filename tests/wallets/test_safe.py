"""A Safe's transactions: hashed as others hash them, of one kind alone, signed by enough owners."""

import json

import pytest
from eth_abi import encode
from eth_account.messages import _hash_eip191_message, encode_typed_data
from eth_hash.auto import keccak
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from custody.chains.calldata import transfer
from custody.wallets import safe as words
from custody.wallets.proposal import (
    Known,
    add_signature,
    call_of,
    check,
    digest_of,
    propose,
    read_proposal,
    write_proposal,
)
from custody.wallets.safe import (
    ZERO,
    Change,
    Event,
    SafeRefused,
    SafeTx,
    check_payment,
    doubt,
    executed,
    execution,
    hash_of,
    joined,
    owner_of,
    payment_of,
    signature_of,
)
from tests.support.safe import LISTED, OWNERS, THIEF

SAFE = "0x" + "5afe" * 10
HOT = "0x" + "b0" * 20
USDC = "0x" + "c0" * 20
OTHER = "0x" + "07" * 20
ETHER = 10**18

addresses = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
numbers = st.integers(0, 2**256 - 1)
transactions = st.builds(
    SafeTx, addresses, numbers, st.binary(max_size=200), numbers, st.integers(0, 1), numbers,
    numbers, numbers, addresses, addresses,
)  # fmt: skip


def fields(tx):
    return {
        "to": tx.target, "value": tx.value, "data": tx.data, "operation": int(tx.operation),
        "safeTxGas": tx.safe_tx_gas, "baseGas": tx.base_gas, "gasPrice": tx.gas_price,
        "gasToken": tx.gas_token, "refundReceiver": tx.refund_receiver, "nonce": tx.nonce,
    }  # fmt: skip


def hash_by_another(tx, chain, safe):
    """As eth_account has it of the types."""
    types = {
        "SafeTx": [
            {"name": name, "type": kind}
            for name, kind in zip(
                fields(tx),
                ["address", "uint256", "bytes", "uint8", *["uint256"] * 3, *["address"] * 2,
                 "uint256"],
                strict=True,
            )
        ]
    }  # fmt: skip
    domain = {"chainId": chain, "verifyingContract": safe}
    return bytes(_hash_eip191_message(encode_typed_data(domain, types, fields(tx))))


@settings(max_examples=60, deadline=None)
@given(transactions, st.integers(1, 2**53), addresses)
def test_the_hash_is_that_of_another_library(tx, chain, safe):
    assert hash_of(tx, chain, safe) == hash_by_another(tx, chain, safe)


@settings(max_examples=60, deadline=None)
@given(transactions, st.binary(max_size=300))
def test_the_call_is_that_of_another_library(tx, signatures):
    kinds = ["address", "uint256", "bytes", "uint8", *["uint256"] * 3, "address", "address"]
    values = [value for name, value in fields(tx).items() if name != "nonce"]
    assert execution(tx, signatures)[4:] == encode([*kinds, "bytes"], [*values, signatures])


def test_its_words_are_safes_own():
    assert words.EXEC.hex() == "6a761202"
    assert words.SAFE_TX_TYPE.hex() == (
        "bb8310d486368db6bd6f849402fdd73ad53d316b5a4b2644ad6efe0f941286d8"
    )
    assert words.DOMAIN_TYPE.hex() == (
        "47e79534a245952e8b16893a336b85a3d9ea9fa8c573f3d803afb92a79469218"
    )


# --- the one kind of transaction ---------------------------------------------------------------

COINS = payment_of("", HOT, 20 * ETHER, 4)
TOKENS = payment_of(USDC, HOT, 5_000, 4)


def test_coins_for_the_hot_wallet_are_what_is_signed():
    assert check_payment(COINS, HOT, ["", USDC], 4) == ("", 20 * ETHER)
    assert check_payment(TOKENS, HOT, ["", USDC], 4) == (USDC, 5_000)


WRONG = {
    "a delegatecall": (replace(COINS, operation=1), "delegatecall"),
    "a delegatecall to a token": (replace(TOKENS, operation=1), "delegatecall"),
    "an operation nobody knows": (replace(COINS, operation=2), "delegatecall"),
    "somebody else's address": (replace(COINS, target=OTHER), "the hot wallet is"),
    "a transfer to somebody else": (
        replace(TOKENS, data=transfer(OTHER, 5_000)), "the hot wallet is"),
    "another token": (replace(TOKENS, target=OTHER), "no transfer of coins"),
    "a call of the hot wallet": (replace(COINS, data=b"\0" * 4), "no transfer of coins"),
    "a call of the Safe itself": (
        replace(TOKENS, target=SAFE, data=keccak(b"x")[:4]), "no transfer of coins"),
    "an approval": (
        replace(TOKENS, data=keccak(b"approve(address,uint256)")[:4] + TOKENS.data[4:]),
        "no transfer of coins"),
    "a transfer with something behind it": (
        replace(TOKENS, data=TOKENS.data + b"\0"), "no transfer of coins"),
    "coins along with a transfer": (replace(TOKENS, value=1), "no transfer of coins"),
    "a refund": (replace(COINS, gas_price=1), "back"),
    "a refund's base": (replace(COINS, base_gas=1), "back"),
    "a limit of gas": (replace(COINS, safe_tx_gas=1), "back"),
    "a refund's token": (replace(COINS, gas_token=USDC), "back"),
    "a refund's receiver": (replace(COINS, refund_receiver=OTHER), "back"),
    "a nonce that is over": (replace(COINS, nonce=3), "the Safe's next is 4"),
    "a nonce to come": (replace(COINS, nonce=5), "the Safe's next is 4"),
    "nothing": (replace(COINS, value=0), "moves nothing"),
    "nothing of a token": (replace(TOKENS, data=transfer(HOT, 0)), "moves nothing"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_nothing_else_is(case):
    tx, reason = WRONG[case]
    with pytest.raises(SafeRefused, match=reason):
        check_payment(tx, HOT, ["", USDC], 4)


@settings(max_examples=200, deadline=None)
@given(transactions)
def test_whatever_is_let_through_moves_coins_to_the_hot_wallet(tx):
    try:
        token, amount = check_payment(tx, HOT, ["", USDC], tx.nonce)
    except SafeRefused:
        return
    assert tx == payment_of(token, HOT, amount, tx.nonce)


# --- signatures --------------------------------------------------------------------------------

DIGEST = hash_of(COINS, 1, SAFE)


def sign(person, digest=DIGEST):
    made = person.unsafe_sign_hash(digest)
    return signature_of(made.r, made.s, made.v - 27)


def test_signatures_go_in_the_order_of_their_owners():
    signed = [sign(person) for person in OWNERS]
    ready = joined(DIGEST, signed, LISTED, 3)
    whose = [owner_of(DIGEST, ready[k : k + 65]) for k in range(0, len(ready), 65)]
    assert whose == sorted(LISTED)
    assert joined(DIGEST, reversed(signed), LISTED, 3) == ready


def test_no_more_signatures_than_are_wanted():
    assert len(joined(DIGEST, [sign(p) for p in OWNERS], LISTED, 2)) == 2 * 65


@pytest.mark.parametrize(
    ("people", "reason"),
    [
        ([], "0 of 2 owners"),
        ([OWNERS[0]], "1 of 2 owners"),
        ([OWNERS[0], OWNERS[0]], "1 of 2 owners"),
        ([OWNERS[0], THIEF], "is no owner"),
    ],
)
def test_too_few_or_somebody_elses_are_refused_before_the_chain_does(people, reason):
    with pytest.raises(SafeRefused, match=reason):
        joined(DIGEST, [sign(person) for person in people], LISTED, 2)


@pytest.mark.parametrize("last", [0, 1, 26, 29, 31, 32])
def test_signatures_of_another_kind_are_refused(last):
    """0: of a contract; 1: approved on the chain; above 30: of a text."""
    with pytest.raises(SafeRefused, match="27 or 28"):
        owner_of(DIGEST, sign(OWNERS[0])[:64] + bytes([last]))


def test_a_signature_of_another_hash_is_nobodys_here():
    with pytest.raises(SafeRefused, match="is no owner"):
        joined(DIGEST, [sign(OWNERS[0], keccak(b"something else"))], LISTED, 1)


# --- the file ----------------------------------------------------------------------------------

KNOWN = Known(1, SAFE, HOT, {"ETH": "", "USD": USDC}, {"ETH": 18, "USD": 6}, 4, LISTED, 2)


def proposal(asset="ETH", amount="20"):
    return propose(KNOWN, asset, amount, 4, LISTED, 2)


def test_a_file_is_what_it_was_when_it_is_read_again():
    for made in (proposal(), proposal("USD", "12.5")):
        assert read_proposal(write_proposal(made)) == made
        check(made, KNOWN)
    assert check(proposal(), KNOWN) == COINS
    assert proposal("USD", "12.50").atomic == "12500000"


CHANGES = [
    ("chain", 5), ("safe", OTHER), ("owners", list(LISTED[:2])), ("threshold", 1),
    ("asset", "USD"), ("asset", "BTC"), ("token", USDC), ("amount", "2"), ("atomic", "7"),
    ("hot", OTHER), ("hash", "0x" + "12" * 32), ("hash", "0x"), ("transaction.to", OTHER),
    ("transaction.value", "1"), ("transaction.data", "0x00"), ("transaction.operation", 1),
    ("transaction.safeTxGas", "1"), ("transaction.baseGas", "1"), ("transaction.gasPrice", "1"),
    ("transaction.gasToken", OTHER), ("transaction.refundReceiver", OTHER),
    ("transaction.nonce", 5), ("transaction.value", "9" * 78), ("transaction.to", "0x12"),
    ("version", 2), ("more", 1),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value"), CHANGES)
def test_a_file_that_says_anything_else_is_not_signed(path, value):
    tree = json.loads(write_proposal(proposal()))
    where, _, last = path.rpartition(".")
    (tree[where] if where else tree)[last] = value
    with pytest.raises(SafeRefused):
        check(read_proposal(json.dumps(tree).encode()), KNOWN)


def test_a_file_for_another_hot_wallet_is_not_believed_about_it():
    """Whoever made it says that the thief's address is the hot wallet, and is right everywhere
    else."""
    theirs = propose(replace(KNOWN, hot=OTHER), "ETH", "20", 4, LISTED, 2)
    with pytest.raises(SafeRefused, match="the hot wallet is"):
        check(theirs, KNOWN)


def test_owners_sign_in_any_order_and_once():
    made = proposal()
    for person in (OWNERS[2], OWNERS[0]):
        made = add_signature(made, sign(person))
        check(made, KNOWN)
    with pytest.raises(SafeRefused, match="has signed already"):
        add_signature(made, sign(OWNERS[0]))
    with pytest.raises(SafeRefused, match="no owner"):
        add_signature(made, sign(THIEF))
    assert call_of(made, COINS) == execution(
        COINS, joined(DIGEST, [sign(OWNERS[0]), sign(OWNERS[2])], LISTED, 2)
    )


def test_a_signature_under_another_name_is_found():
    made = add_signature(proposal(), sign(OWNERS[0]))
    (signed,) = made.signatures
    lied = replace(made, signatures=(replace(signed, owner=LISTED[1]),))
    with pytest.raises(SafeRefused, match="signatures: that of"):
        check(lied, KNOWN)


def test_without_enough_signatures_there_is_no_call():
    with pytest.raises(SafeRefused, match="1 of 2 owners"):
        call_of(add_signature(proposal(), sign(OWNERS[0])), COINS)


@pytest.mark.parametrize(
    ("asset", "amount"),
    [("BTC", "1"), ("ETH", "0"), ("ETH", "-1"), ("ETH", "1e3"), ("USD", "0.1234567")],
)
def test_an_amount_that_is_none_is_not_proposed(asset, amount):
    with pytest.raises(SafeRefused):
        proposal(asset, amount)


@given(st.binary(max_size=200))
def test_what_is_no_file_is_refused(text):
    with pytest.raises(SafeRefused):
        read_proposal(text)


# --- what became of it -------------------------------------------------------------------------


def test_only_the_safes_own_word_on_this_very_hash_counts():
    good = Event(SAFE, (words.EXECUTED, DIGEST))
    assert executed([Event(SAFE, ()), good], SAFE, DIGEST) is True
    assert executed([Event(SAFE, (words.FAILED, DIGEST))], SAFE, DIGEST) is False
    for other in (
        Event(OTHER, good.topics),
        Event(SAFE, (words.EXECUTED, keccak(b"another"))),
        Event(SAFE, (keccak(b"Other()"), DIGEST)),
    ):
        assert executed([other], SAFE, DIGEST) is None


def test_both_balances_have_to_say_that_it_arrived():
    assert doubt(Change(100, 80, 7, 27), 20) == ""
    assert "0 left the Safe" in doubt(Change(100, 100, 7, 7), 20)
    assert "19 more" in doubt(Change(100, 80, 7, 26), 20)
    assert "30 left" in doubt(Change(100, 70, 7, 27), 20)


def test_the_zero_address_is_no_refund():
    assert COINS.gas_token == COINS.refund_receiver == ZERO
    assert digest_of(proposal()) == DIGEST
