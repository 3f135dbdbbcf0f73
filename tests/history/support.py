"""A journal over some days, and what its history is by the plainest way of counting."""

from random import Random

from engine.core.venue import Venue
from engine.market.candles import INTERVALS
from engine.model.clock import NANOS_PER_DAY, NANOS_PER_SECOND
from engine.model.enums import BUY, TAKER
from engine.model.events import OrderFilled
from engine.model.refdata import ReferenceData, configuration_key
from engine.replay import folder_records, join_parts
from engine.sequencer import Sequencer
from gateway.history.recorder import HistoryRecorder
from gateway.history.rows import day_text
from tests.engine.streams import RANDOM_BALANCES, START, RandomTrader, bootstrap_commands
from tests.journal.support import open_writer

HOUR = 3_600 * NANOS_PER_SECOND


class Venues:
    """Real trading and a real journal; time goes as the test says."""

    def __init__(self, folder, seed=1):
        self.journal, self.folder = folder / "journal", folder / "history"
        self.writer = open_writer(self.journal)
        self.sequencer = Sequencer(Venue(), self.writer, Random(seed).randbytes)
        self.trader = RandomTrader(seed)
        self.time = START
        self.log = []
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            self.sequencer.submit(command, START)
        self.sequencer.commit()

    def trade(self, count, pause=0):
        """Some commands, each `pause` ns later than its trader would have it."""
        for _ in range(count):
            self.time += self.trader.wait() + pause
            if self.sequencer.mass_due:
                self.sequencer.continue_mass(self.time)
            else:
                self.sequencer.submit(self.trader.command(), self.time)
        self.sequencer.commit()

    def days(self, count):
        """The next command comes so many days later."""
        self.time = (self.time // NANOS_PER_DAY + count) * NANOS_PER_DAY

    def recorder(self, folder=None, keep=1_000, **options):
        return HistoryRecorder(
            self.journal, folder or self.folder, keep, self.log.append, **options
        )

    def close(self):
        self.writer.close()


def follow(recorder, limit=500):
    """All that there is to read."""
    while recorder.step(limit):
        pass


def projection(journal):
    """{(symbol, day): trades} of the days that are over, a trade as (match, record, time, ticks,
    lots, side); and the instruments by symbol."""
    refdata, found, last = ReferenceData(), {}, 0
    for whole in join_parts(folder_records(journal)):
        last = whole.time // NANOS_PER_DAY
        if configuration_key(whole.command):
            refdata.apply(whole.command)
        for event in whole.events:
            if isinstance(event, OrderFilled) and event.liquidity == TAKER:
                symbol = refdata.instruments[event.instrument].symbol
                key = (symbol, day_text(whole.time // NANOS_PER_DAY))
                side = "buy" if event.side == BUY else "sell"
                row = (event.match, whole.last, whole.time, event.last_price, event.last_qty, side)
                found.setdefault(key, []).append(row)
    over = {key: trades for key, trades in found.items() if key[1] < day_text(last)}
    return over, {i.symbol: i for i in refdata.instruments.values()}


def candles(trades):
    """Of a day's trades: (interval, start, open, high, low, close, lots, turnover, trades, first,
    last), by interval and time."""
    rows = []
    for interval in INTERVALS:
        length = interval * NANOS_PER_SECOND
        for start in sorted({time - time % length for _, _, time, *_ in trades}):
            mine = [t for t in trades if start <= t[2] < start + length]
            prices, lots = [t[3] for t in mine], [t[4] for t in mine]
            turnover = sum(p * q for p, q in zip(prices, lots, strict=True))
            shape = (prices[0], max(prices), min(prices), prices[-1])
            ends = (len(mine), mine[0][1], mine[-1][1])
            rows.append((interval, start, *shape, sum(lots), turnover, *ends))
    return rows
