"""`fixgate vault`, as people type it: from a founding to an erasure, values by pipe alone."""

import io
import json
import os
import subprocess
import sys
import traceback

import pytest

from gateway.cli import main
from tests.support.venue import FIXGATE
from tests.vault.support import NAME
from tests.vault.venue import ease

PEOPLE = {
    "ada": ("admin", "access-management"),
    "alf": ("admin", "access-management"),
    "anna": ("compliance", "subject-request"),
    "ben": ("mlro", "subject-request"),
    "olga": ("auditor", "audit"),
    "gus": ("break-glass", "incident"),
}


class Desk:
    """Somebody at a terminal."""

    def __init__(self, folder, capsys, monkeypatch):
        self.folder, self.capsys, self.patch = folder, capsys, monkeypatch
        (folder / "password").write_text("correct horse\n")
        (folder / "password").chmod(0o600)
        self.where = [
            "--data", str(folder / "data"), "--keys", str(folder / "etc" / "keys"),
            "--password-file", str(folder / "password"),
        ]  # fmt: skip

    def type(self, action, *words, who=None, purpose=None, pipe=b"", code=0):
        """What is printed; pipe: what comes from another program."""
        argv = ["vault", action, *words, *self.where]
        if who:
            role, usual = PEOPLE[who]
            argv += ["--as", who, "--role", role, "--purpose", purpose or usual]
        self.patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(pipe)))
        assert main(argv) == code, self.capsys.readouterr()
        out, self.err = self.capsys.readouterr()
        return json.loads(out) if "--json" in words else out


@pytest.fixture
def desk(tmp_path, capsys, monkeypatch):
    """A founded vault. The process that tests is not sealed, and scrypt is quick for once."""
    ease(monkeypatch)
    made = Desk(tmp_path, capsys, monkeypatch)
    made.type("init", "--tenant", "acme.example", "--admins", "ada", "alf")
    for who, (role, _) in PEOPLE.items():
        if role != "admin":
            made.type("grant", who, role, who="ada")
            made.type("grant", who, role, "--decide", who="alf")
    return made


def test_from_a_founding_to_an_erasure(desk, tmp_path):
    put = ["put", "--field", "name", "--index"]
    maria = desk.type(*put, who="anna", pipe=NAME + b"\n").strip()
    (tmp_path / "value").write_bytes(b"maria@huber.example\n")
    value = ["--field", "mail", "--file", str(tmp_path / "value")]
    assert desk.type("put", maria, *value, "--json", who="anna") == {"subject": maria}
    (tmp_path / "value").unlink()
    assert desk.type("get", maria, "--field", "name", who="anna") == "Maria Huber\n"
    told = desk.type("get", maria, "--field", "mail", "--json", who="ben")
    assert told == {"subject": maria, "field": "mail", "value": "maria@huber.example"}
    find = ["find", "--field", "name", "--json"]
    assert desk.type(*find, who="anna", pipe=b"maria huber") == {"subjects": [maria]}
    rotated = desk.type("rotate", "--json", who="ada", purpose="key-care")
    assert rotated == {"key": 2}
    assert desk.type("get", maria, "--field", "name", who="gus") == "Maria Huber\n"
    assert desk.err == f"fixgate: ALARM: break-glass: gus reads name of {maria}\n"
    desk.type("retain", maria, "--basis", "aml", "--ended", "2026-11-29", who="anna")
    desk.type("erase", maria, who="anna", code=1)
    assert desk.err == f"fixgate: {maria} is not erased: aml has it kept until 2031-11-29\n"
    desk.type("retain", maria, "--basis", "aml", "--ended", "2015-01-31", who="ben")
    desk.type("erase", maria, who="anna")
    assert "is erased" in desk.type("erase", maria, "--decide", who="ben")
    desk.type("get", maria, "--field", "name", who="anna", code=1)
    assert desk.err == f"fixgate: {maria} is erased: the key is destroyed\n"
    stones = desk.type("tombstones", who="ada", purpose="key-care")
    assert stones.startswith(maria)
    (tmp_path / "stones").write_text(stones)
    again = ["tombstones", "--apply", str(tmp_path / "stones")]
    assert desk.type(*again, who="ada", purpose="key-care") == stones
    rows = desk.type("log", "--subject", maria, "--json", who="olga")
    assert [row["what"] for row in rows] == [
        "subject", "put", "put", "read", "read", "read", "retained", "retained", "erase?",
        "erase!", "erased",
    ]  # fmt: skip
    assert {row["purpose"] for row in rows if row["what"] == "read"} == {
        "subject-request", "incident",
    }  # fmt: skip
    assert desk.type("log", who="olga").count("\n") > len(rows)


def test_nothing_of_a_value_is_in_any_file_or_traceback(desk, tmp_path):
    """However the command ends, and also with all variables of all its frames."""
    maria = desk.type("put", "--field", "name", "--index", who="anna", pipe=NAME).strip()
    desk.type("find", "--field", "name", who="anna", pipe=NAME)
    desk.type("put", maria, "--field", "no|bar", who="anna", pipe=NAME, code=1)
    assert "Maria" not in desk.err
    desk.type("put", maria, "--field", "name", who="olga", pipe=NAME, code=1)
    assert "Maria" not in desk.err
    for path in tmp_path.rglob("*"):
        assert path.is_dir() or b"Maria" not in path.read_bytes(), path
    told = []

    def failing(*_):
        raise LookupError

    for broken in ("seal_value", "index_tag"):
        desk.patch.setattr(f"compliance.vault.vault.{broken}", failing)
        try:
            desk.type("put", maria, "--field", "name", "--index", who="anna", pipe=NAME)
        except LookupError as error:
            frames = traceback.TracebackException.from_exception(error, capture_locals=True)
            told += [str(f.locals) for f in frames.stack if "/tests/" not in f.filename]
    assert any("SecretBytes(...)" in text for text in told)
    assert not any("Maria" in text for text in told)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda d: (d / "password").chmod(0o644), "can be read by others: chmod 600"),
        (lambda d: (d / "etc" / "keys").chmod(0o644), "can be read by others: chmod 600"),
        (lambda d: (d / "password").write_text("wrong\n"), "does not open: the password is"),
        (lambda d: (d / "etc" / "keys").unlink(), "there are no keys at"),
        (lambda d: (d / "etc" / "keys").write_text("{}"), "holds no keys"),
    ],
)
def test_keys_that_do_not_open_say_why(desk, tmp_path, spoil, why):
    spoil(tmp_path)
    desk.type("tombstones", who="ada", purpose="key-care", code=1)
    assert why in desk.err


def test_keys_are_not_kept_with_the_data(desk, tmp_path):
    desk.where[3] = str(tmp_path / "data" / "keys")
    desk.type("init", "--tenant", "acme", "--admins", "ada", "alf", code=1)
    assert "a copy of that would be a copy of both" in desk.err


def test_a_value_is_never_a_word_of_the_command(desk):
    with pytest.raises(SystemExit) as caught:
        desk.type("put", "s-" + "0" * 32, "Maria", "--field", "name", who="anna")
    assert caught.value.code == 2


def test_the_command_itself_seals_its_process(desk, tmp_path):
    """Once as a process of its own, with scrypt as it is."""
    strange = tmp_path / "strange"
    where = [
        "--data", str(strange), "--keys", str(tmp_path / "other" / "keys"),
        "--password-file", str(tmp_path / "password"),
    ]  # fmt: skip
    code = (
        "import gateway.vault.answer as a\n"
        "from custody.signing.seal import is_sealed\n"
        "from gateway.cli import main\n"
        "import sys\n"
        "kept = a.open_vault\n"
        "def opened(*where):\n"
        "    vault = kept(*where)\n"
        "    assert is_sealed()\n"
        "    return vault\n"
        "a.open_vault = opened\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    words = ["vault", "init", "--tenant", "acme", "--admins", "ada", "alf", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words, *where], env=os.environ, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == {"tenant": "acme"}
    assert (strange / "compliance" / "vault" / "events").exists()
    told = subprocess.run([FIXGATE, "vault", "--help"], capture_output=True, text=True, check=True)
    assert "tombstones" in told.stdout
