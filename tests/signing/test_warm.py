"""The warm wallet signs for the wallet below it, and for nobody else."""

from hashlib import sha256

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from custody.signing import requests
from custody.signing.keys import Wallet
from custody.signing.log import names_the_warm_wallet
from custody.signing.requests import Fuel, OwnWallets, Refill, Refused, Sign, Sweep, WarmFuel
from tests.custody.world import COLD, ETHER, USDC
from tests.signing.conftest import KEYS, mangled
from tests.signing.test_signer import GAS, HOT, LARGE, SMALL, TOKEN, TOKEN_GAS, approved, read

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
    request = mangled(data, Sign(DOWN, 0, GAS))
    if request is None:
        return
    reply = bench.signer.handle(request)
    if not isinstance(reply, Refused):
        fields, sender = read(reply)
        assert sender != WARM or target_of(fields) == (COLD if fields["value"] else WARM)
