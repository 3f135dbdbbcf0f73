"""Keys that have children: the vectors of BIP-32, and what the public half can do."""

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from custody.wallets.bip32 import (
    DEPOSITS,
    HARDENED,
    AddressBook,
    ExtendedPrivateKey,
    ExtendedPublicKey,
)
from engine.model.errors import OperatorError

H = HARDENED
SEED_1 = bytes.fromhex("000102030405060708090a0b0c0d0e0f")
SEED_2 = bytes.fromhex(
    "fffcf9f6f3f0edeae7e4e1dedbd8d5d2cfccc9c6c3c0bdbab7b4b1aeaba8a5a2"
    "9f9c999693908d8a8784817e7b7875726f6c696663605d5a5754514e4b484542"
)
XPUBS = [
    (
        SEED_1,
        (),
        "xpub661MyMwAqRbcFtXgS5sYJABqqG9YLmC4Q1Rdap9gSE8NqtwybGhePY2gZ29ESFjqJoCu1Rupje8YtGqsefD265TMg7usUDFdp6W1EGMcet8",
    ),
    (
        SEED_1,
        (H, 1, 2 | H, 2, 1_000_000_000),
        "xpub6H1LXWLaKsWFhvm6RVpEL9P4KfRZSW7abD2ttkWP3SSQvnyA8FSVqNTEcYFgJS2UaFcxupHiYkro49S8yGasTvXEYBVPamhGW6cFJodrTHy",
    ),
    (
        SEED_2,
        (0, 2147483647 | H, 1),
        "xpub6DF8uhdarytz3FWdA8TvFSvvAh8dP3283MY7p2V4SeE2wyWmG5mg5EwVvmdMVCQcoNJxGoWaU9DCWh89LojfZ537wTfunKau47EL2dhHKon",
    ),
]
"""(seed, path, extended public key) of test vectors 1 and 2 of BIP-32."""

ANVIL = "test test test test test test test test test test test junk"


def decoded(xpub):
    key = ExtendedPublicKey.parse(xpub)
    return key.key.format(), key.chain_code, key.depth


@pytest.mark.parametrize(("seed", "path", "xpub"), XPUBS)
def test_vectors_of_bip_32(seed, path, xpub):
    key = ExtendedPrivateKey.of_seed(seed).derive(path).public()
    assert (key.key.format(), key.chain_code, key.depth) == decoded(xpub)


@given(st.integers(0, HARDENED - 1))
def test_the_public_half_has_the_addresses_of_the_private_one(number):
    parent = ExtendedPrivateKey.of_seed(SEED_1).derive(DEPOSITS)
    book = AddressBook(parent.public().text())
    assert book.address(number) == parent.child(number).address()


def test_addresses_are_those_of_another_library():
    Account.enable_unaudited_hdwallet_features()
    from eth_account.hdaccount import seed_from_mnemonic

    parent = ExtendedPrivateKey.of_seed(seed_from_mnemonic(ANVIL, ""))
    book = AddressBook(parent.derive(DEPOSITS).public().text())
    for number in (0, 1, 9):
        path = f"m/44'/60'/0'/0/{number}"
        other = Account.from_mnemonic(ANVIL, account_path=path).address
        assert book.address(number) == other.lower()


def test_a_private_key_is_refused_and_not_repeated():
    xprv = (
        "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kejMRNNU"
        "3TGtRBeJgk33yuGBxrMPHi"
    )
    with pytest.raises(OperatorError, match="PRIVATE") as caught:
        ExtendedPublicKey.parse(xprv)
    assert xprv not in str(caught.value)


@pytest.mark.parametrize("text", ["", "xpub", "0x00", XPUBS[0][2][:-1] + "9", "x" * 10_000])
def test_what_is_no_key_is_refused(text):
    with pytest.raises(OperatorError):
        ExtendedPublicKey.parse(text)


def test_a_signature_is_low_and_always_the_same():
    key = ExtendedPrivateKey.of_seed(SEED_1)
    half = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
    for k in range(50):
        digest = k.to_bytes(32, "big")
        r, s, parity = key.sign(digest)
        assert s <= half
        assert (r, s, parity) == key.sign(digest)


def test_keys_do_not_show_themselves():
    key = ExtendedPrivateKey.of_seed(SEED_1)
    assert repr(key) == "ExtendedPrivateKey(...)"
    assert not hasattr(key, "__dict__")
