"""`compliance.monitoring`, as `fixgate check` and the process `compliance` read it."""

import pytest
import yaml

from compliance.monitoring.profiles import Profiles
from engine.model.errors import OperatorError
from gateway.config import ConfigError, load_config
from gateway.surveillance.inputs import read_inputs
from tests.monitoring.till import MONEY_RULES
from tests.support.venue import CONFIG


def loaded(tmp_path, monitoring):
    tree = yaml.safe_load((CONFIG / "demo.yaml").read_text())
    tree["compliance"]["monitoring"] = monitoring
    path = tmp_path / "venue.yaml"
    path.write_text(yaml.safe_dump(tree))
    return load_config(path).compliance.monitoring


def test_without_files_the_release_decides_and_nobody_has_said_anything(tmp_path):
    found = loaded(tmp_path, {})
    inputs = read_inputs(tmp_path, None, None, found.rules, found.profiles)
    assert (inputs.money, inputs.profiles) == (MONEY_RULES, Profiles())


def test_files_are_beside_the_configuration(tmp_path):
    (tmp_path / "mine.yaml").write_text("version: 1\nname: mine\nvelocity: {min_transfers: 7}\n")
    (tmp_path / "said.yaml").write_text("monthly: {3: 1000}\n")
    found = loaded(tmp_path, {"rules": "mine.yaml", "profiles": "said.yaml"})
    inputs = read_inputs(tmp_path, None, None, found.rules, found.profiles)
    assert (inputs.money.name, inputs.money.velocity.min_transfers) == ("mine", 7)
    assert inputs.profiles == Profiles({3: 1_000})
    (tmp_path / "said.yaml").write_text("monthly: {3: -1}\n")
    with pytest.raises(OperatorError, match=r"said.yaml: .*monthly of 3 is -1"):
        read_inputs(tmp_path, None, None, found.rules, found.profiles)


@pytest.mark.parametrize(
    ("monitoring", "said"),
    [
        ({"rule": "mine.yaml"}, "compliance.monitoring: .*rule"),
        ({"rules": ""}, "compliance.monitoring.rules"),
        ({"profiles": 7}, "compliance.monitoring.profiles"),
        ([], "compliance.monitoring"),
    ],
)
def test_what_is_wrong_is_refused_by_its_place(tmp_path, monitoring, said):
    with pytest.raises(ConfigError, match=said):
        loaded(tmp_path, monitoring)
