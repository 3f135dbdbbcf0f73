"""The history of a running venue: through a kill -9 of its process, it ends as the journal."""

import re
from urllib.request import urlopen

from engine.model.enums import TAKER
from engine.model.events import OrderFilled
from engine.replay import folder_records
from gateway.history.reader import MAX_ROWS, History
from tests.support.venue import wait_until


def journals_trades(data):
    """Matches of all trades, in order."""
    return [
        event.match
        for record in folder_records(data / "journal")
        for event in record.events
        if isinstance(event, OrderFilled) and event.liquidity == TAKER
    ]


def last_read(venue):
    """The last record that the history has folded, as the metrics say."""
    with urlopen(f"http://127.0.0.1:{9100 + venue.offset}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.search(
        r'^fixgate_journal_read_record\{process="history"\} ([0-9.e+]+)', text, re.MULTILINE
    )
    return float(found[1]) if found else -1


def test_after_a_stop_the_files_have_every_trade(new_venue):
    venue = new_venue("demo.yaml", only="core,bots,history").start()
    wait_until(lambda: len(journals_trades(venue.data)) > 5, 30, "the bots trade")
    killed = venue.kill_one("history")
    wait_until(lambda: venue.pid("history") != killed, 10, "it is started again")
    traded = len(journals_trades(venue.data))
    wait_until(lambda: len(journals_trades(venue.data)) > traded, 30, "the bots trade on")
    behind = venue.replay()["last"]
    wait_until(lambda: last_read(venue) >= behind, 30, "it has come along")
    venue.stop()
    history = History(venue.data / "history")
    found = [
        trade.trade.match
        for symbol in ("BTC-USD", "ETH-USD", "ETH-BTC")
        for trade in history.trades(symbol, 0, 1 << 62, MAX_ROWS)
    ]
    assert sorted(found) == journals_trades(venue.data)
    assert history.record == venue.replay()["last"]
    minutes = history.candles("BTC-USD", 60, 0, 1 << 62, MAX_ROWS)
    total = len(history.trades("BTC-USD", 0, 1 << 62, MAX_ROWS))
    assert sum(candle.trades for candle in minutes) == total
