"""Witnesses: what they cosign, what they never do, and a log that asks them."""

import json
import signal
import subprocess
import urllib.request
from base64 import b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compliance.audit.checkpoint import Checkpoint, format_checkpoint
from compliance.audit.errors import AuditRefused
from compliance.audit.keys import COSIGNER_ED25519, COSIGNER_ML_DSA_44, SignerKey, open_checkpoint
from compliance.audit.merkle import Frontier, leaf_hash
from compliance.audit.notes import format_note, parse_note
from compliance.audit.tile_store import COSIGNED_NAME, LogFolder
from compliance.audit.witness import AddCheckpoint, format_request, parse_request
from engine.model.errors import OperatorError
from gateway.audit.cosigning import Cosigning, WitnessLine
from gateway.audit.witness_server import LastCosigned, WitnessPages
from tests.audit import oracle
from tests.audit.support import KEYS, ORIGIN, Source, keys_of, open_log
from tests.support.house import HandClock
from tests.support.venue import FIXGATE, fixgate

ENTRIES = [b"%d" % k for k in range(40)]
WITNESS = [
    SignerKey("witness.example/w", kind, b"w" * 32)
    for kind in (COSIGNER_ED25519, COSIGNER_ML_DSA_44)
]
WITNESS_KEYS = tuple(signer.verifier for signer in WITNESS)
SIZES = ("text/x.tlog.size",)


def note_of(size, entries=ENTRIES, keys=KEYS, origin=ORIGIN):
    root = Frontier(map(leaf_hash, entries[:size])).root()
    text = format_checkpoint(Checkpoint(origin, size, root))
    return format_note(text, [signer.sign(text, 1) for signer in keys.signers])


def asked(old, size, entries=ENTRIES, **of):
    proof = oracle.proof(old, entries[:size]) if 0 < old < size else []
    return format_request(AddCheckpoint(old, tuple(proof), note_of(size, entries, **of)))


class Bench:
    """A witness, and what it says of its log."""

    def __init__(self, folder):
        self.folder = folder
        self.log = []
        self.start()

    def start(self):
        self.last = LastCosigned(self.folder)
        logs = {ORIGIN: KEYS.verifiers}
        self.pages = WitnessPages(self.last, logs, WITNESS, HandClock(), self.log.append)

    def restart(self):
        self.last.close()
        self.start()

    def post(self, body):
        status, headers, answer = self.pages.post(b"/add-checkpoint", body)
        return status, dict(headers)["Content-Type"], answer


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path / "witness")
    yield made
    made.last.close()


def test_what_continues_the_last_one_is_cosigned_and_kept_first(bench):
    for old, size in ((0, 3), (3, 3), (3, 17), (17, 40)):
        status, _, lines = bench.post(asked(old, size))
        assert status == 200
        note = parse_note(note_of(size))
        cosigned = note.text.encode() + b"\n" + note_of(size).partition(b"\n\n")[2] + lines
        signed = open_checkpoint(cosigned, (*KEYS.verifiers, *WITNESS_KEYS))
        assert set(WITNESS_KEYS) <= set(signed.signers)
        assert bench.last.get(ORIGIN) == signed.checkpoint
        bench.restart()
        assert bench.last.get(ORIGIN) == signed.checkpoint


ELSEWHERE = keys_of(b"k", origin="other.example")
HASH_LINE = b64encode(bytes(32)) + b"\n"
OTHERS = [b"other %d" % k for k in range(40)]


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        (asked(0, 20), 409, b"17\n"),
        (asked(3, 20), 409, b"17\n"),
        (asked(17, 12), 400, b"larger"),
        (asked(12, 12), 409, b"17\n"),  # an older one
        (asked(17, 17, OTHERS), 409, b"17\n"),
        (asked(17, 20, OTHERS), 422, b"one history"),
        (asked(17, 20)[:-1], 400, b""),
        (asked(17, 20).replace(b"old 17", b"old 017"), 400, b""),
        (asked(17, 20).replace(b"old ", b"older "), 400, b""),
        (asked(17, 20, keys=keys_of(b"x")), 403, b"known key"),
        (asked(17, 20, keys=ELSEWHERE, origin="other.example"), 404, b"no log"),
        (b"", 400, b""),
        (b"old 17\n" + 64 * HASH_LINE + b"\n" + note_of(20), 400, b"63"),
    ],
)  # fmt: skip
def test_what_does_not_is_refused_and_changes_nothing(bench, body, status, words):
    bench.post(asked(0, 17))
    before = bench.last.get(ORIGIN)
    found, kind, answer = bench.post(body)
    assert (found, words in answer) == (status, True), answer
    assert (kind in SIZES) == (status == 409)
    assert bench.last.get(ORIGIN) == before
    assert bench.post(asked(17, 20))[0] == 200


def test_two_histories_are_said_aloud(bench):
    bench.post(asked(0, 17))
    bench.post(asked(17, 17, OTHERS))
    assert bench.log == ["TWO HISTORIES: another root of size 17 was cosigned"]


def test_a_proof_where_there_is_nothing_to_prove_is_refused(bench):
    body = format_request(AddCheckpoint(0, (bytes(32),), note_of(5)))
    assert bench.post(body)[0] == 422


def test_a_witness_that_lost_its_memory_signs_nothing(bench):
    bench.post(asked(0, 17))
    (path,) = (p for p in bench.folder.iterdir() if p.name != "lock")
    path.write_bytes(path.read_bytes()[:-3])
    bench.restart()
    assert bench.post(asked(17, 20))[0] == 503
    assert "has to be given up" in bench.log[0]


def test_one_memory_has_one_witness(bench):
    with pytest.raises(OperatorError, match="another witness works in"):
        LastCosigned(bench.folder)


@settings(max_examples=300)
@given(st.data())
def test_any_byte_of_a_request_changed_is_refused_or_the_same_request(data):
    body = bytearray(asked(17, 40))
    body[data.draw(st.integers(0, len(body) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        request = parse_request(bytes(body))
    except AuditRefused:
        return
    assert format_request(request) == bytes(body)


# --- a log that asks ------------------------------------------------------------------------------


class Line:
    """The way from a log to witnesses, which may be broken."""

    def __init__(self, witnesses):
        self.witnesses = witnesses
        self.broken = set()

    def __call__(self, url, body):
        name = url.removesuffix("/add-checkpoint")
        if name in self.broken:
            raise ConnectionRefusedError("nobody is there")
        status, _, answer = self.witnesses[name].post(body)
        return status, answer


@pytest.fixture
def asking(tmp_path):
    """A log that grows, with two witnesses."""
    source = Source(tmp_path / "journal")
    line = Line({name: Bench(tmp_path / name) for name in ("one", "two")})
    said = []
    witnesses = [WitnessLine(name, WITNESS_KEYS) for name in line.witnesses]

    class Asking:
        def __init__(self):
            self.folder, self.line, self.said = tmp_path / "audit", line, said
            self.log = open_log(source, self.folder)
            self.start()

        def start(self):
            self.cosigning = Cosigning(self.folder, witnesses, said.append, line)

        def grow(self, count):
            source.grow(count)
            while self.log.turn():
                pass
            self.cosigning.turn()

        def cosigned(self):
            """Size, and how many cosignatures, of the cosigned checkpoint."""
            note = LogFolder(self.folder).read(COSIGNED_NAME)
            found = open_checkpoint(note, (*KEYS.verifiers, *WITNESS_KEYS))
            return found.checkpoint.size, len(parse_note(note).signatures) - len(KEYS.signers)

    made = Asking()
    yield made
    made.log.close()
    for bench in line.witnesses.values():
        bench.last.close()
    source.close()


def test_a_log_has_its_checkpoints_cosigned_and_goes_on_after_a_start(asking):
    for count in (3, 300, 5):
        asking.grow(count)
    assert asking.cosigned() == (308, 4)
    asking.start()  # it does not know what was cosigned, and is told
    asking.grow(100)
    assert asking.cosigned() == (408, 4)
    assert asking.said == []


def test_a_witness_that_is_away_holds_nobody_up(asking):
    asking.grow(10)
    asking.line.broken.add("two")
    for _ in range(2):
        asking.grow(10)
        assert asking.cosigning.away == 1
    assert asking.cosigned() == (30, 2)
    asking.line.broken.clear()
    asking.cosigning.turn()
    assert asking.cosigned() == (30, 4)
    assert asking.said == [
        "the witness two does not cosign: nobody is there",
        "the witness two cosigns again",
    ]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((200, b""), "a signature is"),
        ((200, b"nonsense\n"), "a signature is"),
        ((409, b"many\n"), "no number"),
        ((409, b"0\n"), "it answers 409"),
        ((500, b"oh \x1b[2J no"), "it answers 500: 'oh \\x1b[2J no'"),
        ((200, note_of(10).partition(b"\n\n")[2]), "none of its keys has signed"),
    ],
)
def test_what_is_no_cosignature_is_not_kept(asking, answer, why):
    asking.cosigning._ask = lambda url, body: answer
    asking.grow(10)
    assert not (asking.folder / COSIGNED_NAME).exists()
    assert why in asking.said[0]


def test_a_cosignature_of_another_checkpoint_is_not_kept(asking):
    text = parse_note(note_of(3)).text
    lines = format_note(text, [signer.sign(text, 5) for signer in WITNESS]).partition(b"\n\n")[2]
    asking.cosigning._ask = lambda url, body: (200, lines)
    asking.grow(10)
    assert not (asking.folder / COSIGNED_NAME).exists()


# --- the command ----------------------------------------------------------------------------------


def test_a_member_runs_a_witness(tmp_path):
    key, log = tmp_path / "witness.key", tmp_path / "vkeys"
    log.write_text("".join(f"{verifier.text}\n" for verifier in KEYS.verifiers))
    made = fixgate("witness", "--key", key, "--new", "witness.example/w", "--json")
    vkeys = json.loads(made.stdout)["vkeys"]
    assert [text.split("+")[0] for text in vkeys] == ["witness.example/w"] * 2
    assert fixgate("witness", "--key", key, "--new", "other").returncode == 1
    run = [FIXGATE, "witness", "--key", key, "--log", log, "--state", tmp_path / "state"]
    with subprocess.Popen([*run, "--port", "0", "--json"], stdout=subprocess.PIPE) as process:
        told = json.loads(process.stdout.readline())
        assert (told["vkeys"], told["logs"]) == (vkeys, [ORIGIN])
        request = urllib.request.Request(f"{told['url']}/add-checkpoint", data=asked(0, 5))
        with urllib.request.urlopen(request, timeout=20) as answer:
            lines = answer.read()
        assert lines.count("— witness.example/w ".encode()) == 2
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    wrong = fixgate("witness", "--key", tmp_path / "none", "--log", log, "--state", tmp_path)
    assert (wrong.returncode, "cannot read" in wrong.stderr) == (1, True)
