"""Venues as processes, and members of them, for every test in this folder."""

from contextlib import closing
from itertools import count

import pytest

from tests.support.fix_client import FixClient
from tests.support.stream_client import StreamClient
from tests.support.venue import Venue

CLEAN_UPS = count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    """A failed test shows what its venue said."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Venue):
                report.sections.append((f"{name}: fixgate run", value.describe()))
    return report


@pytest.fixture
def new_venue(tmp_path):
    """Makes a venue on a fresh folder that is gone after the test; it is not started yet."""
    venues = []

    def make(config="bench.yaml", **options):
        venue = Venue(tmp_path / f"data{len(venues)}", config, **options)
        venues.append(venue)
        return venue

    yield make
    for venue in venues:
        venue.close()
    for venue in venues:
        venue.check_logs()


@pytest.fixture
def dial():
    """Makes members' clients, not connected yet; their sockets are closed after the test."""
    clients = []

    def make(venue, comp_id):
        port = venue.drop_copy if "-DC" in comp_id else venue.order_entry
        client = FixClient(comp_id, port)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.drop()


@pytest.fixture
def stream_client():
    """Makes WebSocket clients, not connected yet; their sockets are closed after the test."""
    clients = []

    def make(port, token):
        clients.append(StreamClient(port, token))
        return clients[-1]

    yield make
    for client in clients:
        client.drop()


@pytest.fixture(scope="module")
def venue(tmp_path_factory):
    """Order entry and drop copy on bench.yaml, shared by the tests of a module."""
    made = Venue(tmp_path_factory.mktemp("venue") / "data", only="core,dropcopy")
    with closing(made):
        yield made.start()
    made.check_logs()


@pytest.fixture
def member(venue, dial):
    """Logs members on with fresh numbers; afterwards none of their orders is left."""
    clients = []

    def log_on(comp_id):
        client = dial(venue, comp_id).reconnect(reset=True)
        clients.append(client)
        client.delivered.clear()
        return client

    yield log_on
    for client in clients:
        _clean_up(client)


def _clean_up(client):
    if not client.connected:
        client.reconnect()
    if "-OE" in client.comp_id:
        client.mass_cancel(f"clean-up-{client.comp_id}-{next(CLEAN_UPS)}")
    client.sync()
    client.logout()
