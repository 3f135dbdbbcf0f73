"""Approvers and strangers, with keys that everybody may know."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from eth_account import Account

from custody.policy.intents import Approval, signed_text


class Person:
    def __init__(self, name):
        self.name = name
        self._key = Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())
        self.public = self._key.public_key().public_bytes_raw().hex()

    def says(self, intent, *, approves=True):
        signature = self._key.sign(signed_text(intent, approves=approves))
        return Approval(self.name, approves, signature)

    def pem(self):
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


ALICE, BOB, CAROL, MALLORY = map(Person, ("alice", "bob", "carol", "mallory"))

STRANGER, BAD = (Account.from_key(sha256(name).digest()) for name in (b"stranger", b"bad"))
"""Who pays from outside; one of them is known to screening."""
