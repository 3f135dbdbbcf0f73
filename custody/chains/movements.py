"""What came to an address in a block: out of transactions, logs and traces. Pure."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from custody.chains.calldata import read_transfer_event
from custody.chains.node import NATIVE, Movement
from custody.chains.wire import (
    BlockReceipt,
    CallFrame,
    FlatTrace,
    Malformed,
    TracedTransaction,
    Transaction,
)

MAX_TRANSACTIONS: Final = 20_000
"""Most transactions of a block. At 21,000 gas each one of 400 million gas has fewer."""

MAX_LOGS: Final = 300_000
"""Most logs of a block. At 375 gas each one of 100 million gas has fewer: who fills a block with
the cheapest of them must not stop deposits."""

MAX_FRAMES: Final = 1_000_000
"""Most calls in the traces of a block: at 100 gas each, one of 100 million gas has fewer."""

PRECOMPILES: Final = 0x400
"""Addresses below this are no contracts, but functions of the EVM."""

_PAYING: Final = frozenset({"CALL", "CREATE", "CREATE2", "SELFDESTRUCT"})
"""Calls that move their value. A DELEGATECALL's is its caller's, said once more; a CALLCODE's goes
back to where it came from."""

Path: TypeAlias = tuple[int, ...]


class Payment(Struct, frozen=True):
    """Coins that moved inside a transaction. path: of calls from the transaction down."""

    tx: bytes
    path: Path
    source: str
    target: str
    amount: int


def check_parts(
    block: bytes, transactions: Sequence[Transaction], receipts: Sequence[BlockReceipt]
) -> None:
    """Raises Malformed unless there is one receipt for each transaction, of this block, and
    neither too many transactions nor too many logs."""
    if len(transactions) > MAX_TRANSACTIONS:
        raise Malformed(f"a block of {len(transactions)} transactions")
    if [tx.hash for tx in transactions] != [r.transaction_hash for r in receipts]:
        raise Malformed("the receipts are not of the block's transactions")
    if any(receipt.block_hash != block for receipt in receipts):
        raise Malformed("a receipt is of another block")
    if any(receipt.status not in (0, 1) for receipt in receipts):
        raise Malformed("a receipt says neither success nor failure")
    if sum(len(receipt.logs) for receipt in receipts) > MAX_LOGS:
        raise Malformed("a block with too many logs")


def movements_of(
    transactions: Sequence[Transaction],
    receipts: Sequence[BlockReceipt],
    payments: Sequence[Payment],
    targets: Collection[str],
) -> tuple[Movement, ...]:
    """What came to one of `targets`, ordered by transaction hash and position. payments: to these.
    Nothing came by a transaction that failed, and an amount of zero is nothing."""
    wanted = frozenset(targets)
    succeeded = {bytes(r.transaction_hash) for r in receipts if r.status == 1}
    found = [
        *_values(transactions, succeeded, wanted),
        *_tokens(receipts, wanted),
        *_internal(payments, succeeded),
    ]
    return tuple(sorted(found, key=lambda m: (m.tx, m.position)))


def _values(
    transactions: Sequence[Transaction], succeeded: Collection[bytes], wanted: Collection[str]
) -> Iterator[Movement]:
    for tx in transactions:
        if tx.to in wanted and tx.value and tx.hash in succeeded:
            assert tx.to is not None
            yield Movement(
                bytes(tx.hash), "value", NATIVE, str(tx.source), str(tx.to), int(tx.value)
            )


def _tokens(receipts: Sequence[BlockReceipt], wanted: Collection[str]) -> Iterator[Movement]:
    for receipt in receipts:
        if receipt.status != 1:
            continue
        for index, log in enumerate(receipt.logs):
            event = read_transfer_event(log.topics, log.data)
            if event is None or event[1] not in wanted or not event[2]:
                continue
            tx = bytes(receipt.transaction_hash)
            yield Movement(tx, f"log/{index}", str(log.address), *event)


def _internal(payments: Sequence[Payment], succeeded: Collection[bytes]) -> Iterator[Movement]:
    for p in payments:
        if p.source != p.target and p.tx in succeeded:
            position = "/".join(("trace", *map(str, p.path)))
            yield Movement(p.tx, position, NATIVE, p.source, p.target, p.amount)


def nested_payments(
    transactions: Sequence[Transaction],
    traced: Sequence[TracedTransaction],
    targets: Collection[str],
) -> list[Payment]:
    """What calls have paid to `targets`, as callTracer tells it. Raises Malformed unless every
    transaction of the block was traced, each in its place."""
    if len(traced) != len(transactions):
        raise Malformed(f"{len(traced)} traces of {len(transactions)} transactions")
    wanted = frozenset(targets)
    payments: list[Payment] = []
    frames = 0
    for tx, trace in zip(transactions, traced, strict=True):
        if trace.result is None or trace.error is not None:
            raise Malformed(f"no trace of 0x{tx.hash.hex()}")
        if trace.tx_hash not in (None, tx.hash):  # older geth does not say
            raise Malformed("the traces are not of the block's transactions")
        for place, frame in _frames(trace.result):
            frames += 1
            if frame.to in wanted and frame.value and frame.type in _PAYING and place is not None:
                assert frame.to is not None
                payments.append(
                    Payment(
                        bytes(tx.hash), _path(place), str(frame.source), str(frame.to),
                        int(frame.value),
                    )
                )  # fmt: skip
        if frames > MAX_FRAMES:
            raise Malformed("a block with too many calls")
    return payments


_Place: TypeAlias = "tuple[_Place, int] | None"
"""A path from its end: paths are written out only where coins came in, because a block may have
hundreds of thousands of calls that are hundreds of calls deep."""


def _frames(top: CallFrame) -> Iterator[tuple[_Place, CallFrame]]:
    """All calls that have lasted: what failed has taken back all beneath it."""
    waiting: list[tuple[_Place, CallFrame]] = [(None, top)]
    while waiting:
        place, frame = waiting.pop()
        if frame.error is not None:
            continue
        yield place, frame
        counted = [call for call in frame.calls if not _is_function(call.to, call.value)]
        waiting += [((place, index), call) for index, call in enumerate(counted)]


def _is_function(target: str | None, amount: int | None) -> bool:
    """Whether a call is one of the EVM's own functions, unpaid. Only some tracers show these, and
    a position must be the same by all."""
    return target is not None and not amount and int(target, 16) < PRECOMPILES


def _path(place: _Place) -> Path:
    steps = []
    while place is not None:
        place, index = place
        steps.append(index)
    return tuple(reversed(steps))


def flat_payments(
    block: bytes,
    transactions: Sequence[Transaction],
    traces: Sequence[FlatTrace],
    targets: Collection[str],
) -> list[Payment]:
    """What calls have paid to `targets`, as trace_block tells it. Raises Malformed unless every
    transaction of the block was traced, each call behind the one that made it."""
    if len(traces) > MAX_FRAMES:
        raise Malformed("a block with too many calls")
    if any(trace.block_hash != block for trace in traces):
        raise Malformed("a trace is of another block")
    wanted = frozenset(targets)
    calls = [trace for trace in traces if trace.transaction_hash is not None]  # others are rewards
    if [c.transaction_hash for c in calls if not c.trace_address] != [t.hash for t in transactions]:
        raise Malformed("the traces are not of the block's transactions")
    payments: list[Payment] = []
    for call, place in _placed(calls):
        source, target, amount = _paid(call)
        if place is not None and target in wanted and source is not None and amount:
            assert call.transaction_hash is not None
            assert target is not None
            payments.append(
                Payment(
                    bytes(call.transaction_hash), _path(place), str(source), str(target),
                    int(amount),
                )
            )  # fmt: skip
    return payments


def _placed(calls: Sequence[FlatTrace]) -> Iterator[tuple[FlatTrace, _Place]]:
    """All calls that have lasted. They are counted here again, because some nodes leave out the
    EVM's own functions, some show them, and some leave gaps for them."""
    above: list[_Made] = []
    last = None
    for call in calls:
        depth = len(call.trace_address)
        failed = call.error is not None
        if depth == 0:
            above = [_Made(None, failed)]
        elif (
            last is None
            or call.transaction_hash != last.transaction_hash
            or call.trace_address <= last.trace_address
            or depth > len(above)
        ):
            raise Malformed("the traces are out of order")
        else:
            del above[depth:]
            maker = above[-1]
            above.append(_Made((maker.place, maker.calls), maker.undone or failed))
            maker.calls += not _is_function(call.action.to, call.action.value)
        last = call
        if not above[-1].undone:
            yield call, above[-1].place


class _Made(Struct):
    """A call that others may be beneath. undone: it failed, or one above it did. calls: it has
    made so far."""

    place: _Place
    undone: bool
    calls: int = 0


def _paid(trace: FlatTrace) -> tuple[str | None, str | None, int | None]:
    """(source, target, amount) of a call; without a target if it does not pay."""
    action = trace.action
    if trace.type == "suicide":
        return action.address, action.refund_address, action.balance
    if trace.type == "create":
        made = trace.result.address if trace.result is not None else None
        return action.source, made, action.value
    if trace.type == "call" and action.call_type == "call":
        return action.source, action.to, action.value
    return None, None, None
