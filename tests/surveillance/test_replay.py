"""The same journal gives the same alerts, byte for byte: in pieces, on any hash seed."""

import os
import subprocess
import sys
from random import Random

import pytest

from compliance.surveillance.alerts import MAX_CITED, write_alerts
from compliance.surveillance.links import Links
from compliance.surveillance.rules import RULES_VERSION, Rules, WashOwn
from compliance.surveillance.watch import Watch
from compliance.surveillance.watching import StateRefused
from tests.surveillance.attacks import KINDS
from tests.surveillance.floor import RULES
from tests.surveillance.scoring import links_of
from tests.surveillance.support import fold, journal_of

QUICK = [kind for kind in KINDS if kind not in {"pump_and_dump", "marking_close", "fleeting"}]


@pytest.mark.parametrize("kind", QUICK)
def test_folded_in_pieces_it_is_the_same(kind):
    rows, alerts = journal_of(kind, 1)
    whole = write_alerts(alerts)
    assert kind.encode() in whole
    cuts = set(Random(7).sample(range(1, len(rows)), 12))
    assert fold(rows, links_of(kind)) == whole
    assert fold(rows, links_of(kind), cuts) == whole


def test_no_hash_seed_changes_a_byte():
    program = (
        "from hashlib import sha256\n"
        "from tests.surveillance.support import fold, journal_of\n"
        "from tests.surveillance.scoring import links_of\n"
        "for kind in ('wash_own', 'layering', 'front_running', 'price_fade'):\n"
        "    rows, _ = journal_of(kind, 3)\n"
        "    data = fold(rows, links_of(kind), {200, 400})\n"
        "    print(kind, len(data), sha256(data).hexdigest())\n"
    )
    printed = set()
    for seed in ("0", "1", "4711"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", program]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        printed.add(done.stdout)
    assert len(printed) == 1
    assert printed.pop().count("\n") == 4


def test_an_alert_says_by_what_it_was_judged_and_where_to_look():
    rows, alerts = journal_of("layering", 2)
    numbers = {row[0]: row for row in rows}
    assert alerts
    for alert in alerts:
        assert (alert.rules, alert.links) == (
            Watch(RULES, links_of("layering")).rules_digest,
            Watch(RULES, links_of("layering")).links_digest,
        )
        assert alert.records[0] == alert.first_record
        assert alert.records[-1] == alert.last_record
        assert list(alert.records) == sorted(set(alert.records))
        assert len(alert.records) <= MAX_CITED
        assert alert.time == numbers[alert.last_record][1]
        assert set(alert.records) <= set(numbers)
        assert all(isinstance(value, int) for _, value in alert.figures)


def test_the_same_subject_is_left_in_peace_for_a_while():
    rows, _ = journal_of("wash_own", 1)
    once = fold(rows, links_of("wash_own")).count(b'"wash_own"')
    always = Rules(RULES_VERSION, "no quiet", quiet_s=0, wash_own=WashOwn(min_share_bps=0))
    assert once == 1
    assert fold(rows, links_of("wash_own"), rules=always).count(b'"wash_own"') > 1


def test_a_state_of_other_rules_links_or_releases_is_refused():
    watch = Watch(RULES, Links())
    state = watch.save()
    for other in (Watch(Rules(RULES_VERSION, "others"), Links()), Watch(RULES, Links(house=(1,)))):
        with pytest.raises(StateRefused, match="record 0"):
            other.load(state)
    with pytest.raises(StateRefused):
        Watch(RULES, Links()).load(b"\x93\x01")
