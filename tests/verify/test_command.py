"""`fixgate verify` on the command line: what it prints, its exit codes, and what it cannot do."""

import io
import json

import pytest

from compliance.audit.keys import COSIGNER_ED25519, SignerKey
from compliance.verify.findings import WORDS
from gateway.audit.verify_command import EXIT_CODES
from gateway.cli import main
from gateway.progress import PROGRESS_RECORDS, Progress
from tests.audit.support import KEYS, ORIGIN, keys_of


@pytest.fixture
def fixgate(capsys):
    def run(*args):
        code = main([*map(str, args)])
        return code, *capsys.readouterr()

    return run


@pytest.fixture
def keys(tmp_path):
    """The log's public keys in a file, as the venue hands them out."""
    path = tmp_path / "vkeys"
    path.write_text("".join(f"{key.text}\n" for key in KEYS.verifiers))
    return path


@pytest.fixture
def newest(traded, tmp_path):
    path = tmp_path / "newest"
    path.write_bytes(traded.newest)
    return path


def test_a_line_a_check_and_what_was_not_checked(fixgate, traded, keys, newest):
    code, out, err = fixgate("verify", "--data", traded.data, "--key", keys, "--checkpoint", newest)
    assert (code, err) == (0, "")
    *lines, verdict = out.splitlines()
    assert verdict == "all well (0)"
    assert lines[0].startswith("checkpoint   ok ")
    assert sum("  ok  " in line for line in lines) == 12
    assert any("not checked" in line and "--witness" in line for line in lines)


def test_json_says_the_same(fixgate, traded, keys, newest, tmp_path):
    old = tmp_path / "noon"
    old.write_bytes(traded.notes[min(traded.notes)])
    code, out, _ = fixgate(
        "verify", "--data", traded.data, "--key", keys, "--checkpoint", newest, "--since", old,
        "--from", 5, "--to", 100, "--json",
    )  # fmt: skip
    found = json.loads(out)
    assert (code, found["code"], found["result"]) == (0, 0, "all well")
    assert (found["origin"], found["size"]) == (ORIGIN, max(traded.notes))
    results = {check["check"]: check["result"] for check in found["checks"]}
    assert results["earlier noon"] == results["range"] == "ok"
    assert found["signed_at"] > 0
    assert found["not_checked"]


def test_each_code(fixgate, traded, data, keys, newest):
    witness = SignerKey("anna.example", COSIGNER_ED25519, b"a" * 32).verifier.text
    stranger = keys_of(b"x").verifiers[0].text
    checkpoint = data / "audit" / "checkpoint"
    tile = data / "audit" / "tile" / "0" / "000"

    def code(*args):
        return fixgate("verify", "--data", data, *args)[0]

    assert code("--key", keys, "--checkpoint", newest) == 0
    assert code("--key", stranger) == 12
    assert code("--key", keys, "--witness", witness, "--quorum", 1) == 12
    whole = tile.read_bytes()
    tile.write_bytes(whole[::-1])
    assert code("--key", keys) == 10
    tile.unlink()
    assert code("--key", keys) == 11
    tile.write_bytes(whole)
    checkpoint.write_bytes(traded.notes[min(traded.notes)])
    assert code("--key", keys, "--checkpoint", newest) == 11
    checkpoint.write_bytes(b"words")
    assert code("--key", keys) == 13


def test_the_codes_are_told_and_are_no_other_commands():
    """1 and 2 are what every command ends with that could not do its work or was misused."""
    codes = [code for code in WORDS if code]
    assert min(codes) > 2
    assert all(f"  {code} " in EXIT_CODES for code in WORDS)


def test_help_says_the_codes(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["verify", "--help"])
    assert caught.value.code == 0
    assert EXIT_CODES.strip() in capsys.readouterr().out


def test_what_cannot_be_checked_is_no_finding(fixgate, traded, keys, tmp_path, monkeypatch):
    good = ("verify", "--data", traded.data, "--key", keys)
    wrong = [
        ("verify", "--data", tmp_path / "nothing", "--key", keys),
        ("verify", "--data", traded.data, "--key", "a+b+c"),
        ("verify", "--data", traded.data, "--key", tmp_path / "nothing"),
        (*good, "--checkpoint", tmp_path / "nothing"),
        (*good, "--since", tmp_path / "nothing"),
        (*good, "--quorum", 1),
        (*good, "--witness", KEYS.verifiers[0].text),
        (*good, "--from", 5),
        (*good, "--from", 5, "--to", 4),
        (*good, "--from", -1, "--to", 4),
    ]
    for args in wrong:
        code, out, err = fixgate(*args)
        assert (code, out) == (1, ""), args
        assert err.startswith("fixgate: "), args
    monkeypatch.setattr("gateway.audit.verify_command.find_spec", lambda _: None)
    code, _, err = fixgate(*good)
    assert code == 1
    assert "pip install 'fixgate[compliance]'" in err


def test_nothing_is_written(fixgate, traded, data, keys, newest):
    """An auditor's copy may be on a medium that nobody can write to."""

    def seen():
        return {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in data.rglob("*")}

    before = seen()
    for path in data.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    assert fixgate("verify", "--data", data, "--key", keys, "--checkpoint", newest)[0] == 0
    for path in data.rglob("*"):
        path.chmod(0o700)
    assert seen() == before


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_one_line_on_a_terminal(monkeypatch):
    for stream, expected in (
        (Terminal(), "\rhashed 100,000 records\rhashed 200,010 records\rre-run 100,000 records\n"),
        (io.StringIO(), ""),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        progress = Progress()
        for doing, records in (
            ("hashed", 10),
            ("hashed", PROGRESS_RECORDS),
            ("hashed", PROGRESS_RECORDS + 10),
            ("hashed", 2 * PROGRESS_RECORDS + 10),
            ("re-run", 5),
            ("re-run", PROGRESS_RECORDS),
        ):
            progress.tell(doing, records)
        progress.close()
        assert stream.getvalue() == expected
