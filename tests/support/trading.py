"""Random trading into a real journal, for tests of what reads it."""

from engine.core.venue import Venue
from engine.sequencer import Sequencer
from tests.engine.streams import RANDOM_BALANCES, START, RandomTrader, bootstrap_commands
from tests.journal.support import open_writer


class Trading:
    """A venue with members who trade at random, and its journal in `folder`/journal."""

    def __init__(self, folder, seed=1):
        self.folder = folder
        self.writer = open_writer(folder / "journal")
        self.sequencer = Sequencer(Venue(), self.writer, bytes)
        self.trader = RandomTrader(seed)
        self.time = START
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            self.sequencer.submit(command, START)
        self.sequencer.commit()

    def trade(self, count):
        """Some commands, on disk."""
        for _ in range(count):
            self.time += self.trader.wait()
            if self.sequencer.mass_due:
                self.sequencer.continue_mass(self.time)
            else:
                self.sequencer.submit(self.trader.command(), self.time)
        self.sequencer.commit()

    def submit(self, command):
        """One command, on disk."""
        self.sequencer.submit(command, self.time)
        self.sequencer.commit()

    def close(self):
        self.writer.close()
