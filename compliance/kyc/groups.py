"""Which customers are one beneficial owner, as surveillance has to know it.

Members that share an owner of 25%, or belong to one parent, are one owner: what they trade with
each other changes nobody's position.
"""

from collections.abc import Iterable, Mapping

from compliance.kyc.states import Customer
from compliance.kyc.words import LIVE, State
from compliance.surveillance.links import Links


def links_of(
    customers: Iterable[Customer],
    members: Mapping[str, int],
    accounts: Mapping[tuple[str, str], int],
) -> Links:
    """The links of customers that trade, or did. members: ids by name. accounts: ids by member's
    and account's name. What the venue does not know is left out. An owner's number is that of its
    first customer."""
    traded = [c for c in customers if c.state in LIVE | {State.OFFBOARDING, State.CLOSED}]
    owners: dict[int, int] = {}
    house, makers = [], []
    for group in _groups(traded):
        first = min(customer.id for customer in group)
        ids = {members[c.member] for c in group if c.member in members}
        if len(ids) > 1:
            owners.update(dict.fromkeys(sorted(ids), first))
        for customer in group:
            assert customer.file is not None
            places = [(customer.member, account) for account in customer.file.house]
            house += [accounts[place] for place in places if place in accounts]
            if customer.file.market_maker and customer.member in members:
                makers.append(members[customer.member])
    return Links(owners, tuple(sorted(set(house))), tuple(sorted(set(makers))))


def _groups(customers: Iterable[Customer]) -> list[list[Customer]]:
    """Customers that have an owner, a parent or themselves in common, through others too."""
    groups: list[tuple[set[str], list[Customer]]] = []
    for customer in customers:
        firm = customer.file
        assert firm is not None
        ties = {firm.lei, *(owner.person for owner in firm.owners)}
        ties |= {firm.parent} - {""}
        tied = [group for group in groups if group[0] & ties]
        groups = [group for group in groups if not group[0] & ties]
        group = [customer]
        for theirs, others in tied:
            ties |= theirs
            group += others
        groups.append((ties, group))
    return [group for _, group in groups]
