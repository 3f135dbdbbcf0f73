"""What customers' states mean for the venue: holds on accounts, and links for surveillance."""

import argparse
import secrets
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import msgspec

from compliance.kyc.groups import links_of
from compliance.kyc.holds import hold_for
from compliance.kyc.states import Customer
from compliance.surveillance.links import links_digest
from engine.core.accounts import Hold
from engine.model.commands import Origin, SetHold
from engine.model.enums import HOLD_NONE
from engine.model.errors import OperatorError
from engine.model.ids import NOBODY
from engine.model.refdata import ReferenceData
from gateway.at_the_venue import journal_of, names_of, venue_of
from gateway.custody_commands.common import print_json, visible
from gateway.holds.hold_answer import LEVEL_NAMES, REFERENCE_BYTES, tell, words
from gateway.onboarding.customers import Customers

OURS: Final = "kyc/"
"""What references of holds begin with that follow from a customer's state. Other holds are
somebody's own, for a reason of their own: they are never lifted here."""


class Wanted(NamedTuple):
    """What an account should be held to, and by whose state."""

    account: int
    level: int
    customer: Customer


class Left(NamedTuple):
    """A stricter hold that stays, and why."""

    account: int
    hold: Hold
    why: str


def wanted_of(customers: Iterable[Customer], names: ReferenceData) -> list[Wanted]:
    """What accounts should be held to. Of a member that became a customer again the last one
    counts; members that are nobody's are left alone, such as the venue's own."""
    newest = {customer.member: customer for customer in sorted(customers, key=lambda c: c.id)}
    rows = []
    for account in names.accounts.values():
        member = names.members.get(account.member)
        customer = newest.get(member.name) if member is not None else None
        if customer is not None:
            rows.append(Wanted(account.id, hold_for(customer.state), customer))
    return rows


def differences(
    wanted: Iterable[Wanted], holds: Mapping[int, Hold], who: str, now: int
) -> tuple[list[SetHold], list[Left]]:
    """What to tell the venue, and what stays stricter than wanted. now: ns UTC."""
    commands, left = [], []
    for account, level, customer in wanted:
        hold = holds.get(account)
        is_now = HOLD_NONE if hold is None else hold.level
        if level == is_now:
            continue
        if hold is not None and level < is_now:
            if not hold.reference.startswith(OURS):
                left.append(Left(account, hold, "a hold of its own, not of onboarding"))
                continue
            if (hold.asked_by, hold.asked) == (who, level):
                left.append(Left(account, hold, "a second person has to apply it, too"))
                continue
        token = secrets.token_hex(REFERENCE_BYTES)
        reference = f"{OURS}{customer.id}/{token}/{account}"
        reason = f"customer {customer.id} is {customer.state}"
        if hold is not None and level > is_now and not hold.reference.startswith(OURS):
            reason += f"; was {LEVEL_NAMES[is_now]} by {hold.reference}"
        of = hold.reference if hold is not None and level < is_now else ""
        origin = Origin(NOBODY, 0, now)
        commands.append(SetHold(origin, account, level, reason, reference, who, of))
    return commands, left


def apply(args: argparse.Namespace, customers: Customers) -> int:
    """Tell the venue what differs; the exit code."""
    with journal_of(args.data) as reader:
        venue = venue_of(args.data, reader)
        names = venue.refdata
        wanted = wanted_of(customers.desk.customers.values(), names)
        holds = venue.state.holds
        commands, left = differences(wanted, holds, args.who, customers.clock.now())
        rows = tell(args.data, reader, names, commands) if commands else []
    stays = [
        {
            "account": names.accounts[account].name,
            "level": LEVEL_NAMES[hold.level],
            "hold": hold.reference,
            "why": why,
        }
        for account, hold, why in left
    ]
    if args.json:
        print_json({"told": rows, "left": stays})
    else:
        for row in rows:
            print(words(row))
        for stay in stays:
            print(
                f"{visible(stay['account'])} stays {stay['level']}, {stay['hold']}: {stay['why']}"
            )
        if not rows and not stays:
            print("the venue holds every account to what its customer's state says")
    return 1 if any(row["refused"] for row in rows) else 0


def links(args: argparse.Namespace, customers: Customers) -> int:
    """Write the links of customers; the exit code."""
    with journal_of(args.data) as reader:
        names = names_of(args.data, reader)
    members = {member.name: member.id for member in names.members.values()}
    of = {member.id: member.name for member in names.members.values()}
    accounts = {(of[a.member], a.name): a.id for a in names.accounts.values() if a.member in of}
    found = links_of(customers.desk.customers.values(), members, accounts)
    try:
        with args.out.open("xb") as file:
            file.write(msgspec.yaml.encode(found))
    except FileExistsError:
        raise OperatorError(f"{args.out} is there already: name another file") from None
    digest = links_digest(found)
    if args.json:
        print_json({"out": str(args.out), "owners": len(found.owners), "digest": digest})
    else:
        print(f"{args.out}: {len(found.owners)} members with an owner in common, {digest}")
    return 0
