"""Scenes whose journal is kept, and venues with an audit log, for what is made of them."""

from compliance.audit import builder
from compliance.exports.times import Period
from engine.core.venue import Venue
from engine.model.commands import Origin
from engine.model.enums import SOURCE_FIX
from engine.replay import Whole
from tests.audit.support import KEYS
from tests.engine.desk import Desk
from tests.engine.streams import RANDOM_BALANCES, START, bootstrap_commands, random_commands
from tests.support.house import HandClock
from tests.support.trading import Trading

ALL = Period()


class Scene(Desk):
    """A desk whose commands are kept with their events, those of its configuration, too.

    parties, capacity: of the orders that follow. All are received 5 us before their record.
    """

    def __init__(self, **options):
        super().__init__(**options)
        self.wholes = list(applied(Venue(), ((c, START) for c in bootstrap_commands(**options))))
        self.parties = self.capacity = ()

    def send(self, command):
        number = self.number
        lines = super().send(command)
        self.wholes.append(Whole(number, number, self.time, command, tuple(self.events)))
        return lines

    def origin(self, session):
        received = self.time - 5_000
        return Origin(session, self.number, received, SOURCE_FIX, self.parties, self.capacity)

    @property
    def last(self):
        """The number of the last record."""
        return self.number - 1

    def rows(self, kind, period=ALL):
        return list(kind.derive(self.wholes, period))


def applied(venue, commands):
    """What commands, each with its time, did to a venue."""
    for number, (command, time) in enumerate(commands):
        yield Whole(number, number, time, command, tuple(venue.apply(command, number, time)))


def random_scene(seed, count):
    """A venue after random trading, and all that happened."""
    venue = Venue()
    wholes = list(
        applied(venue, ((c, START) for c in bootstrap_commands(balances=RANDOM_BALANCES)))
    )
    for command, number, time in random_commands(seed, count):
        events = tuple(venue.apply(command, number, time))
        wholes.append(Whole(number, number, time, command, events))
    return venue, wholes


class AuditedVenue(Trading):
    """Random trading into a real journal, with its audit log beside it."""

    def publish(self):
        """Sign all there is."""
        log = builder.open_log(
            self.folder / "journal", self.folder / "audit", KEYS, HandClock(), lambda _: None
        )
        try:
            while log.turn():
                pass
        finally:
            log.close()
