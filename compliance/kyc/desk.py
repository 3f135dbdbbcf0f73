"""What people ask of customers: decided on here, kept by a store, folded again at a start.

A decision looks at the customers as they are, makes an event, has it stored, and only then believes
it. The store refuses what was decided on an older picture than its own.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from compliance.kyc.events import (
    MAX_TEXT,
    Activated,
    Assessed,
    Basis,
    Decided,
    Hit,
    HitsJudged,
    Invited,
    KycEvent,
    Moved,
    NameScreened,
    Proposed,
    Submitted,
)
from compliance.kyc.institution import REQUIRED_OF_HIGH_RISK, Institution, problem
from compliance.kyc.states import ALLOWED, STRICTER, Customer, invited
from compliance.kyc.words import (
    ACT_IN,
    DECIDERS,
    ENDED,
    NEEDS_CLEAR,
    Act,
    Risk,
    Role,
    State,
)
from compliance.screening.verdict import MAX_MATCHES
from engine.model.clock import NANOS_PER_DAY

PROPOSAL_NS: Final = 7 * NANOS_PER_DAY
"""How long a proposal waits, ns. Own value: a week, in which somebody may be away."""

MAX_PRINCIPAL: Final = 60
"""Longest id of a principal, characters: as long as the venue takes one with a hold."""

SHOWN_NAMES: Final = 5
"""Names that a refusal tells."""


class KycRefused(ValueError):
    """It may not be done, or not by this principal, or not now: the text says why."""


class KycStore(Protocol):
    """Where the events are kept, in order; what is appended is on disk when it returns."""

    def read(self, after: int) -> Iterable[KycEvent]:
        """The events behind the first `after` ones, in the order in which they were appended."""
        ...

    def append(self, after: int, event: KycEvent) -> None:
        """Keep an event behind the first `after` ones. Raises KycRefused if there are others."""
        ...


class KycDesk:
    """All customers. `now` is an argument everywhere, ns UTC. Everything that people do raises
    KycRefused, and changes nothing then."""

    def __init__(self, store: KycStore) -> None:
        self.customers: dict[int, Customer] = {}
        self._store = store
        self.count = 0
        """Events that are known."""
        self.look()

    def look(self) -> None:
        """Take in what others have appended since."""
        for event in self._store.read(self.count):
            self._take(event)

    # --- an application -----------------------------------------------------------------------

    def invite(self, member: str, by: str, now: int) -> Customer:
        """A new customer: the member of that name, which is nobody else's."""
        for other in self.customers.values():
            if other.member == member and other.state not in ENDED:
                raise KycRefused(f"{member} is customer {other.id}, which is {other.state}")
        number = len(self.customers) + 1
        self._do(Invited(number, now, by, _text(member)))
        return self.customers[number]

    def submit(self, customer: int, firm: Institution, by: str, now: int) -> None:
        """Its file; of a customer that trades, one that waits for two people."""
        self._do(self.submission(customer, firm, by, now))

    def submission(self, customer: int, firm: Institution, by: str, now: int) -> Submitted:
        """What `submit` does, without doing it: so that nothing is kept of a file that is refused.
        Raises KycRefused."""
        found = self._customer(customer)
        if wrong := problem(firm):
            raise KycRefused(wrong)
        for other in self.customers.values():
            taken = other.file is not None and other.file.lei == firm.lei
            if other.id != customer and taken and other.state not in ENDED:
                raise KycRefused(f"{firm.lei} is customer {other.id}, which is {other.state}")
        if found.state in ACT_IN[Act.AMEND]:
            assert found.file is not None
            if firm.lei != found.file.lei:
                raise KycRefused(f"customer {customer} is {found.file.lei}: another is another one")
        event = Submitted(customer, now, by, firm)
        self._check(event)
        return event

    def screened(
        self, customer: int, name: str, basis: Basis, hits: tuple[Hit, ...], by: str, now: int
    ) -> None:
        """What lists say of one of its names."""
        if name not in self._customer(customer).names:
            raise KycRefused(f"customer {customer} has nobody of that name")
        self._do(NameScreened(customer, now, by, name, basis, hits))

    def judge(
        self, customer: int, name: str, role: Role, same: bool, text: str, by: str, now: int
    ) -> None:
        """Say whether a name is one of those that it is like."""
        standing = self._customer(customer).screened.get(name)
        if standing is None or not standing.hits:
            raise KycRefused("there is nothing to judge: it is like nobody, or was not screened")
        if len(standing.hits) >= MAX_MATCHES:
            raise KycRefused(f"it is like {MAX_MATCHES} and maybe more: screen by a higher cut-off")
        _decider(role)
        self._do(HitsJudged(customer, now, by, name, role, same, _text(text)))

    def assess(self, customer: int, risk: Risk, text: str, basis: Basis, by: str, now: int) -> None:
        """Its risk, and with it who looks how closely. basis: what is in force now."""
        found = self._customer(customer)
        self._allowed(found, Assessed)
        _all_clear(found.owed(basis))
        self._do(Assessed(customer, now, by, risk, _text(text), basis))

    # --- two people ---------------------------------------------------------------------------

    def propose(
        self,
        customer: int,
        act: Act,
        role: Role,
        text: str,
        by: str,
        now: int,
        risk: Risk | None = None,
    ) -> None:
        """Say what should be done."""
        found = self._customer(customer)
        _in_place(found, act)
        waiting = found.proposal
        if waiting is not None and now < waiting.expires:
            raise KycRefused(f"{waiting.by} proposes to {waiting.act}: decide on that first")
        if (risk is not None) != (act is Act.RISK) or (risk is not None and risk is found.risk):
            raise KycRefused("another risk goes with `risk`, and with that alone")
        event = Proposed(customer, now, by, act, role, _text(text), now + PROPOSAL_NS, risk)
        if role is Role.MLRO and _takes_mlro(found, event):
            raise KycRefused("the MLRO decides on this: somebody else proposes it")
        self._do(event)

    def decide(
        self, customer: int, agreed: bool, role: Role, text: str, basis: Basis, by: str, now: int
    ) -> None:
        """Agree with a proposal, or not: nobody who made it. basis: what is in force now."""
        found = self._customer(customer)
        proposal = found.proposal
        if proposal is None:
            raise KycRefused(f"nothing is proposed for customer {customer}")
        if now >= proposal.expires:
            raise KycRefused("the proposal has lapsed: it has to be made again")
        _decider(role)
        if by == proposal.by:
            raise KycRefused(f"{by} made the proposal: another one has to decide")
        if role is proposal.role:
            raise KycRefused(f"it was proposed as {role}: another role has to decide")
        if not agreed:
            self._do(Decided(customer, now, by, False, role, _text(text)))
            return
        if role is not Role.MLRO and _takes_mlro(found, proposal):
            raise KycRefused("the MLRO decides on this")
        _in_place(found, proposal.act)
        needed = None
        if proposal.act in NEEDS_CLEAR:
            needed = basis
            _all_clear(found.owed(basis, found.amended if proposal.act is Act.AMEND else None))
        self._do(Decided(customer, now, by, True, role, _text(text), needed))

    # --- one person ---------------------------------------------------------------------------

    def activate(self, customer: int, basis: Basis, by: str, now: int) -> None:
        """Begin with what was approved. basis: what is in force now."""
        found = self._customer(customer)
        self._allowed(found, Activated)
        _all_clear(found.owed(basis))
        self._do(Activated(customer, now, by, basis))

    def move(self, customer: int, to: State, text: str, by: str, now: int) -> None:
        """Hold it to less than now, or see it out."""
        found = self._customer(customer)
        if found.state not in STRICTER.get(to, ()):
            raise KycRefused(f"customer {customer} is {found.state}: one person makes it not {to}")
        self._do(Moved(customer, now, by, to, _text(text)))

    # --- below --------------------------------------------------------------------------------

    def _customer(self, number: int) -> Customer:
        found = self.customers.get(number)
        if found is None:
            raise KycRefused(f"there is no customer {number}")
        return found

    def _allowed(self, found: Customer, kind: type) -> None:
        if found.state not in ALLOWED[kind]:
            raise KycRefused(f"customer {found.id} is {found.state}: not now")

    def _do(self, event: KycEvent) -> None:
        """Store an event that is allowed now, then believe it. Raises KycRefused."""
        self._check(event)
        self._store.append(self.count, event)
        self._take(event)

    def _check(self, event: KycEvent) -> None:
        """Raises KycRefused unless an event is allowed now."""
        if not event.by.strip() or len(event.by) > MAX_PRINCIPAL:
            raise KycRefused(f"somebody has to be named, by 1 to {MAX_PRINCIPAL} characters")
        if not isinstance(event, Invited):
            found = self._customer(event.customer)
            self._allowed(found, type(event))
            if event.at < found.history[-1].at:
                raise KycRefused("the clock is behind what has happened to this customer")

    def _take(self, event: KycEvent) -> None:
        self.count += 1
        if isinstance(event, Invited):
            assert event.customer == len(self.customers) + 1, "numbered without holes"
            self.customers[event.customer] = invited(event)
        else:
            self.customers[event.customer].take(event)


def _in_place(found: Customer, act: Act) -> None:
    """Raises KycRefused unless an act fits the customer as it is."""
    if found.state not in ACT_IN[act]:
        raise KycRefused(f"customer {found.id} is {found.state}: no time to {act}")
    if act is Act.AMEND and found.amended is None:
        raise KycRefused(f"customer {found.id} has no other file that waits")
    kinds = {document.kind for document in found.file.documents} if found.file else set()
    high = act is Act.APPROVE and found.risk is Risk.HIGH
    if high and REQUIRED_OF_HIGH_RISK not in kinds:
        raise KycRefused(f"of a high risk the file has to have {REQUIRED_OF_HIGH_RISK}")


def _takes_mlro(found: Customer, proposal: Proposed) -> bool:
    """Whether senior management has to agree: high risks (Regulation (EU) 2024/1624, Article
    34(4)), and what was frozen. Own choice as to which acts."""
    frozen = proposal.act is Act.RELEASE and found.state is State.FROZEN
    agreeing = proposal.act is not Act.REJECT
    return frozen or (agreeing and Risk.HIGH in (found.risk, proposal.risk))


def _all_clear(owed: Sequence[str]) -> None:
    if owed:
        shown = ", ".join(owed[:SHOWN_NAMES])
        raise KycRefused(
            f"not clear under the lists in force: {shown}"
            + (f" and {len(owed) - SHOWN_NAMES} more" if len(owed) > SHOWN_NAMES else "")
        )


def _decider(role: Role) -> None:
    if role not in DECIDERS:
        raise KycRefused(f"{role} does not decide: {', '.join(sorted(DECIDERS))} do")


def _text(text: str) -> str:
    if not text.strip() or len(text) > MAX_TEXT:
        raise KycRefused(f"a text has 1 to {MAX_TEXT} characters")
    return text
