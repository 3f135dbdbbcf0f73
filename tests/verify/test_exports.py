"""Exports are made again out of the records: what was changed of one is found, with its code."""

import json
import shutil
from collections import Counter
from hashlib import sha256
from itertools import cycle, islice
from random import Random

import pytest
from msgspec.structs import replace

from compliance.audit.tile_store import LogFolder
from compliance.exports.errors import ExportRefused
from compliance.exports.exporting import Asked, export
from compliance.exports.kinds import KINDS
from compliance.exports.manifest import encode_manifest, parse_manifest
from compliance.exports.times import Period
from compliance.verify.findings import INCOMPLETE, NOT_DONE, OK, TAMPERED, UNKNOWN_KEY, UNREADABLE
from engine.model.events import OrderFilled
from engine.model.record import decode_record, encode_record
from gateway.cli import main
from tests.audit.support import KEYS, keys_of
from tests.journal.support import open_writer
from tests.verify.support import failures, note_of, played, results, texts, verify

RELEASE = "1.2.3"
EVERY = [(kind, fmt) for kind in KINDS.values() for fmt in kind.formats]


@pytest.fixture(scope="module")
def made(traded, tmp_path_factory):
    """A folder of every kind in every format."""
    folder = tmp_path_factory.mktemp("exports")
    log = LogFolder(traded.data / "audit")
    for kind, fmt in EVERY:
        out = folder / f"{kind.name}-{fmt}"
        export(log, log.checkpoint(), Asked(kind, fmt, Period(), RELEASE), out)
    return folder


@pytest.fixture
def exports(made, tmp_path):
    """A copy, to be spoilt."""
    shutil.copytree(made, tmp_path / "exports")
    return tmp_path / "exports"


@pytest.fixture
def csv(exports):
    return exports / "trades-csv"


def check(traded, *folders, **options):
    options.setdefault("release", RELEASE)
    return verify(traded.data, traded.newest, exports=folders, **options)


def changed(folder, **fields):
    """The manifest says something else, in its one spelling."""
    path = folder / "manifest.json"
    manifest = json.loads(path.read_bytes()) | fields
    path.write_text(json.dumps(manifest, indent=2) + "\n")


def test_every_kind_in_every_format_is_made_again(traded, exports):
    report = check(traded, *sorted(exports.iterdir()))
    assert report.code == 0, failures(report)
    assert [r for c, r in results(report).items() if c.startswith("export")] == [OK] * len(EVERY)
    assert "rows" in texts(report, "export trades-csv")


def test_out_of_the_bundles_alone(traded, data, csv):
    shutil.rmtree(data / "journal")
    assert verify(data, traded.newest, exports=(csv,), release=RELEASE).code == 0


def test_rows_that_were_changed(traded, csv):
    rows = csv / "trades.csv"
    whole = rows.read_bytes()
    rows.write_bytes(whole.replace(b"BOREAS", b"CYGNUS", 1))
    report = check(traded, csv)
    assert failures(report) == {"export trades-csv": TAMPERED}
    assert "from byte" in texts(report, "export trades-csv")
    for spoilt, code in (
        (whole[:-40], INCOMPLETE),
        (b"", INCOMPLETE),
        (whole + whole[-40:], TAMPERED),
        (whole[:-1] + b"\r", TAMPERED),
    ):
        rows.write_bytes(spoilt)
        assert failures(check(traded, csv)) == {"export trades-csv": code}
    rows.unlink()
    assert failures(check(traded, csv)) == {"export trades-csv": INCOMPLETE}


def test_a_manifest_of_changed_rows_does_not_make_them_right(traded, csv):
    """Somebody who changes rows changes their hash, too."""
    rows = csv / "trades.csv"
    rows.write_bytes(rows.read_bytes().replace(b"BOREAS", b"CYGNUS", 1))
    manifest = json.loads((csv / "manifest.json").read_bytes())
    (file,) = manifest["files"]
    changed(csv, files=[file | {"sha256": sha256(rows.read_bytes()).hexdigest()}])
    assert failures(check(traded, csv)) == {"export trades-csv": TAMPERED}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"rows": 5}, TAMPERED),
        ({"first_record": 7}, TAMPERED),
        ({"missing": {"price": 1}}, TAMPERED),
        ({"files": []}, TAMPERED),
        ({"to": "1971-01-01T00:00:00.000000000Z"}, TAMPERED),
        ({"size": 5}, TAMPERED),
        ({"member": "ACME"}, TAMPERED),
        ({"kind": "orderz"}, UNREADABLE),
        ({"kind_version": 99}, UNREADABLE),
        ({"exporter": "9.9.9"}, UNREADABLE),
        ({"format": "pdf"}, UNREADABLE),
        ({"version": 99}, UNREADABLE),
        ({"more": 1}, UNREADABLE),
    ],
)
def test_a_manifest_that_says_something_else(traded, csv, fields, code):
    changed(csv, **fields)
    assert failures(check(traded, csv)) == {"export trades-csv": code}


def test_what_else_may_be_wrong_with_the_folder(traded, csv):
    for name, code in (("manifest.json", INCOMPLETE), ("checkpoint", INCOMPLETE)):
        data = (csv / name).read_bytes()
        (csv / name).unlink()
        assert failures(check(traded, csv)) == {"export trades-csv": code}
        (csv / name).write_bytes(b"words")
        assert failures(check(traded, csv)) == {"export trades-csv": UNREADABLE}
        (csv / name).write_bytes(data)
    (csv / "readme").write_text("more")
    assert failures(check(traded, csv)) == {"export trades-csv": UNREADABLE}


def test_an_export_under_another_checkpoint(traded, csv):
    entries = [b"another", b"history"]
    for note, code in (
        (note_of(entries), TAMPERED),
        (traded.notes[min(traded.notes)], TAMPERED),
        (note_of(entries, keys=keys_of(b"x")), UNKNOWN_KEY),
    ):
        (csv / "checkpoint").write_bytes(note)
        assert failures(check(traded, csv)) == {"export trades-csv": code}


def test_an_export_of_a_log_that_was_forked(traded, csv):
    """Manifest and checkpoint agree, and are signed: the entries are others."""
    note = note_of([b"another", b"history"])
    text = note.decode().splitlines()
    (csv / "checkpoint").write_bytes(note)
    changed(csv, size=2, root=text[2])
    report = check(traded, csv)
    assert failures(report) == {"export trades-csv": TAMPERED}
    assert "another root" in texts(report, "export trades-csv")
    assert results(report)["sums"] == OK, "the folder itself is well"


def test_records_that_are_signed_and_contradict_each_other(traded, csv, tmp_path):
    """A trade in an instrument that there is not: nothing can be exported, and nothing falls."""
    entries = played(300)
    for number, entry in enumerate(entries):
        record = decode_record(entry)
        if any(isinstance(event, OrderFilled) for event in record.events):
            events = tuple(replace(event, instrument=99) for event in record.events)
            entries[number] = encode_record(replace(record, events=events))
            break
    folder, note = tmp_path / "forged", note_of(entries)
    writer = open_writer(folder / "journal")
    writer.append(entries)
    writer.sync()
    writer.close()
    (csv / "checkpoint").write_bytes(note)
    changed(csv, size=len(entries), root=note.decode().splitlines()[2])
    found = failures(verify(folder, note, exports=(csv,), release=RELEASE))
    assert found["re-run"] == found["export trades-csv"] == TAMPERED


def test_an_export_of_more_records_than_there_are(traded, csv, data):
    (data / "audit" / "checkpoint").write_bytes(traded.notes[min(traded.notes)])
    report = verify(data, exports=(csv,), release=RELEASE)
    assert failures(report) == {"export trades-csv": INCOMPLETE}


def test_an_export_is_not_made_again_from_entries_that_nobody_signed(traded, csv, data):
    (segment,) = (data / "journal").glob("*.seg")
    whole = bytearray(segment.read_bytes())
    whole[9_000] ^= 1
    segment.write_bytes(whole)
    report = verify(data, exports=(csv,), release=RELEASE)
    assert results(report)["export trades-csv"] == NOT_DONE
    (data / "audit" / "checkpoint").unlink()
    report = verify(data, exports=(csv,), release=RELEASE)
    assert results(report)["export trades-csv"] == NOT_DONE


def hunt(traded, exports, seed, count):
    """Mutants of files of exports: a byte changed, a run dropped or doubled, a cut."""
    random, seen = Random(seed), Counter()
    files = sorted(path for path in exports.rglob("*") if path.is_file())
    for path in islice(cycle(files), count):
        whole = path.read_bytes()
        one, two = sorted(random.sample(range(len(whole) + 1), 2))
        spoilt = random.choice(
            (
                whole[:one] + bytes([whole[one] ^ random.randrange(1, 256)]) + whole[one + 1 :],
                whole[:one] + whole[two:],
                whole[:two] + whole[one:],
                whole[:one],
            )
        )
        if path.name == "manifest.json" and only_the_period(whole, spoilt):
            continue
        path.write_bytes(spoilt)
        code = check(traded, path.parent).code
        assert code in (TAMPERED, INCOMPLETE, UNREADABLE, UNKNOWN_KEY), (seed, path, one, two)
        if path.name not in ("manifest.json", "checkpoint"):
            assert code == (INCOMPLETE if whole.startswith(spoilt) else TAMPERED)
        seen[path.name] += 1
        path.write_bytes(whole)
    return seen


def only_the_period(whole, spoilt):
    """A period whose bounds were moved over a time in which nothing happened has the same rows, and
    says the truth."""
    try:
        manifest = parse_manifest(spoilt)
    except (ExportRefused, UnicodeDecodeError):
        return False
    fields = {"begin": "", "end": ""}
    return encode_manifest(replace(manifest, **fields)) == encode_manifest(
        replace(parse_manifest(whole), **fields)
    )


def test_mutants_of_exports_are_found(traded, exports):
    assert len(hunt(traded, exports, seed=1, count=60)) == 2 + len(EVERY)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(2, 6))
def test_a_thousand_mutants_of_exports_are_found(traded, exports, seed):
    hunt(traded, exports, seed, count=250)


def test_the_command_makes_it_again(traded, tmp_path, capsys):
    out = tmp_path / "out"
    keys = [argument for key in KEYS.verifiers for argument in ("--key", key.text)]
    assert main(["export", "trades", "--data", str(traded.data), "--out", str(out)]) == 0
    capsys.readouterr()
    verify_it = ["verify", "--data", str(traded.data), *keys, "--export", str(out), "--json"]
    assert main(verify_it) == 0
    checks = {check["check"]: check for check in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["export out"]["result"] == OK
    shutil.rmtree(out)
    assert main(verify_it) == 1
