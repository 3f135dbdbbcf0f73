"""All of custody with a real Safe as its cold wallet: coins go there by a refill, and owners send
them back."""

import pytest
from msgspec.structs import replace

from custody.wallets import safe as ours
from tests.custody.anvil_world import AnvilWorld
from tests.custody.test_on_real_components import postgres  # noqa: F401 - a fixture
from tests.custody.test_refills import KEEP, MOST, rest, rows, sent
from tests.custody.world import CHAIN, ETHER, THEIRS, USDC
from tests.support.anvil import needs_anvil
from tests.support.safe import LISTED, OWNERS, new_safe

pytestmark = pytest.mark.proof


class SafeWorld(AnvilWorld):
    """Its cold wallet is a Safe of two of three."""

    def make_chain(self, faults):
        chain, nodes = super().make_chain(faults)
        self.safe = new_safe(chain.anvil)
        return chain, nodes

    def start_signer(self):
        super().start_signer()
        self.signer._rules = replace(self.signer._rules, cold=self.safe)

    def owners_pay(self, target, amount, token="", nonce=0):
        """Two owners have the Safe pay."""
        tx = ours.payment_of(token, target, amount, nonce)
        digest = ours.hash_of(tx, CHAIN, self.safe)
        made = [person.unsafe_sign_hash(digest) for person in OWNERS[1:]]
        signatures = [ours.signature_of(each.r, each.s, each.v - 27) for each in made]
        data = ours.execution(tx, ours.joined(digest, signatures, LISTED, 2))
        return self.chain.anvil.send(self.safe, data="0x" + data.hex())


@pytest.fixture
def world(tmp_path, postgres):  # noqa: F811
    needs_anvil()
    made = SafeWorld(tmp_path, postgres.new_database(), hot_most=MOST, hot_keep=KEEP)
    yield made
    made.close()


def test_coins_go_to_the_safe_and_come_back_and_the_books_are_right_all_along(world):
    rest(world)
    (tokens, coins), (first, _) = sent(world), rows(world)
    assert tokens == (USDC, 4_000_000 * 10**6)
    assert coins == ("", 300 * ETHER - int(first.gas_paid)), "what paid for the tokens is gone"
    assert {row.state for row in rows(world)} == {"done"}
    assert all(row.gas > 21_000 for row in rows(world))
    assert world.on_chain(world.safe) == coins[1]
    world.owners_pay(world.hot, 120 * ETHER)
    world.owners_pay(world.hot, 2_000_000 * 10**6, USDC, nonce=1)
    rest(world)  # it compares every account of the chain with the chain
    assert world.deposit_states() == ["internal", "internal"]
    assert world.alarms() == []
    assert world.on_chain(world.safe) == coins[1] - 120 * ETHER
    assert world.on_chain(world.safe, USDC) == 2_000_000 * 10**6
    ident = world.desk.withdraw("ACME", "ETH", 10**8, THEIRS, "trader7")
    rest(world)
    assert world.withdrawal_state(ident) == "settled"


def test_coins_that_the_owners_send_elsewhere_are_seen_to_be_missing(world):
    """Nothing that custody watches has got them: only the comparison with the chain tells."""
    rest(world)
    tx = ours.payment_of("", THEIRS, 100 * ETHER, 0)
    with pytest.raises(ours.SafeRefused):
        ours.check_payment(tx, world.hot, [""], 0)
    world.owners_pay(THEIRS, 100 * ETHER)
    with pytest.raises(AssertionError, match=world.safe):
        rest(world)
