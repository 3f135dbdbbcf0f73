"""What came in a block, by a real block and by random towers of calls beside a naive reading."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from custody.chains.movements import (
    MAX_TRANSACTIONS,
    Payment,
    check_parts,
    flat_payments,
    movements_of,
    nested_payments,
)
from custody.chains.node import NATIVE
from custody.chains.wire import (
    Address,
    BlockReceipt,
    CallFrame,
    FlatTrace,
    FullBlock,
    Malformed,
    Quantity,
    TracedTransaction,
    read,
)
from tests.support.anvil import CONTRACTS
from tests.support.evm_scene import AMOUNT, KEPT, TARGET

TOLD = json.loads(KEPT.read_text())
AT = TOLD["contracts"]


def read_as(answer, shape):
    return read(json.dumps(answer).encode(), shape)


BLOCK = read_as(TOLD["block"], FullBlock)
RECEIPTS = read_as(TOLD["receipts"], list[BlockReceipt])
NESTED = read_as(TOLD["nested"], list[TracedTransaction])
FLAT = read_as(TOLD["flat"], list[FlatTrace])


def came(movements):
    """What matters of movements, in the order of the block."""
    order = [bytes(tx.hash) for tx in BLOCK.transactions]
    found = [(order.index(m.tx), m.position, m.token, m.amount) for m in movements]
    assert all(m.target == TARGET for m in movements)
    return sorted(found)


PLAIN = [
    (0, "value", NATIVE, 100),  # of each type
    (1, "value", NATIVE, 101),
    (2, "value", NATIVE, 102),
    (3, "value", NATIVE, 104),
    (4, "value", NATIVE, 5),
    (7, "log/0", AT["Honest"], AMOUNT),
    (8, "log/0", AT["Silent"], AMOUNT),
    (9, "log/0", AT["Taxed"], AMOUNT - AMOUNT // 100),  # the fee went elsewhere
    (11, "log/0", AT["Lying"], AMOUNT),  # only balances tell
    (12, "log/0", AT["Blocking"], AMOUNT),
]

BY_CALLS = [
    (15, "trace/0", NATIVE, 1),
    (15, "trace/1", NATIVE, 2),  # a function of the EVM was called between these two
    (15, "trace/2/0", NATIVE, 3),
    (15, "trace/5/0", NATIVE, 4),  # by delegation; 3 and 4 were taken back
    (15, "trace/7/0", NATIVE, 5),  # by the end of a contract
]


def test_what_came_by_values_and_by_tokens():
    assert came(movements_of(BLOCK.transactions, RECEIPTS, (), {TARGET})) == PLAIN


@pytest.mark.parametrize(
    "payments",
    [
        nested_payments(BLOCK.transactions, NESTED, {TARGET}),
        flat_payments(BLOCK.hash, BLOCK.transactions, FLAT, {TARGET}),
    ],
    ids=["callTracer", "trace_block"],
)
def test_what_came_by_calls_is_the_same_by_either_tracer(payments):
    found = movements_of(BLOCK.transactions, RECEIPTS, payments, {TARGET})
    assert came(found) == sorted(PLAIN + BY_CALLS)


def test_movements_are_plain_values_in_one_order():
    payments = nested_payments(BLOCK.transactions, NESTED, {TARGET})
    found = movements_of(BLOCK.transactions, RECEIPTS, payments, [TARGET])
    assert list(found) == sorted(found, key=lambda m: (m.tx, m.position))
    for m in found:
        kinds = [type(value) for value in (m.tx, m.position, m.token, m.source, m.amount)]
        assert kinds == [bytes, str, str, str, int]


def test_nobody_else_s_coins_are_told_of():
    assert movements_of(BLOCK.transactions, RECEIPTS, (), {"0x" + "99" * 20}) == ()
    assert movements_of(BLOCK.transactions, RECEIPTS, (), ()) == ()


def test_a_transaction_that_failed_moved_nothing():
    failed = [tx for tx, r in zip(BLOCK.transactions, RECEIPTS, strict=True) if not r.status]
    assert len(failed) == 2
    payment = Payment(bytes(failed[0].hash), (0,), "0x" + "01" * 20, TARGET, 9)
    found = movements_of(BLOCK.transactions, RECEIPTS, [payment], {TARGET, str(failed[0].to)})
    assert not [m for m in found if m.tx in {bytes(tx.hash) for tx in failed}]


# --- random calls --------------------------------------------------------------------------

PEOPLE = [TARGET, "0x" + "55" * 20, "0x" + "66" * 20, "0x" + "00" * 19 + "02"]
KINDS = ["CALL", "CALL", "DELEGATECALL", "STATICCALL", "CALLCODE", "CREATE", "SELFDESTRUCT"]


def calls(children):
    return st.fixed_dictionaries(
        {
            "type": st.sampled_from(KINDS),
            "from": st.sampled_from(PEOPLE),
            "to": st.sampled_from(PEOPLE),
            "value": st.sampled_from(["0x0", "0x1", "0x2a"]),
            "calls": children,
        },
        optional={"error": st.just("out of gas")},
    )


TREES = st.recursive(calls(st.just([])), lambda c: calls(st.lists(c, max_size=4)), max_leaves=25)


def is_function(frame):
    return int(frame["to"], 16) < 1024 and frame["value"] == "0x0"


def naive(frame, path=()):
    """(path, source, amount) of what came to the target, from the definition."""
    if "error" in frame:
        return []
    found = []
    pays = frame["type"] in ("CALL", "CREATE", "SELFDESTRUCT") and frame["value"] != "0x0"
    if path and pays and frame["to"] == TARGET:
        found.append((path, frame["from"], int(frame["value"], 16)))
    for index, call in enumerate(c for c in frame["calls"] if not is_function(c)):
        found += naive(call, (*path, index))
    return found


def without_functions(frame, tops=True):
    """Functions of the EVM have no calls of their own."""
    calls_ = [without_functions(c, False) for c in frame["calls"]]
    if not tops and is_function(frame):
        calls_ = []
    return frame | {"calls": calls_}


TX = BLOCK.transactions[0]


def flat_of(frame, gaps, shown, path=()):
    """The same as trace_block tells it. gaps: functions that are left out leave gaps."""
    kind = {"SELFDESTRUCT": "suicide", "CREATE": "create"}.get(frame["type"], "call")
    action = {"from": frame["from"], "to": frame["to"], "value": frame["value"]}
    if kind == "call":
        action["callType"] = frame["type"].lower()
    elif kind == "suicide":
        action = {
            "address": frame["from"], "refundAddress": frame["to"], "balance": frame["value"],
        }  # fmt: skip
    trace = {
        "type": kind, "action": action, "traceAddress": list(path),
        "blockHash": TOLD["block"]["hash"], "transactionHash": "0x" + TX.hash.hex(),
    }  # fmt: skip
    if kind == "create":
        trace["result"] = {"address": frame["to"]}
        action.pop("to")
    if "error" in frame:
        trace["error"] = frame["error"]
    yield trace
    index = 0
    for call in frame["calls"]:
        left_out = is_function(call) and call["type"] in ("CALL", "STATICCALL") and not shown
        if not left_out:
            yield from flat_of(call, gaps, shown, (*path, index))
        index += gaps or not left_out


def calls_only(frame):
    """Functions are called, neither made nor ended."""
    kind = frame["type"]
    if is_function(frame) and kind not in ("CALL", "STATICCALL"):
        kind = "STATICCALL"
    return frame | {"type": kind, "calls": [calls_only(c) for c in frame["calls"]]}


@given(TREES.map(without_functions).map(calls_only), st.booleans(), st.booleans())
def test_calls_pay_what_a_naive_reading_says_by_either_tracer(tree, gaps, shown):
    expected = sorted(naive(tree))
    traced = read_as([{"txHash": "0x" + TX.hash.hex(), "result": tree}], list[TracedTransaction])
    nested = nested_payments([TX], traced, {TARGET})
    assert sorted((p.path, p.source, p.amount) for p in nested) == expected
    flat = read_as(list(flat_of(tree, gaps, shown)), list[FlatTrace])
    found = flat_payments(BLOCK.hash, [TX], flat, {TARGET})
    assert sorted((p.path, p.source, p.amount) for p in found) == expected


def test_a_tower_of_calls_as_high_as_can_be_is_read():
    tree = calls_to(TARGET)
    for _ in range(1_023):
        tree = calls_to("0x" + "55" * 20) | {"calls": [tree], "value": "0x0"}
    traced = [TracedTransaction(result=frame_of(tree))]
    (payment,) = nested_payments([TX], traced, {TARGET})
    assert payment.path == (0,) * 1_023


def calls_to(target):
    return {"type": "CALL", "from": "0x" + "55" * 20, "to": target, "value": "0x1", "calls": []}


def frame_of(tree):
    """Built from below: as JSON it would be too deep for Python's own limit."""
    chain = []
    while tree is not None:
        chain.append(tree)
        tree = tree["calls"][0] if tree["calls"] else None
    frame = None
    for each in reversed(chain):
        frame = CallFrame(
            each["type"], Address(each["from"]), Address(each["to"]),
            Quantity(each["value"], 16), None, [frame] if frame else [],
        )  # fmt: skip
    return frame


# --- what no block has ---------------------------------------------------------------------

LIES_OF_TRACES = {
    "one is missing": lambda nested, flat: (
        nested[:-1],
        [trace for trace in flat if trace["transactionHash"] != flat[-1]["transactionHash"]],
    ),
    "none": lambda nested, flat: ([], []),
    "of another transaction": lambda nested, flat: (
        [*nested[:-1], nested[-1] | {"txHash": nested[0]["txHash"]}],
        [*flat[:-1], flat[-1] | {"transactionHash": flat[0]["transactionHash"]}],
    ),
    "the first two exchanged": lambda nested, flat: (
        [nested[1], nested[0], *nested[2:]],
        [flat[1], flat[0], *flat[2:]],
    ),
    "not traced": lambda nested, flat: (
        [{"txHash": nested[0]["txHash"], "error": "timeout"}, *nested[1:]],
        flat[1:],
    ),
    "one twice": lambda nested, flat: ([*nested, nested[-1]], [*flat, flat[-1]]),
}


@pytest.mark.parametrize("lie", LIES_OF_TRACES)
def test_traces_that_are_not_of_the_block_are_refused(lie):
    nested, flat = LIES_OF_TRACES[lie](TOLD["nested"], TOLD["flat"])
    with pytest.raises(Malformed):
        nested_payments(BLOCK.transactions, read_as(nested, list[TracedTransaction]), {TARGET})
    with pytest.raises(Malformed):
        flat_payments(BLOCK.hash, BLOCK.transactions, read_as(flat, list[FlatTrace]), {TARGET})


def test_a_trace_of_another_block_is_refused():
    flat = [TOLD["flat"][0] | {"blockHash": "0x" + "12" * 32}, *TOLD["flat"][1:]]
    with pytest.raises(Malformed, match="another block"):
        flat_payments(BLOCK.hash, BLOCK.transactions, read_as(flat, list[FlatTrace]), {TARGET})


@pytest.mark.parametrize("address", [[5], [0, 0, 0], [-1], [2, 0, 0, 0]])
def test_calls_that_hang_in_the_air_are_refused(address):
    at = [t["traceAddress"] for t in TOLD["flat"]].index([0])
    flat = [dict(trace) for trace in TOLD["flat"]]
    flat[at]["traceAddress"] = address
    with pytest.raises(Malformed, match=r"out of order|>= 0"):
        flat_payments(BLOCK.hash, BLOCK.transactions, read_as(flat, list[FlatTrace]), {TARGET})


LIES_OF_RECEIPTS = {
    "one is missing": lambda r: r[:-1],
    "one twice": lambda r: [*r, r[-1]],
    "exchanged": lambda r: [r[1], r[0], *r[2:]],
    "of another block": lambda r: [r[0] | {"blockHash": "0x" + "12" * 32}, *r[1:]],
    "neither good nor bad": lambda r: [r[0] | {"status": "0x2"}, *r[1:]],
}


@pytest.mark.parametrize("lie", LIES_OF_RECEIPTS)
def test_receipts_that_are_not_of_the_block_are_refused(lie):
    receipts = read_as(LIES_OF_RECEIPTS[lie](TOLD["receipts"]), list[BlockReceipt])
    with pytest.raises(Malformed):
        check_parts(BLOCK.hash, BLOCK.transactions, receipts)


def test_a_block_has_a_limit():
    many = [TX] * (MAX_TRANSACTIONS + 1)
    with pytest.raises(Malformed, match="20001 transactions"):
        check_parts(BLOCK.hash, many, [])
    crowd = RECEIPTS[7]
    crowd = type(crowd)(
        crowd.transaction_hash, crowd.block_hash, crowd.status, crowd.cumulative_gas_used,
        crowd.logs_bloom, crowd.logs * 300_001, crowd.type,
    )  # fmt: skip
    with pytest.raises(Malformed, match="too many logs"):
        check_parts(BLOCK.hash, [BLOCK.transactions[7]], [crowd])


def test_the_compiled_tokens_are_those_that_the_scene_has():
    assert set(AT) | {"Last", "Base", "Skimming"} == set(CONTRACTS)
