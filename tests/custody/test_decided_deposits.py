"""Deposits that wait for people: credited or sent away again, never both, never twice."""

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from custody.alarms import EVERYTHING, raise_alarm
from custody.chains.simulated import TokenKind
from custody.known import DeskRefused
from custody.ledger import chart
from custody.policy.intents import canonical
from custody.store.custody_schema import decisions, deposits, outgoing
from tests.custody.people import ALICE, CAROL
from tests.custody.world import BAD, ETHER, GWEI, STRANGER, THEIRS, USDC, Killed
from tests.engine.streams import ACME_ACCOUNT, BOREAS_ACCOUNT, ETH, RANDOM_BALANCES, USD

START = RANDOM_BALANCES
WHO = {"ACME": ACME_ACCOUNT, "BOREAS": BOREAS_ACCOUNT}


def held_coins(world):
    world.chain.pay(BAD, (world.desk.deposit_address("ACME", "ETH"), "", 2 * ETHER))


def held_tokens(world):
    world.chain.pay(BAD, (world.desk.deposit_address("ACME", "USD"), USDC, 500 * 10**6))


def stray_coins(world):
    world.chain.pay(STRANGER, (world.hot, "", 2 * ETHER))


def stray_tokens(world):
    world.chain.pay(STRANGER, (world.hot, USDC, 500 * 10**6))


def skimmed_tokens(world):
    """Their token kept one hundredth of the transfer, that once."""
    world.chain.tokens[USDC] = TokenKind.FEE
    address = world.desk.deposit_address("ACME", "USD")
    world.chain.pay(STRANGER, (address, USDC, 500 * 10**6))


def finalize(world):
    world.go(3, blocks=5)
    world.settle()


def came(world, how):
    """The reference of a deposit that waits for people."""
    world.step()
    how(world)
    finalize(world)
    world.chain.tokens[USDC] = TokenKind.HONEST
    (row,) = world.desk.deposits()
    assert row.state in ("held", "unattributed", "mismatched")
    assert world.alarms() == [row.reference]
    return row.reference


def agreed(world, ident):
    world.say(ident, ALICE, CAROL)
    world.go(3)
    finalize(world)
    world.go(2, blocks=5, seconds=11)  # a token's gas comes first
    finalize(world)


def suspended(world):
    """What the ledger has that is nobody's."""
    accounts = world.custody.poster.ledger.accounts.values()
    return {a.name: a.balance for a in accounts if chart.SUSPENSE_PATH in a.name and a.balance}


def check_all(world):
    world.check()
    world.check_chain()
    assert suspended(world) == {}
    assert world.alarms() == []


# --- released ---------------------------------------------------------------------------------

RELEASED = {
    held_coins: ("ACME", ETH, 2 * 10**8),
    held_tokens: ("ACME", USD, 500 * 10**8),
    stray_coins: ("BOREAS", ETH, 2 * 10**8),
    stray_tokens: ("BOREAS", USD, 500 * 10**8),
    skimmed_tokens: ("ACME", USD, 495 * 10**8),
}


@pytest.mark.parametrize("how", RELEASED)
def test_what_is_released_is_credited_once(world, how):
    account, asset, units = RELEASED[how]
    reference = came(world, how)
    ident = world.desk.asking.release(reference, account, "trader7")
    finalize(world)
    assert world.available(WHO[account], asset) == START[asset]
    agreed(world, ident)
    assert world.decision_state(ident) == "done"
    assert world.deposit_states() == ["credited"]
    assert world.available(WHO[account], asset) == START[asset] + units
    row = world.desk.deposit(reference)
    assert (row.account, row.credit, row.text) == (WHO[account], units, f"released by {ident}")
    check_all(world)
    for ask in (
        lambda: world.desk.asking.release(reference, account, "trader7"),
        lambda: world.desk.asking.send_back(reference, THEIRS, "trader7"),
    ):
        with pytest.raises(DeskRefused, match="is credited"):
            ask()


# --- sent away --------------------------------------------------------------------------------

RETURNED = {
    held_coins: ("", 2 * ETHER),
    held_tokens: (USDC, 500 * 10**6),
    stray_coins: ("", 2 * ETHER),
    stray_tokens: (USDC, 500 * 10**6),
    skimmed_tokens: (USDC, 495 * 10**6),
}


@pytest.mark.parametrize("how", RETURNED)
def test_what_is_returned_arrives_once_and_is_nobodys(world, how):
    token, amount = RETURNED[how]
    reference = came(world, how)
    there = world.on_chain(world.desk.deposit(reference).address, token)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    finalize(world)
    assert world.on_chain(THEIRS, token) == 0
    agreed(world, ident)
    assert world.decision_state(ident) == "done"
    assert world.deposit_states() == ["returned"]
    arrived = world.on_chain(THEIRS, token)
    if token:
        assert arrived == amount
    else:
        assert amount - ETHER // 100 < arrived < amount  # its gas comes out of it
        assert there - world.on_chain(world.desk.deposit(reference).address) <= amount
    for number in WHO.values():
        assert [world.available(number, asset) for asset in (ETH, USD)] == [START[ETH], START[USD]]
    check_all(world)
    with pytest.raises(DeskRefused, match="is returned"):
        world.desk.asking.release(reference, "ACME", "trader7")


def test_what_gas_was_kept_for_is_the_venues(world):
    ident = world.desk.asking.send_back(came(world, held_coins), THEIRS, "trader7")
    agreed(world, ident)
    books = world.custody.books
    kept = 2 * ETHER - world.on_chain(THEIRS)
    assert books.balance(chart.found("ETH")) == kept
    assert 0 < books.balance(chart.gas("ETH")) <= kept


# --- what does not fit ------------------------------------------------------------------------


def test_two_intents_about_one_deposit_do_not_wait_together(world):
    reference = came(world, held_coins)
    first = world.desk.asking.release(reference, "", "trader7")
    for _ in range(2):
        with pytest.raises(DeskRefused, match=f"{first} is about {reference} already"):
            world.desk.asking.send_back(reference, THEIRS, "trader7")
    world.desk.decisions.cancel(first, "trader7")
    agreed(world, world.desk.asking.send_back(reference, THEIRS, "trader7"))
    assert world.deposit_states() == ["returned"]


def test_an_intent_that_does_not_fit_its_deposit_any_more_is_not_carried_out(world):
    """As if somebody had put another amount into the database, with approvals for it."""
    reference = came(world, held_coins)
    ident = world.desk.asking.release(reference, "", "trader7")
    intent = replace(world.decided(ident), amount=3 * ETHER)
    with world.database.begin() as connection:
        connection.execute(
            update(decisions).where(decisions.c.id == ident)
            .values(intent=canonical(intent), state="agreed")
        )  # fmt: skip
    finalize(world)
    row, _ = world.desk.decisions.one(ident)
    assert (row.state, row.text) == ("failed", f"{reference} is {2 * ETHER} atomic units of ETH")
    assert world.deposit_states() == ["held"]


WRONG = {
    "another account's": (held_coins, "release", "BOREAS", "another account's address"),
    "nobody": (held_coins, "release", "NOBODY", "no account NOBODY"),
    "no account named": (stray_coins, "release", "", "name an account"),
    "to the hot wallet": (held_coins, "send_back", "hot", "wallet of this venue"),
    "to no address": (held_coins, "send_back", "0xAB", "destination"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_asked_for_is_refused_with_its_reason(world, case):
    how, ask, target, words = WRONG[case]
    reference = came(world, how)
    with pytest.raises(DeskRefused, match=words):
        getattr(world.desk.asking, ask)(
            reference, world.hot if target == "hot" else target, "trader7"
        )
    with pytest.raises(DeskRefused, match="no deposit D9"):
        getattr(world.desk.asking, ask)("D9", THEIRS, "trader7")


def test_what_nobody_knows_the_amount_of_is_not_credited(world):
    world.step()
    world.chain.tokens[USDC] = TokenKind.FEE
    address = world.desk.deposit_address("ACME", "USD")
    world.chain.pay(STRANGER, (address, USDC, 500 * 10**6), (address, USDC, 10**8))
    finalize(world)
    assert world.deposit_states() == ["mismatched"] * 2
    for row in world.desk.deposits():
        with pytest.raises(DeskRefused, match="no movement alone explains"):
            world.desk.asking.release(row.reference, "", "trader7")


def test_a_token_that_lies_brings_nothing_to_be_credited(world):
    world.step()
    world.chain.tokens[USDC] = TokenKind.LIAR
    address = world.desk.deposit_address("ACME", "USD")
    world.chain.pay(STRANGER, (address, USDC, 500 * 10**6))
    finalize(world)
    (row,) = world.desk.deposits()
    with pytest.raises(DeskRefused, match="no movement alone explains"):
        world.desk.asking.send_back(row.reference, THEIRS, "trader7")


# --- what goes wrong on the way ---------------------------------------------------------------


def test_a_return_that_the_chain_reverts_leaves_the_deposit_where_it_was(world):
    world.step()
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    held_tokens(world)
    finalize(world)
    (row,) = world.desk.deposits()
    ident = world.desk.asking.send_back(row.reference, THEIRS, "trader7")
    world.say(ident, ALICE, CAROL)
    while not world.signing.asked or not hasattr(world.signing.asked[-1].purpose, "intent"):
        world.go(1, seconds=3, blocks=4)
    world.chain.blacklist.add(THEIRS)
    finalize(world)
    world.go(1)
    assert (world.deposit_states(), world.decision_state(ident)) == (["held"], "failed")
    assert f"return/{ident}" in world.alarms()
    assert world.on_chain(THEIRS, USDC) == 0
    agreed(world, world.desk.asking.release(row.reference, "", "trader7"))
    assert world.available(ACME_ACCOUNT, USD) == START[USD] + 500 * 10**8
    world.check()
    world.check_chain()


@pytest.mark.parametrize("how", [held_coins, stray_coins])
def test_a_return_that_the_signer_refuses_leaves_the_deposit_where_it_was(world, how):
    """Custody's database was changed: the signer sees no approvals."""
    reference = came(world, how)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    with world.database.begin() as connection:
        connection.execute(update(decisions).where(decisions.c.id == ident).values(state="agreed"))
    before = world.deposit_states()
    world.go(3)
    finalize(world)
    world.go(1)
    assert (world.deposit_states(), world.decision_state(ident)) == (before, "failed")
    assert world.on_chain(THEIRS) == 0
    again = world.desk.asking.send_back(reference, THEIRS, "trader7")
    agreed(world, again)
    agreed_state = world.decision_state(again)
    assert (world.deposit_states(), agreed_state) == (["returned"], "done")
    assert 2 * ETHER - ETHER // 100 < world.on_chain(THEIRS) < 2 * ETHER
    world.check()
    world.check_chain()


def test_a_return_that_has_to_wait_for_a_person_until_it_is_too_late_fails(world):
    reference = came(world, held_coins)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    with world.database.begin() as connection:
        raise_alarm(connection, "finality/1", "the chain is odd", world.clock.time, EVERYTHING)
    world.say(ident, ALICE, CAROL)
    world.go(2)
    assert world.decision_state(ident) == "agreed"
    world.clock.time = world.decided(ident).expires
    world.go(1)
    row, _ = world.desk.decisions.one(ident)
    assert (row.state, row.text) == ("failed", "it expired before it was sent")
    assert (world.deposit_states(), world.on_chain(THEIRS)) == (["held"], 0)


def test_a_return_that_would_fail_is_not_sent_and_tried_again(world):
    world.step()
    world.chain.tokens[USDC] = TokenKind.BLACKLIST
    held_tokens(world)
    finalize(world)
    (row,) = world.desk.deposits()
    world.chain.blacklist.add(THEIRS)
    ident = world.desk.asking.send_back(row.reference, THEIRS, "trader7")
    world.say(ident, ALICE, CAROL)
    world.go(3, blocks=4, seconds=11)
    assert (world.decision_state(ident), world.deposit_states()) == ("agreed", ["held"])
    assert f"return/{ident}" in world.alarms()
    assert world.signing.asked == []
    world.chain.blacklist.clear()
    world.go(6, blocks=4, seconds=11)
    finalize(world)
    world.go(1)
    assert world.deposit_states() == ["returned"]
    check_all(world)


def test_a_return_whose_gas_would_take_it_all_fails(world):
    world.step()
    world.chain.pay(BAD, (world.desk.deposit_address("ACME", "ETH"), "", ETHER // 100))
    finalize(world)
    (row,) = world.desk.deposits()
    ident = world.desk.asking.send_back(row.reference, THEIRS, "trader7")
    world.chain.base_fee = 500 * GWEI
    agreed(world, ident)
    words, _ = world.desk.decisions.one(ident)
    assert (words.state, "nothing would be left" in words.text) == ("failed", True)
    assert world.deposit_states() == ["held"]


def test_a_return_that_takes_more_gas_than_it_may_have_fails(world):
    ident = world.desk.asking.send_back(came(world, held_tokens), THEIRS, "trader7")

    async def dear(_call):
        return 90_001

    for node in world.nodes:
        node.gas = dear
    agreed(world, ident)
    words, _ = world.desk.decisions.one(ident)
    assert words.text == "it would take 108001 units of gas; at most 90000"
    assert world.deposit_states() == ["held"]


def test_coins_that_are_returned_are_not_swept_meanwhile(world):
    reference = came(world, held_coins)
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    world.signing.away = True
    world.say(ident, ALICE, CAROL)
    world.go(5, seconds=10)
    assert world.deposit_states() == ["returning"]
    world.signing.away = False
    finalize(world)
    world.go(2)
    assert world.deposit_states() == ["returned"]
    check_all(world)


def test_a_return_counts_on_no_coins_that_the_gas_of_the_last_one_took(world):
    """A process that dies before it has booked what gas has cost has more in its books."""
    world.step()
    for _ in range(2):
        held_tokens(world)
    finalize(world)
    first, second = (
        world.desk.asking.send_back(row.reference, THEIRS, "trader7")
        for row in world.desk.deposits()
    )
    world.say(first, ALICE, CAROL)
    world.go(1)
    world.say(second, ALICE, CAROL)
    world.kill_at = ("final", 2)  # the first is that of the coins for gas
    with pytest.raises(Killed):
        world.go(20, blocks=4)
    world.start()
    world.go(1, blocks=0)
    with world.database.connect() as connection:
        sent = connection.execute(
            select(outgoing).where(outgoing.c.state == "sent", outgoing.c.purpose == "return")
        ).all()
    there = world.on_chain(world.desk.deposit_address("ACME", "USD"))
    assert all(int(row.most) * row.gas <= there for row in sent), "it may offer more than there is"
    finalize(world)
    world.go(4, blocks=5, seconds=11)
    finalize(world)
    assert world.deposit_states() == ["returned", "returned"]
    check_all(world)


def in_one_block(world, *payments):
    """What is broadcast already is in the block that these come in."""
    world.chain.pay(STRANGER, *payments)
    world.chain.mine(world.clock.time)
    finalize(world)


def test_tokens_that_come_in_the_block_that_a_payment_leaves_in_are_known_by_amount(world):
    world.step()
    paid = world.desk.withdraw("ACME", "USD", 70 * 10**8, THEIRS, "trader7")
    world.go(4, blocks=0)
    for person in (ALICE, CAROL):
        world.desk.approve(paid, person.says(world.intent(paid)))
    world.go(6, blocks=0)
    assert world.withdrawal_state(paid) == "sending"
    in_one_block(world, (world.hot, USDC, 500 * 10**6))
    assert world.on_chain(THEIRS, USDC) == 70 * 10**6
    assert world.deposit_states() == ["unattributed"]
    world.check()
    world.check_chain()


def test_tokens_that_come_in_the_block_that_a_return_leaves_in_are_their_owners(world):
    reference = came(world, held_tokens)
    address = world.desk.deposit(reference).address
    ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    world.say(ident, ALICE, CAROL)
    while world.signing.asked == [] or not hasattr(world.signing.asked[-1].purpose, "intent"):
        world.go(1, blocks=4, seconds=6)
    in_one_block(world, (address, USDC, 40 * 10**6))
    assert world.on_chain(THEIRS, USDC) == 500 * 10**6
    assert world.deposit_states() == ["credited", "returned"]
    assert world.available(ACME_ACCOUNT, USD) == START[USD] + 40 * 10**8
    world.settle()
    check_all(world)


def test_a_deposit_that_only_custodys_database_says_is_still_there_is_not_returned_again(world):
    reference = came(world, stray_coins)
    agreed(world, world.desk.asking.send_back(reference, THEIRS, "trader7"))
    arrived = world.on_chain(THEIRS)
    with world.database.begin() as connection:
        connection.execute(update(deposits).values(state="unattributed"))
    again = world.desk.asking.send_back(reference, STRANGER, "trader7")
    before = world.on_chain(STRANGER)
    agreed(world, again)
    assert (world.decision_state(again), world.deposit_states()) == ("failed", ["unattributed"])
    assert (world.on_chain(THEIRS), world.on_chain(STRANGER)) == (arrived, before)


def test_a_returned_deposit_whose_block_comes_again_is_still_the_one(world):
    """A chain that takes back what it called final, and has it again."""
    world.step()
    tx = world.chain.pay(BAD, (world.desk.deposit_address("ACME", "ETH"), "", 2 * ETHER))
    finalize(world)
    (row,) = world.desk.deposits()
    agreed(world, world.desk.asking.send_back(row.reference, THEIRS, "trader7"))
    sent = world.signing.asked[-1]
    world.chain.reorganize(len(world.chain.blocks) - 11, world.clock.time, [tx])
    world.go(4)
    finalize(world)
    assert world.deposit_states() == ["returned"]
    assert any(name.startswith("finality/") for name in world.alarms())
    assert world.signing.asked[-1] == sent
    world.check()


# --- deaths -----------------------------------------------------------------------------------

RELEASE_PLACES = ("decision judged", "deposit released", "deposit posted", "deposit credited")
RETURN_PLACES = ("return planned", "return booked", "deposit returned")
PLACES_OF_TOKENS = (
    "decision judged", "fuel planned", "fuel booked", "return planned", "signed", "signature kept",
    "broadcast", "final", "return booked", "deposit returned",
)  # fmt: skip
DEATHS = [
    *(("release", held_coins, place) for place in RELEASE_PLACES if place != "deposit posted"),
    *(("release", skimmed_tokens, place) for place in RELEASE_PLACES),
    *(("return", held_coins, place) for place in RETURN_PLACES),
    *(("return", stray_tokens, place) for place in RETURN_PLACES),
    *(("return", skimmed_tokens, place) for place in PLACES_OF_TOKENS),
]


@pytest.mark.parametrize(("what", "how", "place"), DEATHS)
def test_a_process_that_is_killed_there_ends_as_without_it(world, what, how, place):
    killed_there(world, what, how, place)


def killed_there(world, what, how, place):
    """One decision to its end, the process killed once at a place."""
    reference = came(world, how)
    if what == "release":
        ident = world.desk.asking.release(reference, RELEASED[how][0], "trader7")
    else:
        ident = world.desk.asking.send_back(reference, THEIRS, "trader7")
    world.say(ident, ALICE, CAROL)
    world.kill_at = (place, world.reached.count(place) + 1)
    with pytest.raises(Killed):
        world.go(20, blocks=4, seconds=6)
    world.kill_at = None
    world.start_signer()
    world.start()
    world.go(6, blocks=4, seconds=6)
    finalize(world)
    world.go(1)
    assert world.decision_state(ident) == "done"
    assert world.deposit_states() == ["credited" if what == "release" else "returned"]
    if what == "release":
        account, asset, units = RELEASED[how]
        assert world.available(WHO[account], asset) == START[asset] + units
    else:
        token, amount = RETURNED[how]
        arrived = world.on_chain(THEIRS, token)
        assert arrived == amount if token else amount - ETHER // 100 < arrived < amount
    check_all(world)
