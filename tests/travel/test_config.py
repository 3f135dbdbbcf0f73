"""`compliance.travel_rule`, as `fixgate check` reads it."""

import pytest
import yaml

from gateway.config import ConfigError, load_config
from tests.support.venue import CONFIG

RULE = {
    "name": "Fixgate Venue SA", "lei": "7LTWFZYICNSX8D621K86", "country": "LU",
    "address": {"street": "Rue du Marche", "building": "1", "town": "Luxembourg", "country": "LU"},
}  # fmt: skip


def loaded(tmp_path, rule):
    tree = yaml.safe_load((CONFIG / "demo.yaml").read_text())
    tree["compliance"]["travel_rule"] = rule
    path = tmp_path / "venue.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(path)


def test_the_venue_is_named_as_others_are_told(tmp_path):
    rule = loaded(tmp_path, RULE).compliance.travel_rule
    assert (rule.name, rule.address.town) == ("Fixgate Venue SA", "Luxembourg")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"lei": "7LTWFZYICNSX8D621K87"}, r"compliance.travel_rule: .* is no LEI"),
        ({"name": "Größe SA"}, "compliance.travel_rule: .*transliterate"),
        ({"address": RULE["address"] | {"country": "UK"}}, "compliance.travel_rule: .*country"),
        ({"address": {"street": "Rue du Marche"}}, "compliance.travel_rule.address: .*building"),
        ({"threshold": 1_000}, "compliance.travel_rule: .*threshold"),
    ],
)
def test_what_nobody_could_be_told_is_refused_by_its_place(tmp_path, changed, said):
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, RULE | changed)
