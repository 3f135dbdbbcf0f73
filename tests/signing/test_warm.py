"""The warm wallet signs for the wallet below it, and for nobody else."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from custody.chains.calldata import transfer
from custody.policy.intents import Restock
from custody.policy.policy import Policy, Rule, Velocity
from custody.signing import requests
from custody.signing.keys import Wallet
from custody.signing.log import names_the_warm_wallet
from custody.signing.requests import (
    Fuel,
    OwnWallets,
    Pay,
    Refill,
    Refused,
    Sign,
    Signed,
    Sweep,
    WarmFuel,
    WarmPay,
)
from tests.custody.people import ALICE, BOB, CAROL, MALLORY
from tests.custody.world import CHAIN, COLD, ETHER, POLICY, USDC
from tests.engine.streams import START
from tests.signing.conftest import KEYS, mangled
from tests.signing.test_signer import GAS, HOT, HOUR, LARGE, SMALL, TOKEN, TOKEN_GAS, approved, read

WARM = KEYS.address(Wallet.WARM)
TANK = KEYS.address(Wallet.GAS_TANK)
DOWN = Refill("0", "", ETHER, "warm-cold")


@pytest.fixture
def bench(bench):
    """A signer whose settings name a warm wallet."""
    bench.has_warm = True
    bench.start()
    return bench


def target_of(fields):
    return "0x" + bytes(fields["to"]).hex()


def test_it_is_a_key_of_its_own_and_is_told_where_there_is_one(bench):
    assert bench.signer.handle(requests.Wallets()) == OwnWallets(HOT, TANK, COLD, KEYS.xpub(), WARM)
    assert len({HOT, WARM, TANK, COLD, KEYS.address(0)}) == 5
    bench.has_warm = False
    bench.start()
    assert bench.signer.handle(requests.Wallets()).warm == ""


def up(intent, *people):
    return WarmPay(intent, tuple(person.says(intent) for person in people or (ALICE, CAROL)))


RESTOCK = Restock("C1", "custody", CHAIN, "ETH", "", 5 * ETHER, START, START + HOUR)
DOLLARS = replace(RESTOCK, id="C2", asset="USD", token=USDC, amount=70 * 10**6)


def test_a_restock_goes_to_the_hot_wallet_and_there_is_no_word_for_anywhere_else(bench):
    fields, sender = read(bench.signer.handle(Sign(up(RESTOCK), 0, GAS)))
    assert (sender, target_of(fields), fields["value"]) == (WARM, HOT, 5 * ETHER)
    fields, sender = read(bench.signer.handle(Sign(up(DOLLARS), 1, TOKEN_GAS)))
    assert (sender, target_of(fields), fields["value"]) == (WARM, USDC, 0)
    assert bytes(fields["data"]) == transfer(HOT, 70 * 10**6)
    assert not {"destination", "target", "to", "wallet"} & set(Restock.__struct_fields__)


WRONG = {
    "no approvals": (WarmPay(RESTOCK), "approvals"),
    "one group of two": (up(RESTOCK, ALICE, BOB), "approvals"),
    "a stranger's word": (up(RESTOCK, MALLORY, CAROL), "approvals"),
    "a rejection": (
        WarmPay(RESTOCK, (ALICE.says(RESTOCK), CAROL.says(RESTOCK, approves=False))), "approvals",
    ),
    "approvals of another amount": (
        WarmPay(replace(RESTOCK, amount=6 * ETHER), up(RESTOCK).approvals), "approvals",
    ),
    "approvals of another name": (
        WarmPay(replace(RESTOCK, id="C9"), up(RESTOCK).approvals), "approvals",
    ),
    "another chain": (up(replace(RESTOCK, chain=1)), "chain"),
    "no longer": (up(replace(RESTOCK, requested=START - HOUR, expires=START)), "expired"),
    "not yet": (up(replace(RESTOCK, requested=START + 1)), "expired"),
    "an asset that is none": (up(replace(RESTOCK, asset="BTC")), "asset"),
    "another token": (up(replace(DOLLARS, token=COLD)), "asset"),
    "nothing": (up(replace(RESTOCK, amount=0)), "amount"),
    "less than nothing": (up(replace(RESTOCK, amount=-1)), "amount"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_restock_that_is_wrong_is_not_signed_and_leaves_no_trace(bench, case):
    purpose, reason = WRONG[case]
    reply = bench.signer.handle(Sign(purpose, 0, GAS))
    assert (type(reply), reply.reason) == (Refused, reason)
    assert bench.log.entries == []


def test_where_no_rule_speaks_of_restocks_none_is_signed(bench):
    bench.policy = replace(POLICY, rules=POLICY.rules[:2])
    bench.start()
    assert bench.signer.handle(Sign(up(RESTOCK), 0, GAS)).reason == "policy"


def test_a_restock_has_one_nonce_for_ever_and_is_cancelled_under_it(bench):
    bench.signer.handle(Sign(up(RESTOCK), 4, GAS))
    bench.start()
    assert bench.signer.handle(Sign(up(RESTOCK), 5, GAS)).reason == "nonce"
    more = replace(RESTOCK, amount=6 * ETHER)
    assert bench.signer.handle(Sign(up(more), 4, GAS)).reason == "content"
    fields, sender = read(bench.signer.handle(Sign(up(RESTOCK), 4, GAS, cancels=True)))
    assert (sender, target_of(fields), fields["value"]) == (WARM, WARM, 0)


def test_a_signer_without_a_warm_wallet_restocks_nothing(bench):
    bench.has_warm = False
    bench.start()
    assert bench.signer.handle(Sign(up(RESTOCK), 0, GAS)).reason == "destination"


def test_its_own_memory_counts_restocks_apart_from_what_leaves(bench):
    slow = {
        kind: Rule(
            name=kind, action="allow", kinds=(kind,), assets=("ETH",),
            velocity=Velocity(amount="6", hours=1, per="venue"),
        )
        for kind in ("withdrawal", "restock")
    }  # fmt: skip
    bench.policy = Policy(rules=tuple(slow.values()))
    bench.start()
    assert isinstance(bench.signer.handle(Sign(Pay(LARGE), 0, GAS)), Signed)
    assert isinstance(bench.signer.handle(Sign(WarmPay(RESTOCK), 0, GAS)), Signed)
    bench.start()
    second = replace(RESTOCK, id="C3", amount=ETHER, expires=START + 9 * HOUR)
    assert isinstance(bench.signer.handle(Sign(WarmPay(second), 1, GAS)), Signed)
    third = replace(second, id="C4")
    assert bench.signer.handle(Sign(WarmPay(third), 2, GAS)).reason == "policy"
    bench.clock.time += HOUR + 1
    assert isinstance(bench.signer.handle(Sign(WarmPay(third), 2, GAS)), Signed)


@pytest.mark.parametrize(
    ("purpose", "source", "target"),
    [
        (Refill("0", "", ETHER, "hot-warm"), HOT, WARM),
        (Refill("0", "", ETHER, "hot-cold"), HOT, COLD),
        (DOWN, WARM, COLD),
        (WarmFuel(ETHER), TANK, WARM),
    ],
)
def test_coins_go_down_and_gas_comes_from_the_tank(bench, purpose, source, target):
    fields, sender = read(bench.signer.handle(Sign(purpose, 0, GAS)))
    assert (sender, target_of(fields), fields["value"]) == (source, target, ETHER)


def test_a_tokens_way_down_is_a_transfer_to_the_cold_wallet(bench):
    down = Refill("0", USDC, 5, "warm-cold")
    fields, sender = read(bench.signer.handle(Sign(down, 0, TOKEN_GAS)))
    assert (sender, target_of(fields), fields["value"]) == (WARM, USDC, 0)
    assert bytes(fields["data"])[16:36].hex() == COLD[2:]


@pytest.mark.parametrize(
    "way", ["warm-hot", "warm-warm", "cold-hot", "warm-deposit", "", "hot-hot"]
)
def test_there_are_no_other_ways(way):
    payload = msgspec.json.decode(requests.frame(Sign(DOWN, 0, GAS))[4:])
    payload["purpose"]["way"] = way
    with pytest.raises(requests.FrameMalformed):
        requests.read_request(msgspec.json.encode(payload))


@pytest.mark.parametrize(
    "request_",
    [
        Sign(approved(LARGE), 0, GAS),
        Sign(approved(SMALL), 0, GAS),
        Sign(approved(TOKEN), 0, TOKEN_GAS),
        Sign(Sweep(0, "", ETHER), 0, GAS),
        Sign(Sweep(0, USDC, ETHER), 0, TOKEN_GAS),
        Sign(Fuel(0, ETHER), 0, GAS),
        Sign(WarmFuel(ETHER), 0, GAS),
        Sign(Refill("0", "", ETHER, "hot-warm"), 0, GAS),
        Sign(Refill("0", "", ETHER), 0, GAS),
    ],
    ids=str,
)
def test_nothing_else_is_paid_by_it(bench, request_):
    """Neither a withdrawal that everybody has approved nor any move of the other wallets."""
    _, sender = read(bench.signer.handle(request_))
    assert sender != WARM


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [
        (Refill("0", "0x" + "77" * 20, 1, "warm-cold"), "asset"),
        (Refill("0", "", 0, "warm-cold"), "amount"),
        (WarmFuel(ETHER + 1), "amount"),
        (WarmFuel(-1), "amount"),
    ],
)
def test_what_is_wrong_is_not_signed_and_leaves_no_trace(bench, purpose, reason):
    reply = bench.signer.handle(Sign(purpose, 0, GAS))
    assert (type(reply), reply.reason, bench.log.entries) == (Refused, reason, [])


@pytest.mark.parametrize(
    "purpose", [DOWN, Refill("0", "", ETHER, "hot-warm"), WarmFuel(ETHER)], ids=str
)
def test_a_signer_without_one_in_its_settings_pays_it_nothing_and_cancels(bench, purpose):
    bench.has_warm = False
    bench.start()
    assert bench.signer.handle(Sign(purpose, 0, GAS)).reason == "destination"
    fields, sender = read(bench.signer.handle(Sign(purpose, 0, GAS, cancels=True)))
    assert (target_of(fields), fields["value"], bytes(fields["data"])) == (sender, 0, b"")


def test_a_nonce_of_it_is_used_up_by_nothing(bench):
    fields, sender = read(bench.signer.handle(Sign(DOWN, 3, GAS, cancels=True)))
    assert (sender, target_of(fields), fields["value"]) == (WARM, WARM, 0)
    again = bench.signer.handle(Sign(Refill("1", "", ETHER, "warm-cold"), 3, GAS))
    assert again.reason == "nonce"


def test_what_the_wallets_send_is_told_apart_though_it_is_called_the_same(bench):
    """Each wallet counts its own nonces, and calls what it sends by them."""
    for purpose, sender in ((Refill("0", "", ETHER, "hot-warm"), HOT), (DOWN, WARM)):
        assert read(bench.signer.handle(Sign(purpose, 0, GAS)))[1] == sender
    bench.start()
    assert bench.signer.handle(Sign(DOWN, 1, GAS)).reason == "nonce"
    assert bench.signer.handle(Sign(Refill("0", "", 2, "warm-cold"), 0, GAS)).reason == "content"


def test_an_older_log_says_the_same_of_a_refill(bench):
    """Its digest is of the text that it was before there were several ways."""
    bench.signer.handle(Sign(Refill("7", "", 5), 7, GAS))
    text = b'{"amount":5,"id":"7","token":"","type":"refill"}'
    assert bench.log.entries[-1].content == sha256(text).hexdigest()


@pytest.mark.parametrize(
    ("purpose", "says"),
    [
        (DOWN, True),
        (Refill("0", "", ETHER, "hot-warm"), True),
        (WarmFuel(ETHER), True),
        (up(RESTOCK), True),
        (Refill("0", "", ETHER), False),
        (Sweep(0, "", ETHER), False),
    ],
    ids=str,
)
def test_the_log_tells_whether_there_ever_was_one(bench, purpose, says):
    bench.signer.handle(Sign(purpose, 0, GAS))
    assert names_the_warm_wallet(bench.path) is says


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_request_with_any_byte_changed_brings_its_coins_nowhere_else(bench, data):
    purpose, nonce = data.draw(st.sampled_from([(DOWN, 0), (up(RESTOCK), 1)]))
    request = mangled(data, Sign(purpose, nonce, GAS))
    if request is None:
        return
    reply = bench.signer.handle(request)
    if not isinstance(reply, Refused):
        fields, sender = read(reply)
        assert sender != WARM or target_of(fields) in (COLD, HOT, WARM)
        assert target_of(fields) != HOT or fields["value"] == 5 * ETHER
