"""Folders of exports: proved, the same anywhere, whole or not there."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from hashlib import sha256

import msgspec
import pyarrow.parquet as pq
import pytest

from compliance.audit.errors import AuditRefused
from compliance.audit.keys import open_checkpoint
from compliance.audit.tile_store import LogFolder
from compliance.audit.tiles import bundle_path
from compliance.exports import exporting, parquet
from compliance.exports import folder as folder_module
from compliance.exports.errors import ExportRefused
from compliance.exports.exporting import Asked, export
from compliance.exports.kind import value_at
from compliance.exports.kinds import KINDS
from compliance.exports.manifest import encode_manifest, parse_manifest
from compliance.exports.times import Period, parse_time, time_text
from compliance.exports.writing import write_export
from engine.journal.disk import RealDisk
from engine.model.commands import ClockSampled, DefineMember
from engine.model.errors import OperatorError
from engine.model.record import encode_record
from engine.replay import folder_records, join_parts
from gateway.cli import main
from gateway.exports.command import FORMATS
from gateway.exports.command import KINDS as NAMES
from tests.audit.support import KEYS
from tests.engine.streams import ACME
from tests.exports.support import ALL, AuditedVenue, spelled, xml_rows

RECORDS = 700
"""Over two bundles of entries and a part of one."""

SIDES = ("buyer", "seller")
EVERY = [(kind, fmt) for kind in KINDS.values() for fmt in kind.formats]
IDS = [f"{kind.name} {fmt}" for kind, fmt in EVERY]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A venue's folder: some days of trading, signed, and some records that are not signed yet."""
    venue = AuditedVenue(tmp_path_factory.mktemp("data"), seed=3)
    venue.trade(RECORDS)
    for minute in range(15):
        venue.submit(ClockSampled(minute, 0, 700_000, 1_000_000, "kernel"))
    venue.publish()
    venue.trade(50)
    venue.close()
    return venue.folder


@pytest.fixture(scope="module")
def note(data):
    return LogFolder(data / "audit").checkpoint()


@pytest.fixture(scope="module")
def signed(data, note):
    """The records under the checkpoint."""
    size = open_checkpoint(note, KEYS.verifiers).checkpoint.size
    records = [record for record in folder_records(data / "journal") if record.number < size]
    assert len(records) == size > 600
    return records


def run(data, kind, fmt, out, period=ALL, disk=None):
    log = LogFolder(data / "audit")
    asked = Asked(kind, fmt, period, "0.0")
    return export(log, log.checkpoint(), asked, out, disk=disk or RealDisk())


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize(("kind", "fmt"), EVERY, ids=IDS)
def test_a_folder_has_rows_manifest_and_checkpoint(data, note, signed, tmp_path, kind, fmt):
    manifest = run(data, kind, fmt, tmp_path / "out")
    found = files(tmp_path / "out")
    rows = found.pop(f"{kind.name}.{fmt}")
    assert found == {"checkpoint": note, "manifest.json": encode_manifest(manifest)}
    (file,) = manifest.files
    assert (file.bytes, file.sha256) == (len(rows), sha256(rows).hexdigest())
    assert manifest.checkpoint() == open_checkpoint(note, KEYS.verifiers).checkpoint
    assert (manifest.first_record, manifest.last_record) == (0, manifest.size - 1)
    assert manifest.rows == len(list(kind.derive(join_parts(signed), ALL))) > 10
    assert not [path for path in tmp_path.iterdir() if path.name != "out"]


@pytest.mark.parametrize(("kind", "fmt"), EVERY, ids=IDS)
def test_an_export_is_a_function_of_the_records_and_its_manifest(data, signed, tmp_path, kind, fmt):
    """What `verify` does: the same bytes, from the manifest and the records alone."""
    begin = signed[200].time
    end = signed[500].time
    run(data, kind, fmt, tmp_path / "out", Period(begin, end))
    manifest = parse_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    again = io.BytesIO()
    written = write_export(KINDS[manifest.kind], manifest.format, signed, manifest.period(), again)
    (file,) = manifest.files
    assert again.getvalue() == (tmp_path / "out" / file.name).read_bytes()
    assert (written.rows, written.sha256) == (manifest.rows, file.sha256)
    inside = [record.number for record in signed if begin <= record.time < end]
    assert (manifest.first_record, manifest.last_record) == (inside[0], inside[-1])


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_all_formats_of_a_kind_say_the_same(signed, kind, monkeypatch):
    monkeypatch.setattr(parquet, "BATCH_ROWS", 8)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 32)
    rows = list(kind.derive(join_parts(signed), ALL))
    flat = [{c.name: value_at(row, c.path) for c in kind.columns} for row in rows]
    for fmt in kind.formats:
        out = io.BytesIO()
        write_export(kind, fmt, signed, ALL, out)
        out.seek(0)
        match fmt:
            case "json":
                found = json.load(out)
                while isinstance(found, dict):
                    (found,) = found.values()
                assert found == rows
            case "csv":
                text = io.TextIOWrapper(out, "utf-8", newline="")
                as_text = [
                    {name: "" if v is None else str(v) for name, v in row.items()} for row in flat
                ]
                assert list(csv.DictReader(text)) == as_text
            case "xml":
                assert xml_rows(out.getvalue()) == spelled(rows)
            case "parquet":
                _check_parquet(pq.ParquetFile(out), kind, flat)


def _check_parquet(file, kind, flat):
    groups = [file.metadata.row_group(k).num_rows for k in range(file.num_row_groups)]
    assert set(groups[:-1]) <= {32}
    table = file.read()
    assert len(table) == len(flat)
    for column in kind.columns:
        expected = [row[column.name] for row in flat]
        values = table[column.name]
        if column.holds == "time":
            expected = [None if text is None else parse_time(text) for text in expected]
            values = values.cast("int64")
        found = values.to_pylist()
        if column.holds == "decimal":
            found = [None if v is None else f"{v:f}".rstrip("0").rstrip(".") for v in found]
            expected = [None if v is None else v if v != "-0" else "0" for v in expected]
        assert found == expected, column.name


def test_what_is_not_known_is_counted(signed):
    """A venue that was not told one member's identifier."""
    kind = KINDS["trades"]
    known = write_export(kind, "csv", signed, ALL, io.BytesIO())
    assert known.missing == {}
    nameless = [
        msgspec.structs.replace(record, command=DefineMember(ACME, "ACME"))
        if isinstance(record.command, DefineMember) and record.command.member == ACME
        else record
        for record in signed
    ]
    rows = list(kind.derive(join_parts(signed), ALL))
    of_acme = {side: sum(row[side]["member"] == "ACME" for row in rows) for side in SIDES}
    assert all(of_acme.values())
    found = write_export(kind, "csv", nameless, ALL, io.BytesIO())
    assert found.missing == {f"{side}.lei": count for side, count in of_acme.items()}


# --- proved ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [bundle_path(0), bundle_path(1)])
@pytest.mark.parametrize("end", [None, 300], ids=["all", "a period that ends before"])
def test_entries_that_are_not_those_that_were_signed_make_no_export(
    data, signed, tmp_path, name, end
):
    """A byte of a record's salt: it is a record, but not the one."""
    shutil.copytree(data / "audit", tmp_path / "audit")
    path = tmp_path / "audit" / name
    entries = path.read_bytes()
    index = 0 if name == bundle_path(0) else 256
    salt = encode_record(signed[index]).index(signed[index].salt)
    changed = bytearray(entries)
    changed[2 + salt] ^= 1
    path.write_bytes(changed)
    period = ALL if end is None else Period(0, signed[end].time)
    with pytest.raises(AuditRefused, match="not those that were signed"):
        run(tmp_path, KINDS["trades"], "csv", tmp_path / "out", period)
    assert not (tmp_path / "out").exists()


def test_a_missing_entry_makes_no_export(data, tmp_path):
    shutil.copytree(data / "audit", tmp_path / "audit")
    (tmp_path / "audit" / bundle_path(1)).unlink()
    with pytest.raises(AuditRefused, match="there is no"):
        run(tmp_path, KINDS["trades"], "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("edit", "text"),
    [
        (lambda data: data + b" ", "no manifest"),
        (lambda data: data.replace(b'"version": 1', b'"version": 2'), "another release"),
        (lambda data: data.replace(b'  "kind"', b' "kind"'), "as it is written here"),
        (lambda data: data.replace(b'"rows"', b'"rowz"'), "no manifest"),
        (lambda data: data.replace(b'"root": "', b'"root": "A'), "no manifest"),
        (lambda data: data.replace(b'"from": "1970', b'"from": "x970'), "neither"),
    ],
)
def test_a_manifest_has_one_spelling(data, tmp_path, edit, text):
    manifest = encode_manifest(run(data, KINDS["trades"], "csv", tmp_path / "out"))
    assert parse_manifest(manifest).kind == "trades"
    with pytest.raises(ExportRefused, match=text):
        parse_manifest(edit(manifest))


# --- the same anywhere ----------------------------------------------------------------------------


def test_another_hash_seed_and_a_copy_of_the_folder_give_the_same_bytes(data, tmp_path):
    """Every kind and format, each time in a process of its own."""
    shutil.copytree(data / "audit", tmp_path / "copy" / "audit")
    script = (
        "import sys; from gateway.cli import main\n"
        "for line in sys.argv[3:]:\n"
        "    kind, fmt = line.split()\n"
        "    out = f'{sys.argv[2]}/{kind}-{fmt}'\n"
        "    args = ['export', kind, '--data', sys.argv[1], '--out', out, '--format', fmt]\n"
        "    assert main(args) == 0\n"
    )
    made = []
    for seed, source in (("1", data), ("2", tmp_path / "copy")):
        out = tmp_path / seed
        out.mkdir()
        command = [sys.executable, "-c", script, str(source), str(out), *IDS]
        subprocess.run(
            command,
            check=True,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "PYTHONHASHSEED": seed},
        )
        made.append({path.name: files(path) for path in out.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == len(EVERY)


# --- whole or not there ---------------------------------------------------------------------------


class Cut(BaseException):
    """The process is gone."""


class CutDisk(RealDisk):
    """Ends at the call number `left` of those that change something, before or after it."""

    def __init__(self, left=-1, *, after=False):
        self.left, self.after, self.calls, self.dead = left, after, [], False

    def _cut(self, kind, real, *args):
        self.calls.append((kind, args))
        now = self.left == len(self.calls) - 1
        if self.dead or (now and not self.after):
            self.dead = True
            raise Cut
        try:
            return real(*args)
        finally:
            if now:
                self.dead = True
                raise Cut


def _cutting(kind):
    def call(self, *args):
        return self._cut(kind, getattr(RealDisk, kind).__get__(self), *args)

    return call


for _kind in ("make_folder", "open", "pwrite", "sync_data", "rename", "unlink", "sync_folder"):
    setattr(CutDisk, _kind, _cutting(_kind))


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_kill_at_any_call_leaves_no_folder_or_the_whole_one(data, tmp_path, often, after):
    kind = KINDS["trades"]
    counting = CutDisk()
    run(data, kind, "csv", tmp_path / "whole", disk=counting)
    whole = files(tmp_path / "whole")
    assert len(counting.calls) > 15
    for n in range(len(counting.calls)):
        out = tmp_path / f"out{n}"
        disk = CutDisk(n, after=after)
        with pytest.raises(Cut):
            run(data, kind, "csv", out, disk=disk)
        if out.exists():
            assert disk.calls[-1][0] in ("rename", "sync_folder")
        else:
            run(data, kind, "csv", out)
        assert files(out) == whole
        assert not out.with_name(out.name + folder_module.UNFINISHED).exists()


def test_all_is_on_disk_before_the_folder_has_its_name(data, tmp_path):
    disk = CutDisk()
    run(data, KINDS["trades"], "csv", tmp_path / "out", disk=disk)
    kinds = [kind for kind, _ in disk.calls]
    last = len(kinds) - 1 - kinds[::-1].index("rename")
    assert kinds[last - 1 : last + 2] == ["sync_folder", "rename", "sync_folder"]
    written = {args[0] for kind, args in disk.calls if kind == "pwrite"}
    synced = {args[0] for kind, args in disk.calls[:last] if kind == "sync_data"}
    assert written == synced


# --- going on -------------------------------------------------------------------------------------


@pytest.fixture
def often(monkeypatch):
    """A cursor behind every bundle of entries."""
    monkeypatch.setattr(exporting, "CURSOR_RECORDS", 256)


class Reading(LogFolder):
    """Notes which bundles of entries are read."""

    def __init__(self, folder):
        super().__init__(folder)
        self.bundles = []

    def read(self, path):
        if "entries" in path:
            self.bundles.append(path)
        return super().read(path)


def cut_behind_the_second_cursor(data, kind, fmt, out, period=ALL):
    """A run that is gone once it has kept two cursors."""
    renames = 0

    class Renamed(RealDisk):
        def rename(self, old, new):
            nonlocal renames
            super().rename(old, new)
            renames += 1
            if renames == 2:
                raise Cut

    with pytest.raises(Cut):
        run(data, kind, fmt, out, period, Renamed())


TEXT = [(kind, fmt) for kind, fmt in EVERY if fmt != "parquet"]


@pytest.mark.parametrize(("kind", "fmt"), TEXT, ids=[f"{k.name} {f}" for k, f in TEXT])
@pytest.mark.parametrize("first", [0, 300], ids=["all", "a period that begins later"])
def test_a_run_that_was_cut_goes_on_and_ends_with_the_same_bytes(
    data, note, signed, tmp_path, often, kind, fmt, first
):
    period = Period(signed[first].time)
    run(data, kind, fmt, tmp_path / "whole", period)
    cut_behind_the_second_cursor(data, kind, fmt, tmp_path / "out", period)
    log = Reading(data / "audit")
    export(log, note, Asked(kind, fmt, period, "0.0"), tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")
    assert bundle_path(0) not in log.bundles
    assert bundle_path(1) not in log.bundles
    assert log.bundles


def test_a_run_that_goes_on_stays_under_its_checkpoint(tmp_path, often):
    """The venue goes on trading meanwhile."""
    venue = AuditedVenue(tmp_path / "data", seed=3)
    venue.trade(700)
    venue.publish()
    kind = KINDS["statement"]
    run(venue.folder, kind, "csv", tmp_path / "whole")
    cut_behind_the_second_cursor(venue.folder, kind, "csv", tmp_path / "out")
    venue.trade(300)
    venue.publish()
    venue.close()
    run(venue.folder, kind, "csv", tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("statement.csv", lambda data: data[:-1]),
        ("statement.csv", lambda data: b"x" + data[1:]),
        ("cursor", lambda data: data[:-1]),
        ("cursor", lambda data: b""),
    ],
)
def test_a_cursor_that_does_not_go_with_the_rows_is_not_believed(
    data, note, tmp_path, often, name, damage
):
    kind = KINDS["statement"]
    run(data, kind, "csv", tmp_path / "whole")
    cut_behind_the_second_cursor(data, kind, "csv", tmp_path / "out")
    path = tmp_path / "out.unfinished" / name
    if name == "statement.csv":  # what was written behind the cursor is not missed
        path.write_bytes(path.read_bytes()[: kept_bytes(tmp_path / "out.unfinished")])
    path.write_bytes(damage(path.read_bytes()))
    log = Reading(data / "audit")
    export(log, note, Asked(kind, "csv", ALL, "0.0"), tmp_path / "out")
    assert bundle_path(0) in log.bundles
    assert files(tmp_path / "out") == files(tmp_path / "whole")


def kept_bytes(folder):
    """How much of the rows a cursor tells of."""
    kept = msgspec.msgpack.decode((folder / "cursor").read_bytes())
    return kept["cursor"]["written"][1]


@pytest.mark.parametrize(
    ("kind", "fmt", "period", "exporter"),
    [
        ("statement", "json", ALL, "0.0"),
        ("trades", "csv", ALL, "0.0"),
        ("statement", "csv", Period(1), "0.0"),
        ("statement", "csv", Period(member="ACME"), "0.0"),
        ("statement", "csv", ALL, "0.1"),
    ],
    ids=["format", "kind", "period", "member", "release"],
)
def test_another_export_does_not_go_on_there(
    data, note, tmp_path, often, kind, fmt, period, exporter
):
    asked = Asked(KINDS[kind], fmt, period, exporter)
    log = LogFolder(data / "audit")
    export(log, note, asked, tmp_path / "whole")
    cut_behind_the_second_cursor(data, KINDS["statement"], "csv", tmp_path / "out")
    export(log, note, asked, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "whole")


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_that_is_there_is_not_touched(data, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(OperatorError, match="there already"):
        run(data, KINDS["trades"], "csv", tmp_path / "out")
    assert files(tmp_path / "out") == {}


def test_two_exports_do_not_write_one_folder(data, tmp_path):
    with (
        folder_module.unfinished(tmp_path / "out"),
        pytest.raises(OperatorError, match="another export"),
    ):
        run(data, KINDS["trades"], "csv", tmp_path / "out")
    run(data, KINDS["trades"], "csv", tmp_path / "out")


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def fixgate(capsys):
    def call(*args):
        code = main([*map(str, args)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_command_makes_a_folder_and_prints_its_manifest(fixgate, data, tmp_path):
    out = tmp_path / "out"
    code, said, _ = fixgate("export", "trades", "--data", data, "--out", out, "--json")
    assert code == 0
    assert said.encode() == (out / "manifest.json").read_bytes()
    assert parse_manifest(said.encode()).format == "csv"


def test_the_command_says_what_it_has_made(fixgate, data, signed, tmp_path):
    day = time_text(signed[300].time)[:10]
    period = ("--from", day, "--to", "2262-01-01")
    code, said, _ = fixgate("export", "trades", "--data", data, "--out", tmp_path / "out", *period)
    assert code == 0
    manifest = parse_manifest((tmp_path / "out" / "manifest.json").read_bytes())
    assert manifest.begin == f"{day}T00:00:00.000000000Z"
    assert 0 < manifest.first_record < manifest.last_record == len(signed) - 1
    assert f"{manifest.rows:,} rows" in said


def test_the_command_says_how_much_is_not_reported(fixgate, data, tmp_path):
    args = ("--data", data, "--out", tmp_path / "out", "--member", "ACME")
    code, said, _ = fixgate("export", "transactions", *args)
    assert code == 0
    rows = xml_rows((tmp_path / "out" / "transactions.xml").read_bytes())
    left = sum("New" not in row for row in rows)
    assert 0 < left < len(rows)
    assert f"{len(rows):,} rows" in said
    assert f"{left:,} rows lack New: comments say what" in said


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--from", "yesterday"), "yesterday is neither"),
        (("--from", "2026-01-02", "--to", "2026-01-02"), "nothing is between"),
        (("--format", "json"), "csv, parquet, not as json"),
        (("--member", "ACME"), "trades are of all members"),
    ],
)
def test_what_the_command_cannot_do_it_says(fixgate, data, tmp_path, args, text):
    code, _, said = fixgate("export", "trades", "--data", data, "--out", tmp_path / "out", *args)
    assert code == 1
    assert text in said
    assert not (tmp_path / "out").exists()


def test_a_folder_without_an_audit_log_is_named(fixgate, tmp_path):
    code, _, said = fixgate("export", "trades", "--data", tmp_path, "--out", tmp_path / "out")
    assert code == 1
    assert "no audit log" in said


def test_the_command_line_knows_all_kinds_and_formats_without_loading_them():
    assert tuple(KINDS) == NAMES
    assert set(FORMATS) == {fmt for kind in KINDS.values() for fmt in kind.formats}
