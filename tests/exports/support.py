"""Scenes whose journal is kept, and venues with an audit log, for what is made of them."""

import io
import json
from pathlib import Path
from xml.etree import ElementTree

from jsonschema import Draft202012Validator

import compliance.exports
from compliance.audit import builder
from compliance.exports.kind import LACKS
from compliance.exports.times import Period
from compliance.exports.writing import write_export
from engine.core.venue import Venue
from engine.model.commands import Origin
from engine.model.enums import SOURCE_FIX
from engine.model.record import Record
from engine.replay import Whole
from tests.audit.support import KEYS
from tests.engine.desk import Desk
from tests.engine.streams import (
    RANDOM_BALANCES,
    START,
    VENUE,
    NamingTrader,
    RandomTrader,
    bootstrap_commands,
    due,
)
from tests.support.house import HandClock
from tests.support.trading import Trading

ALL = Period()
SCHEMAS = Path(compliance.exports.__file__).parent / "schemas"


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


def random_scene(seed, count, chain=False, trader=RandomTrader, told=()):
    """A venue after random trading, and all that happened. chain: with coins that come and go.
    told: what it is told first beside the usual."""
    venue = Venue()
    commands = (*bootstrap_commands(balances=RANDOM_BALANCES), *told)
    wholes = list(applied(venue, ((c, START) for c in commands)))
    trader, time = trader(seed, chain=chain), START
    for _ in range(count):
        time += trader.wait()
        while (command := due(venue.mass_pending, venue.day_end, time)) is not None:
            wholes.append(_next(venue, command, time))
        custody = chain and trader.random.random() < 0.2
        command = trader.custody_command() if custody else trader.command()
        wholes.append(_next(venue, command, time))
    return venue, wholes


def _next(venue, command, time):
    number = venue.state.last_number + 1
    return Whole(number, number, time, command, tuple(venue.apply(command, number, time)))


def records_of(wholes):
    """The records of a scene."""
    return [Record(w.first, w.time, bytes(16), w.command, w.events) for w in wholes]


def document(kind, wholes, period=ALL):
    """The JSON file of an export."""
    out = io.BytesIO()
    write_export(kind, "json", records_of(wholes), period, out)
    return json.loads(out.getvalue())


def validator(kind):
    """Of a kind's JSON."""
    schema = json.loads((SCHEMAS / f"{kind.name}-{kind.version}.json").read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def spelled(value):
    """Rows as xml_rows has them."""
    match value:
        case dict():
            return {name: spelled(inner) for name, inner in value.items()}
        case list():
            return [spelled(inner) for inner in value]
        case bool():
            return "true" if value else "false"
        case _:
            return value


def xml_rows(data):
    """The rows of an XML export, those that are comments, too; what they hold is text."""
    builder = ElementTree.TreeBuilder(insert_comments=True)
    report = ElementTree.fromstring(data, ElementTree.XMLParser(target=builder))
    while len(report) == 1 and isinstance(report.tag, str):
        (report,) = report
    return [_told_by(row) for row in report]


def _told_by(element):
    """An element as it is in a row: what may come several times is a list."""
    if element.tag is ElementTree.Comment:
        return {LACKS: element.text.strip()}
    text = [element.text] if element.text else []
    if not len(element) and not element.attrib:
        return element.text
    found = {f"@{name}": value for name, value in element.attrib.items()}
    found |= {"": text[0]} if element.attrib else {}
    for child in element:
        name = child.tag.partition("}")[2]
        told = _told_by(child)
        found[name] = [told] if name in REPEATED else told
    return found


REPEATED = {"AcctOwnr", "DgtlTknQty", "DgtlTkn", "OthrId"}
"""Elements of auth.016 that may be there several times, and are here once."""


class AuditedVenue(Trading):
    """Random trading into a real journal, with its audit log beside it."""

    def __init__(self, folder, seed=1):
        super().__init__(folder, seed)
        self.trader = NamingTrader(seed)
        self.submit(VENUE)

    def publish(self):
        """Sign all there is."""
        log = builder.open_log(
            self.folder / "journal",
            self.folder / "audit",
            lambda: KEYS,
            HandClock(),
            lambda _: None,
        )
        try:
            while log.turn():
                pass
        finally:
            log.close()
