"""A seeded run of custody through whatever can go wrong, and what must be true at its end.

Everything that happens is drawn from one `random.Random(seed)`. At the end all is well again, time
goes on until nothing is under way, and books, chain and people have to agree.
"""

import contextlib
import random

from sqlalchemy import select

from custody.known import DeskRefused
from custody.ledger.ledger import check_chain
from custody.screening import ListScreening, ScreeningFailed, Verdict
from custody.signing.log import SignerLog
from custody.signing.requests import FROM_HOT, WarmPay, read_purpose
from custody.store.custody_schema import attempts
from custody.store.ledger_store import LedgerStore
from engine.model.enums import HOLD_FROZEN as FROZEN
from engine.model.enums import HOLD_NONE as NONE
from engine.model.enums import HOLD_RESTRICTED as RESTRICTED
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.world import BAD, CHAIN, ETHER, USDC, Killed, World
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


MOST_STATEMENTS = 80
"""Statements to the database of a step, about: a death may come before any of them."""


class Chance:
    """Faults of nodes, drawn as they are asked for. balanced: behind each address there are several
    nodes, some of them far behind, and every question meets another one."""

    def __init__(self, rng):
        self._rng = rng
        self.rate = 0.0
        self.balanced = False
        self.broadcasts = 0
        self.nodes = {}

    def before(self, node, call):
        self.broadcasts += call == "broadcast"
        if self.balanced:
            self.nodes[node].lag = self._rng.choice((0, 0, 30))
        return self._rng.random() < self.rate

    def after(self, node, call):
        return self._rng.random() < self.rate


class Watched:
    """Screening that may be away, and remembers what it has let through."""

    def __init__(self):
        self._list = ListScreening([BAD])
        self.away = False
        self.cleared = set()

    async def deposit(self, account, asset, source, amount):
        return self._said(
            await self._list.deposit(account, asset, source, amount),
            (account, asset, source, amount),
        )

    async def withdrawal(self, account, intent):
        return self._said(
            await self._list.withdrawal(account, intent),
            (account, intent.asset, intent.destination, intent.amount),
        )

    def _said(self, verdict, what):
        if self.away:
            raise ScreeningFailed("nobody is there")
        if verdict == Verdict.CLEAR:
            self.cleared.add(what)
        return verdict


class Schedule:
    """One run. kinds: what goes wrong in it, by name; the seed decides if nobody says. places: of
    deaths."""

    places = PLACES

    def __init__(self, seed, folder, template, kinds=()):
        self.rng = random.Random(seed)
        self.faults = Chance(self.rng)
        self.world = World(folder, template, self.faults)
        self.faults.nodes = {node.name: node for node in self.world.nodes}
        self.world.screening = self.screening = Watched()
        self.world.start()
        self.statements_left = None
        self.world.listen("before_cursor_execute", self.statement)
        self.submit, self.world.chain.submit = self.world.chain.submit, self.submitted
        self.world.step()
        self.liar = self.rng.choice(self.world.nodes)
        """The one that lies; more than one of three would be believed."""
        # A few kinds often show more than all of them seldom; and so it is with deaths.
        drawn = self.rng.sample(self.FAULTS, self.rng.randint(1, 4))
        self.kinds = [getattr(Schedule, name) for name in kinds] or drawn
        self.deaths = self.rng.choice((0.1, 0.2, 0.5))
        self.expected = {}  # (account, asset) -> minor units that came and have to be credited
        self.asked = {}  # id -> (account name, asset code, minor units, destination)
        self.destinations = 0
        self.kills = 0
        self.over = False  # nothing happens any more: what is under way has to end

    def run(self, turns):
        for happens in (self.deposit, self.withdraw, self.withdraw):
            happens()
        for _ in range(turns):
            self.happen()
            self.turn()
        self.over = True
        self.heal()
        for _ in range(3):  # what came last gets final, and then is swept
            self.world.go(1, blocks=9, seconds=10)
            self.world.settle(200)
        self.judge()
        return self

    def happen(self):
        """One thing that people do, or one fault of this run's kinds, or all is well again."""
        kind = self.rng.random()
        if kind < 0.45:
            self.rng.choice(self.WORK)(self)
        elif kind < 0.9:
            self.rng.choice(self.kinds)(self)
        else:
            self.heal()

    def turn(self):
        """Time goes on, and custody takes a step; or is killed in it, and started again."""
        world = self.world
        if self.rng.random() < 0.3:
            world.line.arrive()
        if self.rng.random() < self.deaths:
            place = self.rng.choice(self.places)
            world.kill_at = (place, world.reached.count(place) + 1)
        elif self.rng.random() < self.deaths:
            self.statements_left = self.rng.randint(1, MOST_STATEMENTS)
        try:
            blocks, seconds = self.rng.choice((0, 1, 1, 2, 6)), self.rng.choice((1, 2, 15, 61))
            world.go(1, blocks=blocks, seconds=seconds)
        except Killed:
            self.kills += 1
            world.kill_at = self.statements_left = None
            world.start()
            if self.rng.random() < 0.3:
                world.start_signer()
        world.kill_at = self.statements_left = None

    def statement(self, *_):
        """The database is about to be told something."""
        if self.statements_left is not None:
            self.statements_left -= 1
            if self.statements_left == 0:
                raise Killed("at a statement")

    def submitted(self, raw):
        """A node is given a transaction: it is on disk by now."""
        left, self.statements_left = self.statements_left, None  # this one is the test's own
        with self.world.database.connect() as connection:
            there = connection.execute(select(attempts.c.tx).where(attempts.c.raw == raw)).first()
        self.statements_left = left
        assert there is not None, "a node sees a signed form that is not on disk"
        return self.submit(raw)

    def heal(self):
        world = self.world
        self.faults.rate = 0.0
        self.faults.balanced = self.screening.away = False
        world.line.away = world.line.deaf = world.line.slow = world.signing.away = False
        world.line.arrive()
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
        dust = self.rng.choice((0, 1, 10**10 - 1)) if code == "ETH" else 0
        self.world.chain.pay("0x" + "5a" * 20, (address, token, whole * 10**decimals + dust))
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

    def balanced_nodes(self):
        self.faults.balanced = not self.faults.balanced

    def screening_away(self):
        self.screening.away = self.rng.random() < 0.6

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
        line.slow = self.rng.random() < 0.3

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

    WORK = (deposit, deposit, withdraw, withdraw, decide, decide, take_back)
    FAULTS = (
        reorganize, bad_nodes, lagging_node, balanced_nodes, lying_node, hidden, screening_away,
        the_line, the_signer, fees, stall,
    )  # fmt: skip

    # --- what must be true ----------------------------------------------------------------

    def judge(self):
        world = self.world
        world.check()
        world.check_chain()
        self.judge_people(self.judge_payments())
        self.judge_forms()
        self.judge_deposits()
        self.judge_disk()
        stops = [row.name for row in world.desk.alarms() if row.stops]
        assert not stops, f"stopped by {stops}"

    def judge_payments(self):
        """What was settled has arrived, once, and nothing else; minor units by account, asset."""
        paid = {}
        for ident, (name, code, units, destination) in self.asked.items():
            token, decimals, asset, fee = ASSETS[code]
            state = self.world.withdrawal_state(ident)
            arrived = self.world.on_chain(destination, token)
            wanted = units * 10**decimals // 10**8 if state == "settled" else 0
            assert arrived == wanted, f"{ident} is {state}, and {arrived} arrived, not {wanted}"
            if state == "settled":
                key = ACCOUNTS[name], asset
                paid[key] = paid.get(key, 0) + units + fee
                let_through = (ACCOUNTS[name], code, destination, wanted)
                assert let_through in self.screening.cleared, f"{ident} was paid unscreened"
        return paid

    def judge_people(self, paid):
        """Everybody has what they had and what came, less what was paid."""
        world = self.world
        for account in ACCOUNTS.values():
            for asset in (ETH, USD):
                held = world.held(account, asset)
                waiting = sum(
                    row.amount + row.fee
                    for row in world.desk.withdrawals()
                    if row.state == "awaiting" and row.account == account
                    and row.asset == {ETH: "ETH", USD: "USD"}[asset]
                )  # fmt: skip
                assert held == waiting, f"{held} is held, and {waiting} waits"
                have = world.available(account, asset) + held
                came = self.expected.get((account, asset), 0)
                wanted = RANDOM_BALANCES[asset] + came - paid.get((account, asset), 0)
                assert have == wanted, f"{account} has {have} of {asset}, not {wanted}"

    def judge_forms(self):
        """Each payment has one nonce, each nonce one payment; each form was logged by the signer
        before it was kept here, and went to each node once each time that it went out."""
        world = self.world
        for first, second in (("nonces", "payments"), ("payments", "nonces")):
            known = {}
            for asked in world.signing.asked:
                purpose = asked.purpose
                if hasattr(purpose, "intent"):
                    wallet = getattr(purpose, "number", FROM_HOT)
                    wallet = "warm" if isinstance(purpose, WarmPay) else wallet
                    pair = {"nonces": purpose.intent.id, "payments": (wallet, asked.nonce)}
                    there = known.setdefault(pair[first], pair[second])
                    assert there == pair[second], f"{pair[first]} has two {first}"
        log = SignerLog(world.folder / "signer.log", world.logged.append)
        log.close()
        logged = {bytes.fromhex(entry.tx) for entry in log.entries}
        with world.database.connect() as connection:
            kept = {bytes(row.tx) for row in connection.execute(select(attempts.c.tx))}
        assert kept <= logged, "the signer's log lacks a form"
        rounds = world.reached.count("broadcast")
        assert self.faults.broadcasts == len(world.nodes) * rounds, "a node was told twice"

    def judge_deposits(self):
        """Each is credited, screened, and called by what no reorganization changes."""
        for row in self.world.desk.deposits():
            assert row.state == "credited", f"{row.reference} is {row.state}"
            let_through = (row.account, row.asset, row.source, row.amount)
            assert let_through in self.screening.cleared, f"{row.reference} was not screened"
            name = f"deposit/{CHAIN}/{row.tx.hex()}/{row.position}"
            assert row.reference == name, f"{row.reference} is not called {name}"

    def judge_disk(self):
        """What is on disk is what is in memory, and the chain of all batches holds."""
        store = LedgerStore(self.world.database)
        ledger, _ = store.load()
        ours = self.world.custody.poster.ledger
        assert _used(ledger) == _used(ours), "the disk has other sums"
        assert check_chain(store.posted()) == ours.digest, "the disk has other batches"


class Holding(Schedule):
    """The same, and accounts are frozen, closed to new risk and let go, also within a step."""

    def __init__(self, seed, folder, template, kinds=()):
        super().__init__(seed, folder, template, kinds)
        self.signed = set()
        self.world.passing = self.passing
        self.sign, self.world.signing._ask = self.world.signing._ask, self.asked_to_sign

    def hold_somebody(self):
        account = self.rng.choice(list(ACCOUNTS.values()))
        frozen = self.world.frozen(account)
        self.world.hold(account, self.rng.choice((NONE, RESTRICTED)) if frozen else FROZEN)

    def passing(self, where):
        places = ("withdrawal judged", "nonce assigned")
        if where in places and not self.over and self.rng.random() < 0.1:
            self.hold_somebody()

    def heal(self):
        super().heal()
        for account in ACCOUNTS.values():
            if self.world.frozen(account):
                self.world.hold(account, NONE)

    WORK = (*Schedule.WORK, hold_somebody)

    def asked_to_sign(self, request, nonce, gas, offer, *, cancels):
        """Nothing is signed for the first time for whom the venue has frozen."""
        intent = getattr(read_purpose(request), "intent", None)
        pays = intent is not None and not cancels
        if pays and intent.id not in self.signed:
            frozen = self.world.frozen(ACCOUNTS[intent.account])
            assert not frozen, f"{intent.id} is signed, and {intent.account} is frozen"
        signed = self.sign(request, nonce, gas, offer, cancels=cancels)
        if pays:
            self.signed.add(intent.id)
        return signed


def _used(ledger):
    """Accounts that have, or had, something: those that were only opened are not on disk."""
    sums = ("debits", "credits", "pending_debits", "pending_credits")
    return {
        name: account
        for name, account in ledger.accounts.items()
        if any(getattr(account, what) for what in sums)
    }
