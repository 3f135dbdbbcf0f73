"""kill -9 at random moments under load: what was acknowledged stays, and nothing comes twice.

Two thirds of the kills hit core alone, which the supervisor starts again; one third hits every
process at once. Members go on with the MsgSeqNums of before, each time. FixClient asserts the
rules of numbers and ExecIDs on each message; at the end everything that anybody saw is compared
with the journal, and the other way round.
"""

import random
import threading
import time
from collections import Counter

import pytest

from tests.support.fix_client import ConnectionEnded, FixClient
from tests.support.journal import EXEC_TYPES, Journal, names, names_of, state_of
from tests.support.progress import progress
from tests.support.traders import Trader
from tests.support.venue import wait_until

OPEN = (0, 1)

MANY = 12
"""So many kills meet some order on its way, on any machine."""

SESSIONS = ("BENCH-OE1", "BENCH2-OE1", "BENCH-OE2", "BENCH2-OE2")


class Crashes:
    """One venue, its traders and its drop copies, over many kills.

    kills: how many of what; the drop copy process is killed now and then, too. away: a drop copy
    that is told nothing until the end. on_and_off: one that comes and goes.
    """

    def __init__(self, venue, dial, seed, *, window, longest):
        self.venue = venue
        self.rng = random.Random(seed)
        self.longest = longest
        self.kills = Counter()
        self.traders = [
            Trader(
                FixClient(comp_id, venue.order_entry, resends=comp_id.endswith("OE1")),
                random.Random(self.rng.getrandbits(64)),
                window=window,
            )
            for comp_id in SESSIONS
        ]
        self.away = dial(venue, "BENCH-DC1")
        self.on_and_off = dial(venue, "BENCH2-DC1")

    def begin(self):
        """Start; everybody logs on once."""
        self.venue.start()
        for trader in self.traders:
            trader.reconnect()
        self.away.reconnect().logout()
        self.on_and_off.reconnect()

    # --- rounds ---------------------------------------------------------------------------

    def round(self, number, *, reset=False):
        """Trade until the kill, come back, catch up. reset: members begin at 1 again (141=Y)."""
        whole = number % 3 == 2
        kill = self._kill_all if whole else self._kill_core
        before = sum(len(trader.client.delivered) for trader in self.traders)
        timer = threading.Timer(self.rng.uniform(0.05, self.longest), kill)
        timer.start()
        try:
            while True:
                for trader in self.traders:
                    trader.trade()
                self._glance_at_drop_copy()
        except ConnectionEnded:
            pass
        timer.join()
        for trader in self.traders:
            trader.read_to_the_end()
            trader.client.drop()
        if whole:
            self.venue.start()
        elif self.rng.random() < 0.25:
            self._kill_again_while_it_recovers()
        for trader in self.traders:
            trader.reconnect(reset=reset)
        after = sum(len(trader.client.delivered) for trader in self.traders)
        assert after > before, f"round {number} had no load"

    def _kill_core(self):
        self.kills["core"] += 1
        self.killed = self.venue.kill_one("core")

    def _kill_all(self):
        self.kills["all"] += 1
        self.venue.kill_all()

    def _kill_again_while_it_recovers(self):
        venue, killed = self.venue, self.killed
        wait_until(lambda: venue.pid("core") != killed, 10, "core is started again")
        time.sleep(self.rng.uniform(0, 0.6))  # a random moment of start-up and recovery
        self.kills["recovering"] += 1
        venue.kill_one("core")
        wait_until(lambda: venue.pid("core") != killed, 10, "core is started again")

    def _glance_at_drop_copy(self):
        """The drop copy that comes and goes: read a little, vanish, come back."""
        copy = self.on_and_off
        mood = self.rng.random()
        if mood > 0.997 and self.kills["dropcopy"] < self.kills.total() / 3:
            self.kills["dropcopy"] += 1
            self.venue.kill_one("dropcopy")
        try:
            if not copy.connected:
                if mood < 0.02:
                    copy.connect().logon()
                return
            while copy.receive(0) is not None:
                pass
            if mood < 0.005:
                copy.drop()
        except (OSError, ConnectionEnded):
            copy.drop()

    # --- the end --------------------------------------------------------------------------

    def check(self):
        """Everything that anybody saw, against the journal, and the other way round."""
        for trader in self.traders:  # orders that were sent again may have filled the others'
            trader.client.sync()
        for copy in (self.away, self.on_and_off):
            copy.reconnect()
        journal = Journal(self.venue.data)
        wanted = 1 + self.kills["core"] + self.kills["all"]
        assert wanted <= journal.starts <= wanted + self.kills["recovering"]
        for trader in self.traders:
            self._check_reports(trader, journal)
            self._check_orders_happened_once(trader, journal)
            self._check_states(trader, journal)
        if self.kills.total() >= MANY:
            lost = sum(trader.client.asked for trader in self.traders if trader.client.resends)
            assert lost > 0, "some orders were lost on the way, and sent again"
        self._check_trades(journal)
        journal.check_drop_copy(self.away, "BENCH")
        journal.check_drop_copy(self.on_and_off, "BENCH2")
        first, second = (self.venue.replay(PYTHONHASHSEED=seed) for seed in "01")
        assert first == second
        assert first["open_orders"] == self._open_orders(journal) > 0
        assert first == journal.summary
        return journal

    def _check_reports(self, trader, journal):
        """The member has exactly the journal's reports of its session, in order."""
        client = trader.client
        got = names_of(client.delivered_reports())
        assert got == names(journal.of_session(client.comp_id)), trader
        assert len(got) > 10 * self.kills["core"], "there was load"
        assert client.reports.keys() <= set(got), "nothing was seen that is not in the journal"

    @staticmethod
    def _check_orders_happened_once(trader, journal):
        """A ClOrdID made one order at most; with a member that resends, exactly one."""
        session = journal.sessions[trader.client.comp_id]
        orders = Counter(
            record["command"]["cl_ord_id"]
            for record in journal.records
            if record["command"]["type"] in ("NewOrder", "RefusedOrder")
            and record["command"]["origin"]["session"] == session
        )
        assert set(orders.values()) == {1}
        assert orders.keys() <= trader.sent.keys()
        if trader.client.resends:
            assert orders.keys() == trader.sent.keys(), trader

    def _check_states(self, trader, journal):
        """35=H says of an order what its last event in the journal says."""
        latest = list(journal.latest(trader.client.comp_id).values())
        for _, event in self.rng.sample(latest, min(100, len(latest))):
            status = trader.client.status(event["cl_ord_id"], event["side"])
            if event["status"] == 8:
                continue  # a rejected order is not kept
            assert status[37] == str(event["order_id"])
            assert state_of(status) == journal.state(event), (str(status), event)

    @staticmethod
    def _check_trades(journal):
        """Every match has two sides: one buys what the other sells, at one price."""
        matches = {}
        for _, kind, event in journal.reports:
            if kind == "OrderFilled":
                matches.setdefault(event["match"], []).append(event)
        assert len(matches) > 20, "members traded"
        for sides in matches.values():
            assert sorted(side["side"] for side in sides) == [1, 2]
            assert len({(side["last_qty"], side["last_price"]) for side in sides}) == 1
            assert len({side["member"] for side in sides}) == 2

    @staticmethod
    def _open_orders(journal):
        latest = {}
        for comp_id in SESSIONS:
            latest |= journal.latest(comp_id)
        return sum(event["status"] in OPEN for _, event in latest.values())


@pytest.fixture
def crashes(new_venue, dial):
    """Makes the venue and its members; their sockets are closed after the test."""
    made = []

    def make(seed, **load):
        print(f"seed {seed}")  # shown if the test fails
        made.append(Crashes(new_venue(only="core,dropcopy,snapshot"), dial, seed, **load))
        return made[-1]

    yield make
    for one in made:
        for trader in one.traders:
            trader.client.drop()


@pytest.mark.parametrize(
    ("seed", "kills"), [(20261, 6), pytest.param(20262, 6, marks=pytest.mark.proof)]
)
def test_kill_9_loses_nothing_and_repeats_nothing(crashes, seed, kills):
    run = crashes(seed, window=40, longest=0.5)
    run.begin()
    for number in range(kills):
        run.round(number)
    run.check()
    assert run.kills["core"] + run.kills["all"] == kills


@pytest.mark.proof
def test_a_reset_of_the_numbers_after_kill_9_loses_no_report(crashes):
    run = crashes(20263, window=200, longest=0.4)
    run.begin()
    for number in range(4):
        run.round(number, reset=True)
    for trader in run.traders:
        trader.client.sync()
    journal = Journal(run.venue.data)
    for trader in run.traders:
        reports = journal.of_session(trader.client.comp_id)
        named = [name for name, kind, _ in reports if kind in EXEC_TYPES]
        assert sorted(trader.client.reports) == sorted(named), trader
        assert len(named) > 40, "there was load"


@pytest.mark.proof
@pytest.mark.parametrize(("seed", "kills"), [(1, 13), (2, 13), (3, 12), (4, 12)])
def test_kill_9_under_heavy_load(crashes, seed, kills):
    heavy_load(crashes, seed, kills)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(101, 111))
def test_two_hundred_times_kill_9_under_heavy_load(crashes, seed):
    heavy_load(crashes, seed, 20)


def heavy_load(crashes, seed, kills):
    run = crashes(seed, window=400, longest=1.2)
    run.begin()
    for number in range(kills):
        progress(f"seed {seed}: kill {number + 1} of {kills}")
        run.round(number)
    run.check()
    assert run.kills["core"] + run.kills["all"] == kills
