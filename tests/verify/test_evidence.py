"""The evidence file: it says what the folder says, and whatever is changed of it is found."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from compliance.audit.keys import COSIGNER_ED25519, COSIGNER_ML_DSA_44, ED25519, SignerKey
from compliance.audit.notes import format_note, parse_note
from compliance.audit.tile_store import LogFolder
from compliance.exports.exporting import Asked, export
from compliance.exports.kinds import KINDS
from compliance.exports.times import Period
from compliance.verify.checkpoints import Trust
from compliance.verify.evidence_file import EvidenceFile
from compliance.verify.evidence_layout import Records, header, log_paths, parse_header
from compliance.verify.evidence_making import Wanted, make_evidence
from compliance.verify.findings import INCOMPLETE, OK, TAMPERED, UNREADABLE, Failed
from engine.journal.disk import RealDisk
from gateway.audit import evidence_answer
from gateway.cli import main
from tests.audit.support import KEYS, ORIGIN, keys_of
from tests.verify import second_verifier
from tests.verify.evidence_mutants import FileMutants, packed, parts_of, unpacked
from tests.verify.support import Traded, failures, note_of, results, silent, texts, verify

RELEASE = "1.2.3"
WITNESSES = tuple(
    SignerKey("anna.example/witness", kind, b"w" * 32)
    for kind in (COSIGNER_ED25519, COSIGNER_ML_DSA_44)
)
TRUST = Trust(KEYS.verifiers, tuple(key.verifier for key in WITNESSES), 1)
(VKEY,) = (key.text for key in KEYS.verifiers if key.kind == ED25519)


def cosigned(note):
    """A checkpoint that a witness has cosigned."""
    text, signatures = parse_note(note)
    return format_note(text, [*signatures, *(key.sign(text, 1_700_000_001) for key in WITNESSES)])


class Case:
    """A venue's folder, exports of it, and the evidence file of both."""

    def __init__(self, folder):
        self.folder, self.data = folder, folder / "data"
        self.traded = Traded(self.data)
        self.exports = ()
        self.step(120)
        self.older = self.made("older")
        self.step(120)
        log = LogFolder(self.data / "audit")
        self.exports = (folder / "John Doe, trades", folder / "orders")
        for kind, fmt, out in zip(("trades", "orders"), ("csv", "json"), self.exports, strict=True):
            asked = Asked(KINDS[kind], fmt, Period(), RELEASE)
            export(log, log.checkpoint(), asked, out)
        self.file = folder / "case.tar"
        self.file.write_bytes(self.made("case"))
        self.newest = self.traded.newest
        self.size = max(self.traded.notes)

    def step(self, count):
        self.traded.trade(count).publish()
        (self.data / "audit" / "checkpoint.cosigned").write_bytes(cosigned(self.traded.newest))

    def wanted(self, data=None, **fields):
        fields = {"keys": KEYS.verifiers, "exports": self.exports, "release": RELEASE} | fields
        return Wanted(folder=data or self.data, **fields)

    def made(self, name, data=None, **fields):
        path = self.folder / f"{name}.made"
        with path.open("wb") as file:
            make_evidence(self.wanted(data, **fields), file, silent)
        return path.read_bytes()


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    made = Case(tmp_path_factory.mktemp("case"))
    yield made
    made.traded.close()


def check(path, newest=None, **options):
    """The report on a file."""
    options.setdefault("trust", TRUST)
    options.setdefault("release", RELEASE)
    with closing(EvidenceFile(path)) as evidence:
        return verify(evidence, newest, **options)


# --- what it says ---------------------------------------------------------------------------------


def test_the_file_says_what_the_folder_says(case):
    of_file = check(case.file, case.newest)
    of_folder = verify(
        case.data, case.newest, exports=case.exports, release=RELEASE, trust=Trust(KEYS.verifiers)
    )
    assert (of_file.code, of_folder.code) == (0, 0), failures(of_file)
    file, folder = results(of_file), results(of_folder)
    own = {"evidence", "members", "keys", "cosigned", "witnesses"}
    inside = {check for check in file if check.startswith("export")}
    assert inside == {"export 1 of the evidence", "export 2 of the evidence"}
    assert {file[check] for check in own | inside} == {OK}
    shared = file.keys() - own - inside
    assert {check: file[check] for check in shared} == {check: folder[check] for check in shared}
    of = texts(of_file, "re-run"), texts(of_file, "sums"), texts(of_file, "priority")
    assert of == (
        texts(of_folder, "re-run"), texts(of_folder, "sums"), texts(of_folder, "priority")
    )  # fmt: skip


def test_any_tar_unpacks_a_folder_that_both_verifiers_take(case, tmp_path):
    folder = tmp_path / "case"
    folder.mkdir()
    subprocess.run(["tar", "xf", case.file, "-C", folder], check=True)
    assert verify(folder, case.newest).code == 0
    size, _ = second_verifier.verify(folder / "audit", VKEY, case.newest)
    assert size == case.size
    for path in (case.data / "audit" / "tile").rglob("*"):
        if path.is_file():
            copy = folder / path.relative_to(case.data)
            assert copy.read_bytes() == path.read_bytes(), "as the venue itself has published it"


def test_the_same_checkpoint_makes_the_same_bytes(case, tmp_path):
    """Elsewhere, later, out of the bundles alone, and of a journal that has gone on."""
    there = shutil.copytree(case.data, tmp_path / "elsewhere")
    assert case.made("again", there) == case.file.read_bytes()
    shutil.rmtree(there / "journal")
    assert case.made("again", there) == case.file.read_bytes()
    case.traded.trade(10)
    assert case.made("again") == case.file.read_bytes()


def test_an_empty_log_and_one_of_one_record(tmp_path):
    for size in (0, 1):
        folder = tmp_path / str(size) / "audit"
        folder.mkdir(parents=True)
        entries = [b"one record"][:size]
        (folder / "checkpoint").write_bytes(note_of(entries))
        if entries:
            bundle = folder / "tile" / "entries" / "000.p"
            bundle.mkdir(parents=True)
            (bundle / "1").write_bytes(b"\0\x0a" + entries[0])
        out = tmp_path / f"{size}.tar"
        with out.open("wb") as file:
            made = make_evidence(Wanted(folder.parent, KEYS.verifiers, (), RELEASE), file, silent)
        assert (made.size, made.cosigned) == (size, -1)
        report = check(out, trust=Trust(KEYS.verifiers))
        found = results(report)
        assert (found["members"], found["entries"], found["root"]) == (OK, OK, OK)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 131_329])
def test_the_order_of_members_is_that_in_which_the_tree_fills(size):
    """Each path once; a tile comes when what it is of is there."""
    paths = list(log_paths(size, Records(0, size)))
    assert len(set(paths)) == len(paths)
    expected = set()
    for level in range(4):
        kinds = (level, "entries") if not level else (level,)
        for kind in kinds:
            for index, width in second_verifier.pieces(size >> 8 * level):
                expected.add(second_verifier.path_of(kind, index, width))
    assert set(paths) == expected
    full = [path for path in paths if ".p/" not in path]
    assert paths[: len(full)] == full


def test_headers_are_those_of_somebody_elses_writer():
    for name, size in (("vkeys", 0), ("audit/tile/entries/x001/x234/067.p/255", 123_456_789)):
        (theirs,) = parts_of(header(name, size) + bytes(-(-size // 512) * 512) + bytes(1024))
        assert (theirs.name, theirs.size) == (name, size)
        assert parse_header(header(name, size)) == (name, size)


# --- mutants --------------------------------------------------------------------------------------


def hunt(case, folder, seed, count):
    data = case.file.read_bytes()
    unpacked(data, folder)
    older, size = sorted(case.traded.notes)
    mutants = FileMutants(data, case.older, folder, size, [case.traded.notes[older]], Random(seed))
    path, seen = folder / "mutant.tar", Counter()
    for k in range(count):
        mutant = mutants.draw()
        path.write_bytes(mutant.data)
        report = check(path, case.newest)
        assert report.code in mutant.codes, (seed, k, mutant.name, report.code, failures(report))
        seen[report.code] += 1
    path.write_bytes(data)
    assert check(path, case.newest).code == 0
    return seen


@pytest.mark.parametrize("seed", range(2))
def test_mutants_are_found(case, tmp_path, seed):
    seen = hunt(case, tmp_path, seed, 50)
    assert set(seen) == {TAMPERED, INCOMPLETE, UNREADABLE}


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 6))
def test_two_thousand_mutants_are_found(case, tmp_path, seed):
    hunt(case, tmp_path, seed, 500)


def test_each_byte_of_a_header_counts(case, tmp_path):
    """And each of the filling, and of the end: they hide nothing."""
    data = case.file.read_bytes()
    part = parts_of(data)[1]
    settled = [*range(part.begin, part.content), *range(part.content + part.size, part.end)]
    path = tmp_path / "changed.tar"
    for at in [*settled[::5], *range(len(data) - 1024, len(data), 100)]:
        changed = bytearray(data)
        changed[at] ^= 1 << at % 8
        path.write_bytes(changed)
        with closing(EvidenceFile(path)) as evidence, pytest.raises(Failed) as caught:
            evidence.scan()
        assert caught.value.code == UNREADABLE, at


def test_an_older_state_is_well_in_itself(case, tmp_path):
    path = tmp_path / "older.tar"
    path.write_bytes(case.older)
    assert check(path).code == 0
    report = check(path, case.newest)
    assert failures(report) == {"newest": INCOMPLETE}


# --- hostile files --------------------------------------------------------------------------------


def tar_of(*members):
    """Python's own tar of (name, kind, link)."""
    path = Path(members[0])
    with tarfile.open(path, "w") as tar:
        for name, kind, link in members[1:]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, link
            tar.addfile(info)
    return path


@pytest.mark.parametrize(
    ("name", "kind", "link"),
    [
        ("audit/checkpoint", tarfile.SYMTYPE, "/etc/passwd"),
        ("audit/checkpoint", tarfile.LNKTYPE, "vkeys"),
        ("audit/checkpoint", tarfile.CHRTYPE, ""),
        ("audit/checkpoint", tarfile.FIFOTYPE, ""),
        ("audit", tarfile.DIRTYPE, ""),
        ("audit/checkpoint", tarfile.GNUTYPE_SPARSE, ""),
        ("../outside", tarfile.REGTYPE, ""),
        ("/tmp/outside", tarfile.REGTYPE, ""),
        ("audit/tile/../../outside", tarfile.REGTYPE, ""),
        ("audit/tile/0/000.p/0", tarfile.REGTYPE, ""),
        ("exports/000/checkpoint", tarfile.REGTYPE, ""),
        ("exports/001/../x", tarfile.REGTYPE, ""),
        ("journal/00000000000000000000.seg", tarfile.REGTYPE, ""),
        ("compliance/log.key", tarfile.REGTYPE, ""),
        ("a" * 300, tarfile.REGTYPE, ""),
        ("r\u00e9sum\u00e9", tarfile.REGTYPE, ""),
    ],
)
def test_what_no_evidence_file_has_is_refused_and_made_nowhere(tmp_path, name, kind, link):
    path = tar_of(tmp_path / "hostile.tar", (name, kind, link))
    before = sorted(tmp_path.rglob("*"))
    report = check(path, trust=Trust(KEYS.verifiers))
    assert failures(report) == {"evidence": UNREADABLE}
    assert sorted(tmp_path.rglob("*")) == before
    assert not any(name in texts(report, "evidence") for name in ("passwd", "outside"))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", INCOMPLETE),
        (b"\x1f\x8b\x08" + bytes(600), UNREADABLE),
        (b"PK\x03\x04" + bytes(600), UNREADABLE),
        (bytes(range(256)) * 8, UNREADABLE),
        (bytes(1024), INCOMPLETE),
        (header("vkeys", 8**11 - 1), UNREADABLE),
        (header("exports/001/trades.csv", 8**11 - 1) + b"a", INCOMPLETE),
        (header("audit/tile/entries/000", 10**9) + b"a", UNREADABLE),
    ],
)
def test_files_that_are_none_and_sizes_that_lie(tmp_path, data, code):
    path = tmp_path / "file.tar"
    path.write_bytes(data)
    report = check(path, trust=Trust(KEYS.verifiers))
    assert report.code == code, failures(report)


def test_a_file_of_too_many_members_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("compliance.verify.evidence_file.MAX_MEMBERS", 3)
    path = tmp_path / "many.tar"
    path.write_bytes(packed((f"audit/tile/0/{k:03}", b"") for k in range(4)))
    assert check(path, trust=Trust(KEYS.verifiers)).code == UNREADABLE


def test_members_of_a_size_that_nobody_could_list(tmp_path):
    """A log that claims 2^62 records, signed: the first one that is missing ends it."""
    note = note_of([])
    lines = note.decode().split("\n")
    text = f"{lines[0]}\n{2**62}\n{lines[2]}\n"
    path = tmp_path / "claims.tar"
    claimed = format_note(text, [key.sign(text, 1) for key in KEYS.signers])
    contents = json.dumps(
        {"evidence": 1, "size": 2**62, "records": [0, 2**62], "files": {}}
    ).encode()
    path.write_bytes(packed([("evidence.json", contents), ("audit/checkpoint", claimed)]))
    report = check(path, trust=Trust(KEYS.verifiers))
    assert failures(report)["members"] == INCOMPLETE


def test_keys_in_the_file_are_never_believed(case, tmp_path):
    """Somebody else's log, whole in itself and with his keys in it."""
    other = keys_of(b"x")
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "checkpoint").write_bytes(note_of([], keys=other))
    out = tmp_path / "other.tar"
    with out.open("wb") as file:
        make_evidence(Wanted(tmp_path, other.verifiers, (), RELEASE), file, silent)
    assert check(out, trust=Trust(other.verifiers)).code == 0
    assert failures(check(out, trust=Trust(KEYS.verifiers)))["checkpoint"] == 12


# --- making it ------------------------------------------------------------------------------------


@pytest.fixture
def fixgate(capsys):
    def run(*args):
        code = main([*map(str, args)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def venue(case, tmp_path):
    """A copy of the folder as a venue has it, with its public keys."""
    folder = shutil.copytree(case.data, tmp_path / "venue")
    (folder / "compliance").mkdir()
    lines = "".join(f"{key.text}\n" for key in KEYS.verifiers)
    (folder / "compliance" / "vkeys").write_text(lines)
    return folder


def test_by_command_from_the_venue_to_the_auditor(fixgate, venue, case, tmp_path):
    """The walk-through of docs/verify.md."""
    trades, out, newest = tmp_path / "trades", tmp_path / "case.tar", tmp_path / "newest"
    newest.write_bytes(case.newest)
    keys = venue / "compliance" / "vkeys"
    assert fixgate("export", "trades", "--data", venue, "--out", trades)[0] == 0
    code, told, err = fixgate("evidence", "--data", venue, "--export", trades, "--out", out)
    assert (code, err) == (0, "")
    assert f"{case.size:,} records of {ORIGIN}" in told
    assert out.stat().st_mode & 0o777 == 0o600
    code, told, err = fixgate("verify", out, "--key", keys, "--checkpoint", newest)
    assert (code, err) == (0, ""), told
    assert told.splitlines()[-1] == "all well (0)"
    code, told, _ = fixgate("verify", out, "--key", keys, "--from", 5, "--to", 9, "--json")
    assert json.loads(told)["size"] == case.size
    spoilt = bytearray(out.read_bytes())
    spoilt[-3_000] ^= 1
    out.write_bytes(spoilt)
    assert fixgate("verify", out, "--key", keys)[0] == TAMPERED


def test_json_says_what_is_in(fixgate, venue, case, tmp_path):
    out = tmp_path / "case.tar"
    code, told, _ = fixgate("evidence", "--data", venue, "--out", out, "--json")
    found = json.loads(told)
    assert (code, found["size"], found["cosigned"]) == (0, case.size, case.size)
    assert (found["bytes"], found["exports"]) == (out.stat().st_size, 0)
    assert found["members"] == len(parts_of(out.read_bytes()))


def test_what_is_not_as_it_was_signed_makes_no_evidence(fixgate, venue, case, tmp_path):
    out, copy = tmp_path / "case.tar", tmp_path / "spoilt"
    stranger = keys_of(b"x").verifiers[0].text

    def refused(*args):
        code, told, err = fixgate("evidence", "--data", copy, "--out", out, *args)
        assert (code, told) == (1, ""), err
        assert err.startswith("fixgate: ")
        assert [*out.parent.glob("case.tar*")] == [], "nothing is left"
        shutil.rmtree(copy)
        shutil.copytree(venue, copy)
        return err

    shutil.copytree(venue, copy)
    (segment,) = (copy / "journal").glob("*.seg")
    changed = bytearray(segment.read_bytes())
    changed[9_000] ^= 1
    segment.write_bytes(changed)
    assert "a copy of the folder is the evidence" in refused()
    (copy / "audit" / "checkpoint.cosigned").unlink()
    (copy / "audit" / "checkpoint").write_bytes(note_of([b"another"]))
    assert "another root" in refused()
    (copy / "audit" / "checkpoint").unlink()
    assert "no audit log" in refused()
    (copy / "audit" / "checkpoint.cosigned").write_bytes(b"words")
    assert "checkpoint.cosigned" in refused()
    (copy / "compliance" / "vkeys").unlink()
    assert "vkeys" in refused()
    assert "no known key" in refused("--key", stranger)
    assert "there is no folder" in refused("--export", tmp_path / "nowhere")
    assert "manifest" in refused("--export", copy / "audit")


def test_there_is_a_file_or_none(fixgate, venue, case, tmp_path, monkeypatch):
    out = tmp_path / "case.tar"
    out.write_bytes(b"mine")
    code, _, err = fixgate("evidence", "--data", venue, "--out", out)
    assert (code, out.read_bytes()) == (1, b"mine")
    assert "is there already" in err
    out.unlink()

    class FullDisk(RealDisk):
        def pwrite(self, fd, data, offset):
            if offset > 20_000:
                raise OSError(28, "No space left on device")
            return super().pwrite(fd, data, offset)

    monkeypatch.setattr(evidence_answer._new_file.__wrapped__, "__defaults__", (FullDisk(),))
    code, _, err = fixgate("evidence", "--data", venue, "--out", out)
    assert code == 1
    assert "No space left on device" in err
    assert [*tmp_path.glob("case.tar*")] == []
    monkeypatch.undo()
    (tmp_path / "case.tar.unfinished").write_bytes(b"x" * 10_000_000)  # a run that was killed
    assert fixgate("evidence", "--data", venue, "--out", out)[0] == 0
    assert [path.name for path in tmp_path.glob("case.tar*")] == ["case.tar"]
    assert out.stat().st_size < 10_000_000


@pytest.mark.proof
def test_a_run_that_is_killed_leaves_no_evidence_file(venue, tmp_path):
    """At whatever write: the name is given to what is whole."""
    out = tmp_path / "case.tar"
    program = (
        "import os, signal, sys\n"
        "from engine.journal.disk import RealDisk\n"
        "real = RealDisk.pwrite\n"
        "def pwrite(self, fd, data, offset):\n"
        "    if offset > 30_000: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, fd, data, offset)\n"
        "RealDisk.pwrite = pwrite\n"
        "from gateway.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    command = [sys.executable, "-c", program, "evidence", "--data", venue, "--out", out]
    assert subprocess.run(command, check=False).returncode == -9
    assert not out.exists()


def test_misuse(fixgate, case, tmp_path):
    assert fixgate("verify", "--key", VKEY)[0] == 2
    assert fixgate("verify", case.file, "--data", case.data, "--key", VKEY)[0] == 2
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "nothing", tmp_path, tmp_path / "fifo"):
        code, out, err = fixgate("verify", path, "--key", VKEY)
        assert (code, out) == (1, "")
        assert err.startswith("fixgate: ")


# --- what must not be in it -----------------------------------------------------------------------

SECRETS = {
    "compliance/log.key": b"PRIVATE+KEY+audit",
    "compliance/vault/subjects.db": b"Anna Sommer, born 1970",
    "compliance/screenings": b"screened: Boris Winter",
    "compliance/names": b"Carla Herbst",
    "compliance/cases/1": b"suspicion of Dora Lenz",
    "compliance/kyc/files": b"passport X1234567",
    "sessions/ACME-OE1.index": b"password of a session",
    "journal/lock": b"lock of a journal",
    "audit/lock": b"lock of a log",
    "audit/checkpoint.next": b"not signed yet",
    "audit/notes.txt": b"words of a person",
    "ledger.db": b"ledger of custody",
    "run/supervisor.lock": b"12345",
}


def test_nothing_else_of_the_venues_folder_gets_in(fixgate, venue, case, tmp_path):
    """Neither what other parts keep, nor what somebody has put beside the log, nor the names of the
    folders that exports lie in."""
    for name, content in SECRETS.items():
        (venue / name).parent.mkdir(parents=True, exist_ok=True)
        (venue / name).write_bytes(content)
    shutil.copytree(case.exports[0], tmp_path / "John Doe, born 1980")
    out = tmp_path / "case.tar"
    args = ("evidence", "--data", venue, "--out", out)
    assert fixgate(*args)[0] == 0
    data = out.read_bytes()
    named = case.file.read_bytes()
    for secret in (*SECRETS.values(), b"John Doe", str(tmp_path).encode(), b"PRIVATE"):
        assert secret not in data
        assert secret not in named
    known = {"evidence.json", "audit/checkpoint", "audit/checkpoint.cosigned", "vkeys"}
    for part in parts_of(named):
        tree = part.name.startswith("audit/tile/")
        exported = part.name.startswith(("exports/001/", "exports/002/"))
        assert part.name in known or tree or exported, part.name
