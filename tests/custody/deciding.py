"""Seeded runs in which coins come that wait for people, and people decide: see schedule.py."""

from sqlalchemy import select

from custody.ledger import chart
from custody.store.custody_schema import decisions as decision_table
from tests.custody import schedule
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.schedule import ACCOUNTS, ASSETS, Schedule
from tests.custody.world import BAD, ETHER, STRANGER

PLACES = (
    "decision judged", "deposit released", "return planned", "return booked", "deposit returned",
)  # fmt: skip
WAITING = ("held", "unattributed")
ENDED = ("credited", "returned")
GAS = ETHER // 10
"""More than a return's gas costs, whatever it costs in these runs."""


class Deciding(Schedule):
    """One run."""

    places = (*schedule.PLACES, *PLACES)

    def __init__(self, *words):
        super().__init__(*words)
        self.asked_for = {}  # intent -> (reference, account name or "", where to or "")

    def run(self, turns):
        for happens in (self.held, self.stray, self.held):
            happens()
        return super().run(turns)

    # --- what happens ---------------------------------------------------------------------

    def turn(self):
        for happens in self.rng.sample(self.PEOPLE, 3):
            happens(self)
        super().turn()

    def held(self):
        """Coins of somebody that screening knows."""
        name, code = self.rng.choice(list(ACCOUNTS)), self.rng.choice(list(ASSETS))
        token, decimals, _, _ = ASSETS[code]
        address = self.world.desk.deposit_address(name, code)
        whole = self.rng.randint(1, 5) * 10**decimals
        self.world.chain.pay(BAD, (address, token, whole))

    def stray(self):
        """Coins at the hot wallet, nobody knows whose."""
        token, decimals, _, _ = self.rng.choice(list(ASSETS.values()))
        self.world.chain.pay(STRANGER, (self.world.hot, token, 2 * 10**decimals))

    def ask(self):
        """For one of those that wait; now and then for one that was asked for before."""
        rows = self.world.desk.deposits()
        some = [row.reference for row in rows if row.state in WAITING]
        if self.rng.random() < 0.3:
            some = [reference for reference, _, _ in self.asked_for.values()]
        if some:
            self.tried(self.ask_about, self.rng.choice(some))

    def ask_about(self, reference):
        asking = self.world.desk.asking
        account, target = self.rng.choice(list(ACCOUNTS)), ""
        if self.rng.random() < 0.4:
            ident = asking.release(reference, account, "trader7")
        else:
            self.destinations += 1
            account, target = "", "0x%040x" % (0xE0000000 + self.destinations)
            ident = asking.send_back(reference, target, "trader7")
        self.asked_for[ident] = reference, account, target

    def say(self):
        world = self.world
        waiting = [row.id for row in world.desk.decisions.listed() if row.state == "awaiting"]
        if waiting:
            ident = self.rng.choice(waiting)
            for person in self.rng.choice(((ALICE, CAROL), (BOB, CAROL), (ALICE,), (CAROL,))):
                yes = self.rng.random() < 0.95
                self.tried(lambda p=person, y=yes: world.say(ident, p, approves=y))

    def take_it_back(self):
        if self.asked_for:
            ident = self.rng.choice(list(self.asked_for))
            self.tried(self.world.desk.decisions.cancel, ident, "trader7")

    PEOPLE = (held, stray, *[ask] * 4, *[say] * 8, take_it_back)

    # --- what must be true ----------------------------------------------------------------

    def judge(self):
        self.judge_decisions()
        super().judge()
        self.judge_suspense()

    def judge_decisions(self):
        """Each deposit was credited or returned, never both, never twice; what is neither waits."""
        done, owners = {}, {row.address: row.account for row in self.world.desk.addresses()}
        for ident, (reference, account, target) in self.asked_for.items():
            row, _ = self.world.desk.decisions.one(ident)
            assert row.state not in ("agreed", "failed", "refused"), f"{ident} is {row.state}"
            deposit = self.world.desk.deposit(reference)
            token = ASSETS[deposit.asset][0]
            if row.state == "done":
                other = done.setdefault(reference, ident)
                assert other == ident, f"{reference} was decided on by {other} and {ident}"
                assert deposit.state == ("returned" if target else "credited")
            if target:
                self.judge_return(row, deposit, self.world.on_chain(target, token))
            elif row.state == "done":
                owner = owners.get(deposit.address, ACCOUNTS[account])
                assert owner == ACCOUNTS[account], f"{reference} is another account's"
                key = ACCOUNTS[account], ASSETS[deposit.asset][2]
                self.expected[key] = self.expected.get(key, 0) + deposit.credit

    def judge_return(self, row, deposit, arrived):
        """All of it has arrived, or nothing."""
        least = deposit.amount - (0 if deposit.token else GAS)
        if row.state == "done":
            assert least <= arrived <= deposit.amount, f"{row.id}: {arrived} arrived, not {least}"
        else:
            assert arrived == 0, f"{row.id} is {row.state}, and {arrived} arrived"

    def judge_suspense(self):
        """The ledger has of nobody's what waits, to the unit."""
        rows = [row for row in self.world.desk.deposits() if row.state in WAITING]
        for code, factor in (("ETH", 1), ("USD", 100)):
            waits = sum(row.amount for row in rows if row.asset == code) * factor
            books = self.world.custody.books
            there = sum(
                books.balance(chart.suspense(code, why)) for why in ("quarantine", "unattributed")
            )
            assert there == waits, f"suspense has {there} of {code}, not {waits}"

    def judge_deposits(self):
        """Credited are those that screening, or people, let through."""
        with self.world.database.connect() as connection:
            query = select(decision_table.c.subject).where(
                decision_table.c.state == "done", decision_table.c.kind == "release-deposit"
            )
            released = {row.subject for row in connection.execute(query)}
        for row in self.world.desk.deposits():
            assert row.state in (*WAITING, *ENDED), f"{row.reference} is {row.state}"
            let_through = (row.account, row.asset, row.source, row.amount)
            if row.state == "credited":
                assert let_through in self.screening.cleared or row.reference in released
