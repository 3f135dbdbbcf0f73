"""The commands of docs/onboarding.md as they stand there, from an empty vault to a customer that
has left."""

import re
import shlex
from pathlib import Path

from gateway.cli import main
from tests.vault.venue import ease, place_of_keys

PAGE = Path(__file__).parents[2] / "docs" / "onboarding.md"


def commands(text):
    """Those of the page's block of commands."""
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [line for line in block.splitlines() if line and not line.startswith("#")]


def the_file(text):
    """What the page shows of an application."""
    (block,) = re.findall(r"^    lei: .*?(?=^\S)", text, re.DOTALL | re.MULTILINE)
    return "".join(line[4:] + "\n" for line in block.rstrip().splitlines())


def test_every_command_of_the_page_works(data, config, tmp_path, monkeypatch, capsys):
    ease(monkeypatch)
    keys, password = place_of_keys(tmp_path)
    text = PAGE.read_text()
    (tmp_path / "acme.yaml").write_text(the_file(text))
    for_real = {
        "DIR": [data],
        "VAULT": ["--data", data, "--keys", keys, "--password-file", password],
        "venue.yaml": [config],
        "acme.yaml": [tmp_path / "acme.yaml"],
        "links.yaml": [tmp_path / "links.yaml"],
    }
    typed = commands(text)
    assert len(typed) > 15
    for line in typed:
        program, *words = shlex.split(line)
        assert program == "fixgate"
        argv = [str(real) for word in words for real in for_real.get(word, [word])]
        assert main(argv) == 0, f"{line}: {capsys.readouterr()}"
    said = capsys.readouterr().out
    assert "customer 1 is closed" in said
    assert len(re.findall(r"^s-[0-9a-f]{32} is kept until 20", said, re.MULTILINE)) == 2
