"""Which keys the process signs with: its own of the data folder, or those that the configuration
names."""

import stat

import pytest
import yaml

from compliance.audit.key_file import make_keys
from engine.model.errors import ConfigError, OperatorError
from gateway.config import load_config
from gateway.processes.compliance import KEY_NAME, _keys
from gateway.processes.place import Place
from tests.support.venue import CONFIG

ORIGIN = "fixgate.example/audit"


@pytest.fixture
def place(tmp_path):
    def make(**part):
        config = tmp_path / "config" / "venue.yaml"
        config.parent.mkdir(exist_ok=True)
        tree = yaml.safe_load((CONFIG / "bench.yaml").read_text())
        config.write_text(yaml.safe_dump(tree | {"compliance": {"origin": ORIGIN, **part}}))
        return Place("compliance", config, tmp_path / "data", 0)

    return make


def test_keys_are_made_once_and_read_again(place, tmp_path, capsys):
    folder = tmp_path / "data" / "compliance"
    keys = _keys(place(), folder)
    assert len(keys.signers) == 2
    assert stat.S_IMODE((folder / KEY_NAME).stat().st_mode) == 0o600
    assert _keys(place(), folder).verifiers == keys.verifiers
    assert capsys.readouterr().err.count("made the audit log's keys") == 1


def test_a_file_that_is_named_is_beside_the_configuration_and_is_never_made(place, tmp_path):
    """One that is not there is more likely a disk that is not mounted than a first start."""
    folder = tmp_path / "data" / "compliance"
    named = place(key_file="secret/log.key")
    with pytest.raises(OperatorError, match="cannot read the audit log's keys"):
        _keys(named, folder)
    make_keys(tmp_path / "config" / "secret" / "log.key", ORIGIN, lambda size: b"k" * size)
    assert _keys(named, folder).signers[0].verifier.name == ORIGIN
    assert not (folder / KEY_NAME).exists()


def test_keys_of_another_log_are_refused(place, tmp_path):
    folder = tmp_path / "data" / "compliance"
    _keys(place(), folder)
    with pytest.raises(OperatorError, match="a log's own keys have its name"):
        _keys(place(origin="other.example"), folder)


@pytest.mark.parametrize(
    "origin",
    ["", "https://a.example", "a.example/", "a+b", "a" * 201, "a\n"],
)
def test_an_origin_is_a_url_without_its_scheme(place, origin):
    with pytest.raises(ConfigError, match=r"compliance\.origin"):
        place(origin=origin)
    assert load_config(CONFIG / "demo.yaml").compliance.origin == "demo.fixgate.example/audit"
