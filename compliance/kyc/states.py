"""A customer as a fold of its events.

    INVITED ──▶ SUBMITTED ──▶ SCREENING ──┬─▶ REVIEW ─┬─▶ APPROVED ──▶ ACTIVE
                                          └─▶ EDD ────┘                 │ ▲ release
      any of these ──▶ REJECTED                                         ▼ │
                                          RESTRICTED ──▶ SUSPENDED ──▶ FROZEN
      ACTIVE to FROZEN ──▶ OFFBOARDING ──▶ CLOSED      (a stricter one from any before it)

Nobody is ACTIVE with a name that was not screened, or that is like one on a list unless a person
has said that it is another: a hit suspends by itself, and whoever is found to be the one on the
list is frozen. What a person has said of a hit holds as long as the entry and its score are the
same, so that a new version of a list asks again about what is new alone.
"""

from dataclasses import dataclass, field
from typing import Final

from compliance.kyc.events import (
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
from compliance.kyc.institution import Institution, names_of
from compliance.kyc.words import ACT_IN, APPLICANTS, ENDED, LIVE, NEEDS_CLEAR, Act, Risk, State

SCREENED_IN: Final = LIVE | APPLICANTS - {State.INVITED}
"""States in which names are screened: there is a file, and a use for it."""

STRICTER: Final[dict[State, frozenset[State]]] = {
    State.RESTRICTED: frozenset({State.ACTIVE}),
    State.SUSPENDED: frozenset({State.ACTIVE, State.RESTRICTED}),
    State.FROZEN: frozenset({State.ACTIVE, State.RESTRICTED, State.SUSPENDED}),
    State.OFFBOARDING: LIVE,
}
"""Where one person's word moves a customer to, and from where."""

ALLOWED: Final[dict[type, frozenset[State]]] = {
    Submitted: APPLICANTS | LIVE,
    NameScreened: SCREENED_IN,
    HitsJudged: SCREENED_IN,
    Assessed: frozenset({State.SCREENING}),
    Proposed: frozenset(State) - ENDED,
    Decided: frozenset(State) - ENDED,
    Activated: frozenset({State.APPROVED}),
    Moved: LIVE,
}
"""In which states an event may come; Invited comes before any."""


@dataclass(slots=True, frozen=True)
class Standing:
    """What is known of a name. others: hits of which a person has said that they are somebody
    else."""

    basis: Basis
    hits: tuple[Hit, ...]
    others: frozenset[Hit] = frozenset()

    @property
    def clear(self) -> bool:
        """It is like nobody, or like others alone."""
        return self.others.issuperset(self.hits)


@dataclass(slots=True)
class Customer:
    """One customer. since: when it came into its state, ns UTC. file: the one in force, or that of
    an applicant. amended: one that waits to take its place. reviewed: when its file was approved or
    looked at last. history: all its events."""

    id: int
    member: str
    state: State = State.INVITED
    since: int = 0
    risk: Risk | None = None
    file: Institution | None = None
    amended: Institution | None = None
    screened: dict[str, Standing] = field(default_factory=dict)
    proposal: Proposed | None = None
    reviewed: int = 0
    history: list[KycEvent] = field(default_factory=list)

    @property
    def names(self) -> tuple[str, ...]:
        """All that is screened: of the file, and of the one that waits."""
        files = [file for file in (self.file, self.amended) if file is not None]
        return tuple(dict.fromkeys(name for file in files for name in names_of(file)))

    def owed(self, basis: Basis, file: Institution | None = None) -> list[str]:
        """Names of a file, else of the one in force, that are not clear by what is in force."""
        firm = file or self.file
        return [] if firm is None else [n for n in names_of(firm) if not self._clear(n, basis)]

    def _clear(self, name: str, basis: Basis | None = None) -> bool:
        """Whether a name was found to be clear: by `basis`, or by whatever was in force."""
        standing = self.screened.get(name)
        return standing is not None and standing.clear and basis in (None, standing.basis)

    def take(self, event: KycEvent) -> None:
        """The next event of this customer; it must be allowed."""
        assert event.customer == self.id
        assert event.at >= self.history[-1].at
        assert self.state in ALLOWED[type(event)]
        self.history.append(event)
        match event:
            case Submitted():
                self._submitted(event)
            case NameScreened() | HitsJudged():
                self._known(event)
            case Assessed():
                assert not self.owed(event.basis)
                self.risk = event.risk
                self._to(State.EDD if event.risk is Risk.HIGH else State.REVIEW, event.at)
            case Proposed():
                self.proposal = event
            case Decided():
                self._decided(event)
            case Activated():
                assert not self.owed(event.basis)
                self._to(State.ACTIVE, event.at)
            case Moved():
                assert self.state in STRICTER[event.to]
                self._to(event.to, event.at)
            case Invited():
                raise AssertionError("a customer is invited once")
        if self.state is State.ACTIVE:
            assert self.file is not None
            assert all(self._clear(name) for name in names_of(self.file))

    def _submitted(self, event: Submitted) -> None:
        self.proposal = None
        if self.state in LIVE:
            self.amended = event.institution
            return
        self.file, self.risk = event.institution, None
        self.screened.clear()
        self._to(State.SUBMITTED, event.at)

    def _known(self, event: NameScreened | HitsJudged) -> None:
        """More is known of a name: see above what follows from it."""
        known = self.screened.get(event.name)
        same = False
        if isinstance(event, NameScreened):
            others = known.others if known is not None else frozenset()
            standing = Standing(event.basis, event.hits, others)
            if self.state is State.SUBMITTED:
                self._to(State.SCREENING, event.at)
        else:
            assert known is not None
            same = event.same
            others = known.others - set(known.hits) if same else known.others | set(known.hits)
            standing = Standing(known.basis, known.hits, others)
        self.screened[event.name] = standing
        if standing.clear:
            return
        self.proposal = None
        assert self.file is not None
        to = State.FROZEN if same else State.SUSPENDED
        if event.name in names_of(self.file) and self.state in STRICTER[to]:
            self._to(to, event.at)

    def _decided(self, event: Decided) -> None:
        proposal = self.proposal
        assert proposal is not None
        assert event.by != proposal.by
        assert event.role is not proposal.role
        self.proposal = None
        if not event.agreed:
            return
        act = proposal.act
        assert self.state in ACT_IN[act]
        if act in NEEDS_CLEAR:
            assert event.basis is not None
            subject = self.amended if act is Act.AMEND else self.file
            assert not self.owed(event.basis, subject)
        match act:
            case Act.APPROVE:
                self.reviewed = event.at
                self._to(State.APPROVED, event.at)
            case Act.REJECT:
                self._to(State.REJECTED, event.at)
            case Act.RELEASE:
                self._to(State.ACTIVE, event.at)
            case Act.RISK:
                assert proposal.risk is not None
                self._another_risk(proposal.risk, event.at)
            case Act.AMEND:
                assert self.amended is not None
                self.file, self.amended = self.amended, None
                self.screened = {name: self.screened[name] for name in names_of(self.file)}
            case Act.REVIEW:
                self.reviewed = event.at
            case Act.CLOSE:
                self._to(State.CLOSED, event.at)

    def _another_risk(self, risk: Risk, at: int) -> None:
        """An applicant of another risk is diligently looked at as that risk wants it."""
        self.risk = risk
        if self.state in (State.REVIEW, State.EDD) or (
            self.state is State.APPROVED and risk is Risk.HIGH
        ):
            self._to(State.EDD if risk is Risk.HIGH else State.REVIEW, at)

    def _to(self, state: State, at: int) -> None:
        if state is not self.state:
            self.since, self.proposal = at, None
        self.state = state


def invited(event: Invited) -> Customer:
    """A customer at its first event."""
    return Customer(event.customer, event.member, since=event.at, history=[event])
