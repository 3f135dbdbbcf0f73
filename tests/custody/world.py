"""A venue, its custody and a simulated chain in this process, on a clock that is moved by hand.

Everything is the product but the clock, the disk's syncs and the sockets: the engine and its
journal, the ledger in SQLite, the nodes that have to agree, the signer with its log.
"""

import asyncio

from eth_utils import keccak
from msgspec.structs import replace
from sqlalchemy import event, select

from custody.assets import ChainAsset
from custody.chains.calldata import parse_address
from custody.chains.quorum import Witnesses
from custody.chains.simulated import SimulatedChain, TokenKind
from custody.chains.simulated_node import SimulatedNode
from custody.chains.transactions import read_transaction
from custody.decisions.store import intent_of as decided_intent
from custody.deposits.store import last_block
from custody.outgoing.sender import Signed, SignerAway, SignerRefused
from custody.policy.policy import Approver, Policy, Quorum, Rule
from custody.screening import ListScreening
from custody.service import Custody
from custody.signing import requests
from custody.signing.client import AWAY
from custody.signing.keys import SeedKeys
from custody.signing.log import SignerLog
from custody.signing.rules import SignerRules
from custody.signing.signer import Signer
from custody.store.custody_schema import decisions, deposits, outgoing, withdrawals
from custody.terms import Terms
from custody.withdrawals.states import ENDED
from custody.withdrawals.store import intent_of
from engine.core.venue import Venue
from engine.model.clock import NANOS_PER_SECOND
from engine.model.commands import Origin, SetHold
from engine.model.enums import HOLD_FROZEN
from engine.sequencer import Sequencer
from tests.custody import people
from tests.custody.databases import give_back, lend
from tests.custody.people import ALICE, BOB, CAROL
from tests.engine.streams import RANDOM_BALANCES, START, bootstrap_commands
from tests.journal.support import open_writer

ETHER = 10**18
GWEI = 10**9
CHAIN = 31_337
USDC = "0x" + "c0" * 20
COLD = "0x" + "01d0" * 10
STRANGER, BAD = people.STRANGER.address.lower(), people.BAD.address.lower()
"""Who pays from outside; screening knows the second."""
THEIRS = "0x" + "5a" * 20
"""Where withdrawals go."""

ASSETS = (
    ChainAsset("ETH", "", 18, 8, min_deposit=10**6, min_withdrawal=10**6, withdrawal_fee=10**5),
    ChainAsset("USD", USDC, 6, 8, min_deposit=10**8, min_withdrawal=10**8, withdrawal_fee=10**8),
)
DECIMALS = {"ETH": 18, "USD": 6}
POLICY = Policy(
    approvers=(
        Approver(name="alice", key=ALICE.public, groups=("treasury",)),
        Approver(name="bob", key=BOB.public, groups=("treasury",)),
        Approver(name="carol", key=CAROL.public, groups=("risk",)),
    ),
    rules=(
        Rule(name="small", action="allow", assets=("ETH",), amount_up_to="1"),
        Rule(
            name="large",
            action="approve",
            approve=(Quorum(group="treasury", quorum=1), Quorum(group="risk", quorum=1)),
        ),
        Rule(
            name="decided",
            action="approve",
            kinds=("give-up", "release-deposit", "return-deposit", "book-break", "restock"),
            approve=(Quorum(group="treasury", quorum=1), Quorum(group="risk", quorum=1)),
        ),
    ),
    intent_life_s=3_600,
)
TERMS = Terms(CHAIN, ASSETS, POLICY, {"ETH": 10**8, "USD": 100 * 10**8}, 500 * GWEI)


NODES = ("one", "two", "three")


class Killed(BaseException):
    """The process ends here, as by SIGKILL."""


class HandClock:
    def __init__(self):
        self.time = START

    def now(self):
        return self.time

    def monotonic(self):
        return self.time


class DirectLine:
    """Commands straight into the sequencer. away: nothing arrives; deaf: its answers are lost;
    slow: what is said arrives when `arrive` is called, long after it was given up."""

    def __init__(self, world):
        self.world = world
        self.away = self.deaf = self.slow = False
        self.under_way = []

    async def say(self, commands):
        if self.away:
            return 0
        self.under_way += commands
        if self.slow:
            return 0
        self.arrive()
        return 0 if self.deaf else len(commands)

    def arrive(self):
        for command in self.under_way:
            self.world.sequencer.submit(command, self.world.clock.now())
        self.under_way.clear()
        self.world.sequencer.commit()


class DirectSigner:
    """The signer without its socket. away: it does not answer; deaf: it does, and what it says of a
    change is lost. Its memory is its log on disk."""

    def __init__(self, world):
        self.world = world
        self.away = self.deaf = False
        self.asked = []
        self.notes = []

    async def sign(self, request, nonce, gas, offer):
        return self._ask(request, nonce, gas, offer, cancels=False)

    async def sign_cancel(self, request, nonce, offer):
        return self._ask(request, nonce, 21_000, offer, cancels=True)

    def _ask(self, request, nonce, gas, offer, *, cancels):
        if self.away:
            raise SignerAway("no answer")
        limits = requests.Gas(gas, offer.max_fee, offer.tip)
        asked = requests.Sign(requests.read_purpose(request), nonce, limits, cancels)
        self.asked.append(asked)
        reply = self._exchange(asked)
        return Signed(reply.raw, reply.tx)

    async def note(self, note):
        if self.away:
            raise SignerAway("no answer")
        self.notes.append(note)
        noted = self._exchange(note)
        if self.deaf:
            raise SignerAway("the answer is lost")
        return noted

    def _exchange(self, asked):
        payload = requests.frame(asked)[4:]  # as over the socket
        reply = self.world.signer.handle(requests.read_request(payload))
        if isinstance(reply, requests.Refused) and reply.reason in AWAY:
            raise SignerAway(reply.text)
        if isinstance(reply, requests.Refused):
            raise SignerRefused(f"{reply.reason}: {reply.text}")
        return reply


class World:
    """Everything. template: a database with its tables made, to be copied. warm: whether there is
    a warm wallet. stock: ether of the hot wallet and of the warm one, where all dollars are in
    the latter; else the hot one has all. terms: what is other than in TERMS."""

    def __init__(
        self, folder, template, faults=None, policy=POLICY, *, warm=False, stock=None, **terms
    ):
        self.folder = folder
        self.has_warm = warm
        self.clock = HandClock()
        self.runner = asyncio.Runner()
        self.writer = open_writer(folder / "journal")
        self.venue = Venue()
        self.sequencer = Sequencer(self.venue, self.writer, bytes)
        for command in bootstrap_commands(balances=RANDOM_BALANCES):
            self.sequencer.submit(command, START)
        self.sequencer.commit()
        self.chain, self.nodes = self.make_chain(faults)
        self.chain.tokens[USDC] = TokenKind.HONEST
        self.line = DirectLine(self)
        self.signing = DirectSigner(self)
        self.terms = replace(TERMS, policy=policy, **terms)
        self.logged = []
        self.held_so_far = 0
        self.reached = []
        self.kill_at = None
        self.passing = lambda _where: None
        self.screening = ListScreening([BAD])
        self.lent = None
        self.listening = []
        self.database = self.make_database(template)
        self.keys = self.make_keys()
        self.signer = self.signer_log = None
        self.start_signer()
        wallets = self.signer.handle(requests.Wallets())
        self.hot, self.tank, self.warm = wallets.hot, wallets.gas_tank, wallets.warm
        hot, warm = stock or (1_000, 0)
        self.chain.fund(self.hot, hot * ETHER)
        self.chain.fund(self.warm if stock else self.hot, 5_000_000 * 10**6, USDC)
        if warm:
            self.chain.fund(self.warm, warm * ETHER)
        self.chain.fund(self.tank, 10 * ETHER)
        self.chain.mine(START, 10)
        self.custody = None
        self.start()

    # --- what it is made of ---------------------------------------------------------------

    def make_chain(self, faults):
        """The chain, and the nodes that tell of it."""
        chain = SimulatedChain(read_transaction, START)
        return chain, [SimulatedNode(name, chain, faults) for name in NODES]

    def make_database(self, template):
        """Custody's database, its tables made."""
        self.lent = lend(template, self.folder / "custody.db")
        return self.lent.engine

    def listen(self, name, told):
        """Tell somebody what happens to the database, as long as this world is."""
        event.listen(self.database, name, told)
        self.listening.append((name, told))

    def make_keys(self):
        """The signer's."""
        return SeedKeys(keccak(b"a seed"))

    # --- processes ------------------------------------------------------------------------

    def start_signer(self):
        rules = SignerRules(
            CHAIN, {"ETH": "", "USD": USDC}, DECIMALS, self.terms.policy, COLD, 500 * GWEI, ETHER,
            self.has_warm,
        )  # fmt: skip
        self._end_signer()
        self.signer_log = SignerLog(self.folder / "signer.log", self.logged.append)
        self.signer = Signer(rules, self.keys, self.signer_log, self.clock, self.logged.append)

    def start(self):
        """Custody again, with what is on disk alone."""
        if self.custody is not None:
            self.custody.close()
        self.custody = Custody(
            self.terms,
            self.signer.handle(requests.Wallets()),
            self.folder / "journal",
            self.database,
            Witnesses(self.nodes, 2, self.logged.append),
            self.signing,
            self.line,
            self.screening,
            parse_address,
            self.clock,
            self.logged.append,
            self._reached,
        )

    def _reached(self, where):
        self.reached.append(where)
        self.passing(where)
        if self.kill_at == (where, self.reached.count(where)):
            raise Killed(where)

    def _end_signer(self):
        if self.signer_log is not None:
            self.signer_log.close()
            self.signer_log = None

    def close(self):
        self.custody.close()
        self._end_signer()
        self.runner.close()
        self.writer.close()
        for name, told in self.listening:
            event.remove(self.database, name, told)
        if self.lent is None:
            self.database.dispose()
        else:
            give_back(self.lent)

    # --- time -----------------------------------------------------------------------------

    def step(self):
        while self.custody.post():
            pass
        self.runner.run(self.custody.step())
        while self.custody.post():
            pass

    def go(self, rounds, blocks=1, seconds=2):
        """So many rounds, each of some blocks and a step."""
        for _ in range(rounds):
            self.clock.time += seconds * NANOS_PER_SECOND
            self.chain.mine(self.clock.time, blocks)
            self.step()

    def settle(self, most=60):
        """On, until nothing is under way that does not wait for a person."""
        self.go(1)
        for _ in range(most):
            if not self.under_way():
                return
            self.go(1, blocks=4)
        raise AssertionError(f"still under way: {self.under_way()}")

    def under_way(self):
        """What goes on by itself."""
        with self.database.connect() as connection:
            moving = [
                *connection.execute(select(deposits.c.reference, deposits.c.state).where(
                    deposits.c.state.in_(["received", "cleared", "reversing", "returning"]))),
                *connection.execute(select(decisions.c.id, decisions.c.state).where(
                    decisions.c.state == "agreed", decisions.c.subject != "")),
                *connection.execute(select(withdrawals.c.id, withdrawals.c.state).where(
                    withdrawals.c.state.not_in(
                        [*map(str, ENDED), "awaiting", "reverted"]))),
                *connection.execute(select(outgoing.c.reference, outgoing.c.state).where(
                    outgoing.c.state.in_(["planned", "sent"]))),
                *connection.execute(select(outgoing.c.reference, outgoing.c.booked).where(
                    ~outgoing.c.booked, outgoing.c.purpose != "withdrawal")),
            ]  # fmt: skip
        final = self.chain.final().number
        with self.database.connect() as connection:
            last = last_block(connection)
        if last is None or last[0] < final:
            moving.append(("block", final))
        return moving

    # --- compliance -----------------------------------------------------------------------

    def hold(self, account, level=HOLD_FROZEN):
        """The venue holds an account to `level`, and its journal says so; if that is less than it
        is held to, two people want it so."""
        self.held_so_far += 1
        in_force = self.venue.state.holds.get(account)
        of = in_force.reference if in_force else ""
        for by in ("ann", "ben") if in_force and in_force.level > level else ("ann",):
            name = f"hold/{self.held_so_far}/{by}"
            command = SetHold(Origin(0, 0, 0), account, level, "case 7", name, by, of)
            self.sequencer.submit(command, self.clock.now())
        self.sequencer.commit()

    def frozen(self, account):
        hold = self.venue.state.holds.get(account)
        return hold is not None and hold.level == HOLD_FROZEN

    # --- what people see ------------------------------------------------------------------

    @property
    def desk(self):
        return self.custody.desk

    def available(self, account, asset):
        return self.venue.state.accounts[account].balances[asset].available

    def held(self, account, asset):
        return self.venue.state.accounts[account].balances[asset].held

    def deposit_states(self):
        return sorted(row.state for row in self.desk.deposits())

    def withdrawal_state(self, ident):
        return self.desk.withdrawal(ident)[0].state

    def intent(self, ident):
        return intent_of(self.desk.withdrawal(ident)[0])

    def decision_state(self, ident):
        return self.desk.decisions.one(ident)[0].state

    def decided(self, ident):
        """What people are asked to decide on."""
        return decided_intent(self.desk.decisions.one(ident)[0])

    def say(self, ident, *people, approves=True):
        """What people say of an intent that is decided on."""
        intent = self.decided(ident)
        for person in people:
            self.desk.decisions.approve(ident, person.says(intent, approves=approves))

    def on_chain(self, address, token=""):
        return self.chain.balance(address, token, self.chain.blocks[-1].hash)

    def alarms(self):
        return [row.name for row in self.desk.alarms()]

    # --- what always holds ----------------------------------------------------------------

    def check(self):
        """I1 to I5 of the ledger, and that ledger and engine have the same."""
        poster = self.custody.poster
        assert poster.behind == 0
        poster.ledger.check()
        for account in self.venue.state.accounts.values():
            for asset, balance in account.balances.items():
                have = balance.available + balance.held
                assert poster.postings.balance(account.id, asset) == have, (account.id, asset)

    def check_chain(self):
        """I6, when nothing is under way: the ledger has what is at each address of ours, and not
        by an entry that says that nobody knows why."""
        unexplained = [
            f"{b.asset}/chain/{b.address} {b.amount}"
            for b in self.custody.reconciler.breaks.standing()
        ]
        assert not unexplained, unexplained
        ledger = self.custody.poster.ledger
        factor = {"ETH": 1, "USD": 100}
        tokens = {"ETH": "", "USD": USDC}
        for name, account in ledger.accounts.items():
            code, kind, *rest = name.split("/")
            if kind == "chain":
                there = self.on_chain(rest[0], tokens[code]) * factor[code]
                assert account.balance == there, (name, account.balance, there)
