"""Coins that go up from the warm wallet: asked for, decided on, and paid to the hot one alone."""

import pytest
from msgspec.structs import replace

from custody.known import DeskRefused
from custody.policy.policy import Rule, Velocity
from custody.signing.requests import WarmPay
from tests.custody import schedule
from tests.custody.people import ALICE, BOB, CAROL
from tests.custody.schedule import Schedule
from tests.custody.test_cold import in_suspense
from tests.custody.test_refills import rest
from tests.custody.world import COLD, ETHER, GWEI, POLICY, THEIRS, USDC, Killed, World

FREELY = Rule(name="up", action="allow", kinds=("restock",), assets=("ETH",), amount_up_to="50")
UP = replace(POLICY, rules=(FREELY, *POLICY.rules))
"""Up to 50 ETH at a time go up by themselves; all else wants two people."""
ALL_UP = replace(
    POLICY,
    rules=(
        replace(FREELY, amount_up_to="1000"),
        replace(
            FREELY, name="dollars", assets=("USD",), amount_up_to=None, initiators=("custody",)
        ),
        *POLICY.rules,
    ),
)  # fmt: skip
"""What custody asks for goes up, and of what people do the coins."""
GAS = 21_000 * 500 * GWEI
"""What the dearest payment of coins costs, wei."""


STOCKED = {"warm": True, "stock": (5, 200)}
"""A world whose warm wallet has coins and dollars, and whose hot wallet next to none."""

STAYING = {"warm": True, "stock": (5, 0), "warm_most": {"USD": 1}, "warm_keep": {"USD": 0}}


def stocked(new_world, policy=UP, eth=200):
    world = new_world(warm=True, stock=(5, eth), policy=policy)
    world.step()
    return world


def restocks(world):
    return [(row.state, row.asset) for row in world.desk.decisions.listed("restock")]


def approve(world, ident):
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(world.intent(ident)))


def waiting(world, amount, asset="ETH", account="ACME"):
    """A withdrawal that has been approved."""
    ident = world.desk.withdraw(account, asset, amount, THEIRS, "trader7")
    world.go(3, blocks=0)
    if world.withdrawal_state(ident) == "awaiting":
        approve(world, ident)
    return ident


def signed(world):
    """Restocks that the signer was asked for so that they pay: (id, nonce)."""
    asked = [a for a in world.signing.asked if isinstance(a.purpose, WarmPay) and not a.cancels]
    return {(a.purpose.intent.id, a.nonce) for a in asked}


# --- custody asks ------------------------------------------------------------------------------


def test_what_approved_withdrawals_lack_is_asked_for_and_comes(new_world):
    comes_up(stocked(new_world))


def comes_up(world):
    world.step()
    ident = waiting(world, 20 * 10**8)
    rest(world)
    assert world.withdrawal_state(ident) == "settled"
    assert restocks(world) == [("done", "ETH")]
    assert len(signed(world)) == 1
    assert world.on_chain(THEIRS) == 20 * ETHER
    assert 200 * ETHER - 16 * ETHER < world.on_chain(world.warm) < 200 * ETHER - 15 * ETHER
    assert world.alarms() == []


def test_only_what_is_lacking_comes(new_world):
    world = stocked(new_world)
    waiting(world, 20 * 10**8)
    rest(world)
    (row,) = world.desk.decisions.listed("restock")
    intent, _ = world.desk.decisions.one(row.id)
    assert b'"initiator":"custody"' in intent.intent
    came = 200 * ETHER - world.on_chain(world.warm)
    assert 15 * ETHER < came < 15 * ETHER + 4 * GAS


def test_what_the_hot_wallet_has_is_not_asked_for(new_world):
    world = stocked(new_world)
    ident = waiting(world, 4 * 10**8)
    rest(world)
    assert (world.withdrawal_state(ident), restocks(world)) == ("settled", [])


def test_what_is_not_approved_yet_is_not_asked_for(new_world):
    world = stocked(new_world)
    ident = world.desk.withdraw("ACME", "ETH", 20 * 10**8, THEIRS, "trader7")
    world.go(6, seconds=10)
    assert (world.withdrawal_state(ident), restocks(world)) == ("awaiting", [])


def test_what_the_policy_gives_to_people_waits_for_them_and_so_does_the_withdrawal(new_world):
    world = stocked(new_world, policy=POLICY)
    ident = waiting(world, 20 * 10**8)
    world.go(8, seconds=10)
    assert (world.withdrawal_state(ident), restocks(world)) == ("approved", [("awaiting", "ETH")])
    assert signed(world) == set()
    (row,) = world.desk.decisions.listed("restock")
    world.say(row.id, ALICE)
    world.go(4, seconds=10)
    assert signed(world) == set()
    world.say(row.id, CAROL)
    rest(world)
    assert (world.withdrawal_state(ident), restocks(world)) == ("settled", [("done", "ETH")])


NOBODY = replace(POLICY, rules=POLICY.rules[:2])
"""Its rules do not speak of restocks."""


def test_what_no_rule_speaks_of_is_blocked_and_not_asked_for_until_more_is_needed(new_world):
    is_asked_once(stocked(new_world, policy=NOBODY))


def is_asked_once(world):
    world.step()
    waiting(world, 20 * 10**8)
    world.go(20, seconds=10)
    assert restocks(world) == [("blocked", "ETH")]
    waiting(world, 10 * 10**8, account="BOREAS")
    world.go(20, seconds=10)
    assert restocks(world) == [("blocked", "ETH")] * 2
    assert signed(world) == set()


def test_what_somebody_rejected_is_not_asked_for_again(new_world):
    world = stocked(new_world, policy=POLICY)
    waiting(world, 20 * 10**8)
    world.go(4, seconds=10)
    (row,) = world.desk.decisions.listed("restock")
    world.say(row.id, ALICE, approves=False)
    world.go(20, seconds=10)
    assert restocks(world) == [("rejected", "ETH")]
    again = world.desk.restocks.request("ETH", 16 * 10**8, "operator")
    world.step()
    world.say(again, BOB, CAROL)
    rest(world)
    assert [state for state, _ in restocks(world)] == ["done", "rejected"]


def test_tokens_come_with_gas_from_the_tank(new_world):
    world = stocked(new_world, policy=POLICY, eth=0)
    ident = waiting(world, 70 * 10**8, "USD")
    world.go(4, seconds=10)
    (row,) = world.desk.decisions.listed("restock")
    world.say(row.id, ALICE, CAROL)
    rest(world, 6)
    assert (world.withdrawal_state(ident), restocks(world)) == ("settled", [("done", "USD")])
    assert world.reached.count("warm-fuel planned") == 1
    assert world.on_chain(THEIRS, USDC) == 70 * 10**6


def test_what_the_warm_wallet_has_not_is_told_until_it_comes(new_world):
    world = stocked(new_world, eth=10)
    ident = waiting(world, 45 * 10**8)
    world.go(12, seconds=10)
    assert world.alarms() == ["short/ETH"]
    assert world.withdrawal_state(ident) == "approved"
    assert [state for state, _ in restocks(world)] == ["done"]
    from_outside = 60 * ETHER
    world.chain.pay(THEIRS, (world.warm, "", from_outside))
    rest(world, 8)
    assert world.withdrawal_state(ident) == "settled"
    assert "short/ETH" not in world.alarms()


# --- people ask --------------------------------------------------------------------------------


def test_one_at_a_time_for_each_asset(new_world):
    world = stocked(new_world, policy=POLICY)
    first = world.desk.restocks.request("ETH", 10**8, "operator")
    with pytest.raises(DeskRefused, match=f"{first} is about restock/ETH already"):
        world.desk.restocks.request("ETH", 10**8, "operator")
    world.desk.restocks.request("USD", 10**8, "operator")
    world.step()
    world.desk.decisions.cancel(first, "operator")
    world.desk.restocks.request("ETH", 10**8, "operator")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("BTC", 10**8, "operator"), "not on the chain"),
        (("ETH", 0, "operator"), "decimals"),
        (("ETH", -1, "operator"), "decimals"),
        (("USD", 1, "operator"), "6 decimals"),
        (("ETH", 10**8, ""), "initiator"),
        (("ETH", 10**8, "custody"), "asks by itself"),
    ],
)
def test_what_cannot_be_is_refused_at_the_desk(new_world, words, why):
    world = stocked(new_world)
    with pytest.raises(DeskRefused, match=why):
        world.desk.restocks.request(*words)


def test_without_a_warm_wallet_there_is_nothing_to_ask_for(world):
    world.step()
    with pytest.raises(DeskRefused, match="no warm wallet"):
        world.desk.restocks.request("ETH", 10**8, "operator")


def test_more_than_is_there_fails_and_nothing_is_sent(new_world):
    world = stocked(new_world, policy=POLICY)
    for amount in (500 * 10**8, 200 * 10**8):
        ident = world.desk.restocks.request("ETH", amount, "operator")
        world.step()
        world.say(ident, ALICE, CAROL)
        world.go(3)
        assert world.decision_state(ident) == "failed"
    assert signed(world) == set()


def test_what_is_agreed_on_is_no_surplus(new_world):
    stays(new_world(**STAYING))


def stays(world):
    """Agreed on before the first look at what is too much."""
    world.runner.run(world.custody.scanner.step())
    ident = world.desk.restocks.request("USD", 600_000 * 10**8, "operator")
    world.runner.run(world.custody.decisions.step())
    world.say(ident, ALICE, CAROL)
    world.runner.run(world.custody.decisions.step())
    rest(world, 8)
    assert world.decision_state(ident) == "done"
    assert world.on_chain(world.hot, USDC) == 600_000 * 10**6
    assert world.on_chain(COLD, USDC) == 4_400_000 * 10**6
    assert world.alarms() == []


def test_a_velocity_counts_restocks_alone_and_all_of_them(new_world):
    goes_slowly(stocked(new_world, policy=SLOWLY))


SLOW_RULE = Rule(
    name="slowly", action="allow", kinds=("restock",), assets=("ETH",),
    velocity=Velocity(amount="30", hours=1, per="venue"),
)  # fmt: skip
SLOWLY = replace(POLICY, rules=(SLOW_RULE, *POLICY.rules))


def goes_slowly(world):
    world.step()
    waiting(world, 4 * 10**8)  # it leaves, and is no restock
    rest(world)
    first = world.desk.restocks.request("ETH", 20 * 10**8, "operator")
    rest(world)
    second = world.desk.restocks.request("ETH", 10 * 10**8, "operator")
    rest(world)
    assert [world.decision_state(ident) for ident in (first, second)] == ["done", "done"]
    third = world.desk.restocks.request("ETH", 10**8, "operator")
    rest(world)
    assert world.decision_state(third) == "awaiting"
    assert len(signed(world)) == 2


def test_the_signer_decides_once_more(new_world):
    """Its policy is not custody's: nothing goes up, and a person is told."""
    world = stocked(new_world)
    real, world.terms = world.terms, replace(world.terms, policy=NOBODY)
    (world.folder / "signer.log").unlink()
    world.start_signer()
    world.terms = real
    ident = world.desk.restocks.request("ETH", 10 * 10**8, "operator")
    rest(world)
    assert world.decision_state(ident) == "failed"
    assert world.on_chain(world.warm) > 199 * ETHER
    assert set(world.alarms()) == {f"restock/{ident}", "refills/warm"}


def test_an_intent_that_was_changed_in_the_database_goes_nowhere(new_world):
    changed(stocked(new_world, policy=POLICY))


def changed(world):
    """Approved for 10, and paid out as 100: the signature is over all of it."""
    world.step()
    from sqlalchemy import update

    from custody.decisions.store import intent_of
    from custody.policy.intents import canonical
    from custody.store.custody_schema import decisions

    ident = world.desk.restocks.request("ETH", 10 * 10**8, "operator")
    world.step()
    world.say(ident, ALICE, CAROL)
    row, _ = world.desk.decisions.one(ident)
    more = canonical(replace(intent_of(row), amount=100 * ETHER))
    with world.database.begin() as connection:
        change = update(decisions).where(decisions.c.id == ident)
        connection.execute(change.values(intent=more, state="agreed"))
    rest(world)
    assert world.decision_state(ident) == "failed"
    assert world.on_chain(world.warm) > 199 * ETHER, "it was paid without its approvals"


def test_one_that_nobody_decides_on_expires(new_world):
    world = stocked(new_world, policy=POLICY)
    ident = world.desk.restocks.request("ETH", 10 * 10**8, "operator")
    world.go(3, seconds=1_500)
    assert world.decision_state(ident) == "expired"


# --- deaths and faults -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    [
        ("decision judged", 1),
        ("restock planned", 1),
        ("signed", 1),
        ("restock booked", 1),
        ("restock ended", 1),
        *(
            pytest.param((at, 1), marks=pytest.mark.proof)
            for at in ("signature kept", "broadcast", "final")
        ),
    ],
)
def test_a_death_anywhere_is_one_restock(new_world, place):
    world = stocked(new_world)
    ident = waiting(world, 20 * 10**8)
    place, count = place
    world.kill_at = (place, world.reached.count(place) + count)
    with pytest.raises(Killed):
        rest(world)
    world.kill_at = None
    world.start_signer()
    world.start()
    rest(world)
    assert world.withdrawal_state(ident) == "settled"
    assert restocks(world) == [("done", "ETH")]
    assert len(signed(world)) == 1
    assert in_suspense(world) == {}


class Tiers(Schedule):
    """A schedule whose hot wallet lacks what is asked of it; its people decide on restocks."""

    def __init__(self, seed, folder, template):
        super().__init__(seed, folder, template)
        self.moved_up = 0

    def happen(self):
        super().happen()
        if self.rng.random() < 0.5:
            self.decide_on_restocks()

    def decide_on_restocks(self):
        for row in self.world.desk.decisions.listed("restock"):
            if row.state == "awaiting":
                self.tried(self.world.say, row.id, self.rng.choice((ALICE, CAROL)))

    def ask(self):
        code, units = self.rng.choice((("ETH", 10**8), ("USD", 50 * 10**8)))
        self.tried(self.world.desk.restocks.request, code, units, "operator")

    WORK = (*Schedule.WORK, ask)

    def heal(self):
        super().heal()
        for name in ("refills", "refills/warm"):
            self.tried(self.world.desk.clear_alarm, name)

    def judge(self):
        """What waits for coins that nobody may bring up is a person's business: they bring it."""
        super().judge()
        world = self.world
        done = [r for r in world.desk.decisions.listed("restock") if r.state == "done"]
        self.moved_up = len(done)
        assert {row.id for row in done} == {ident for ident, _ in signed(world)} - {
            row.id for row in world.desk.decisions.listed("restock") if row.state == "failed"
        }


def run_with_restocks(seed, tmp_path, template, monkeypatch):
    def poor(folder, template, faults):
        return World(
            folder, template, faults, ALL_UP, warm=True, stock=(5, 500),
            hot_most={"ETH": 30 * 10**8, "USD": 200 * 10**8},
            hot_keep={"ETH": 4 * 10**8, "USD": 20 * 10**8},
        )  # fmt: skip

    monkeypatch.setattr(schedule, "World", poor)
    run = Tiers(seed, tmp_path, template)
    try:
        run.run(40)
    finally:
        run.world.close()
    return run


def test_a_schedule_of_faults_ends_with_all_in_agreement(tmp_path, template, monkeypatch):
    assert run_with_restocks(0, tmp_path, template, monkeypatch).moved_up


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(1, 32))
def test_many_schedules_end_so(seed, tmp_path, template, monkeypatch):
    run_with_restocks(seed, tmp_path, template, monkeypatch)


def test_the_metrics_tell_how_many_are_where(new_world):
    world = stocked(new_world, policy=POLICY)
    world.desk.restocks.request("ETH", 10**8, "operator")
    world.step()
    figures = world.custody.status()["restocks"]
    assert {state: count for state, count in figures.items() if count} == {"awaiting": 1}
