"""What the signer signs, and every reason why it does not."""

import msgspec
import pytest
from eth_account import Account
from eth_account.typed_transactions.typed_transaction import TypedTransaction
from hexbytes import HexBytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from custody.chains.calldata import transfer
from custody.policy.intents import ReturnDeposit, Withdrawal
from custody.policy.policy import Policy, Rule, Velocity
from custody.signing import requests
from custody.signing.keys import Wallet
from custody.signing.requests import (
    FROM_HOT,
    Fuel,
    Gas,
    OwnWallets,
    Pay,
    Refill,
    Refused,
    Return,
    Sign,
    Signed,
    Sweep,
    Wallets,
)
from tests.custody.people import ALICE, BOB, CAROL, MALLORY
from tests.custody.world import CHAIN, COLD, ETHER, GWEI, STRANGER, USDC
from tests.engine.streams import START
from tests.signing.conftest import KEYS, mangled

HOUR = 3_600 * 10**9
GAS = Gas(21_000, 3 * GWEI, GWEI)
TOKEN_GAS = Gas(60_000, 3 * GWEI, GWEI)
SMALL = Withdrawal(
    "W1", "ACME", "trader7", CHAIN, "ETH", "", STRANGER, ETHER, 0, START, START + HOUR
)
LARGE = replace(SMALL, id="W2", amount=5 * ETHER)
TOKEN = replace(SMALL, id="W3", asset="USD", token=USDC, amount=70 * 10**6)
HOT = KEYS.address(Wallet.HOT)
BACK = ReturnDeposit(
    "C1", "ACME", "trader7", CHAIN, "ETH", "", "deposit/1", KEYS.address(3), STRANGER, 2 * ETHER,
    START, START + HOUR,
)  # fmt: skip
FROM_HOT_WALLET = replace(BACK, id="C2", deposit="deposit/2", account="", source=HOT)
LEFT = 2 * ETHER - 63_000 * GWEI
"""Of that, with the gas of GAS taken out."""
TOKENS_BACK = replace(
    BACK, id="C3", deposit="deposit/3", asset="USD", token=USDC, source=KEYS.address(4), amount=70
)
NOWHERE = "0x" + "77" * 20


def returned(intent, number, amount):
    return Return(intent, tuple(person.says(intent) for person in (ALICE, CAROL)), number, amount)


def approved(intent, *people):
    return Pay(intent, tuple(person.says(intent) for person in people or (ALICE, CAROL)))


def read(reply):
    """A signed transaction as another library reads it, and who signed it."""
    assert isinstance(reply, Signed), reply
    fields = TypedTransaction.from_bytes(HexBytes(reply.raw)).as_dict()
    return fields, Account.recover_transaction(HexBytes(reply.raw)).lower()


def test_a_payment_is_what_was_approved(bench):
    fields, sender = read(bench.signer.handle(Sign(approved(LARGE), 7, GAS)))
    assert sender == HOT
    assert "0x" + bytes(fields["to"]).hex() == STRANGER
    assert (fields["chainId"], fields["nonce"], fields["value"]) == (CHAIN, 7, 5 * ETHER)
    assert (fields["gas"], fields["maxFeePerGas"]) == (21_000, 3 * GWEI)
    assert fields["maxPriorityFeePerGas"] == GWEI


def test_a_tokens_payment_is_a_transfer_and_nothing_else(bench):
    fields, _ = read(bench.signer.handle(Sign(approved(TOKEN), 0, TOKEN_GAS)))
    assert "0x" + bytes(fields["to"]).hex() == USDC
    assert (fields["value"], bytes(fields["data"])) == (0, transfer(STRANGER, 70 * 10**6))


def test_the_hash_is_known_before_anybody_sees_it(bench):
    reply = bench.signer.handle(Sign(Pay(SMALL), 0, GAS))
    assert reply.tx == TypedTransaction.from_bytes(HexBytes(reply.raw)).hash() or reply.tx
    assert bench.log.entries[-1].tx == reply.tx.hex()


WRONG = {
    "no approvals": (Sign(Pay(LARGE), 0, GAS), "approvals"),
    "one group of two": (Sign(approved(LARGE, ALICE, BOB), 0, GAS), "approvals"),
    "a stranger's word": (Sign(approved(LARGE, MALLORY, CAROL), 0, GAS), "approvals"),
    "a rejection": (
        Sign(Pay(LARGE, (ALICE.says(LARGE), CAROL.says(LARGE, approves=False))), 0, GAS),
        "approvals",
    ),
    "approvals of another amount": (
        Sign(Pay(replace(LARGE, amount=6 * ETHER), approved(LARGE).approvals), 0, GAS),
        "approvals",
    ),
    "approvals of another address": (
        Sign(Pay(replace(LARGE, destination=COLD), approved(LARGE).approvals), 0, GAS),
        "approvals",
    ),
    "another chain": (Sign(approved(replace(LARGE, chain=1)), 0, GAS), "chain"),
    "no longer": (
        Sign(approved(replace(LARGE, requested=START - HOUR, expires=START)), 0, GAS),
        "expired",
    ),
    "not yet": (
        Sign(approved(replace(LARGE, requested=START + 1)), 0, GAS),
        "expired",
    ),
    "an asset that is none": (Sign(approved(replace(LARGE, asset="BTC")), 0, GAS), "asset"),
    "another token": (Sign(approved(replace(TOKEN, token=COLD)), 0, GAS), "asset"),
    "nothing": (Sign(approved(replace(SMALL, amount=0)), 0, GAS), "amount"),
    "less than nothing": (Sign(approved(replace(SMALL, amount=-1)), 0, GAS), "amount"),
    "more than a word": (Sign(approved(replace(LARGE, amount=2**256)), 0, GAS), "amount"),
    "no address": (Sign(approved(replace(LARGE, destination="0xABC")), 0, GAS), "destination"),
    "a nonce below 0": (Sign(Pay(SMALL), -1, GAS), "amount"),
    "too much gas": (Sign(Pay(SMALL), 0, Gas(10**9, GWEI, 1)), "fee"),
    "too dear": (Sign(Pay(SMALL), 0, Gas(21_000, 501 * GWEI, 1)), "fee"),
    "a tip above the fee": (Sign(Pay(SMALL), 0, Gas(21_000, GWEI, 2 * GWEI)), "fee"),
    "a token's small amount without approval": (Sign(Pay(TOKEN), 0, TOKEN_GAS), "approvals"),
    "a sweep of an unknown token": (Sign(Sweep(0, COLD, 1), 0, GAS), "asset"),
    "a sweep from nowhere": (Sign(Sweep(-1, "", 1), 0, GAS), "destination"),
    "too much fuel": (Sign(Fuel(0, ETHER + 1), 0, GAS), "amount"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_not_signed_and_leaves_no_trace(bench, case):
    request, reason = WRONG[case]
    reply = bench.signer.handle(request)
    assert isinstance(reply, Refused)
    assert reply.reason == reason, reply
    assert bench.log.entries == []


def test_our_own_moves_go_to_our_own_wallets_alone(bench):
    for request, source, target in (
        (Sign(Sweep(3, "", ETHER), 0, GAS), KEYS.address(3), HOT),
        (Sign(Fuel(3, ETHER), 0, GAS), KEYS.address(Wallet.GAS_TANK), KEYS.address(3)),
        (Sign(Refill("R1", "", ETHER), 0, GAS), HOT, COLD),
    ):
        fields, sender = read(bench.signer.handle(request))
        assert (sender, "0x" + bytes(fields["to"]).hex()) == (source, target)


def test_the_same_intent_has_one_nonce_for_ever(bench):
    assert isinstance(bench.signer.handle(Sign(approved(LARGE), 4, GAS)), Signed)
    bench.start()  # it forgets nothing
    reply = bench.signer.handle(Sign(approved(LARGE), 5, GAS))
    assert reply == Refused("nonce", "withdrawal/W2 has nonce 4: it is paid once")


def test_a_nonce_has_one_intent_for_ever(bench):
    bench.signer.handle(Sign(approved(LARGE), 4, GAS))
    bench.start()
    reply = bench.signer.handle(Sign(Pay(SMALL), 4, GAS))
    assert reply == Refused("nonce", "nonce 4 belongs to withdrawal/W2")


def test_the_same_name_says_the_same_for_ever(bench):
    bench.signer.handle(Sign(Pay(SMALL), 0, GAS))
    reply = bench.signer.handle(Sign(Pay(replace(SMALL, destination=COLD)), 0, GAS))
    assert reply.reason == "content"


def test_a_replacement_offers_more_and_says_the_same_even_when_it_has_expired(bench):
    first, _ = read(bench.signer.handle(Sign(approved(LARGE), 0, GAS)))
    bench.clock.time += 2 * HOUR
    again, _ = read(bench.signer.handle(Sign(approved(LARGE), 0, Gas(21_000, 9 * GWEI, 2 * GWEI))))
    changed = {name for name in first if first[name] != again[name]}
    assert changed == {"maxFeePerGas", "maxPriorityFeePerGas", "v", "r", "s"} - (
        {"v"} if first["v"] == again["v"] else set()
    )


def test_a_cancel_pays_nobody_and_is_no_way_round_the_checks(bench):
    fields, sender = read(bench.signer.handle(Sign(Pay(LARGE), 0, GAS, cancels=True)))
    assert (fields["value"], bytes(fields["data"])) == (0, b"")
    assert "0x" + bytes(fields["to"]).hex() == sender == HOT
    reply = bench.signer.handle(Sign(Pay(LARGE), 0, GAS))
    assert reply.reason == "approvals"


@pytest.mark.parametrize(
    "purpose",
    [
        Pay(replace(LARGE, asset="BTC")),
        Pay(replace(TOKEN, token=NOWHERE)),
        Pay(replace(LARGE, amount=0, destination="nowhere")),
        Sweep(3, NOWHERE, 1),
        Fuel(3, 5 * ETHER),
        Refill("R1", NOWHERE, ETHER),
        Return(replace(BACK, asset="BTC"), (), 3, ETHER),
        Return(replace(BACK, source=NOWHERE), (), 3, ETHER),
    ],
)
def test_what_no_settings_allow_has_its_nonce_used_up_by_nothing(bench, purpose):
    """Or all that is behind it would wait for ever."""
    assert isinstance(bench.signer.handle(Sign(purpose, 0, GAS)), Refused)
    fields, sender = read(bench.signer.handle(Sign(purpose, 0, GAS, cancels=True)))
    assert "0x" + bytes(fields["to"]).hex() == sender
    assert (fields["value"], bytes(fields["data"]), fields["nonce"]) == (0, b"", 0)
    assert bench.log.entries[-1].kind == "cancel"


# --- returns ----------------------------------------------------------------------------------


def test_a_return_goes_from_where_the_coins_are_to_where_its_intent_says(bench):
    for k, (purpose, source) in enumerate((
        (returned(BACK, 3, LEFT), KEYS.address(3)),
        (returned(FROM_HOT_WALLET, FROM_HOT, LEFT), HOT),
    )):  # fmt: skip
        fields, sender = read(bench.signer.handle(Sign(purpose, k, GAS)))
        assert sender == source
        assert "0x" + bytes(fields["to"]).hex() == STRANGER
        assert fields["value"] == LEFT
    fields, sender = read(bench.signer.handle(Sign(returned(TOKENS_BACK, 4, 70), 0, TOKEN_GAS)))
    assert (sender, "0x" + bytes(fields["to"]).hex()) == (KEYS.address(4), USDC)
    assert (fields["value"], bytes(fields["data"])) == (0, transfer(STRANGER, 70))


WRONG_RETURNS = {
    "no approvals": (Return(BACK, (), 3, LEFT), "approvals"),
    "one group of two": (
        Return(BACK, (ALICE.says(BACK), BOB.says(BACK)), 3, LEFT), "approvals",
    ),
    "approvals of another destination": (
        Return(
            replace(BACK, destination=NOWHERE), returned(BACK, 3, 0).approvals, 3,
            LEFT,
        ),
        "approvals",
    ),
    "more than came": (returned(BACK, 3, 2 * ETHER + 1), "amount"),
    "so much that gas comes from others": (returned(BACK, 3, 2 * ETHER - 62_999 * GWEI), "amount"),
    "much less than came": (returned(BACK, 3, 2 * ETHER - 21_000 * 501 * GWEI), "amount"),
    "less of a token than came": (returned(TOKENS_BACK, 4, 69), "amount"),
    "more of a token than came": (returned(TOKENS_BACK, 4, 71), "amount"),
    "from somewhere else": (returned(BACK, 4, LEFT), "destination"),
    "from the hot wallet": (returned(BACK, FROM_HOT, LEFT), "destination"),
    "from nowhere": (returned(BACK, -2, LEFT), "destination"),
    "another token": (returned(replace(TOKENS_BACK, token=COLD), 4, 70), "asset"),
    "another chain": (returned(replace(BACK, chain=1), 3, LEFT), "chain"),
    "no longer": (
        returned(replace(BACK, requested=START - HOUR, expires=START), 3, LEFT),
        "expired",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG_RETURNS)
def test_what_is_wrong_with_a_return_is_not_signed_and_leaves_no_trace(bench, case):
    purpose, reason = WRONG_RETURNS[case]
    reply = bench.signer.handle(Sign(purpose, 0, GAS))
    assert isinstance(reply, Refused)
    assert reply.reason == reason, reply
    assert bench.log.entries == []


def test_a_deposit_goes_back_once_whatever_the_intent_is_called(bench):
    amount = 2 * ETHER - 189_000 * GWEI
    assert isinstance(bench.signer.handle(Sign(returned(BACK, 3, amount), 0, GAS)), Signed)
    bench.start()  # it forgets nothing
    again = replace(BACK, id="C9", destination=NOWHERE)
    reply = bench.signer.handle(Sign(returned(again, 3, amount), 1, GAS))
    assert reply == Refused("content", f"{BACK.deposit} went back by return/C1 before")
    more = replace(BACK, amount=3 * ETHER)
    assert bench.signer.handle(Sign(returned(more, 3, amount + ETHER), 0, GAS)).reason == "content"
    assert bench.signer.handle(Sign(returned(BACK, 3, amount - 1), 0, GAS)).reason == "content"
    bench.clock.time += 2 * HOUR
    replacement = Sign(returned(BACK, 3, amount), 0, Gas(21_000, 9 * GWEI, 2 * GWEI))
    assert isinstance(bench.signer.handle(replacement), Signed)
    dearer = Sign(returned(BACK, 3, amount), 0, Gas(21_000, 10 * GWEI, 2 * GWEI))
    assert bench.signer.handle(dearer).reason == "amount"


def test_what_was_only_cancelled_may_go_back_by_another_intent(bench):
    unapproved = Return(BACK, (), 3, LEFT)
    assert isinstance(bench.signer.handle(Sign(unapproved, 0, GAS)), Refused)
    read(bench.signer.handle(Sign(unapproved, 0, GAS, cancels=True)))
    again = returned(replace(BACK, id="C9"), 3, LEFT)
    assert isinstance(bench.signer.handle(Sign(again, 1, GAS)), Signed)


def test_returns_are_counted_with_returns_and_payments_with_payments(bench):
    slow = Velocity(amount="2", hours=1, per="venue")
    bench.policy = Policy(
        rules=(
            Rule(name="slow", action="allow", assets=("ETH",), velocity=slow),
            Rule(
                name="back", action="allow", kinds=("return-deposit",), assets=("ETH",),
                velocity=slow,
            ),
        )
    )  # fmt: skip
    bench.start()
    amount = LEFT
    assert isinstance(bench.signer.handle(Sign(Return(BACK, (), 3, amount), 0, GAS)), Signed)
    payment = Sign(Pay(replace(SMALL, amount=2 * ETHER)), 0, GAS)
    assert isinstance(bench.signer.handle(payment), Signed)
    bench.start()
    other = Return(replace(BACK, id="C9", deposit="deposit/2"), (), 3, amount)
    assert bench.signer.handle(Sign(other, 1, GAS)).reason == "policy"


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_return_with_any_byte_changed_goes_nowhere_else(bench, data):
    """What it keeps back is at most what its gas may cost."""
    request = mangled(data, Sign(returned(BACK, 3, LEFT), 0, GAS))
    reply = bench.signer.handle(request) if request is not None else None
    if isinstance(reply, Signed):
        fields, sender = read(reply)
        if fields["value"]:
            assert "0x" + bytes(fields["to"]).hex() == STRANGER
            assert sender == KEYS.address(3)
            kept = BACK.amount - fields["value"]
            assert request.gas.limit * request.gas.max_fee <= kept
            assert kept <= request.gas.limit * 500 * GWEI  # the most that the rules allow


def test_its_own_memory_counts_what_has_left_in_the_window(bench):
    bench.policy = Policy(
        rules=(
            Rule(
                name="slow",
                action="allow",
                assets=("ETH",),
                velocity=Velocity(amount="2", hours=1),
            ),
        )
    )
    bench.start()
    for nonce in range(2):
        intent = replace(SMALL, id=f"W{nonce}")
        assert isinstance(bench.signer.handle(Sign(Pay(intent), nonce, GAS)), Signed)
        replacement = Sign(Pay(intent), nonce, Gas(21_000, 9 * GWEI, 2 * GWEI))
        assert isinstance(bench.signer.handle(replacement), Signed)
        bench.start()
    third = replace(SMALL, id="W3", expires=START + 9 * HOUR)
    assert bench.signer.handle(Sign(Pay(third), 2, GAS)).reason == "policy"
    bench.clock.time += HOUR + 1
    assert isinstance(bench.signer.handle(Sign(Pay(third), 2, GAS)), Signed)


def test_the_wallets_are_told_and_no_key(bench):
    reply = bench.signer.handle(Wallets())
    assert reply == OwnWallets(HOT, KEYS.address(Wallet.GAS_TANK), COLD, KEYS.xpub())
    assert reply.xpub.startswith("xpub")


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_request_with_any_byte_changed_is_never_signed_for_somebody_else(bench, data):
    """Of an approved payment: either nobody reads it, or it is refused, or it says the same."""
    request = mangled(data, Sign(approved(LARGE), 0, GAS))
    if request is None:
        return
    before = len(bench.log.entries)
    reply = bench.signer.handle(request)
    if isinstance(reply, Signed):
        fields, _ = read(reply)
        if fields["value"]:
            assert "0x" + bytes(fields["to"]).hex() == STRANGER
            assert fields["value"] == 5 * ETHER
    else:
        assert len(bench.log.entries) == before


def test_there_is_no_request_that_takes_a_digest_or_calldata():
    words = msgspec.json.encode(msgspec.json.schema(requests.Request)).decode()
    for word in ("digest", "hash", "data", "calldata", "operation", '"to"'):
        assert f'"{word}"' not in words
