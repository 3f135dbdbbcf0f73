"""`fixgate screen`, as people type it."""

import io
import json

import pytest
import yaml

from compliance.event_file import EventsBusy
from compliance.screenings import SCREENINGS_NAME, ScreeningFile
from compliance.vault.events import AccessRefused, ReadAllowed, ValuePut
from compliance.vault.policy import Purpose
from gateway.cli import main
from tests.journal.support import open_writer, payloads
from tests.screening.support import configured
from tests.screening.test_hook import JOURNAL, LISTED, OTHER
from tests.screening.test_ofac import SDN
from tests.support.venue import CONFIG
from tests.vault.venue import VenueVault


@pytest.fixture
def config(tmp_path):
    return configured(tmp_path)


@pytest.fixture
def data(tmp_path):
    """The folder of a venue that has begun."""
    writer = open_writer(tmp_path / "data" / "journal")
    writer.append(payloads(0, 1))
    writer.sync()
    yield tmp_path / "data"
    writer.close()


@pytest.fixture
def vault(data, tmp_path, monkeypatch):
    return VenueVault(data, tmp_path, monkeypatch)


def kept(data):
    """What is written down."""
    return ScreeningFile(data / "compliance" / SCREENINGS_NAME, JOURNAL).read(0)


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        (("--name", "Jon Doe"), 10, ["DOE, John"]),
        (("--name", "Doe, Johnny"), 10, ["DOE, Johnny"]),
        (("--name", "Maria Huber"), 0, []),
        (("--wallet", LISTED), 10, ["DOE, John"]),
        (("--wallet", OTHER), 0, []),
    ],
)
def test_a_name_or_an_address_is_looked_for(config, capsys, words, code, names):
    assert main(["screen", "--config", str(config), *words, "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert told["hit"] is (code == 10)
    assert [match["name"] for match in told["matches"]] == names
    assert main(["screen", "--config", str(config), *words]) == code
    said = capsys.readouterr().out
    assert ("nobody on these lists is like it" in said) == (not names)
    assert all(name in said for name in names)


def test_who_asks_is_written_down_and_the_name_is_the_vaults(config, data, vault, capsys):
    """Asked about again by the vault's id, which is written down there before."""
    asked = ["--data", str(data), "--as", "anna", "--role", "onboarding", "--about", "a visit"]
    assert main(["screen", "--config", str(config), "--name", "John Doe", *asked, "--json"]) == 10
    subject = json.loads(capsys.readouterr().out)["asked"]
    (put,) = vault.happened(ValuePut)
    assert (put.subject, put.field, put.actor.purpose) == (subject, "name", Purpose.SANCTIONS)
    assert vault.happened(ReadAllowed) == []
    again = ["screen", "--config", str(config), "--subject", subject, *asked]
    assert main(again) == 10
    assert "John Doe" not in capsys.readouterr().out
    (read,) = vault.happened(ReadAllowed)
    assert (read.subject, read.actor) == (subject, put.actor)
    first, second = kept(data)
    assert (first.by, first.about, first.asked) == ("anna", "a visit", subject)
    assert (second.asked, second.verdict) == (subject, first.verdict)
    assert first.verdict.matches[0].number == 25308
    assert first.verdict.versions[0][0] == "OFAC SDN"
    with_name = [p for p in data.rglob("*") if p.is_file() and b"John Doe" in p.read_bytes()]
    assert with_name == []


def test_a_name_comes_by_pipe_too(config, capsys, monkeypatch):
    for line, code in ((b"John Doe\n", 10), (b"Maria Huber", 0), (b"\n", 1), (b"\xff" * 5_000, 1)):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(line)))
        assert main(["screen", "--config", str(config), "--name", "-"]) == code
    assert "transliterate it first" in capsys.readouterr().err


def test_whoever_writes_at_the_same_time_is_waited_for(config, data, vault, monkeypatch):
    """And the name is in the vault once."""
    append, busy = ScreeningFile.append, [EventsBusy("somebody else is writing")] * 2

    def at_first_busy(self, after, event):
        if busy:
            raise busy.pop()
        append(self, after, event)

    monkeypatch.setattr(ScreeningFile, "append", at_first_busy)
    asked = ["--data", str(data), "--as", "anna", "--role", "onboarding"]
    assert main(["screen", "--config", str(config), "--name", "John Doe", *asked]) == 10
    assert [row.asked for row in kept(data)] == [e.subject for e in vault.happened(ValuePut)]


def test_without_a_vault_nothing_of_a_name_is_kept(config, data, capsys):
    """An address is: it is on the chain, and in the journal."""
    tree = yaml.safe_load(config.read_text())
    del tree["compliance"]["vault"]
    config.write_text(yaml.safe_dump(tree))
    asked = ["screen", "--config", str(config), "--data", str(data), "--as", "anna"]
    assert main([*asked, "--role", "onboarding", "--name", "John Doe"]) == 1
    assert "names no vault, and names of people are kept nowhere else" in capsys.readouterr().err
    assert kept(data) == []
    assert main([*asked, "--wallet", LISTED]) == 10
    (found,) = kept(data)
    assert found.asked == LISTED


def test_who_has_no_right_is_told_who_gives_it(config, data, vault, capsys):
    asked = ["screen", "--config", str(config), "--data", str(data), "--name", "John Doe"]
    assert main([*asked, "--as", "dora", "--role", "onboarding"]) == 1
    assert capsys.readouterr().err == (
        "fixgate: dora may not write as onboarding for sanctions: onboarding may, which somebody of"
        " ada, alf proposes by `fixgate vault grant dora onboarding`, and another of them decides"
        " by the same with --decide\n"
    )
    assert kept(data) == []
    (refused,) = vault.happened(AccessRefused)
    assert refused.actor.by == "dora"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--name", "Иванов"), "transliterate it first: it is not cleared"),
        (("--name", "X", "--as", "anna"), "--data and --as go together"),
        (("--wallet", "X", "--as", "anna", "--data", "/none"), "there is no journal in /none"),
        (("--name", "X", "--as", "anna", "--data", "/none"), "--data and --role go together"),
        (("--subject", "s-" + "0" * 32), "--subject goes with --data"),
        (("--name", "\udcff"), "transliterate it first"),
    ],
)
def test_what_cannot_be_screened_is_refused(config, capsys, words, why):
    assert main(["screen", "--config", str(config), *words]) == 1
    assert why in capsys.readouterr().err


def test_a_list_that_cannot_be_read_whole_screens_nobody(config, tmp_path, capsys):
    (tmp_path / "sdn" / "sdn.csv").write_text(SDN[:80])
    assert main(["screen", "--config", str(config), "--name", "Maria Huber"]) == 1
    assert "alt.csv: entry 25308 is not in sdn.csv" in capsys.readouterr().err
    (tmp_path / "sdn" / "sdn.csv").unlink()
    (tmp_path / "sdn" / "alt.csv").unlink()
    assert main(["screen", "--config", str(config), "--name", "Maria Huber"]) == 1
    assert "OFAC SDN: there is no list in" in capsys.readouterr().err


def test_a_configuration_without_lists_says_where_they_go(capsys):
    assert main(["screen", "--config", str(CONFIG / "demo.yaml"), "--name", "X"]) == 1
    assert "names no sanctions lists: compliance.screening.lists" in capsys.readouterr().err
