"""Seeded schedules of custody with the reconciler looking all the time: nothing in them is a break,
whatever fails, lags, or is killed."""

from sqlalchemy import select

from custody.chains.quorum import Disagreement
from custody.reconciling import reconciler
from custody.reconciling.reconciler import Reconciler, last_look
from custody.store.reconciling_schema import breaks
from tests.custody.deciding import Deciding
from tests.custody.schedule import Schedule


async def step_looking(custody):
    """Custody.step, with a look after each part: between any two of them something is under way."""
    for part in (
        custody.decisions, custody.scanner, custody.crediting, custody.lifecycle, custody.sender,
        custody.treasury,
    ):  # fmt: skip
        for each in (part, custody.reconciler):
            try:
                await each.step()
            except Disagreement as error:
                custody._alarm(error)
    await custody.telling.send()


class Watched(Schedule):
    """A run with a list of its looks: (block, places with something in flight, undecided ones)."""

    def __init__(self, seed, folder, template, monkeypatch):
        super().__init__(seed, folder, template)
        self.looks = []

        def keep(this, look, keep=Reconciler._keep):
            flying = sum(1 for units in look._flight.changes.values() if units)
            self.looks.append((look.block.number, flying, len(look._undecided)))
            keep(this, look)

        monkeypatch.setattr(Reconciler, "_keep", keep)

    def turn(self):
        super().turn()
        self.no_break()

    def judge(self):
        super().judge()
        self.world.start()  # a look that had begun is forgotten
        reconciler.BALANCES_A_STEP = 100
        self.world.step()
        self.no_break()
        look = last_look(self.world.database)
        assert look.undecided == ()
        assert [asset.in_flight for asset in look.assets] == ["0", "0"]
        for asset in look.assets:
            assert asset.ledger == asset.on_chain
            assert asset.suspense == "0"

    def no_break(self):
        with self.world.database.connect() as connection:
            assert connection.execute(select(breaks)).all() == []


class WatchedDeciding(Watched, Deciding):
    """The same, with coins that people decide on."""
