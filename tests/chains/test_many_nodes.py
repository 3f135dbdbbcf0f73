"""What a call takes, and who has heard of a transaction: nothing is believed on one node's word."""

import asyncio

import pytest

from custody.chains.node import Block, Call, CallFails, NodeFailed
from custody.chains.quorum import Witnesses

SAYS_NO, AWAY = CallFails("execution reverted"), NodeFailed("nobody is there")
CALL = Call("0x" + "11" * 20, "0x" + "22" * 20, 1)


class Node:
    """Says one thing."""

    def __init__(self, name, says):
        self.name = name
        self.says = says

    async def gas(self, call):
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def asked(*says, needed=2):
    nodes = [Node(f"node{k}", one) for k, one in enumerate(says)]
    return asyncio.run(Witnesses(nodes, needed).gas(CALL))


@pytest.mark.parametrize(
    ("says", "gas"),
    [
        ((21_000, 52_000, 40_000), 52_000),
        ((21_000, 30_000, SAYS_NO), 30_000),  # it lags, or lies
        ((21_000, 30_000, AWAY), 30_000),
        ((21_000, SAYS_NO, AWAY), None),
        ((21_000, AWAY, AWAY), None),
        ((SAYS_NO, AWAY, AWAY), None),
        ((AWAY, AWAY, AWAY), None),
    ],
)
def test_enough_nodes_have_to_say_the_same(says, gas):
    assert asked(*says) == gas


@pytest.mark.parametrize("says", [(SAYS_NO, SAYS_NO, 21_000), (SAYS_NO, SAYS_NO, AWAY)])
def test_a_call_fails_when_enough_nodes_say_so(says):
    with pytest.raises(CallFails, match="reverted"):
        asked(*says)


def test_one_node_is_enough_where_one_is_needed():
    assert asked(21_000, needed=1) == 21_000


FINAL = Block(7, b"final", b"parent", 0)
KNOWS, DENIES, LAGS, FORKED = "knows", "denies", "lags", "forked"


class Witness:
    """Knows a transaction, or does not; and has the final block, or lags, or has another one."""

    def __init__(self, name, how):
        self.name = name
        self.how = how

    async def knows(self, tx):
        if self.how is AWAY:
            raise AWAY
        return self.how == KNOWS

    async def header(self, number):
        return {LAGS: None, FORKED: Block(7, b"other", b"parent", 0)}.get(self.how, FINAL)


@pytest.mark.parametrize(
    ("nodes", "may_be_known"),
    [
        ((KNOWS, DENIES, DENIES), True),
        ((DENIES, DENIES, DENIES), False),
        ((DENIES, DENIES, AWAY), False),
        ((DENIES, LAGS, AWAY), True),  # one denies it; the other has not come so far
        ((DENIES, FORKED, LAGS), True),
        ((DENIES, AWAY, AWAY), True),
        ((AWAY, AWAY, AWAY), True),
    ],
)
def test_a_transaction_is_nobodys_only_if_enough_nodes_that_came_so_far_deny_it(
    nodes, may_be_known
):
    made = [Witness(f"node{k}", how) for k, how in enumerate(nodes)]
    assert asyncio.run(Witnesses(made, 2).heard_of(b"tx", FINAL)) is may_be_known
