"""The part `custody` of a configuration: what is wrong with it, by path."""

import msgspec
import pytest

from custody.settings import CustodySettings
from custody.terms import terms_of
from engine.model.errors import ConfigError
from tests.custody.people import ALICE, CAROL

SCALES = {"ETH": 8, "USD": 8, "BTC": 8}
GOOD = {
    "chain": {
        "id": 1,
        "endpoints": [
            {"name": "one", "url": "http://127.0.0.1:8545"},
            {"name": "two", "url": "http://127.0.0.2:8545"},
        ],
    },
    "assets": [
        {"code": "ETH", "min_deposit": "0.01", "withdrawal_fee": "0.001", "sweep_above": "1"},
        {"code": "USD", "token": "0x" + "c0" * 20, "decimals": 6},
    ],
    "policy": {
        "approvers": [
            {"name": "alice", "key": ALICE.public, "groups": ["treasury"]},
            {"name": "carol", "key": CAROL.public, "groups": ["risk"]},
        ],
        "rules": [
            {"name": "all", "action": "approve", "approve": [{"group": "risk", "quorum": 1}]}
        ],
    },
    "keystore": {"file": "keystore.json", "password_file": "password"},
}


def terms(**changed):
    return terms_of(msgspec.convert({**GOOD, **changed}, CustodySettings), SCALES)


def test_amounts_become_minor_units():
    made = terms()
    ether, dollars = made.assets
    assert (ether.min_deposit, ether.min_withdrawal, ether.withdrawal_fee) == (10**6, 1, 10**5)
    assert (dollars.decimals, dollars.scale, dollars.token) == (6, 8, "0x" + "c0" * 20)
    assert made.sweep_above == {"ETH": 10**8}
    assert made.max_fee == 500 * 10**9


def test_limits_of_the_hot_wallet_need_somewhere_for_the_rest_to_go():
    ether = {**GOOD["assets"][0], "hot_most": "50", "hot_keep": "20"}
    made = terms(assets=[ether], cold="0x" + "01" * 20)
    assert (made.hot_most, made.hot_keep) == ({"ETH": 50 * 10**8}, {"ETH": 20 * 10**8})
    assert terms().hot_most == {}


def test_a_warm_wallet_has_limits_of_its_own():
    ether = {**GOOD["assets"][0], "hot_most": "50", "hot_keep": "20"}
    assert terms(assets=[ether], warm=True).hot_most == {"ETH": 50 * 10**8}
    ether |= {"warm_most": "500", "warm_keep": "200"}
    made = terms(assets=[ether], warm=True, cold="0x" + "01" * 20)
    assert (made.warm_most, made.warm_keep) == ({"ETH": 500 * 10**8}, {"ETH": 200 * 10**8})


def test_what_is_empty_may_be_written_as_such():
    made = terms(assets=[{**GOOD["assets"][0], "token": ""}], cold="")
    assert [asset.token for asset in made.assets] == [""]


ETHER = GOOD["assets"][0]
HSM = {"library": "/usr/lib/softhsm/libsofthsm2.so", "token": "venue", "pin_file": "pin"}


@pytest.mark.parametrize(
    ("changed", "path"),
    [
        ({"assets": [{"code": "DOGE"}]}, "custody.assets[0].code"),
        ({"assets": [ETHER, ETHER]}, "custody.assets[1]"),
        ({"assets": [GOOD["assets"][1]]}, "custody.assets"),
        ({"assets": [{**ETHER, "min_deposit": "0.000000001"}]}, "custody.assets[0].min_deposit"),
        ({"chain": {**GOOD["chain"], "needed": 3}}, "custody.chain.endpoints"),
        ({"chain": {**GOOD["chain"], "endpoints": GOOD["chain"]["endpoints"][:1] * 2}},
         "custody.chain.endpoints"),
        ({"assets": [{**ETHER, "hot_most": "5"}]}, "custody.assets[0].hot_most"),
        ({"assets": [{**ETHER, "hot_most": "5", "hot_keep": "6"}]}, "custody.assets[0].hot_keep"),
        ({"assets": [{**ETHER, "warm_most": "5"}]}, "custody.assets[0].warm_most"),
        ({"assets": [{**ETHER, "warm_most": "5"}], "warm": True}, "custody.assets[0].warm_most"),
        ({"assets": [{**ETHER, "warm_most": "5"}], "cold": "0x" + "01" * 20},
         "custody.assets[0].warm_most"),
        ({"assets": [{**ETHER, "warm_most": "5", "warm_keep": "6"}], "warm": True},
         "custody.assets[0].warm_keep"),
        ({"keystore": None, "hsm": HSM, "chain": {"id": 1, "kind": "demo"}}, "custody.keystore"),
        ({"policy": {"rules": [{"name": "x", "action": "approve"}]}},
         "custody.policy.rules[0].approve"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_by_its_path(changed, path):
    with pytest.raises(ConfigError) as caught:
        terms(**changed)
    assert caught.value.path == path


@pytest.mark.parametrize(
    "changed",
    [
        {"chain": {"id": 1, "endpoints": [{"name": "one", "url": "ftp://x"}]}},
        {"assets": []},
        {"assets": [{**ETHER, "token": "0xABC"}]},
        {"hot": "0x" + "00" * 20},
        {"policy": {"approvers": [{"name": "a", "key": "00", "groups": ["g"]}]}},
    ],
)
def test_what_has_another_shape_is_refused(changed):
    with pytest.raises(msgspec.ValidationError):
        terms(**changed)
