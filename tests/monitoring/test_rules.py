"""Rules and profiles are read strictly, and their digest is that of what they say."""

from pathlib import Path

import msgspec
import pytest

from compliance.monitoring.profiles import Profiles, inputs_digest, parse_profiles
from compliance.monitoring.rules import RULES_VERSION, MoneyRules, parse_rules
from compliance.monitoring.watch import detectors
from compliance.surveillance.links import Links
from compliance.surveillance.rules import rules_digest

CONFIG = Path(__file__).parents[2] / "config/monitoring.yaml"
PLAIN = MoneyRules(RULES_VERSION, "defaults")
KINDS = [detector.kind for detector in detectors(PLAIN, Links(), Profiles())]


def test_the_file_has_every_rule_at_its_default():
    assert parse_rules(CONFIG.read_bytes()) == PLAIN
    text = CONFIG.read_text()
    for kind in KINDS:
        assert f"\n{kind}:\n" in text
        values = getattr(PLAIN, kind)
        for name in values.__struct_fields__:
            assert f"  {name}: " in text, f"{kind}.{name}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"structuring: {threshold: [3]}", "threshold"),
        (b"structuring: {thresholds: []}", "thresholds are 1 to 8"),
        (b"structuring: {thresholds: [0]}", "threshold is not within"),
        (b"structuring: {thresholds: [1.5]}", r"structuring.thresholds\[0\]"),
        (b"structuring: {day_transfers: 0}", "day_transfers is below 1"),
        (b"velocity: {window_s: 2592001}", "window_s is not within"),
        (b"velocity: {window_s: 0}", "window_s is not within"),
        (b"velocity: {min_transfers: -1}", "min_transfers is -1"),
        (b"velocity: {min_transfers: '3'}", "velocity.min_transfers"),
        (b"pass_through: {min_value_units: 1000000000001}", "min_value_units is over"),
        (b"dormant: {silence_days: 29}", "silence_days is below 30"),
        (b"wash_own: {}", "wash_own"),
        (b"reporting_asset: ''", "reporting_asset"),
        (b"quiet_s: -1", "quiet_s"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(text, place):
    with pytest.raises(msgspec.ValidationError, match=place):
        parse_rules(b"version: 1\nname: a\n" + text)


@pytest.mark.parametrize("text", [b"version: 2\nname: a\n", b"name: a\n", b"- 1\n"])
def test_other_versions_are_refused(text):
    with pytest.raises(msgspec.ValidationError):
        parse_rules(text)


def test_the_digest_changes_with_any_value():
    digests, parameters = {rules_digest(PLAIN)}, 0
    for kind in KINDS:
        rules = getattr(PLAIN, kind)
        for name in rules.__struct_fields__:
            parameters += 1
            value = getattr(rules, name)
            more = (5,) if isinstance(value, tuple) else value + 1
            changed = msgspec.structs.replace(rules, **{name: more})
            digests.add(rules_digest(msgspec.structs.replace(PLAIN, **{kind: changed})))
    assert len(digests) == parameters + 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"monthly: {0: 5}", "monthly of 0"),
        (b"monthly: {1: -5}", "monthly of 1 is -5"),
        (b"monthly: {1: 1000000000001}", "monthly of 1"),
        (b"monthly: {ACME: 5}", "monthly"),
        (b"weekly: {}", "weekly"),
        (b"monthly: {1: 1.5}", "monthly"),
    ],
)
def test_profiles_are_read_strictly(text, place):
    with pytest.raises(msgspec.ValidationError, match=place):
        parse_profiles(text)


def test_inputs_are_the_same_in_any_order():
    one, other = Profiles({1: 5, 2: 6}), parse_profiles(b"monthly: {2: 6, 1: 5}")
    assert inputs_digest(Links(), one) == inputs_digest(Links(), other)
    digests = {inputs_digest(Links(), p) for p in (one, Profiles(), Profiles({1: 5, 2: 7}))}
    digests.add(inputs_digest(Links(house=(1,)), one))
    assert len(digests) == 4
