"""A message that leaves no record is answered before a later one of its session leaves one.

After kill -9 a session takes every number up to the last that has a record for settled. So at the
moment in which a record could first survive, the index must have the answers to all before it.
"""

import pytest
import trio

from gateway.fix.index import BODY
from tests.support.house import House, order, trading

ANSWERED = {
    "a status": "H|11=first|55=BTC-USD|54=1|",
    "a Reject of the session": "D|11=bad|55=|",
    "a Reject of the desk": order("late").replace("20261122-12:00:00", "20261122-12:00:00|43=Y"),
    "a BusinessMessageReject": "D|11=dear|55=BTC-USD|54=1|60=20261122-12:00:00|38=1|40=2|",
    "an unsupported type": "AE|571=x|",
}


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.close()


def answers(index):
    """How many messages without a record the index has an answer to."""
    chunks = index.chunks(1, index.next_out - 1)
    return sum(entry[5] == BODY for chunk in chunks for entry in chunk)


def watched(house):
    """At each order that is submitted: how many answers the index had."""
    link = next(link for link in house.links if link.config.comp_id == "BENCH-OE1")
    submit, seen = house.sequencer.submit, []

    def noting(command, now):
        seen.append(answers(link.session.index))
        return submit(command, now)

    house.sequencer.submit = noting
    return seen


@pytest.mark.trio
@pytest.mark.parametrize("answered", ANSWERED)
async def test_the_answer_is_in_the_index_before_the_next_order_has_a_record(house, answered):
    between = ANSWERED[answered]
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        seen = watched(house)
        batch = [order("first"), between, order("a"), between, between, "1|112=x|", order("b")]
        await member.send(*batch, order("c"))
        got = await member.take(8)
    assert seen == [0, 1, 3, 3]
    assert [m.seq for m in got] == list(range(2, 10)), "in the order of the messages"
    kinds = [m.get(11) or m.get(112) for m in got]
    assert [kinds[k] for k in (0, 2, 5, 6, 7)] == ["first", "a", "x", "b", "c"]


@pytest.mark.trio
async def test_what_waits_behind_an_answer_is_done_though_its_member_has_gone(house):
    between = ANSWERED["a BusinessMessageReject"]
    async with trading(house) as nursery:
        member = await house.dial(nursery, "BENCH-OE1")
        seen = watched(house)
        await member.send(order("first"), *[between, order("a"), between, order("b")], "5|")
        with trio.fail_after(10):
            await house.until(lambda: len(seen) == 3)
    assert seen == [0, 1, 2]
