"""A seeded run of custody through whatever can go wrong, and what must be true at its end.

Everything that happens is drawn from one `random.Random(seed)`. At the end all is well again, time
goes on until nothing is under way, and books, chain and people have to agree.
"""

import contextlib
import random

from custody.known import DeskRefused
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.world import ETHER, USDC, Killed, World
from tests.engine.streams import (
    ACME_ACCOUNT,
    BOREAS_ACCOUNT,
    ETH,
    RANDOM_BALANCES,
    USD,
)

ACCOUNTS = {"ACME": ACME_ACCOUNT, "BOREAS": BOREAS_ACCOUNT}
ASSETS = {"ETH": ("", 18, ETH, 10**5), "USD": (USDC, 6, USD, 10**8)}
PLACES = (
    "deposit found",
    "deposit screened",
    "deposit posted",
    "deposit credited",
    "withdrawal held",
    "withdrawal judged",
    "nonce assigned",
    "signed",
    "signature kept",
    "broadcast",
    "final",
    "payment posted",
    "withdrawal paid",
    "withdrawal settled",
    "withdrawal released",
    "sweep planned",
    "sweep booked",
    "fuel planned",
    "fuel booked",
)


class Chance:
    """Faults of nodes, drawn as they are asked for."""

    def __init__(self, rng):
        self._rng = rng
        self.rate = 0.0

    def before(self, node, call):
        return self._rng.random() < self.rate

    def after(self, node, call):
        return self._rng.random() < self.rate


class Schedule:
    """One run."""

    def __init__(self, seed, folder, template):
        self.rng = random.Random(seed)
        self.faults = Chance(self.rng)
        self.world = World(folder, template, self.faults)
        self.world.step()
        self.liar = self.rng.choice(self.world.nodes)
        """The one that lies; more than one of three would be believed."""
        self.expected = {}  # (account, asset) -> minor units that came and have to be credited
        self.asked = {}  # id -> (account name, asset code, minor units, destination)
        self.destinations = 0
        self.kills = 0

    def run(self, turns):
        for _ in range(turns):
            self.rng.choice(self.HAPPENINGS)(self)
            self.turn()
        self.heal()
        for _ in range(3):  # what came last gets final, and then is swept
            self.world.go(1, blocks=9, seconds=10)
            self.world.settle(200)
        self.judge()
        return self

    def turn(self):
        """Time goes on, and custody takes a step; or is killed in it, and started again."""
        world = self.world
        if self.rng.random() < 0.25:
            place = self.rng.choice(PLACES)
            world.kill_at = (place, world.reached.count(place) + 1)
        try:
            world.go(1, blocks=self.rng.randrange(3), seconds=self.rng.choice((1, 2, 15)))
        except Killed:
            self.kills += 1
            world.kill_at = None
            world.start()
            if self.rng.random() < 0.3:
                world.start_signer()
        world.kill_at = None

    def heal(self):
        world = self.world
        self.faults.rate = 0.0
        world.line.away = world.line.deaf = world.signing.away = False
        world.chain.stalled_at = None
        world.chain.base_fee = 10**9
        for node in world.nodes:
            node.lag = 0
            node.hides.clear()
            node.chain = world.chain
        self.tried(world.desk.clear_alarm, "nodes")

    # --- what happens ---------------------------------------------------------------------

    def deposit(self):
        name, code = self.rng.choice(list(ACCOUNTS)), self.rng.choice(list(ASSETS))
        token, decimals, asset, _ = ASSETS[code]
        address = self.world.desk.deposit_address(name, code)
        whole = self.rng.randint(1, 5)
        self.world.chain.pay("0x" + "5a" * 20, (address, token, whole * 10**decimals))
        key = ACCOUNTS[name], asset
        self.expected[key] = self.expected.get(key, 0) + whole * 10**8

    def withdraw(self):
        name, code = self.rng.choice(list(ACCOUNTS)), self.rng.choice(list(ASSETS))
        self.destinations += 1
        destination = "0x%040x" % (0xD0000000 + self.destinations)
        units = self.rng.choice((10**8, 3 * 10**8, 10**18))
        ident = self.world.desk.withdraw(name, code, units, destination, "trader7")
        self.asked[ident] = (name, code, units, destination)

    def decide(self):
        world = self.world
        waiting = [row.id for row in world.desk.withdrawals() if row.state == "awaiting"]
        if waiting:
            ident = self.rng.choice(waiting)
            person = self.rng.choice((ALICE, BOB, CAROL, CAROL))
            approval = person.says(world.intent(ident), approves=self.rng.random() < 0.9)
            self.tried(world.desk.approve, ident, approval)

    def take_back(self):
        if self.asked:
            self.tried(self.world.desk.cancel, self.rng.choice(list(self.asked)), "trader7")

    def tried(self, operation, *words):
        with contextlib.suppress(DeskRefused):
            operation(*words)

    def reorganize(self):
        """Of blocks that are not final; what was in them comes again, or is broadcast again."""
        world = self.world
        depth = self.rng.randint(1, 5)
        lost = {
            tx
            for block in world.chain.blocks[-depth:]
            for tx in world.chain.transactions(block.hash)
        }
        ours = {tx for tx in sorted(lost) if world.chain.signed(tx)}
        again = [tx for tx in sorted(lost) if tx not in ours or self.rng.random() < 0.5]
        world.chain.reorganize(depth, world.clock.time, again)

    def bad_nodes(self):
        self.faults.rate = self.rng.choice((0.0, 0.05, 0.3))

    def lagging_node(self):
        self.rng.choice(self.world.nodes).lag = self.rng.choice((0, 3, 30))

    def lying_node(self):
        """One of three tells of another chain, or of this one again."""
        world, liar = self.world, self.liar
        liar.chain = world.chain
        if self.rng.random() < 0.5:
            liar.chain = world.chain.fork()
            address = world.desk.deposit_address("ACME", "ETH")
            liar.chain.pay("0x" + "11" * 20, (address, "", 1_000 * ETHER))
            liar.chain.mine(world.clock.time, 20)

    def hidden(self):
        """A node denies what it has."""
        chain = self.world.chain
        block = chain.blocks[-1 - self.rng.randrange(10)]
        self.liar.hides.update(chain.transactions(block.hash))

    def the_line(self):
        line = self.world.line
        line.away, line.deaf = self.rng.random() < 0.3, self.rng.random() < 0.3

    def the_signer(self):
        self.world.signing.away = self.rng.random() < 0.4

    def fees(self):
        """Dearer by any factor: what is sent waits, and is replaced."""
        self.world.chain.base_fee = self.rng.choice((10**9, 10**9, 20 * 10**9))
        if self.rng.random() < 0.3:
            self.world.chain.drop()

    def stall(self):
        chain = self.world.chain
        chain.stalled_at = None if chain.stalled_at else chain.final().number

    def well_again(self):
        self.heal()

    HAPPENINGS = (
        deposit, deposit, deposit, withdraw, withdraw, withdraw, decide, decide, decide, take_back,
        reorganize, bad_nodes, lagging_node, lying_node, hidden, the_line, the_signer, fees, stall,
        well_again, well_again,
    )  # fmt: skip

    # --- what must be true ----------------------------------------------------------------

    def judge(self):
        world = self.world
        world.check()
        world.check_chain()
        paid = {}
        for ident, (name, code, units, destination) in self.asked.items():
            token, decimals, asset, fee = ASSETS[code]
            state = world.withdrawal_state(ident)
            arrived = world.on_chain(destination, token)
            wanted = units * 10**decimals // 10**8 if state == "settled" else 0
            assert arrived == wanted, (ident, state, arrived, wanted)
            if state == "settled":
                key = ACCOUNTS[name], asset
                paid[key] = paid.get(key, 0) + units + fee
        for account in ACCOUNTS.values():
            for asset in (ETH, USD):
                held = world.held(account, asset)
                waiting = sum(
                    row.amount + row.fee
                    for row in world.desk.withdrawals()
                    if row.state == "awaiting" and row.account == account
                    and row.asset == {ETH: "ETH", USD: "USD"}[asset]
                )  # fmt: skip
                assert held == waiting
                have = world.available(account, asset) + held
                came = self.expected.get((account, asset), 0)
                assert have == RANDOM_BALANCES[asset] + came - paid.get((account, asset), 0)
        assert not [row.name for row in world.desk.alarms() if row.stops]
        for row in world.desk.deposits():
            assert row.state == "credited", (row.reference, row.state)
