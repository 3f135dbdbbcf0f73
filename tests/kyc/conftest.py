"""A venue that trades, its vault, and somebody who types `fixgate kyc`."""

import functools
import json

import pytest
import yaml

import gateway.cli
from gateway.cli import main
from tests.screening.support import configured
from tests.support.trading import Trading
from tests.vault.venue import VenueVault

parser = functools.cache(gateway.cli._parser)
"""That of all commands, made once: these tests type some 150, and it takes longer than most."""


@pytest.fixture
def trading(tmp_path):
    made = Trading(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def data(trading):
    """The venue's data folder."""
    return trading.folder


@pytest.fixture
def config(tmp_path):
    return configured(tmp_path)


@pytest.fixture
def vault(data, tmp_path, monkeypatch):
    return VenueVault(data, tmp_path, monkeypatch)


@pytest.fixture
def kyc(data, config, vault, capsys, monkeypatch):
    """Type a command; what it printed as JSON, or what it complained of, which is also
    in `said`."""

    monkeypatch.setattr("gateway.cli._parser", parser)

    def typed(action, *words, code=0, configured=False):
        more = ("--config", config) if configured else ()
        argv = ["kyc", action, "--data", data, "--json", *words, *more]
        capsys.readouterr()
        ended = main([str(word) for word in argv])
        said = capsys.readouterr()
        assert ended == code, said.err
        typed.said = said.err
        return json.loads(said.out) if said.out else said.err

    return typed


@pytest.fixture
def hand_in(kyc, tmp_path):
    """Submit an application, as Anna; the ids of people by their keys."""

    def typed(number, content, code=0):
        path = tmp_path / "application.yaml"
        path.write_text(yaml.safe_dump(content, sort_keys=False))
        words = (number, path, "--as", "anna", "--role", "onboarding")
        said = kyc("submit", *words, code=code, configured=True)
        return said["people"] if code == 0 else said

    return typed
