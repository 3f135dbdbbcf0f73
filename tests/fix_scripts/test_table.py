"""The table of README.md names every published case and every script, and nothing else."""

import re

from tests.fix_scripts.script import FOLDER, all_scripts

LETTERS = "abcdefghijklmnopqrst"

PUBLISHED = {"1S": 4, "2S": 0, "2": 20, "3": 5, "4": 2, "5": 0, "6": 0, "7": 0, "8": 0, "9": 0}
PUBLISHED |= {"10": 5, "11": 3, "12": 0, "13": 2, "14": 14, "15": 0, "16": 2, "17": 10, "18": 2}
PUBLISHED |= {"19": 2, "20": 0}
"""Scenarios for an acceptor, with the number of their lettered cases."""

CASES = [
    case
    for scenario, count in PUBLISHED.items()
    for case in ([f"{scenario}.{letter}" for letter in LETTERS[:count]] or [scenario])
]

README = (FOLDER / "README.md").read_text()

ROWS = {
    case: (set(re.findall(r"`([a-z_]+/\w+)`", scripts)), scripts)
    for case, scripts in re.findall(
        r"^\| (\d+S?(?:\.[a-t])?) \|[^|]*\| (.*) \|$", README, re.MULTILINE
    )
}


def test_the_table_has_every_published_case_in_order() -> None:
    assert list(ROWS) == CASES


def test_a_case_without_a_script_says_why() -> None:
    for case, (names, text) in ROWS.items():
        assert names or text.startswith("not applicable: "), case


def test_table_and_scripts_name_the_same() -> None:
    shown = {case: set() for case in CASES}
    for script in all_scripts():
        for case in script.cases:
            shown[case].add(script.name.removesuffix(".script"))
    assert {case: names for case, (names, _) in ROWS.items()} == shown


def test_scripts_beyond_the_list_are_named_too() -> None:
    beyond = {s.name.removesuffix(".script") for s in all_scripts() if not s.cases}
    _, _, text = README.partition("Not of the published list: ")
    assert set(re.findall(r"`([a-z_]+/\w+)`", text)) == beyond


def test_scripts_that_are_played_on_one_line_only_are_named() -> None:
    _, _, text = README.partition("Played on the desk alone: ")
    desk, _, tcp = text.partition("## Every")[0].partition("Over TCP alone")
    for part, line in ((desk, "desk"), (tcp, "tcp")):
        alone = {s.name.removesuffix(".script") for s in all_scripts() if s.only == line}
        assert set(re.findall(r"`([a-z_]+/\w+)`", part)) == alone
