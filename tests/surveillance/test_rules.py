"""Rules are read strictly, and their digest is that of what they say."""

from pathlib import Path

import msgspec
import pytest

from compliance.surveillance.links import Links, links_digest
from compliance.surveillance.rules import RULES_VERSION, Rules, parse_rules, rules_digest
from compliance.surveillance.watch import detectors

CONFIG = Path(__file__).parents[2] / "config/surveillance.yaml"


def test_the_file_has_every_rule_at_its_default():
    rules = parse_rules(CONFIG.read_bytes())
    assert rules == Rules(RULES_VERSION, "defaults")
    text = CONFIG.read_text()
    for section in detectors(rules, Links()):
        values = getattr(rules, section.kind)
        assert f"\n{section.kind}:\n" in text
        for name in values.__struct_fields__:
            assert f"  {name}: {getattr(values, name)}" in text, f"{section.kind}.{name}"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"version: 1\nname: a\nspoofing: {size: 3}\n", "spoofing"),
        (b"version: 1\nname: a\nspoofing: {size_bps: '3'}\n", "spoofing.size_bps"),
        (b"version: 1\nname: a\nspoofing: {size_bps: 1.5}\n", "spoofing.size_bps"),
        (b"version: 1\nname: a\nspoofing: {size_bps: -1}\n", "size_bps"),
        (b"version: 1\nname: a\nspoofs: {}\n", "spoofs"),
        (b"version: 2\nname: a\n", "version 2"),
        (b"name: a\n", "version"),
        (b"version: 1\nname: a\nquiet_s: -1\n", "quiet_s"),
        (b"version: 1\nname: a\nramping: {window_s: 0}\n", "window_s"),
        (b"version: 1\nname: a\nramping: {history_windows: 0}\n", "history_windows"),
        (b"version: 1\nname: a\nquote_stuffing: {messages: 10001}\n", "messages"),
        (b"version: 1\nname: a\nmarking_close: {window_s: 700}\n", "fixing"),
        (b"- 1\n", "object"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(text, place):
    with pytest.raises(msgspec.ValidationError, match=place):
        parse_rules(text)


def test_the_digest_changes_with_any_value_and_not_with_the_writing():
    plain = parse_rules(b"version: 1\nname: a\n")
    assert rules_digest(plain) == rules_digest(
        parse_rules(b"# a\nname: a\nversion: 1\nramping: {}\n")
    )
    digests = {rules_digest(plain)}
    for section in detectors(plain, Links()):
        rules = getattr(plain, section.kind)
        for name in rules.__struct_fields__:
            more = 600 if name == "window_s" else getattr(rules, name) + 1
            if name == "fixing_every_s":
                more = 28_800
            changed = msgspec.structs.replace(rules, **{name: more})
            digests.add(rules_digest(msgspec.structs.replace(plain, **{section.kind: changed})))
    parameters = sum(
        len(getattr(plain, s.kind).__struct_fields__) for s in detectors(plain, Links())
    )
    assert len(digests) == parameters + 1


def test_links_are_the_same_in_any_order_and_owners_are_numbers():
    one = Links(owners={1: 5, 2: 6}, house=(3, 4))
    other = Links(owners={2: 6, 1: 5}, house=(4, 3))
    assert links_digest(one) == links_digest(other)
    assert links_digest(one) != links_digest(Links(owners={1: 5, 2: 5}, house=(3, 4)))
    assert one.owner(1) == 5
    assert one.owner(9) == -9
    with pytest.raises(ValueError, match="above 0"):
        Links(owners={1: 0})
