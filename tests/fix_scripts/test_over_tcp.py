"""The same scripts against `fixgate run --config config/bench.yaml`, each on a session of its own.

Left out are the scripts that say `only desk`, each with its reason. Scripts that end the venue's
process have a venue of their own.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fix_scripts.script import Player, Script, ScriptFailed, all_scripts
from tests.fix_scripts.wire_line import WireLine
from tests.support.venue import CONFIG, Venue

pytestmark = pytest.mark.proof

SESSIONS = [f"{member}-OE{k}" for member in ("BENCH", "BENCH2") for k in range(1, 17)]

SCRIPTS = [script for script in all_scripts() if script.only != "desk"]


class Venues:
    """A fresh session for each script: venues with fresh data folders, as many as it takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._venues: list[Venue] = []
        self._free: dict[tuple[tuple[str, str], ...], list[tuple[Venue, str]]] = {}

    def start(self, settings: tuple[tuple[str, str], ...]) -> Venue:
        """A venue of the bench configuration, with `settings` as defaults of its sessions."""
        number = len(self._venues)
        text = (CONFIG / "bench.yaml").read_text()
        lines = "".join(f"  {name}: {value}\n" for name, value in settings)
        config = self._folder / f"bench-{number}.yaml"
        config.write_text(text.replace("defaults:\n", f"defaults:\n{lines}"))
        venue = Venue(self._folder / f"data-{number}", config if settings else "bench.yaml")
        self._venues.append(venue)
        return venue.start()

    def session(self, settings: tuple[tuple[str, str], ...]) -> tuple[Venue, str]:
        free = self._free.setdefault(settings, [])
        if not free:
            venue = self.start(settings)
            free += [(venue, comp_id) for comp_id in reversed(SESSIONS)]
        return free.pop()

    def close(self) -> None:
        for venue in self._venues:
            venue.close()
        for venue in self._venues:
            venue.check_logs()


@pytest.fixture(scope="module")
def venues(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venues]:
    found = Venues(tmp_path_factory.mktemp("scripts"))
    yield found
    found.close()


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_the_venue_keeps_a_script(script: Script, venues: Venues) -> None:
    if script.uses("restart", "venue"):
        venue, comp_id = venues.start(script.settings), SESSIONS[0]
    else:
        venue, comp_id = venues.session(script.settings)
    line = WireLine(venue, comp_id)
    try:
        Player(script, line).play()
    except ScriptFailed as failed:
        failed.add_note(f"as {comp_id}; the venue: {venue.describe()}")
        raise
    finally:
        line.close()
