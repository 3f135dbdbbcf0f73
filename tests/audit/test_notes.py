"""Signed notes, checkpoints and keys: published examples, round trips, and what is refused."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from compliance.audit.checkpoint import (
    Checkpoint,
    cosigned_subtree,
    cosigned_text,
    format_checkpoint,
    parse_checkpoint,
)
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import (
    COSIGNER_ED25519,
    COSIGNER_ML_DSA_44,
    ED25519,
    SignerKey,
    VerifierKey,
    open_checkpoint,
    parse_signer,
    parse_verifier,
)
from compliance.audit.merkle import EMPTY_ROOT, MAX_SIZE, leaf_hash
from compliance.audit.notes import (
    MAX_NOTE_BYTES,
    MAX_SIGNATURES,
    Note,
    Signature,
    format_note,
    parse_note,
)

ORIGIN = "fixgate.example/audit"
ROOT = leaf_hash(b"record 0")
CHECKPOINT = Checkpoint(ORIGIN, 20_852_163, ROOT)
TEXT = format_checkpoint(CHECKPOINT)
NOW = 1_796_000_000
"""Seconds since 1970."""

LOG = SignerKey(ORIGIN, ED25519, b"l" * 32)
LOG_PQ = SignerKey(ORIGIN, COSIGNER_ML_DSA_44, b"q" * 32)
WITNESS = SignerKey("witness.example/w1", COSIGNER_ED25519, b"w" * 32)
WITNESS_PQ = SignerKey("witness.example/w2", COSIGNER_ML_DSA_44, b"v" * 32)
ALL = (LOG, LOG_PQ, WITNESS, WITNESS_PQ)
KINDS = pytest.mark.parametrize("key", ALL, ids=repr)

# The example of the Go package golang.org/x/mod/sumdb/note.
NEUMANN_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
NEUMANN_LINE = (
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg"
    "KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
NEUMANN_VERIFIER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SIGNER = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"

GO_SUM_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


def signed(*keys, text=TEXT):
    return format_note(text, [key.sign(text, NOW) for key in keys])


def verifiers(*keys):
    return [key.verifier for key in keys]


def refused(call, *args):
    with pytest.raises(AuditRefused) as caught:
        call(*args)
    return str(caught.value)


# --- published examples ---------------------------------------------------------------------------


def test_a_published_note_is_made_and_verified_byte_by_byte():
    key = parse_signer(NEUMANN_SIGNER)
    assert key.verifier == parse_verifier(NEUMANN_VERIFIER)
    note = format_note(NEUMANN_TEXT, [key.sign(NEUMANN_TEXT, 0)])
    assert note == f"{NEUMANN_TEXT}\n{NEUMANN_LINE}".encode()
    (signature,) = parse_note(note).signatures
    assert key.verifier.verify(NEUMANN_TEXT, signature.data) == 0


@pytest.mark.parametrize("text", [NEUMANN_VERIFIER, GO_SUM_KEY])
def test_published_keys_have_the_published_ids(text):
    key = parse_verifier(text)
    assert key.kind == ED25519
    assert key.text == text


def test_the_example_of_the_standard_parses():
    note = (
        "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\n"
        "ed è subito sera.\n\n"
        "— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrM"
        "ouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
    ).encode()
    found = parse_note(note)
    assert found.text.count("\n") == 4
    assert [signature.name for signature in found.signatures] == ["quasimodo.example/salvatore"]
    assert format_note(*found) == note


def test_the_cosigned_messages_are_those_of_the_standard():
    assert cosigned_text(TEXT, NOW).decode() == f"cosignature/v1\ntime {NOW}\n{TEXT}"
    assert cosigned_subtree("w.example", NOW, CHECKPOINT) == (
        b"subtree/v1\n\x00" + b"\x09w.example" + NOW.to_bytes(8, "big")
        + b"\x15" + ORIGIN.encode() + bytes(8) + (20_852_163).to_bytes(8, "big") + ROOT
    )  # fmt: skip


# --- keys -----------------------------------------------------------------------------------------


@KINDS
def test_keys_go_to_text_and_back(key):
    assert parse_verifier(key.verifier.text) == key.verifier
    assert parse_signer(key.text).text == key.text
    assert key.text not in repr(key)


@KINDS
def test_no_part_of_a_key_and_no_changed_key_is_a_key(key):
    for text, parse in ((key.verifier.text, parse_verifier), (key.text, parse_signer)):
        for end in {*range(0, len(text), 1 + len(text) // 200)} - {len(text)}:
            refused(parse, text[:end])
        for k in range(0, len(text), 1 + len(text) // 200):
            refused(parse, text[:k] + chr(ord(text[k]) ^ 1) + text[k + 1 :])


BAD_KEYS = {
    "no such kind": VerifierKey("name", 0x02, bytes(32)).text,
    "too long": VerifierKey("name", ED25519, bytes(33)).text,
    "too short": VerifierKey("name", COSIGNER_ML_DSA_44, bytes(32)).text,
    "a name with a space": VerifierKey("a name", ED25519, bytes(32)).text,
    "a name with a plus": VerifierKey("a+name", ED25519, bytes(32)).text,
    "no name": VerifierKey("", ED25519, bytes(32)).text,
    "a long name": VerifierKey("n" * 256, ED25519, bytes(32)).text,
    "nothing in it": "name+01234567+",
    "a private key": LOG.text,
}


@pytest.mark.parametrize("text", BAD_KEYS.values(), ids=BAD_KEYS)
def test_keys_that_are_none(text):
    refused(parse_verifier, text)


def test_who_reads_a_private_key_wrong_is_not_shown_it():
    secret = LOG.text.rpartition("+")[2]
    assert secret not in refused(parse_signer, LOG.text[:-1] + "A")
    assert secret not in refused(parse_signer, LOG.text.replace(ORIGIN, "other"))


# --- signatures -----------------------------------------------------------------------------------


@KINDS
def test_a_signature_is_of_one_text(key):
    data = key.sign(TEXT, NOW).data
    assert key.verifier.verify(TEXT, data) == (0 if key is LOG else NOW)
    other = format_checkpoint(CHECKPOINT._replace(size=CHECKPOINT.size + 1))
    refused(key.verifier.verify, other, data)
    for k in range(0, len(data), 1 + len(data) // 100):
        refused(key.verifier.verify, TEXT, data[:k] + bytes([data[k] ^ 1]) + data[k + 1 :])
        refused(key.verifier.verify, TEXT, data[:k])
    refused(key.verifier.verify, TEXT, data + b"\0")


@pytest.mark.parametrize("key", [WITNESS, WITNESS_PQ], ids=repr)
def test_a_cosignature_is_of_a_checkpoint_alone_and_of_a_time_that_there_is(key):
    refused(key.verifier.verify, NEUMANN_TEXT, key.sign(TEXT, NOW).data)
    late = key.sign(TEXT, 2**63 - 1).data
    assert key.verifier.verify(TEXT, late) == 2**63 - 1


def test_there_is_no_later_time_than_int64_says():
    private = Ed25519PrivateKey.from_private_bytes(b"w" * 32)
    for time, good in ((2**63 - 1, True), (2**63, False)):
        data = time.to_bytes(8, "big") + private.sign(cosigned_text(TEXT, time))
        if good:
            assert WITNESS.verifier.verify(TEXT, data) == time
        else:
            refused(WITNESS.verifier.verify, TEXT, data)


def test_an_ml_dsa_cosignature_is_of_its_cosigners_name():
    """Ed25519's is not, so that no key may be used under two names."""
    renamed = WITNESS_PQ.verifier._replace(name="witness.example/w3")
    refused(renamed.verify, TEXT, WITNESS_PQ.sign(TEXT, NOW).data)


# --- notes ----------------------------------------------------------------------------------------

GOOD = signed(LOG, WITNESS).decode()
LINE = f"\N{EM DASH} {ORIGIN} {GOOD.split(ORIGIN)[2].split()[0]}\n"

BAD_NOTES = {
    "empty": "",
    "text alone": TEXT,
    "no signatures": TEXT + "\n",
    "no text": "\n" + LINE,
    "no empty line": TEXT + LINE,
    "no newline at the end": GOOD[:-1],
    "an empty line after the signatures": GOOD + "\n",
    "an empty line between the signatures": f"{TEXT}\n{LINE}\n{LINE}\n",
    "carriage returns": GOOD.replace("\n", "\r\n"),
    "a tab": GOOD.replace(" ", "\t"),
    "a zero byte": "\0" + GOOD,
    "a hyphen for the dash": GOOD.replace("\N{EM DASH}", "-"),
    "two spaces": GOOD.replace(f"{ORIGIN} ", f"{ORIGIN}  "),
    "a space at the end of a line": GOOD[:-1] + " \n",
    "no name": f"{TEXT}\n\N{EM DASH}  {LINE.split()[2]}\n",
    "a name with a plus": GOOD.replace(ORIGIN + " ", "a+b "),
    "a name with a space of another kind": GOOD.replace(ORIGIN + " ", "a\u2003b "),
    "an id alone": f"{TEXT}\n\N{EM DASH} a AAAAAA==\n",
    "base64 of the other alphabet": GOOD.replace("/", "_").replace("+", "-"),
    "base64 without its padding": f"{TEXT}\n{LINE}".replace("=", ""),
    "base64 with bits behind its end": f"{TEXT}\n\N{EM DASH} a AAAAAAB=\n",
    "too many signatures": f"{TEXT}\n" + (MAX_SIGNATURES + 1) * LINE,
    "too large": "x" * MAX_NOTE_BYTES + "\n\n" + LINE,
}


@pytest.mark.parametrize("text", BAD_NOTES.values(), ids=BAD_NOTES)
def test_what_is_not_a_note(text):
    refused(parse_note, text.encode())


def test_a_note_is_utf_8():
    refused(parse_note, b"\xff" + GOOD.encode())


def test_a_note_may_have_as_many_signatures_as_must_be_accepted():
    keys = [SignerKey(f"w.example/{k}", COSIGNER_ML_DSA_44, bytes([k] * 32)) for k in range(16)]
    found = open_checkpoint(signed(LOG, *keys), verifiers(LOG, *keys))
    assert len(found.signers) == 17
    assert len(parse_note(f"{TEXT}\n{MAX_SIGNATURES * LINE}".encode()).signatures) == MAX_SIGNATURES


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_bytes_are_a_note_in_one_spelling_or_refused(data):
    try:
        note = parse_note(data)
    except AuditRefused:
        return
    assert format_note(*note) == data


@given(
    st.text(st.characters(codec="utf-8", min_codepoint=32), max_size=80),
    st.lists(st.binary(min_size=5, max_size=80), min_size=1, max_size=4),
)
def test_notes_go_to_bytes_and_back(text, signatures):
    lines = tuple(Signature("name", data[:4], data[4:]) for data in signatures)
    assert parse_note(format_note(text + "\n", lines)) == Note(text + "\n", lines)


# --- checkpoints ----------------------------------------------------------------------------------

B64 = TEXT.split("\n")[2]

BAD_CHECKPOINTS = {
    "no root": f"{ORIGIN}\n5\n",
    "no origin": f"\n5\n{B64}\n",
    "a leading zero": f"{ORIGIN}\n05\n{B64}\n",
    "a sign": f"{ORIGIN}\n+5\n{B64}\n",
    "a negative size": f"{ORIGIN}\n-5\n{B64}\n",
    "digits of another script": f"{ORIGIN}\n\u0665\n{B64}\n",
    "a fraction": f"{ORIGIN}\n5.0\n{B64}\n",
    "larger than int64": f"{ORIGIN}\n{MAX_SIZE + 1}\n{B64}\n",
    "a size of many digits": f"{ORIGIN}\n{'9' * 5_000}\n{B64}\n",
    "a short root": f"{ORIGIN}\n5\nAAAA\n",
    "a root without padding": f"{ORIGIN}\n5\n{B64.rstrip('=')}\n",
    "an empty tree with a root": f"{ORIGIN}\n0\n{B64}\n",
    "an empty extension line": f"{ORIGIN}\n5\n{B64}\n\n",
    "no newline": f"{ORIGIN}\n5\n{B64}",
    "a long origin": f"{'o' * 256}\n5\n{B64}\n",
}


@pytest.mark.parametrize("text", BAD_CHECKPOINTS.values(), ids=BAD_CHECKPOINTS)
def test_what_is_not_a_checkpoint(text):
    refused(parse_checkpoint, text)


@pytest.mark.parametrize(
    "checkpoint",
    [CHECKPOINT, Checkpoint("o" * 255, MAX_SIZE, ROOT), Checkpoint("o", 0, EMPTY_ROOT)],
)
def test_checkpoints_go_to_text_and_back(checkpoint):
    assert parse_checkpoint(format_checkpoint(checkpoint)) == checkpoint


def test_extension_lines_of_other_logs_are_read_over():
    assert parse_checkpoint(TEXT + "extension\n") == CHECKPOINT


def forged(key):
    line = key.sign(TEXT, NOW)
    return line._replace(data=line.data[:-1] + bytes([line.data[-1] ^ 1]))


OPENED = {
    # what has signed, which keys are known, who is found (None: refused)
    "the log": ([LOG], [LOG], [LOG]),
    "the log by both its keys": ([LOG, LOG_PQ], [LOG, LOG_PQ], [LOG, LOG_PQ]),
    "one key of two is known": ([LOG, LOG_PQ], [LOG_PQ], [LOG_PQ]),
    "a witness too": ([LOG, WITNESS, WITNESS_PQ], ALL, [LOG, WITNESS, WITNESS_PQ]),
    "a witness, but not the log": ([WITNESS], ALL, None),
    "of whom only the witness is known": ([LOG, WITNESS], [WITNESS], None),
    "nobody who is known": ([LOG], [WITNESS], None),
    "another key of the same name": (
        [SignerKey(ORIGIN, ED25519, b"x" * 32)], [LOG], None,
    ),
    "and another of the same name beside it": (
        [SignerKey(ORIGIN, ED25519, b"x" * 32), LOG], [LOG], [LOG],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("by", "known", "found"), OPENED.values(), ids=OPENED)
def test_a_checkpoint_is_the_logs_if_a_known_key_of_the_log_says_so(by, known, found):
    note = signed(*by)
    if found is None:
        said = refused(open_checkpoint, note, verifiers(*known))
        assert (ORIGIN in said) == any(key in known for key in by), "unsigned text is not shown"
    else:
        opened = open_checkpoint(note, verifiers(*known))
        assert opened.checkpoint == CHECKPOINT
        times = {key.verifier: 0 if key is LOG else NOW for key in found}
        assert opened.signers == times


@pytest.mark.parametrize("key", ALL, ids=repr)
def test_one_wrong_signature_of_a_known_key_spoils_the_note(key):
    lines = [LOG.sign(TEXT, NOW), forged(key)]
    note = format_note(TEXT, lines)
    refused(open_checkpoint, note, verifiers(*ALL))
    if key is not LOG:
        assert open_checkpoint(note, verifiers(LOG)).signers == {LOG.verifier: 0}
