"""The bench of the ledger, small: it posts every trade of the journal it made."""

from benchmarks import ledger


def test_every_trade_of_the_made_journal_is_posted(tmp_path):
    ledger.build(tmp_path / "journal", 30)
    figures = ledger.measure(tmp_path / "journal", f"sqlite:///{tmp_path}/ledger.db", 30)
    assert (figures["database"], figures["trades"]) == ("sqlite", 30)
    assert figures["transactions"] >= 1
    assert figures["durable"] == {"journal_mode": "wal", "synchronous": "2"}


def test_addresses_are_counted():
    assert ledger.derive(20)["addresses"] == 20
