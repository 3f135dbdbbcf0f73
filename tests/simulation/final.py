"""When a run has come to its end, and what must be equal then."""

from engine.core.venue import Venue
from engine.model.commands import (
    CancelOrder,
    MassCancel,
    NewOrder,
    RefusedCancel,
    RefusedMassCancel,
    RefusedOrder,
    ReplaceOrder,
)
from engine.model.record import Record
from engine.replay import join_parts, replay
from gateway.reports import ReportRenderer
from tests.engine.compare import blanked
from tests.engine.oracle import Oracle
from tests.simulation.member import Member, Wrong
from tests.simulation.small import SMALL
from tests.simulation.trader import Trader

JOURNALLED = (
    NewOrder,
    CancelOrder,
    ReplaceOrder,
    MassCancel,
    RefusedOrder,
    RefusedCancel,
    RefusedMassCancel,
)


def link_of(world, member: Member):
    process = world.core if member.port == "order entry" else world.dropcopy
    if process is None:
        return None
    return next((link for link in process.links if link.config.comp_id == member.name), None)


def settled(world, member: Member) -> bool:
    """Both sides of a session expect what the other will send next, and nothing is open."""
    link = link_of(world, member)
    return (
        link is not None
        and member.up
        and not member.resetting
        and not member.tests
        and not member.unanswered
        and member.next_in == link.session.next_out
        and member.next_out == link.session.next_in
        and not link.gated
    )


def converged(world) -> bool:
    core, dropcopy = world.core, world.dropcopy
    return (
        core is not None
        and dropcopy is not None
        and all(settled(world, member) for member in world.members)
        and not core.sequencer.pending
        and not core.sequencer.mass_due
        and core.service.released == core.sequencer.last_number
        and dropcopy.service._follower.after == core.sequencer.durable
        and all(member.line.idle for member in world.members)
    )


def stuck(world) -> str:
    """Why it has not converged, for people."""
    found = []
    for member in world.members:
        link = link_of(world, member)
        if link is None or not settled(world, member):
            numbers = (link.session.next_out, link.session.next_in) if link else None
            state = link.session.state.name if link else "no process"
            found.append(
                f"{member.name} up={member.up} resetting={member.resetting} expects "
                f"{member.next_in} of {numbers}, sent {member.next_out}, {state}, unanswered "
                f"{dict(list(member.unanswered.items())[:3])}, tests {member.tests}, "
                f"gated {len(link.gated) if link else 0}, line {member.line is not None}"
            )
    core = world.core
    if core is None or world.dropcopy is None:
        found.append("a process is down")
    else:
        found.append(
            f"pending {core.sequencer.pending} released {core.service.released} of "
            f"{core.sequencer.last_number}, drop copy at {world.dropcopy.service._follower.after}"
        )
    return "; ".join(found)


def check(world) -> None:
    """Everything is quiet: what both sides have, the journal and its replay are the same."""
    core = world.core
    core.venue.check()
    records = list(core.writer.records())
    if records != world.truth.ledger:
        raise Wrong("the journal is not what was submitted")
    again = Venue()
    replay(iter(records), again)
    if again.state_hash() != core.venue.state_hash():
        raise Wrong("the replay gives another state")
    if world.with_oracle:
        _check_oracle(records)
    for member in world.members:
        _check_numbers(world, member)
        _check_reports(world, member)
        if member.name in world.traders:
            _check_orders(world, member, world.traders[member.name])


def _check_oracle(records: list[Record]) -> None:
    """Every command caused what the naive venue says."""
    oracle = Oracle(SMALL["engine.core.mass.MASS_SLICE"])
    for whole in join_parts(records):
        expected = oracle.apply(whole.command, whole.first, whole.time)
        got = [blanked(event) for event in whole.events]
        if got != expected:
            raise Wrong(f"record {whole.first} {whole.command}: {got}, the rules say {expected}")


def _check_numbers(world, member: Member) -> None:
    """What the member took in is what was handed out under those numbers, in that order."""
    said = world.truth.said.get((member.name, world.truth.generation[member.name]), {})
    theirs = dict(member.inbox.items())
    ours = {number: body for number, (body, _) in said.items() if body}
    if list(theirs) != sorted(theirs):
        raise Wrong(f"{member.name} processed numbers out of order")
    for number, body in theirs.items():
        if ours.get(number) != body:
            raise Wrong(f"number {number} of {member.name} differs between the sides")
    lost = [n for n in ours if n not in theirs and said[n][1] == world.truth.power_losses]
    if lost:
        raise Wrong(f"{member.name} never processed numbers {lost[:5]} that were sent to it")


def _check_reports(world, member: Member) -> None:
    """Every report that the journal owes has arrived; what arrived is the journal's."""
    link = link_of(world, member)
    drop_copy = member.name not in world.traders
    owed = world.truth.owed(0 if drop_copy else link.info.id, link.info.member)
    extended = drop_copy or link.config.extensions
    renderer = ReportRenderer(
        core_refdata(world),
        digits=link.config.timestamp_precision,
        extensions=extended,
        drop_copy=drop_copy,
    )
    handed = world.truth.handed.get(member.name, {})
    generation = world.truth.generation[member.name]
    places = set()
    seq = 0
    for place, record, event in owed:
        places.add(place)
        if drop_copy:
            seq += 1
            if event.appl_seq != seq:
                raise Wrong(f"{member.name}: ApplSeqNum {event.appl_seq} after {seq - 1}")
        got = member.reports.get(place)
        if got is None:
            if not extended and type(event).__name__ == "CancelRejected":
                continue  # does not say which record it is
            if handed.get(place, (generation, 0))[0] < generation:
                world.tally["report lost on the line before the member's own reset"] += 1
                continue
            raise Wrong(f"{member.name} never got report {place}: {event}")
        kind, body = renderer.render_event(record.number, record.time, place[1], event)
        if got != b"35=" + kind + b"\x01" + body:
            raise Wrong(f"report {place} of {member.name} is {got!r}, the journal says {body!r}")
    if unknown := [place for place in member.reports if place not in places]:
        raise Wrong(f"{member.name} got reports that the journal does not have: {unknown[:5]}")


def core_refdata(world):
    return world.core.venue.refdata


def _check_orders(world, member: Member, trader: Trader) -> None:
    """Each order was done once; the messages since the last reset are journalled in order."""
    link = link_of(world, member)
    accepted, asked = world.truth.orders(link.info.id)
    for name, times in asked.items():
        if times > trader.sends.get(name, 0):
            raise Wrong(f"order {name!r} of {member.name} was sent {trader.sends.get(name)} times")
    for name, times in accepted.items():
        if times > max(1, trader.sends.get(name, 0)):
            raise Wrong(f"order {name!r} of {member.name} was accepted {times} times")
    after = link.session.index.reset_record
    arrived = [
        (record.command.origin.seq, record.command.cl_ord_id)
        for record in world.truth.ledger
        if record.number > after
        and isinstance(record.command, JOURNALLED)
        and record.command.origin.session == link.info.id
    ]
    wanted = [
        (number, body.partition(b"\x01")[0][3:])
        for number, (kind, _, body, _) in sorted(member.sent.items())
        if kind in (b"D", b"F", b"G", b"q")
    ]
    optional = member.unjournalled | member.refused
    there = set(arrived)
    wanted = [each for each in wanted if each in there or each[0] not in optional]
    if arrived != wanted:
        odd = sorted(set(arrived) ^ set(wanted))[:5] or "the order of things"
        raise Wrong(f"messages of {member.name} sent and journalled differ: {odd}")
