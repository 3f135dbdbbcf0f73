"""What can fail outside, row by row: who lies, lags, forgets, or comes twice."""

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from custody.chains.simulated import TokenKind
from custody.known import DeskRefused
from custody.policy.intents import canonical
from custody.store.custody_schema import withdrawals
from engine.model.clock import NANOS_PER_SECOND
from tests.custody.people import ALICE, CAROL
from tests.custody.world import ETHER, STRANGER, THEIRS, USDC
from tests.engine.streams import ACME_ACCOUNT, ETH, RANDOM_BALANCES, USD

START = RANDOM_BALANCES


def deposit(world, amount=2 * ETHER, token="", account="ACME"):
    address = world.desk.deposit_address(account, "USD" if token else "ETH")
    return world.chain.pay(STRANGER, (address, token, amount))


def approve(world, ident):
    for person in (ALICE, CAROL):
        world.desk.approve(ident, person.says(world.intent(ident)))


def finalize(world):
    world.go(3, blocks=5)
    world.settle()


# --- nodes that lie, lag, or leave out ---------------------------------------------------------


def test_a_deposit_that_one_node_makes_up_is_never_credited(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    liar = world.nodes[0]
    liar.chain = world.chain.fork()
    liar.chain.pay(STRANGER, (address, "", 1_000 * ETHER))
    liar.chain.mine(world.clock.time, 30)
    finalize(world)
    assert world.deposit_states() == []
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]


def test_a_deposit_that_one_node_hides_is_credited_on_the_others_word(world):
    world.step()
    tx = deposit(world)
    world.nodes[1].hides.add(tx)
    finalize(world)
    assert world.deposit_states() == ["credited"]
    assert world.custody.witnesses.doubts


def test_what_two_of_two_nodes_do_not_say_alike_waits_for_a_person(new_world):
    world = new_world()
    world.nodes.pop()
    world.start()
    world.step()
    world.nodes[0].hides.add(deposit(world))
    world.go(4, blocks=5)
    assert world.deposit_states() == []
    assert world.alarms() == ["nodes"]
    world.nodes[0].hides.clear()
    finalize(world)
    assert world.deposit_states() == ["credited"]


def test_a_node_that_lags_holds_nobody_up(world):
    world.step()
    world.nodes[2].lag = 30
    deposit(world)
    finalize(world)
    assert world.deposit_states() == ["credited"]


def test_without_two_nodes_nothing_is_credited_and_nothing_is_lost(world):
    world.step()
    deposit(world)
    for node in world.nodes[:2]:
        node.lag = 50
    world.go(4, blocks=5)
    assert world.deposit_states() == []
    for node in world.nodes:
        node.lag = 0
    finalize(world)
    assert world.deposit_states() == ["credited"]


def test_while_finality_stands_still_nothing_is_credited(world):
    world.step()
    world.chain.stalled_at = world.chain.final().number
    deposit(world)
    world.go(5, blocks=10)
    assert world.deposit_states() == []
    world.chain.stalled_at = None
    finalize(world)
    assert world.deposit_states() == ["credited"]


# --- reorganizations ---------------------------------------------------------------------------


@pytest.mark.parametrize("depth", range(1, 8))
@pytest.mark.parametrize("comes_again", [True, False])
def test_a_reorganization_before_the_credit_decides_what_is_credited(world, depth, comes_again):
    world.step()
    tx = deposit(world)
    world.go(1)
    world.go(6)
    world.chain.reorganize(depth, world.clock.time, [tx] if comes_again else [])
    finalize(world)
    gone = depth == 7 and not comes_again
    assert world.deposit_states() == ([] if gone else ["credited"])
    world.check()


def test_a_reorganization_after_the_credit_is_reversed_and_stops_withdrawals(world):
    world.step()
    deposit(world)
    finalize(world)
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 2 * 10**8
    depth = len(world.chain.blocks) - 11
    world.chain.reorganize(depth, world.clock.time)
    world.go(1)
    world.settle()
    assert world.deposit_states() == ["reversed"]
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH]
    assert any(name.startswith("finality/") for name in world.alarms())
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(6)
    assert world.withdrawal_state(ident) == "approved"
    world.check()


def test_what_was_spent_of_a_reversed_deposit_is_owed(world):
    world.step()
    deposit(world)
    finalize(world)
    everything = world.available(ACME_ACCOUNT, ETH) - 10**5
    ident = world.desk.withdraw("ACME", "ETH", everything, THEIRS, "trader7")
    world.go(2)
    world.chain.reorganize(len(world.chain.blocks) - 11, world.clock.time)
    world.go(8)
    assert world.deposit_states() == ["reversed"]
    owed = world.custody.poster.ledger.accounts[f"ETH/client/{ACME_ACCOUNT}/owed"]
    assert owed.balance == 2 * ETHER
    assert world.withdrawal_state(ident) == "awaiting"
    world.check()


def test_a_reversed_deposit_that_comes_again_is_credited_again(world):
    world.step()
    tx = deposit(world)
    finalize(world)
    world.chain.reorganize(len(world.chain.blocks) - 11, world.clock.time, [tx])
    world.go(4)
    finalize(world)
    assert world.deposit_states() == ["credited", "reversed"]
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 2 * 10**8
    world.check()


# --- sending -----------------------------------------------------------------------------------


def sent(world, amount=10**8):
    """A withdrawal whose payment waits for a block."""
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", amount, THEIRS, "trader7")
    for _ in range(8):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    assert world.withdrawal_state(ident) == "sending"
    return ident


def test_a_broadcast_whose_answer_is_lost_is_one_payment(new_world):
    class Deaf:
        def before(self, node, call):
            return False

        def after(self, node, call):
            return call == "broadcast"

    world = new_world(faults=Deaf())
    ident = sent(world)
    finalize(world)
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == ETHER


def test_a_payment_that_waits_too_long_offers_more_under_the_same_nonce(world):
    world.step()
    ident = sent(world)
    world.chain.base_fee = 10 * 10**9
    world.go(5, seconds=61)
    forms = {asked.gas.max_fee for asked in world.signing.asked}
    assert len(forms) > 1
    assert {asked.nonce for asked in world.signing.asked} == {0}
    finalize(world)
    assert world.withdrawal_state(ident) == "settled"
    assert world.on_chain(THEIRS) == ETHER


def test_a_payment_that_the_pool_has_forgotten_is_broadcast_again(world):
    ident = sent(world)
    world.chain.drop()
    finalize(world)
    assert world.withdrawal_state(ident) == "settled"


def test_a_nonce_that_somebody_else_has_used_stops_the_wallet(world):
    ident = sent(world)
    world.chain.drop()
    world.chain.spend_nonce(world.hot)
    world.chain.mine(world.clock.time, 12)
    for _ in range(5):
        world.clock.time += 30 * NANOS_PER_SECOND
        world.step()
    assert world.hot in world.alarms()
    assert world.withdrawal_state(ident) == "sending"
    other = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(6)
    assert world.withdrawal_state(other) == "approved"


def test_a_refused_request_has_its_nonce_used_up_and_holds_nobody_else_up(world):
    """The intent was changed in the database: the signer sees other words than were approved."""
    world.step()
    changed = world.desk.withdraw("ACME", "ETH", 5 * 10**8, THEIRS, "trader7")
    honest = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(4)
    approve(world, changed)
    intent = replace(world.intent(changed), destination="0x" + "66" * 20)
    with world.database.begin() as connection:
        connection.execute(
            update(withdrawals)
            .where(withdrawals.c.id == changed)
            .values(intent=canonical(intent), state="approved")
        )
    finalize(world)
    assert world.withdrawal_state(changed) == "cancelled"
    assert world.withdrawal_state(honest) == "settled"
    assert world.on_chain("0x" + "66" * 20) == 0
    world.check()
    world.check_chain()


def test_a_payment_that_reverts_waits_for_a_person_and_is_given_back(world):
    """The token had gone to its blacklist between the trial and the block."""
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    world.step()
    ident = world.desk.withdraw("ACME", "USD", 70 * 10**8, THEIRS, "trader7")
    world.go(4)
    approve(world, ident)
    for _ in range(8):
        world.clock.time += NANOS_PER_SECOND
        world.step()
    world.chain.blacklist.add(THEIRS)
    finalize(world)
    assert world.withdrawal_state(ident) == "reverted"
    assert world.held(ACME_ACCOUNT, USD) == 71 * 10**8
    given_up = world.desk.asking.give_up(ident, "trader7")
    with pytest.raises(DeskRefused, match=f"{given_up} is about {ident} already"):
        world.desk.asking.give_up(ident, "trader7")
    world.settle()
    assert world.withdrawal_state(ident) == "reverted"
    world.say(given_up, ALICE, CAROL)
    world.settle()
    assert world.decision_state(given_up) == "done"
    assert world.withdrawal_state(ident) == "failed"
    assert world.available(ACME_ACCOUNT, USD) == START[USD]
    world.check()
    world.check_chain()


def test_the_signer_may_be_away_for_a_while(world):
    world.signing.away = True
    world.step()
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(10)
    assert world.withdrawal_state(ident) == "sending"
    assert world.on_chain(THEIRS) == 0
    world.signing.away = False
    finalize(world)
    assert world.withdrawal_state(ident) == "settled"


def test_while_nobody_signs_the_rest_waits_approved_and_can_be_taken_back(world):
    world.signing.away = True
    world.step()
    first = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(10)
    others = [world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7") for _ in range(3)]
    world.go(10)
    assert world.withdrawal_state(first) == "sending"
    assert [world.withdrawal_state(each) for each in others] == ["approved"] * 3
    world.desk.cancel(others[0], "trader7")
    world.signing.away = False
    finalize(world)
    assert [world.withdrawal_state(each) for each in others] == ["cancelled", "settled", "settled"]
    assert world.on_chain(THEIRS) == 3 * ETHER


def test_the_venue_may_be_away_for_a_while(world):
    world.step()
    world.line.away = True
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    deposit(world)
    world.go(20)
    assert world.withdrawal_state(ident) == "requested"
    assert world.deposit_states() == ["cleared"]
    world.line.away = False
    finalize(world)
    assert (world.withdrawal_state(ident), world.deposit_states()) == ("settled", ["credited"])


def test_commands_whose_replies_are_lost_are_done_once(world):
    world.line.deaf = True
    world.step()
    deposit(world)
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    world.go(20, seconds=3)
    world.settle()
    assert (world.withdrawal_state(ident), world.deposit_states()) == ("settled", ["credited"])
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 10**8 - 10**5


# --- tokens ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "states"),
    [
        (TokenKind.HONEST, ["credited"]),
        (TokenKind.FEE, ["mismatched"]),
        (TokenKind.LIAR, ["mismatched"]),
        (TokenKind.FALSE, []),
    ],
)
def test_a_token_is_judged_by_what_has_moved(world, kind, states):
    world.chain.tokens[USDC] = kind
    world.step()
    deposit(world, 1_000 * 10**6, USDC)
    world.go(9)
    finalize(world)
    assert world.deposit_states() == states
    credited = 1_000 * 10**8 if states == ["credited"] else 0
    assert world.available(ACME_ACCOUNT, USD) == START[USD] + credited


def test_a_token_nobody_knows_is_nothing(world):
    world.step()
    unknown = "0x" + "de" * 20
    world.chain.tokens[unknown] = TokenKind.HONEST
    deposit(world, 10**18, unknown)
    finalize(world)
    assert world.deposit_states() == []


def test_a_token_that_would_return_false_is_not_even_sent(world):
    world.chain.tokens[USDC] = TokenKind.FALSE
    world.step()
    ident = world.desk.withdraw("ACME", "USD", 70 * 10**8, THEIRS, "trader7")
    world.go(4)
    approve(world, ident)
    world.go(6)
    assert world.withdrawal_state(ident) == "approved"
    assert world.signing.asked == []
    assert world.alarms() == [f"withdrawal/{ident}"]


# --- dust, strangers, screening ----------------------------------------------------------------


def test_dust_adds_up_until_it_is_a_deposit(world):
    world.step()
    for _ in range(3):
        deposit(world, ETHER // 250)
    finalize(world)
    assert world.deposit_states() == ["credited"] * 3
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 3 * (10**8 // 250)
    world.check()


def test_less_than_the_least_deposit_stays_dust(world):
    world.step()
    deposit(world, ETHER // 250)
    finalize(world)
    assert world.deposit_states() == ["dust"]
    assert world.custody.poster.ledger.accounts["ETH/suspense/dust"].balance == ETHER // 250
    world.check_chain()


def test_what_comes_to_the_hot_wallet_is_nobodys(world):
    world.step()
    world.chain.pay(STRANGER, (world.hot, "", ETHER))
    finalize(world)
    assert world.deposit_states() == ["unattributed"]
    world.check_chain()


def test_several_deposits_in_one_transaction_are_several(world):
    world.step()
    mine, yours = (world.desk.deposit_address(name, "ETH") for name in ("ACME", "BOREAS"))
    world.chain.pay(STRANGER, (mine, "", ETHER), (mine, "", ETHER), (yours, "", ETHER))
    finalize(world)
    assert world.deposit_states() == ["credited"] * 3
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 2 * 10**8


def test_a_thousand_deposits_of_one_block_are_credited_once_each(world):
    world.step()
    address = world.desk.deposit_address("ACME", "ETH")
    for _ in range(1_000):
        world.chain.pay(STRANGER, (address, "", ETHER))
    world.go(1)
    world.go(1, blocks=12)
    world.settle()
    assert world.deposit_states() == ["credited"] * 1_000
    assert world.available(ACME_ACCOUNT, ETH) == START[ETH] + 1_000 * 10**8
    world.check()
