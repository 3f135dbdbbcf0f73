"""Every script against the sans-IO session: whole, byte by byte, and in random slices."""

import random
from collections.abc import Iterable

import pytest

from tests.fix_scripts.desk_line import DeskLine
from tests.fix_scripts.script import FOLDER, Player, Script, ScriptFailed, all_scripts, load
from tests.fix_session.desk import Slicer, single_bytes, whole

SCRIPTS = all_scripts()


def seeded(name: str) -> Slicer:
    """Slices of 1 to 40 bytes; the same script is always cut the same way."""
    chance = random.Random(name)

    def slices(data: bytes) -> Iterable[bytes]:
        at = 0
        while at < len(data):
            size = chance.randint(1, 40)
            yield data[at : at + size]
            at += size

    return slices


def play(script: Script, slicer: Slicer = whole) -> None:
    settings = {name: {"true": True, "false": False}[value] for name, value in script.settings}
    Player(script, DeskLine(settings, slicer)).play()


@pytest.mark.parametrize("script", [s for s in SCRIPTS if s.only != "tcp"], ids=lambda s: s.name)
def test_the_session_keeps_a_script_however_its_bytes_arrive(script: Script) -> None:
    play(script)
    play(script, single_bytes)
    play(script, seeded(script.name))


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("logon\n> 35=1|112=A|\n< 35=0|34=2|112=B|", 3, "the venue said 35=0|34=2|112=A|"),
        ("logon\n> 35=1|112=A|\n< 35=0|34=2|", 3, "the venue said 35=0|34=2|112=A|"),
        ("logon\n> 35=1|112=A|\n< 35=0|34=2|112=A|\n< 35=0|34=3|", 4, "the venue said nothing"),
        ("logon\n\n# a comment\norder a1\nnothing", 5, "the venue said 35=8|34=2|"),
        ("logon\norder a1\n< 35=8|34=2|11=a2|...", 3, "11=a1|"),
        ("logon\nclosed", 2, "still open"),
        ("logon\n> 35=5|\n< 35=5|34=2|\n> 35=0|", 4, "has closed the connection"),
        ("logon\nexpect 35=0|", 2, "what is 'expect'?"),
        ("logon\nwait 3 minutes", 2, "wait for what?"),
    ],
)
def test_a_script_that_is_not_kept_fails_and_names_its_line(tmp_path, text, line, says) -> None:
    path = tmp_path / "wrong.script"
    path.write_text(text)
    with pytest.raises(ScriptFailed) as failed:
        play(load(path, "wrong.script"))
    assert str(failed.value).startswith(f"wrong.script:{line}: ")
    assert says in str(failed.value)


def test_what_a_script_does_not_mention_fails_it(tmp_path) -> None:
    path = tmp_path / "short.script"
    path.write_text("logon\norder a1\n")
    with pytest.raises(ScriptFailed, match="at its end the venue said more: 35=8"):
        play(load(path, "short.script"))


def test_every_script_is_in_a_folder_and_is_found() -> None:
    assert {path.name for path in FOLDER.rglob("*.script")} == {
        script.name.partition("/")[2] for script in SCRIPTS
    }
    assert len(SCRIPTS) > 100
