"""The report says what is known, and of all else why it does not."""

import json

import msgspec
import pytest

from compliance.cases.stor import (
    NotAvailable,
    Reporter,
    build_stor,
    read_stor,
    utc_text,
    write_stor,
)
from engine.model.refdata import ReferenceData
from tests.cases.support import desk_with
from tests.engine.streams import bootstrap_commands

REPORTER = Reporter(
    name=NotAvailable("added by the person who submits it"),
    position="compliance officer",
    entity="Example Venue",
    lei="529900T8BM49AURSDO55",
    address="1 Example Street",
    capacity="operator of a trading platform",
    activity="trading platform for crypto-assets",
    contact="stor@example.org",
)


def report(times=None, narrative="It pulled its bids whenever its offer was taken.", members=(2,)):
    refdata = ReferenceData()
    for command in bootstrap_commands():
        refdata.apply(command)
    case = desk_with("closed").cases[1]
    case.alerts[0] = msgspec.structs.replace(case.alerts[0], members=members)
    return build_stor(case, REPORTER, refdata, times or {}, narrative, "XVEN")


def test_all_sections_are_there_and_mandatory_fields_say_why_they_are_empty():
    document = json.loads(write_stor(report({90: 1_764_000_000_123_456_789})))
    assert set(document) >= {"reporter", "behaviour", "suspicion", "suspects", "additional"}
    assert document["reporter"]["name"] == {
        "value": "NA",
        "reason": "added by the person who submits it",
    }
    behaviour = document["behaviour"][0]
    assert behaviour["instrument"] == "BTC-USD"
    assert behaviour["first_time"] == "2025-11-24T16:00:00.123456Z"
    assert behaviour["records"] == [90, 95, 100]
    assert document["suspicion"]["kinds"] == ["spoofing"]
    assert document["suspicion"]["reason"] == "manipulation"
    assert document["suspects"][0]["firm"] == "BOREAS"
    assert document["suspects"][0]["natural_person"]["value"] == "NA"
    assert document["additional"]["value"] == "NA"


def test_nothing_is_empty_without_a_reason():
    def look(value, path):
        if isinstance(value, dict):
            if value.get("value") == "NA":
                assert value["reason"].strip(), path
            for key, inner in value.items():
                look(inner, f"{path}.{key}")
        elif isinstance(value, list):
            assert value, path
            for inner in value:
                look(inner, path)
        else:
            assert value not in ("", None), path

    look(json.loads(write_stor(report())), "report")
    with pytest.raises(ValueError, match="reason"):
        NotAvailable(" ")


def test_what_the_journal_does_not_know_is_said():
    document = json.loads(write_stor(report(members=(77,))))
    assert document["suspects"][0]["firm"]["value"] == "NA"
    assert document["behaviour"][0]["first_time"]["value"] == "NA"


def test_an_alert_alone_is_no_report():
    with pytest.raises(ValueError, match="analysed"):
        report(narrative="  ")


def test_it_is_the_same_bytes_each_time_and_reads_back():
    data = write_stor(report())
    assert data == write_stor(report())
    assert read_stor(data) == report()


@pytest.mark.parametrize(
    ("nanos", "text"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_709_251_199_999_999_999, "2024-02-29T23:59:59.999999Z"),
    ],
)
def test_times_are_cut_to_microseconds(nanos, text):
    assert utc_text(nanos) == text
