"""Proofs as files: one spelling, an entry and a checkpoint that belong together, or nothing."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit.checkpoint import Checkpoint, format_checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import COSIGNER_ML_DSA_44, ED25519, SignerKey
from compliance.audit.merkle import MAX_PROOF_HASHES, MAX_SIZE, inclusion_proof, leaf_hash
from compliance.audit.notes import format_note
from compliance.audit.proofs import MAX_PROOF_BYTES, TlogProof, format_proof, parse_proof
from tests.audit import oracle

ORIGIN = "fixgate.example/audit"
LOG = SignerKey(ORIGIN, ED25519, b"l" * 32)
LOG_PQ = SignerKey(ORIGIN, COSIGNER_ML_DSA_44, b"q" * 32)
STRANGER = SignerKey("other.example", ED25519, b"s" * 32)
KEYS = [LOG.verifier, LOG_PQ.verifier]

ENTRIES = [b"record %d" % n for n in range(11)]
LEAF = leaf_hash(ENTRIES[6])


@cache
def note(size=11, root=None, keys=(LOG, LOG_PQ)):
    """Made once: ML-DSA's signatures differ."""
    text = format_checkpoint(Checkpoint(ORIGIN, size, root or oracle.mth(ENTRIES[:size])))
    return format_note(text, [key.sign(text, 1_796_000_000) for key in keys])


def proof(index=6, extra=b"words"):
    hashes = tuple(inclusion_proof(oracle.nodes(ENTRIES), index, 11))
    return TlogProof(index, hashes, note(), extra)


WHOLE = format_proof(proof())
HEAD, _, _ = WHOLE.partition(b"\n\n")


def refused(call, *args):
    with pytest.raises(AuditRefused):
        call(*args)


def test_a_proof_is_as_the_standard_has_it():
    lines = WHOLE.decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra d29yZHM=", "index 6"]
    assert len(lines[3:7]) == len(proof().hashes) == 4
    assert lines[7:10] == ["", ORIGIN, "11"]
    assert WHOLE.endswith(note())


@pytest.mark.parametrize("extra", [None, b"", b"\0" * 90_000])
def test_a_proof_goes_to_bytes_and_back_and_verifies(extra):
    for index in range(11):
        found = parse_proof(format_proof(proof(index, extra)))
        assert found.extra == extra
        assert found.index == index
        opened = found.verify(leaf_hash(ENTRIES[index]), KEYS)
        assert opened.checkpoint.size == 11


def test_a_log_of_one_entry_has_a_proof_without_hashes():
    one = TlogProof(0, (), note(1), None)
    data = format_proof(one)
    assert data.startswith(b"c2sp.org/tlog-proof@v1\nindex 0\n\nfixgate")
    parse_proof(data).verify(leaf_hash(ENTRIES[0]), KEYS)


BAD = {
    "empty": b"",
    "another version": WHOLE.replace(b"@v1", b"@v2"),
    "no checkpoint": HEAD,
    "no checkpoint, but a newline": HEAD + b"\n",
    "no index": WHOLE.replace(b"index 6\n", b""),
    "an index with a zero": WHOLE.replace(b"index 6", b"index 06"),
    "an index too large": WHOLE.replace(b"index 6", b"index %d" % (MAX_SIZE + 1)),
    "extra after the index": WHOLE.replace(
        b"extra d29yZHM=\nindex 6\n", b"index 6\nextra d29yZHM=\n"
    ),
    "extra twice": WHOLE.replace(b"index", b"extra d29yZHM=\nindex"),
    "extra that is no base64": WHOLE.replace(b"d29yZHM=", b"d29yZHM"),
    "a hash too short": WHOLE.replace(b"index 6\n", b"index 6\nAAAA\n"),
    "carriage returns": WHOLE.replace(b"\n", b"\r\n"),
    "not ASCII": WHOLE.replace(b"extra", "extr\u00e4".encode()),
    "too many hashes": WHOLE.replace(
        b"index 6\n", b"index 6\n" + (MAX_PROOF_HASHES + 1) * (b"A" * 43 + b"=\n")
    ),
    "too large": format_proof(proof(extra=bytes(MAX_PROOF_BYTES))),
}  # fmt: skip


@pytest.mark.parametrize("data", BAD.values(), ids=BAD)
def test_what_is_not_a_proof(data):
    refused(parse_proof, data)


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_a_changed_bit_changes_nothing_that_a_proof_says(at, bit):
    """It is refused, or was in what nobody vouches for: the words that are extra, or the name or id
    of a signature, which is then an unknown key's."""
    changed = WHOLE[:at] + bytes([WHOLE[at] ^ 1 << bit]) + WHOLE[at + 1 :]
    try:
        found = parse_proof(changed)
        opened = found.verify(LEAF, KEYS)
    except AuditRefused:
        return
    assert (found.extra != b"words") != (len(opened.signers) < 2)
    assert opened.checkpoint == Checkpoint(ORIGIN, 11, oracle.mth(ENTRIES))
    assert (found.index, found.hashes) == (6, proof().hashes)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_part_of_a_proof_is_none_unless_it_lacks_a_whole_signature(end):
    part = WHOLE[:end]
    try:
        opened = parse_proof(part).verify(LEAF, KEYS)
    except AuditRefused:
        return
    assert WHOLE[end:].startswith("\N{EM DASH} ".encode())
    assert list(opened.signers) == KEYS[:1]


def test_it_is_of_one_entry_at_one_place_in_one_log():
    good = proof()
    good.verify(LEAF, KEYS)
    for leaf in (leaf_hash(ENTRIES[5]), LEAF[:31], b""):
        refused(good.verify, leaf, KEYS)
    for other in (
        TlogProof(5, good.hashes, good.checkpoint),
        TlogProof(17, good.hashes, good.checkpoint),
        TlogProof(6, good.hashes[1:], good.checkpoint),
        TlogProof(6, good.hashes, note(10)),
        TlogProof(6, good.hashes, note(11, LEAF)),
        TlogProof(6, good.hashes, note(keys=(STRANGER,))),
    ):
        refused(other.verify, LEAF, KEYS)
    refused(good.verify, LEAF, [STRANGER.verifier])
    refused(TlogProof(6, good.hashes, note(keys=(LOG, STRANGER))).verify, LEAF, [STRANGER.verifier])
