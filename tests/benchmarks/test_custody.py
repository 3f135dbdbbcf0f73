"""The benches of custody and of its books, small."""

import json
import sys

import pytest

from benchmarks import books, custody


def test_how_long_the_ledger_was_behind_is_counted_from_when_a_record_was_on_disk():
    looks = [(0, 5, 7), (10, 7, 9), (25, 8, 9), (30, 9, 9)]
    assert list(custody.lags_of(looks)) == [10, 20, 5, 0]


def test_every_part_of_the_books_is_timed(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["books", "--records", "200", "--members", "20"])
    books.main()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(lines) >= 4


@pytest.mark.proof
def test_every_part_of_the_bench_gives_its_figures(monkeypatch):
    monkeypatch.setattr(custody, "APPROVALS", 2)
    monkeypatch.setattr(custody, "DEPOSITS", 20)
    assert custody.lag(2)["max_ms"] >= 0
    assert custody.approval()["approvals"] == 2
    assert custody.block()["deposits"] == 20
