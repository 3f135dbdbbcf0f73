"""What a call takes, by several nodes: nothing is believed on one node's word."""

import asyncio

import pytest

from custody.chains.node import Call, CallFails, NodeFailed
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
