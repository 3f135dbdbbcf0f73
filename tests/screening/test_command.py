"""`fixgate screen`, as people type it."""

import json

import pytest
import yaml

from compliance.screenings import SCREENINGS_NAME, ScreeningFile
from gateway.cli import main
from tests.journal.support import open_writer, payloads
from tests.screening.test_hook import JOURNAL, LISTED, OTHER
from tests.screening.test_ofac import ALT, SDN
from tests.support.venue import CONFIG


@pytest.fixture
def config(tmp_path):
    """The demo's configuration with a list beside it."""
    tree = yaml.safe_load((CONFIG / "demo.yaml").read_text())
    tree["compliance"]["screening"] = {"lists": [{"source": "OFAC SDN", "folder": "sdn"}]}
    (tmp_path / "sdn").mkdir()
    (tmp_path / "sdn" / "sdn.csv").write_text(SDN)
    (tmp_path / "sdn" / "alt.csv").write_text(ALT)
    path = tmp_path / "venue.yaml"
    path.write_text(yaml.safe_dump(tree))
    return path


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


def test_who_asks_is_written_down_with_what_was_said(config, tmp_path, capsys):
    data = tmp_path / "data"
    writer = open_writer(data / "journal")
    writer.append(payloads(0, 1))
    writer.sync()
    asked = ["--data", str(data), "--as", "anna", "--about", "onboarding of Doe Ltd"]
    assert main(["screen", "--config", str(config), "--name", "John Doe", *asked]) == 10
    writer.close()
    (found,) = ScreeningFile(data / "compliance" / SCREENINGS_NAME, JOURNAL).read(0)
    assert (found.by, found.about) == ("anna", "onboarding of Doe Ltd")
    assert found.verdict.matches[0].number == 25308
    assert found.verdict.versions[0][0] == "OFAC SDN"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--name", "Иванов"), "transliterate it first: it is not cleared"),
        (("--name", "X", "--as", "anna"), "--data and --as go together"),
        (("--name", "X", "--as", "anna", "--data", "/none"), "there is no journal in /none"),
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
