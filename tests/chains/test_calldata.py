"""Addresses and ERC-20 words, beside eth-abi, eth-utils and the examples of EIP-55."""

import pytest
from eth_abi import encode
from eth_utils import keccak, to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from custody.chains.calldata import (
    BALANCE_OF,
    TRANSFER,
    TRANSFER_TOPIC,
    AddressMalformed,
    balance_of,
    checksummed,
    parse_address,
    read_transfer,
    read_transfer_event,
    transfer,
)

ADDRESSES = st.binary(min_size=20, max_size=20).map(lambda b: "0x" + b.hex())
AMOUNTS = st.integers(0, 2**256 - 1)

EIP_55 = (
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0xde709f2102306220921060314715629080e2fb77",
)


@pytest.mark.parametrize("text", EIP_55)
def test_an_address_with_its_checksum_is_taken(text):
    assert parse_address(text) == text.lower()


@given(ADDRESSES)
def test_the_checksum_is_what_others_make_of_it(address):
    assert checksummed(address) == to_checksum_address(address)
    assert parse_address(address) == address


@given(ADDRESSES, st.integers(2, 41))
def test_one_letter_of_the_wrong_size_is_found(address, at):
    good = checksummed(address)
    bad = good[:at] + good[at].swapcase() + good[at + 1 :]
    if bad not in (good, address):
        with pytest.raises(AddressMalformed, match="EIP-55"):
            parse_address(bad)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        "5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed0",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
        "0X5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        " 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae\n",
        "0x" + "\N{FULLWIDTH DIGIT ONE}" * 40,
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(AddressMalformed):
        parse_address(text)


@given(ADDRESSES, AMOUNTS)
def test_calldata_is_what_the_abi_says(target, amount):
    data = transfer(target, amount)
    assert data == TRANSFER + encode(["address", "uint256"], [target, amount])
    assert read_transfer(data) == (target, amount)
    assert balance_of(target) == BALANCE_OF + encode(["address"], [target])


def test_selectors_and_topic_are_hashes_of_their_signatures():
    assert keccak(text="transfer(address,uint256)")[:4] == TRANSFER
    assert keccak(text="balanceOf(address)")[:4] == BALANCE_OF
    assert keccak(text="Transfer(address,address,uint256)") == TRANSFER_TOPIC


@given(ADDRESSES, AMOUNTS, st.integers(0, 67))
def test_calldata_of_anything_else_is_not_read_as_a_transfer(target, amount, cut):
    data = transfer(target, amount)
    assert read_transfer(data[:cut]) is None
    assert read_transfer(data + b"\0") is None
    assert read_transfer(b"\0" + data[1:]) is None
    assert read_transfer(data[:4] + b"\1" + data[5:]) is None


def word(address):
    return bytes(12) + bytes.fromhex(address[2:])


@given(ADDRESSES, ADDRESSES, AMOUNTS)
def test_a_transfer_event_is_read(source, target, amount):
    topics = [TRANSFER_TOPIC, word(source), word(target)]
    data = amount.to_bytes(32, "big")
    assert read_transfer_event(topics, data) == (source, target, amount)


@given(
    st.lists(st.one_of(st.just(TRANSFER_TOPIC), st.binary(max_size=33)), max_size=5),
    st.binary(max_size=70),
)
def test_any_other_log_is_none(topics, data):
    """Among them an ERC-721's Transfer, which has four topics and no data."""
    fits = (
        len(topics) == 3
        and len(data) == 32
        and topics[0] == TRANSFER_TOPIC
        and all(len(topic) == 32 and not any(topic[:12]) for topic in topics[1:])
    )
    assert (read_transfer_event(topics, data) is not None) == fits
