"""How members connect: QuickFIX settings and the text of `fixgate run`; where data files are."""

import pytest

import gateway.data
from engine.model.errors import OperatorError
from gateway.config import load_config
from gateway.connect import connect_text, quickfix_config
from gateway.data import data_file
from tests.gateway.support import DEMO, ROOT, VENUE, configured, edited


@pytest.fixture(scope="module")
def demo():
    return load_config(DEMO)


def settings(text):
    """The settings of a QuickFIX file by section, comments left out."""
    sections, section = {}, None
    for line in text.split("\n"):
        if line.startswith("#"):
            continue
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        else:
            key, _, value = line.partition("=")
            assert key not in section
            section[key] = value
    return sections


def test_quickfix_settings_of_an_order_entry_session(demo):
    found = settings(quickfix_config(demo, "BOREAS-OE2", 0))
    assert list(found) == ["DEFAULT", "SESSION"]
    assert found["DEFAULT"]["ConnectionType"] == "initiator"
    assert found["DEFAULT"]["NonStopSession"] == "Y"
    assert found["SESSION"] == {
        "BeginString": "FIX.4.4",
        "SenderCompID": "BOREAS-OE2",
        "TargetCompID": "FIXGATE",
        "SocketConnectHost": "127.0.0.1",
        "SocketConnectPort": "9878",
        "SocketNodelay": "Y",
        "HeartBtInt": "30",
        "ResetOnLogon": "N",
        "UseDataDictionary": "Y",
        "DataDictionary": str(ROOT / "fix_dictionaries" / "FIX44.xml"),
    }


def test_the_manual_shows_these_settings(demo):
    text = quickfix_config(demo, "ACME-OE1", 0).replace(f"{ROOT}/", "")
    assert f"```ini\n{text}\n```" in (ROOT / "docs" / "fix.md").read_text()


def test_quickfix_settings_of_a_drop_copy_session_of_a_venue_that_moved(demo):
    found = settings(quickfix_config(demo, "ACME-DC1", 100))["SESSION"]
    assert (found["SenderCompID"], found["SocketConnectPort"]) == ("ACME-DC1", "9980")


def test_the_demo_password_is_said_and_no_other(demo, tmp_path):
    assert quickfix_config(demo, "ACME-OE1", 0).endswith("553=ACME-OE1 and 554=demo")
    config = configured(tmp_path, edited(("password: demo", "password: hush-hush-hush")))
    text = quickfix_config(config, "ACME-OE1", 0) + connect_text(config, 0, ["core"])
    assert "hush" not in text
    assert "554=your password" in text


def test_an_unknown_session_is_refused_with_some_that_there_are(demo):
    with pytest.raises(OperatorError, match=r"no session ACME-OE9 .* ACME-OE1, ACME-OE2"):
        quickfix_config(demo, "ACME-OE9", 0)


def test_quickfix_settings_of_a_market_data_session(demo):
    found = settings(quickfix_config(demo, "ACME-MD1", 0))["SESSION"]
    assert (found["SenderCompID"], found["SocketConnectPort"]) == ("ACME-MD1", "9881")


@pytest.mark.parametrize("offset", [55_658, -9_878, 1_000_000])
def test_an_offset_that_leads_out_of_all_ports_is_refused(demo, offset):
    with pytest.raises(OperatorError, match="ports end at 65535"):
        quickfix_config(demo, "ACME-OE1", offset)
    with pytest.raises(OperatorError, match="ports end at 65535"):
        connect_text(demo, offset, ["core"])
    assert "SocketConnectPort=65535" in quickfix_config(demo, "ACME-OE1", 65_535 - 9_878)


def test_the_text_of_a_start_says_where_everything_is(demo):
    lines = connect_text(demo, 5, ["core", "dropcopy", "bots"]).split("\n")
    assert lines[0] == "FIXGATE speaks FIX.4.4:"
    assert " ".join(lines[1].split()) == (
        "order entry 127.0.0.1:9883 ACME-OE1, ACME-OE2, ACME-OE3, ACME-OE4, BOREAS-OE1 ..."
    )
    assert " ".join(lines[2].split()) == (
        "drop copy 127.0.0.1:9885 ACME-DC1, BOREAS-DC1, CYGNUS-DC1"
    )
    assert " ".join(lines[3].split()) == "metrics http://127.0.0.1:9105/metrics"
    quickfix = "\n".join(line.removeprefix("    ") for line in lines[5:])
    assert quickfix == quickfix_config(demo, "ACME-OE1", 5)


def test_market_data_is_there_over_fix_and_as_a_stream(demo):
    lines = connect_text(demo, 5, ["marketdata"]).split("\n")
    assert " ".join(lines[1].split()) == (
        "market data 127.0.0.1:9886 ACME-MD1, BOREAS-MD1, CYGNUS-MD1"
    )
    assert " ".join(lines[2].split()) == (
        "ws://127.0.0.1:8086/v1/stream Authorization: Bearer demo-ACME"
    )


def test_the_text_of_a_start_is_about_the_processes_that_run(demo):
    text = connect_text(demo, 0, ["dropcopy"])
    assert ":9880" in text.split("\n")[1]
    assert "order entry" not in text


def test_a_venue_without_sessions_has_little_to_say(tmp_path):
    text = edited(("{order_entry: 2, drop_copy: 1}", "{}"), text=VENUE)
    assert connect_text(configured(tmp_path, text), 0, ["core", "dropcopy"]) == (
        "FIXGATE speaks FIX.4.4:\n  metrics      http://127.0.0.1:9100/metrics"
    )


def test_metrics_on_an_ipv6_address_are_a_good_url(tmp_path):
    text = edited(("bind: 127.0.0.1", 'bind: 127.0.0.1\n  metrics_bind: "::1"'))
    assert "http://[::1]:9100/metrics" in connect_text(configured(tmp_path, text), 0, ["core"])


# --- data files -----------------------------------------------------------------------------------


def test_data_files_are_beside_the_source():
    assert data_file("config", "demo.yaml") == DEMO


def test_an_operator_may_put_others_before_them(tmp_path, monkeypatch):
    monkeypatch.setenv("FIXGATE_DATA", str(tmp_path))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "demo.yaml").touch()
    assert data_file("config", "demo.yaml") == tmp_path / "config" / "demo.yaml"
    assert data_file("config", "bench.yaml") == ROOT / "config" / "bench.yaml"


def test_an_installed_package_has_them_inside(tmp_path, monkeypatch):
    """As in a wheel: gateway/_data/<kind>, and no source tree around it."""
    package = tmp_path / "gateway"
    inside = package / "_data" / "config"
    inside.mkdir(parents=True)
    (inside / "demo.yaml").touch()
    monkeypatch.setattr(gateway.data, "__file__", str(package / "data.py"))
    monkeypatch.setattr(gateway.data.resources, "files", lambda _: package)
    assert data_file("config", "demo.yaml") == inside / "demo.yaml"


def test_a_file_that_is_nowhere_is_refused_with_the_places(monkeypatch, tmp_path):
    monkeypatch.setenv("FIXGATE_DATA", str(tmp_path))
    with pytest.raises(OperatorError) as error:
        data_file("config", "none.yaml")
    assert str(error.value).startswith("no config/none.yaml; looked in ")
    assert str(tmp_path / "config") in str(error.value)
    assert str(ROOT / "config") in str(error.value)
