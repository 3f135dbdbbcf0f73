"""The file of a log's keys: made once, read strictly, never shown."""

import stat
from random import Random

import pytest

from compliance.audit.key_file import MAX_KEY_FILE_BYTES, make_keys, parse_keys, read_keys
from compliance.audit.keys import COSIGNER_ED25519, COSIGNER_ML_DSA_44, ED25519, SignerKey
from engine.model.errors import OperatorError
from tests.audit.support import KEYS, ORIGIN, keys_of

ED, ML = (signer.text for signer in KEYS.signers)
OTHER = keys_of(b"o").signers[0]
NEXT = keys_of(b"k", origin="other.example").signers[0]


def test_new_keys_are_for_their_owner_alone_and_sign_in_two_ways(tmp_path):
    path = tmp_path / "keys" / "log.key"
    make_keys(path, ORIGIN, Random(1).randbytes)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(path.parent.iterdir()) == [path]
    keys = read_keys(path, ORIGIN)
    assert [key.verifier.kind for key in keys.signers] == [ED25519, COSIGNER_ML_DSA_44]
    assert keys.verifiers == tuple(key.verifier for key in keys.signers)
    assert len({key.text[-40:] for key in keys.signers}) == 2


def test_a_file_has_keys_that_sign_keys_that_did_and_remarks():
    keys = parse_keys(f"# a remark\n\n{ED}\n{OTHER.verifier.text}\n{ML}\n", ORIGIN)
    assert [signer.text for signer in keys.signers] == [ED, ML]
    assert keys.verifiers == (KEYS.verifiers[0], OTHER.verifier, KEYS.verifiers[1])


COSIGNER = SignerKey(ORIGIN, COSIGNER_ED25519, b"c" * 32)


REFUSED = {
    "nothing": ("", "needs an Ed25519 key that signs"),
    "no Ed25519 key": (ML, "needs an Ed25519 key that signs"),
    "a public key alone": (KEYS.verifiers[0].text, "needs an Ed25519 key that signs"),
    "a cosigner's": (COSIGNER.text, "needs an Ed25519 key that signs"),
    "another log's": (f"{ED}\n{NEXT.text}", "line 2 .* is a key of other.example"),
    "a changed line": (f"{ML}\n{ED[:-1]}A", "line 2 of the audit log's keys"),
    "words": (f"{ED}\nwords", "line 2 of the audit log's keys"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_a_key_file_is_refused_without_showing_it(text, said):
    with pytest.raises(OperatorError, match=said) as caught:
        parse_keys(text, ORIGIN)
    for line in text.split("\n"):
        secret = line.rpartition("+")[2]
        assert len(secret) < 40 or secret[2:20] not in str(caught.value)


@pytest.mark.parametrize("data", [None, b"\xff", b"#" * (MAX_KEY_FILE_BYTES + 1)])
def test_a_file_that_cannot_be_read_is_the_operators_to_mend(tmp_path, data):
    path = tmp_path / "log.key"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(OperatorError):
        read_keys(path, ORIGIN)
