"""The command line: exit codes, what goes to stdout, and that --json is JSON."""

import argparse
import io
import json
import re
import socket
import subprocess
import sys

import pytest

import gateway.cli
from engine.core.venue import Venue
from engine.journal.writer import JournalWriter
from engine.model.commands import NewOrder, Origin
from engine.model.enums import BUY, GTC, LIMIT, SELL
from engine.model.errors import OperatorError
from engine.model.refdata import ReferenceData
from engine.sequencer import Sequencer
from gateway import doctor
from gateway.bootstrap import bootstrap_commands
from gateway.cli import main
from gateway.config import ARGON2, token_hash
from tests.gateway.support import DEMO, ROOT, VENUE, configured, edited, ns

NOW = ns("20260301-12:00:00")
COMMANDS = [
    "run", "check", "replay", "restore", "doctor", "receipt", "verify", "evidence", "witness",
    "rotate-key", "alerts", "cases", "export", "kyc", "hold", "travel", "vault", "screen", "watch",
    "withdrawals", "addresses", "deposits", "alarms", "decisions", "policy", "approver", "keys",
    "cold", "warm", "breaks", "reconcile", "statements", "reserves", "cfg", "password", "token",
]  # fmt: skip


@pytest.fixture
def run(capsys):
    """Runs `fixgate ...`: (exit code, stdout, stderr)."""

    def call(*argv):
        try:
            code = main([str(arg) for arg in argv])
        except SystemExit as end:
            code = end.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def config_file(tmp_path):
    configured(tmp_path, VENUE)
    return tmp_path / "venue.yaml"


# --- all commands ---------------------------------------------------------------------------------


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(run, command):
    code, out, err = run(command, "--help")
    assert (code, err) == (0, "")
    assert out.startswith(f"usage: fixgate {command}")
    assert ("--json" in out) is (command != "run")


def test_help_lists_every_command(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in COMMANDS:
        assert re.search(rf"\n    {command}\s", out)
    parser = gateway.cli._parser()
    (actions,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    assert list(actions.choices) == COMMANDS


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["nonsense"],
        ["run"],
        ["check"],
        ["check", "--config"],
        ["cfg", "--config", "x"],
        ["replay", "--data", "x", "--at", "three"],
        ["run", "--config", "x", "--data", "y", "--port-offset", "much"],
    ],
)
def test_a_misused_command_exits_with_2_and_says_so_on_stderr(run, argv):
    code, out, err = run(*argv)
    assert (code, out) == (2, "")
    assert "usage: fixgate" in err


def test_no_such_process_is_misuse(run):
    code, out, err = run("run", "--config", DEMO, "--data", "x", "--only", "core,corr")
    assert (code, out) == (2, "")
    assert err == "fixgate: no such process: corr\n"


def test_an_offset_that_leads_out_of_all_ports_starts_nothing(run, tmp_path):
    data = tmp_path / "data"
    code, out, err = run("run", "--config", DEMO, "--data", data, "--port-offset", "60000")
    assert (code, out) == (1, "")
    assert "ports end at 65535" in err
    assert not data.exists()


def test_asserts_cannot_be_switched_off(tmp_path):
    done = subprocess.run(
        [sys.executable, "-O", "-m", "gateway.cli", "check", "--config", str(DEMO)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "run Python without -O" in done.stderr


# --- check ----------------------------------------------------------------------------------------


def test_check_of_a_good_file(run, config_file):
    code, out, err = run("check", "--config", config_file)
    assert (code, err) == (0, "")
    assert out == (
        f"{config_file}: good: 2 members, 3 instruments; a first start writes 31 records\n"
    )


def test_check_of_a_good_file_as_json(run, config_file):
    code, out, err = run("check", "--json", "--config", config_file)
    assert (code, err) == (0, "")
    assert json.loads(out) == {"ok": True, "members": 2, "instruments": 3, "records": 31}


@pytest.mark.parametrize("name", ["demo.yaml", "bench.yaml", "production.example.yaml"])
def test_check_finds_the_files_that_ship_good(run, name):
    assert run("check", "--config", ROOT / "config" / name)[0] == 0


@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (('tick: "0.01"', "tick: 0.01"), "instruments[0].tick"),
        (("base: BTC", "base: XRP"), "instruments[0].base"),
        (('tick: "5"', 'tick: "0.05"'), "instruments[1]"),
        (("bind: 127.0.0.1", "bind: 0.0.0.0"), "members[0].sessions"),
    ],
    ids=["by its shape", "by its sense", "by what it would store", "by its passwords"],
)
def test_check_of_a_bad_file_names_the_path(run, tmp_path, edit, path):
    file = tmp_path / "venue.yaml"
    file.write_text(edited(edit))
    code, out, err = run("check", "--config", file)
    assert (code, out) == (1, "")
    assert err.startswith(f"fixgate: {path}: ")
    code, out, err = run("check", "--json", "--config", file)
    assert (code, err) == (1, "")
    found = json.loads(out)
    assert (found["ok"], found["path"]) == (False, path)
    assert found["error"].startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("named", "content"),
    [
        ("rules: mine.yaml", "version: [1]"),
        ("links: mine.yaml", None),
        ("monitoring: {rules: mine.yaml}", "version: [1]"),
        ("monitoring: {profiles: mine.yaml}", "- none"),
    ],
)
def test_check_reads_what_the_file_names(run, tmp_path, named, content):
    file = tmp_path / "venue.yaml"
    file.write_text(f"{edited()}\ncompliance:\n  origin: venue.example/audit\n  {named}\n")
    if content is not None:
        (tmp_path / "mine.yaml").write_text(content)
    code, out, err = run("check", "--config", file)
    assert (code, out) == (1, "")
    assert str(tmp_path / "mine.yaml") in err


def test_check_of_no_file(run, tmp_path):
    code, out, err = run("check", "--config", tmp_path / "none.yaml")
    assert (code, out) == (1, "")
    assert "cannot read" in err


# --- cfg ------------------------------------------------------------------------------------------


def test_cfg_prints_the_settings_of_a_session(run):
    code, out, err = run("cfg", "--config", DEMO, "--session", "ACME-OE1", "--port-offset", 7)
    assert (code, err) == (0, "")
    assert "SenderCompID=ACME-OE1\n" in out
    assert "SocketConnectPort=9885\n" in out
    code, text, _ = run(
        "cfg", "--json", "--config", DEMO, "--session", "ACME-OE1", "--port-offset", 7
    )
    assert (code, json.loads(text)) == (0, {"session": "ACME-OE1", "cfg": out.removesuffix("\n")})


@pytest.mark.parametrize("name", ["NOBODY", "ACME-MD9"])
def test_cfg_of_a_session_that_cannot_be(run, name):
    code, out, err = run("cfg", "--config", DEMO, "--session", name)
    assert (code, out) == (1, "")
    assert name in err


# --- password -------------------------------------------------------------------------------------


@pytest.mark.parametrize("json_", [False, True])
def test_password_from_stdin_becomes_a_hash_that_it_opens(run, monkeypatch, json_):
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\nsecond line\n"))
    code, out, err = run("password", *["--json"] * json_)
    assert (code, err) == (0, "")
    hashed = json.loads(out)["password_hash"] if json_ else out.removesuffix("\n")
    assert ARGON2.verify(hashed, "correct horse battery")
    assert "horse" not in out


@pytest.mark.parametrize("typed", ["", "\n", "eleven char\n"])
def test_a_short_password_is_refused(run, monkeypatch, typed):
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    assert run("password") == (1, "", "fixgate: use at least 12 characters\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("second", "code", "err"),
    [("twelve chars", 0, ""), ("twelve chars!", 1, "fixgate: the two differ\n")],
)
def test_a_password_that_is_typed_is_asked_for_twice_and_not_shown(
    run, monkeypatch, second, code, err
):
    typed = iter(["twelve chars", second])
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(gateway.cli.getpass, "getpass", lambda _: next(typed))
    found, out, said = run("password")
    assert (found, said) == (code, err)
    assert bool(out) is (code == 0)


def test_a_hash_that_was_made_is_good_in_a_file(run, monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse battery\n"))
    _, hashed, _ = run("password")
    text = edited(
        ("bind: 127.0.0.1", "bind: 0.0.0.0"),
        ("password: demo", f"password_hash: '{hashed.strip()}'"),
    )
    (tmp_path / "venue.yaml").write_text(text)
    assert run("check", "--config", tmp_path / "venue.yaml")[0] == 0


# --- run ------------------------------------------------------------------------------------------


def test_without_its_extra_the_history_is_not_started_and_a_line_says_so(monkeypatch, capsys):
    monkeypatch.setattr(gateway.cli, "find_spec", lambda _: None)
    assert gateway.cli._startable(["core", "history"]) == ["core"]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert "pip install 'fixgate[history]'" in err
    with pytest.raises(OperatorError, match="nothing is left"):
        gateway.cli._startable(["history"])
    assert gateway.cli._startable(["core", "signer", "custody"]) == ["core"]
    assert "pip install 'fixgate[custody]'" in capsys.readouterr().err
    assert gateway.cli._startable(["core", "compliance"]) == ["core"]
    assert "pip install 'fixgate[compliance]'" in capsys.readouterr().err
    assert gateway.cli._startable(["core"]) == ["core"]


# --- doctor ---------------------------------------------------------------------------------------


@pytest.fixture
def free_ports():
    """Three ports that are free, and one that is taken."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        others = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
        ports = [s.getsockname()[1] for s in (*others, taken)]
        for other in others:
            other.close()
        yield ports


def with_ports(folder, order_entry, drop_copy, metrics):
    file = folder / "venue.yaml"
    ports = f"order_entry: {order_entry}, drop_copy: {drop_copy}, metrics: {metrics}"
    file.write_text(edited(("bind: 127", f"ports: {{{ports}}}\n  bind: 127")))
    return file


def test_doctor_looks_at_everything(run, tmp_path, free_ports):
    file = with_ports(tmp_path, *free_ports[:3])
    code, out, err = run("doctor", "--json", "--config", file, "--data", tmp_path)
    assert (code, err) == (0, "")
    findings = json.loads(out)
    assert {f["level"] for f in findings} <= {"ok", "warn"}
    assert [f["what"] for f in findings] == [
        "python",
        "open files",
        "clock",
        "disk",
        "sync",
        "dictionary",
        "history",
        "config",
        "port",
        "port",
        "port",
    ]
    assert all(f["text"] for f in findings)
    assert not list(tmp_path.glob("fixgate-doctor-*"))
    code, out, _ = run("doctor", "--data", tmp_path / "not" / "yet")
    assert code == 0
    assert len(out.splitlines()) == 7
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize("place", range(3), ids=["order entry", "drop copy", "metrics"])
def test_doctor_finds_a_port_that_is_taken(run, tmp_path, free_ports, place):
    *free, taken = free_ports
    free[place] = taken
    code, out, _ = run("doctor", "--json", "--config", with_ports(tmp_path, *free))
    assert code == 1
    [found] = [f for f in json.loads(out) if f["level"] == "fail"]
    assert found["what"] == "port"
    assert f"127.0.0.1:{taken}: Address already in use" in found["text"]
    assert "--port-offset" in found["text"]


def test_doctor_finds_a_port_that_there_is_not(run, tmp_path):
    file = with_ports(tmp_path, 65_535, 65_534, 65_533)
    code, out, _ = run("doctor", "--config", file, "--data", tmp_path, "--port-offset", "5")
    assert code == 1
    assert "ports end at 65535" in out


def test_doctor_finds_a_bad_file(run, tmp_path):
    file = tmp_path / "venue.yaml"
    file.write_text(edited(("base: BTC", "base: XRP")))
    code, out, _ = run("doctor", "--json", "--config", file, "--data", tmp_path)
    assert code == 1
    finding = json.loads(out)[-1]
    assert (finding["level"], finding["what"]) == ("fail", "config")
    assert finding["text"].startswith("instruments[0].base: ")


def test_doctor_names_what_is_wrong_with_a_machine(run, tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LOW_DISK_BYTES", 2**62)
    monkeypatch.setattr(doctor, "MIN_OPEN_FILES", 2**30)
    monkeypatch.setattr(doctor, "SLOW_SYNC_US", -1)
    monkeypatch.setattr(doctor, "_ntp_synchronized", lambda: False)
    monkeypatch.setattr(doctor, "find_spec", lambda _: None)
    code, out, _ = run("doctor", "--json", "--data", tmp_path)
    assert code == 0
    levels = {f["what"]: f["level"] for f in json.loads(out)}
    assert levels == {
        "python": "ok",
        "open files": "warn",
        "clock": "warn",
        "disk": "warn",
        "sync": "warn",
        "dictionary": "ok",
        "history": "warn",
    }


@pytest.mark.parametrize("extra", ["custody", "compliance"])
def test_doctor_says_what_an_extra_lacks(run, tmp_path, monkeypatch, extra):
    for package, level in (("there", "ok"), (None, "warn")):
        monkeypatch.setattr(doctor, "find_spec", lambda _, package=package: package)
        _, out, _ = run("doctor", "--json", "--config", DEMO, "--data", tmp_path)
        (finding,) = [f for f in json.loads(out) if f["what"] == extra]
        assert finding["level"] == level
    assert f"pip install 'fixgate[{extra}]'" in finding["text"]


def test_doctor_finds_a_folder_that_cannot_be_written(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(doctor.os, "posix_fallocate", full)
    code, out, _ = run("doctor", "--json", "--data", tmp_path)
    assert code == 1
    finding = next(f for f in json.loads(out) if f["what"] == "sync")
    assert finding["level"] == "fail"
    assert "No space left on device" in finding["text"]


# --- replay ---------------------------------------------------------------------------------------


@pytest.fixture
def journal(tmp_path):
    """A data folder with a first start and two orders that trade: (folder, venue, last record)."""
    folder = tmp_path / "data"
    venue = Venue()
    writer = JournalWriter.open(
        folder / "journal", segment_bytes=1024 * 1024, durability="os", log=lambda _: None
    )
    sequencer = Sequencer(venue, writer, bytes)
    for command in bootstrap_commands(configured(tmp_path, VENUE), ReferenceData()):
        sequencer.submit(command, NOW)
    parties = ((3, b"cl\xffient"),)
    buy = Origin(1, 2, NOW, 1, parties)
    sell = Origin(4, 2, NOW, 1)
    sequencer.submit(NewOrder(buy, b"a1", 1, 1, BUY, LIMIT, GTC, 500_000, 6_000_000), NOW + 1)
    sequencer.submit(NewOrder(sell, b"b1", 3, 1, SELL, LIMIT, GTC, 200_000, 6_000_000), NOW + 2)
    sequencer.commit()
    writer.close()
    return folder, venue, sequencer.last_number


def test_replay_gives_the_state_that_the_venue_had(run, journal):
    folder, venue, last = journal
    code, out, err = run("replay", "--data", folder, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out) == {
        "records": last + 1,
        "last": last,
        "time": NOW + 2,
        "state_hash": venue.state_hash(),
        "open_orders": 1,
    }


def test_replay_for_people(run, journal):
    folder, venue, last = journal
    code, out, _ = run("replay", "--data", folder)
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [
        "records",
        "last",
        "time",
        "state_hash",
        "open_orders",
    ]
    assert venue.state_hash() in out
    assert f"{last}" in out


def test_replay_stops_after_the_record_that_is_named(run, journal):
    folder, venue, last = journal
    _, out, _ = run("replay", "--data", folder, "--json", "--at", last - 1)
    found = json.loads(out)
    assert (found["records"], found["last"], found["time"]) == (last, last - 1, NOW + 1)
    assert found["state_hash"] != venue.state_hash()
    _, out, _ = run("replay", "--data", folder, "--json", "--at", 0)
    assert json.loads(out)["records"] == 1
    _, out, _ = run("replay", "--data", folder, "--json", "--at", last + 100)
    assert json.loads(out)["state_hash"] == venue.state_hash()


def test_replay_prints_every_record_and_then_the_figures(run, journal):
    folder, _, last = journal
    code, out, _ = run("replay", "--data", folder, "--json", "--records")
    assert code == 0
    *records, figures = [json.loads(line) for line in out.splitlines()]
    assert [r["record"] for r in records] == list(range(last + 1))
    assert figures["last"] == last
    assert records[0] == {
        "record": 0,
        "time": NOW,
        "part": "1/1",
        "command": {
            "type": "DefineAsset",
            "asset": 1,
            "code": "USD",
            "scale": 8,
            "dti": "",
            "currency": "",
        },
        "events": [],
    }
    order, trade = records[-2:]
    assert order["command"]["type"] == "NewOrder"
    assert order["command"]["origin"]["parties"] == [[3, "cl\\xffient"]]
    assert [e["type"] for e in order["events"]] == ["OrderAccepted"]
    assert [e["type"] for e in trade["events"]] == ["OrderAccepted", "OrderFilled", "OrderFilled"]


def test_replay_reads_and_never_writes(run, journal):
    folder, _, _ = journal
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    assert before
    run("replay", "--data", folder, "--json", "--records")
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in folder.rglob("*") if p.is_file()}
    assert after == before


def test_replay_works_beside_the_writer(run, journal):
    folder, venue, _ = journal
    writer = JournalWriter.open(folder / "journal", durability="os", log=lambda _: None)
    code, out, _ = run("replay", "--data", folder, "--json")
    writer.close()
    assert (code, json.loads(out)["state_hash"]) == (0, venue.state_hash())


def test_replay_of_a_folder_that_is_none_is_refused(run, tmp_path):
    code, out, err = run("replay", "--data", tmp_path / "none", "--json")
    assert (code, out) == (1, "")
    assert "there is no journal in" in err
    assert not (tmp_path / "none").exists()


def test_replay_of_a_damaged_journal_names_the_file(run, journal):
    folder, _, _ = journal
    (segment,) = (folder / "journal").glob("*.seg")
    raw = bytearray(segment.read_bytes())
    raw[raw.index(b"ACME-OE1")] ^= 1
    segment.write_bytes(raw)
    code, out, err = run("replay", "--data", folder, "--json")
    assert (code, out) == (1, "")
    assert segment.name in err


# --- token ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("json_", [False, True])
def test_a_token_is_new_each_time_and_its_hash_opens_the_streams(run, json_):
    seen = set()
    for _ in range(3):
        code, out, err = run("token", *["--json"] * json_)
        assert (code, err) == (0, "")
        if json_:
            token, hashed = json.loads(out).values()
        else:
            token, hashed = (line.split(": ")[1].strip() for line in out.splitlines())
        assert token_hash(token) == hashed
        assert len(token) >= 43
        seen.add(token)
    assert len(seen) == 3
