"""A process that is killed anywhere goes on as if it had not been."""

import pytest

from tests.custody.people import ALICE, CAROL
from tests.custody.schedule import PLACES
from tests.custody.world import ETHER, STRANGER, THEIRS, USDC, Killed
from tests.engine.streams import ACME_ACCOUNT, ETH, USD


def story(world):
    """Two deposits, a withdrawal that two people approve, one that they do not, and sweeps."""
    yield
    address, other = (world.desk.deposit_address("ACME", code) for code in ("ETH", "USD"))
    world.chain.pay(STRANGER, (address, "", 2 * ETHER), (other, USDC, 500 * 10**6))
    yield
    paid = world.desk.withdraw("ACME", "ETH", 3 * 10**8, THEIRS, "trader7")
    lost = world.desk.withdraw("ACME", "USD", 3 * 10**8, THEIRS, "trader7")
    yield from approved(world, paid, lost)


def approved(world, paid, lost):
    while any(world.withdrawal_state(ident) != "awaiting" for ident in (paid, lost)):
        yield
    for person in (ALICE, CAROL):
        world.desk.approve(paid, person.says(world.intent(paid)))
    world.desk.approve(lost, ALICE.says(world.intent(lost), approves=False))
    for _ in range(45):
        yield


def told(world, kill_at=None):
    """The story to its end, the process killed once at a place, or never; what there is then."""
    world.kill_at = kill_at
    killed = False
    for _ in story(world):
        try:
            world.go(1, seconds=2)
        except Killed:
            killed = True
            world.kill_at = None
            world.start_signer()
            world.start()
    world.settle()
    world.check()
    world.check_chain()
    return killed, {
        "balances": [
            (world.available(ACME_ACCOUNT, asset), world.held(ACME_ACCOUNT, asset))
            for asset in (ETH, USD)
        ],
        "withdrawals": [(row.id, row.state) for row in world.desk.withdrawals()],
        "deposits": [(row.reference, row.state) for row in world.desk.deposits()],
        "on the chain": (world.on_chain(THEIRS), world.on_chain(world.hot, USDC)),
        "nonces": [world.chain.nonce(wallet, None) for wallet in (world.hot, world.tank)],
    }


@pytest.fixture(scope="module")
def untouched(tmp_path_factory, template):
    from tests.custody.world import World

    world = World(tmp_path_factory.mktemp("untouched"), template)
    _, end = told(world)
    world.close()
    return end, list(world.reached)


def test_the_story_comes_through_every_place(untouched):
    end, reached = untouched
    assert set(PLACES) <= set(reached)
    assert [state for _, state in end["withdrawals"]] == ["rejected", "settled"]
    assert {state for _, state in end["deposits"]} == {"credited"}


@pytest.mark.parametrize("place", PLACES)
def test_a_death_there_ends_as_the_run_without_it(place, new_world, untouched):
    killed, end = told(new_world(), (place, 1))
    assert killed
    assert end == untouched[0]
