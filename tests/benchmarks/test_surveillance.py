"""The bench of surveillance, on a short stream: it has orders, cancels and trades, and is read."""

from benchmarks.surveillance import measure, mixed
from engine.model.commands import CancelOrder, NewOrder, ReplaceOrder
from engine.model.events import OrderFilled


def test_the_stream_is_mixed_and_all_of_it_is_read():
    rows = mixed(20)
    commands = {type(row[2]) for row in rows}
    assert commands >= {NewOrder, CancelOrder, ReplaceOrder}
    assert any(isinstance(event, OrderFilled) for row in rows for event in row[3])
    figures = measure(rows)
    assert figures["records"] == len(rows)
    assert figures["events"] == sum(len(row[3]) for row in rows)
