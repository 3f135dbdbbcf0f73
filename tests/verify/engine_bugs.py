"""Wrong engines: bugs that leave a venue consistent in itself, so that the re-run, which has the
bug too, sees nothing. Each is a line of the engine that says something else."""

import inspect
import textwrap
from contextlib import contextmanager
from typing import NamedTuple

import pytest

from compliance.verify.findings import INCOMPLETE, TAMPERED
from engine.core import amend, entry, mass, matching, reports, transfers, venue
from tests.engine.streams import RandomTrader
from tests.verify.support import QueueTrader


class Bug(NamedTuple):
    """By `check` it is found, with `code`; where: modules that use the function by its name."""

    function: object
    right: str
    wrong: str
    where: tuple
    check: str
    code: int = TAMPERED
    trader: type = RandomTrader


NEXT = "next(iter(level.orders.values()))"

BUGS = {
    "the youngest order of a price trades first": Bug(
        matching.take, NEXT, "next(reversed(level.orders.values()))", (entry, amend), "priority"
    ),
    "a trade is of half of what both have": Bug(
        matching.take,
        "if lots > leaves:\n            lots = leaves",
        "lots = -(-min(lots, leaves) // 2)",
        (entry, amend),
        "priority",
    ),
    "immediate-or-cancel does not trade at its own price": Bug(
        matching.take, "side.best <= key_limit", "side.best + (order.tif == 3) <= key_limit",
        (entry, amend), "priority",
    ),
    "trades are numbered with holes": Bug(
        matching.take, "state.match + 1", "state.match + 2", (entry, amend), "priority"
    ),
    "the taker's half says another price": Bug(
        matching.take, "reports.filled(member, order, lots, price,",
        "reports.filled(member, order, lots, price + 1,", (entry, amend), "priority",
    ),
    "a smaller quantity loses its place": Bug(
        amend._replace, "wish.qty <= order.qty", "wish.qty == order.qty", (amend,), "priority",
        trader=QueueTrader,
    ),
    "an order that can rest is cancelled": Bug(
        entry._work, "elif order.tif == IOC", "elif order.tif == IOC or order.qty % 2", (entry,),
        "priority",
    ),
    "cancelled orders stay in the events' book": Bug(
        mass._end, "events.append", "bool", (mass,), "priority"
    ),
    "fills do not add up": Bug(
        reports.filled, "o.cum_value,", "o.cum_value + 1,", (reports,), "life cycles"
    ),
    "a cancel leaves something open": Bug(
        reports.canceled, "o.cl_ord_id, 0)", "o.cl_ord_id, 1)", (reports,), "life cycles"
    ),
    "an order begins filled in part": Bug(
        reports.accepted, "o.status,\n        0,", "o.status,\n        1,", (reports,),
        "life cycles",
    ),
    "a status says that an order is new": Bug(
        reports.status_of, "_common(o, 0, cl_ord_id, leaves)",
        "(*_common(o, 0, cl_ord_id, leaves)[:12], 0, *_common(o, 0, cl_ord_id, leaves)[13:])",
        (reports,), "life cycles",
    ),
    "a report's number is left out": Bug(
        reports.expired, "_next(member)", "_next(member) + (not _next(member))", (reports,),
        "sequences", INCOMPLETE,
    ),
    "a report's number is given twice": Bug(
        reports.canceled, "_common(o, _next(member), o.cl_ord_id, 0)",
        "_common(o, member.appl_seq, o.cl_ord_id, 0)", (reports,), "sequences",
    ),
    "a fee is told that was not taken": Bug(
        reports.filled, "\n        fee,", "\n        fee + 1,", (reports,), "sums"
    ),
    "a deposit is told smaller than it was": Bug(
        transfers.deposit, "Deposited(c.account, c.asset, c.amount,",
        "Deposited(c.account, c.asset, c.amount - 1,", (transfers,), "sums",
    ),
}  # fmt: skip


@contextmanager
def planted(bug):
    """The engine with a bug."""
    source = textwrap.dedent(inspect.getsource(bug.function))
    assert source.count(bug.right) >= 1, "the engine has changed: plant the bug anew"
    names = dict(vars(inspect.getmodule(bug.function)))
    exec(source.replace(bug.right, bug.wrong), names)
    name = bug.function.__name__
    with pytest.MonkeyPatch.context() as patch:
        for module in bug.where:
            patch.setattr(module, name, names[name])
        for command, handler in venue._HANDLERS.items():
            if handler is bug.function:
                patch.setitem(venue._HANDLERS, command, names[name])
        yield
