"""Policies: what is wrong with one, and what a good one says."""

import msgspec
import pytest
from msgspec.structs import replace

from custody.policy.decision import Decision, Facts, Standing, decide, refusal_of, standing
from custody.policy.intents import (
    AllowAddress,
    Approval,
    BookBreak,
    GiveUp,
    ReturnDeposit,
    Withdrawal,
)
from custody.policy.policy import (
    Policy,
    check_policy,
    digest_of,
    policy_text,
    read_policy,
)
from engine.model.errors import ConfigError
from tests.custody.people import ALICE, BOB, CAROL, MALLORY

HOUR = 3_600 * 10**9
ETHER = 10**18
TARGET = "0x" + "5a" * 20
DECIMALS = {"ETH": 18, "USD": 6}
PEOPLE = [
    {"name": "alice", "key": ALICE.public, "groups": ["treasury"]},
    {"name": "bob", "key": BOB.public, "groups": ["treasury"]},
    {"name": "carol", "key": CAROL.public, "groups": ["risk"]},
]
INTENT = Withdrawal("W1", "ACME", "trader7", 1, "ETH", "", TARGET, ETHER, 0, 0, 10 * HOUR)

GIVEN_UP = GiveUp("C1", "ACME", "trader7", 1, "ETH", "W1", ETHER, 0, 10 * HOUR)
OF_GIVEN_UP = {"kinds": ["give-up"]}
RETURNED = ReturnDeposit(
    "C2", "", "trader7", 1, "ETH", "", "deposit/1", "0x" + "01" * 20, TARGET, ETHER, 0, 10 * HOUR
)
OF_RETURNED = {"kinds": ["return-deposit"]}
BOOKED = BookBreak("C3", "trader7", "USD", TARGET, -5 * 10**7, 8, "lost", 0, 10 * HOUR)
"""Half a dollar, in the ledger's units, of which the chain's are coarser."""
OF_BOOKED = {"kinds": ["book-break"]}


def policy(*rules, **more):
    named = [{"name": f"rule{k}", **rule} for k, rule in enumerate(rules)]
    return msgspec.convert({"approvers": PEOPLE, "rules": named, **more}, Policy)


def facts(allowed=(), spent=0):
    return Facts(DECIMALS, lambda *where: where in allowed, lambda *_: spent)


def decided(made, intent=INTENT, now=HOUR, **known):
    return decide(made, intent, facts(**known), now).rule or "none"


TREASURY = {"action": "approve", "approve": [{"group": "treasury", "quorum": 1}]}


@pytest.mark.parametrize(
    ("rules", "path", "words"),
    [
        ([{"action": "approve"}], "rules[0].approve", "needs it"),
        ([{"action": "allow", "approve": TREASURY["approve"]}], "rules[0].approve", "belongs"),
        ([{"action": "allow", "kinds": []}], "rules[0].kinds", "matches nothing"),
        ([{"action": "allow", "assets": ["BTC"]}], "rules[0].assets[0]", "not on the chain"),
        ([{"action": "allow", "amount_up_to": "1"}], "rules[0].amount_up_to", "exactly one"),
        (
            [{"action": "allow", "assets": ["USD"], "amount_up_to": "0.0000001"}],
            "rules[0].amount_up_to",
            "too many decimals",
        ),
        (
            [{"action": "approve", "approve": [{"group": "board", "quorum": 1}]}],
            "rules[0].approve[0].quorum",
            "which has 0",
        ),
        (
            [{"action": "approve", "approve": [{"group": "treasury", "quorum": 2}]}],
            "rules[0].approve[0].quorum",
            "could never be approved",
        ),
        ([{"action": "allow"}, {"action": "block"}], "rules[1]", "never matches"),
        (
            [{"action": "block", "assets": ["ETH", "USD"]}, {"action": "allow", "assets": ["ETH"]}],
            "rules[1]",
            "rules[0] (rule0) comes before",
        ),
        (
            [{"action": "allow", "name": "a", "assets": ["ETH"]}, {"action": "block", "name": "a"}],
            "rules[1].name",
            "twice",
        ),
    ],
)
def test_a_wrong_policy_is_refused_by_the_path_of_its_mistake(rules, path, words):
    made = msgspec.convert(
        {"approvers": PEOPLE, "rules": [{"name": f"rule{k}", **r} for k, r in enumerate(rules)]},
        Policy,
    )
    with pytest.raises(ConfigError) as caught:
        check_policy(made, DECIMALS)
    assert caught.value.path == path
    assert words in str(caught.value)


def test_nobody_may_be_in_two_groups_that_both_have_to_agree():
    both = [*PEOPLE, {"name": "dan", "key": MALLORY.public, "groups": ["treasury", "risk"]}]
    rule = {
        "name": "x",
        "action": "approve",
        "approve": [{"group": "treasury", "quorum": 1}, {"group": "risk", "quorum": 1}],
    }
    made = msgspec.convert({"approvers": both, "rules": [rule]}, Policy)
    with pytest.raises(ConfigError, match="dan is in two of the groups"):
        check_policy(made, DECIMALS)


def test_unknown_keys_are_refused():
    with pytest.raises(msgspec.ValidationError):
        policy({"action": "allow", "amount_upto": "1"})


@pytest.mark.parametrize(
    ("rule", "intent", "matches"),
    [
        ({"initiators": ["trader7"]}, INTENT, True),
        ({"initiators": ["trader8"]}, INTENT, False),
        ({"accounts": ["ACME"]}, INTENT, True),
        ({"accounts": ["BOREAS"]}, INTENT, False),
        ({"assets": ["ETH"]}, INTENT, True),
        ({"assets": ["USD"]}, INTENT, False),
        ({"destinations": [TARGET]}, INTENT, True),
        ({"destinations": ["0x" + "00" * 20]}, INTENT, False),
        ({"assets": ["ETH"], "amount_up_to": "1"}, INTENT, True),
        ({"assets": ["ETH"], "amount_up_to": "1"}, replace(INTENT, amount=ETHER + 1), False),
        ({"kinds": ["allow-address"]}, INTENT, False),
        ({}, GIVEN_UP, False),
        (OF_GIVEN_UP, GIVEN_UP, True),
        ({**OF_GIVEN_UP, "accounts": ["BOREAS"]}, GIVEN_UP, False),
        ({**OF_RETURNED, "destinations": [TARGET]}, RETURNED, True),
        ({**OF_RETURNED, "destinations": ["0x" + "00" * 20]}, RETURNED, False),
        ({**OF_RETURNED, "destinations": "allowed"}, RETURNED, False),
        ({**OF_RETURNED, "accounts": ["ACME"]}, RETURNED, False),
        ({**OF_BOOKED, "assets": ["USD"], "amount_up_to": "0.5"}, BOOKED, True),
        ({**OF_BOOKED, "assets": ["USD"], "amount_up_to": "0.4"}, BOOKED, False),
        ({**OF_BOOKED, "accounts": ["ACME"]}, BOOKED, False),
        ({**OF_GIVEN_UP, "assets": ["ETH"], "amount_up_to": "1"}, GIVEN_UP, True),
        ({**OF_GIVEN_UP, "assets": ["ETH"], "amount_up_to": "0.9"}, GIVEN_UP, False),
    ],
)
def test_a_rule_matches_what_it_says(rule, intent, matches):
    assert decided(policy({"action": "allow", **rule}), intent) == ("rule0" if matches else "none")


def test_the_first_rule_that_matches_decides_and_none_blocks():
    made = policy({"action": "block", "accounts": ["BOREAS"]}, {"action": "allow"})
    assert decide(made, INTENT, facts(), 0) == Decision("allow", "rule1")
    other = replace(INTENT, account="BOREAS")
    assert decide(made, other, facts(), 0) == Decision("block", "rule0")
    assert decide(policy(), INTENT, facts(), 0) == Decision("block", "")


def test_an_address_on_the_list_is_another_case():
    made = policy({"action": "allow", "destinations": "allowed"}, TREASURY)
    assert decided(made) == "rule1"
    assert decided(made, allowed={("ACME", "ETH", TARGET)}) == "rule0"


def test_what_has_left_in_the_window_counts_with_what_is_to_leave():
    velocity = {"assets": ["ETH"], "velocity": {"amount": "3", "hours": 24}}
    made = policy({"action": "allow", **velocity}, TREASURY)
    assert decided(made, spent=2 * ETHER) == "rule0"
    assert decided(made, spent=2 * ETHER + 1) == "rule1"


def test_a_window_slides():
    asked = []
    made = policy(
        {"action": "allow", "assets": ["ETH"], "velocity": {"amount": "3", "hours": 2}},
        {
            "action": "allow",
            "assets": ["ETH"],
            "velocity": {"amount": "9", "hours": 1, "per": "venue"},
        },
    )
    known = Facts(DECIMALS, lambda *_: False, lambda *a: asked.append(a) or 10**20)
    assert decide(made, INTENT, known, 5 * HOUR).rule == ""
    assert asked == [
        ("withdrawal", "ETH", "ACME", 3 * HOUR),
        ("withdrawal", "ETH", "", 4 * HOUR),
    ]


NEEDS = policy(
    {
        "action": "approve",
        "approve": [{"group": "treasury", "quorum": 2}, {"group": "risk", "quorum": 1}],
    }
)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([], Standing("2 of treasury, 1 of risk")),
        ([ALICE.says(INTENT)], Standing("1 of treasury, 1 of risk")),
        ([ALICE.says(INTENT)] * 3, Standing("1 of treasury, 1 of risk")),
        ([ALICE.says(INTENT), BOB.says(INTENT), CAROL.says(INTENT)], Standing("")),
        ([ALICE.says(INTENT), BOB.says(INTENT, approves=False)], Standing("", "bob")),
        ([MALLORY.says(INTENT)], Standing("2 of treasury, 1 of risk")),
        ([replace(MALLORY.says(INTENT), approver="alice")], Standing("2 of treasury, 1 of risk")),
        (
            [ALICE.says(replace(INTENT, amount=1)), CAROL.says(INTENT)],
            Standing("2 of treasury"),
        ),
        ([replace(CAROL.says(INTENT), approves=False)], Standing("2 of treasury, 1 of risk")),
    ],
)
def test_who_counts_and_who_does_not(said, expected):
    assert standing(NEEDS, INTENT, said, NEEDS.rules[0].approve) == expected


def test_who_asked_cannot_decide():
    intent = replace(INTENT, initiator="alice")
    assert refusal_of(NEEDS, intent, ALICE.says(intent)) == (
        "alice asked for it, and cannot decide on it"
    )
    assert "not bob's" in refusal_of(NEEDS, INTENT, Approval("bob", True, bytes(64)))


def test_other_intents_have_rules_of_their_own():
    allow = AllowAddress("A1", "ACME", "trader7", 1, "ETH", TARGET, "exchange", 0, HOUR)
    made = policy({"action": "allow"}, {**TREASURY, "kinds": ["allow-address"]})
    assert decided(made, allow) == "rule1"


def test_a_policy_of_before_has_the_digest_that_it_had():
    """People have agreed on it, and the signer's log names it."""
    digest = "b959a01c42caeb6c763a2617834b03530f099c64c63ed0264f1f2c0bc0fc079e"
    assert digest_of(policy({"action": "allow"}, TREASURY)) == digest


def test_the_digest_is_of_everything():
    one, other = policy(TREASURY), policy({**TREASURY, "accounts": ["ACME"]})
    assert digest_of(one) == digest_of(policy(TREASURY))
    assert digest_of(one) != digest_of(other)


def test_a_policy_that_no_message_holds_is_refused():
    long = policy({"action": "allow", "accounts": [f"account{k:06d}" for k in range(5_000)]})
    with pytest.raises(ConfigError, match="bytes as JSON; at most 65536"):
        check_policy(long, DECIMALS)


def test_a_policy_is_read_as_it_was_written():
    made = policy(TREASURY, {**TREASURY, "kinds": ["change-policy"]}, cool_down_s=5)
    assert read_policy(policy_text(made)) == made
