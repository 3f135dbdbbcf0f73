"""Seeded schedules of custody with the reconciler looking at every step: nothing in them is a break,
whatever fails, lags, or is killed."""

from sqlalchemy import select

from custody.reconciling.reconciler import last_look
from custody.store.reconciling_schema import breaks
from tests.custody.schedule import Schedule


class Watched(Schedule):
    """A run that counts what the looks have seen."""

    def __init__(self, seed, folder, template):
        super().__init__(seed, folder, template)
        self.blocks, self.flying, self.undecided = set(), 0, 0

    def turn(self):
        super().turn()
        self.look()

    def judge(self):
        super().judge()
        self.look()
        look = last_look(self.world.database)
        assert look.undecided == ()
        assert [asset.in_flight for asset in look.assets] == ["0", "0"]
        for asset in look.assets:
            assert asset.ledger == asset.on_chain
            assert asset.suspense == "0"

    def look(self):
        world = self.world
        with world.database.connect() as connection:
            found = [(r.asset, r.address, r.amount, r.due) for r in connection.execute(select(breaks))]
        assert found == []
        look = last_look(world.database)
        if look is not None and look.block not in self.blocks:
            self.blocks.add(look.block)
            self.flying += any(asset.in_flight != "0" for asset in look.assets)
            self.undecided += bool(look.undecided)
