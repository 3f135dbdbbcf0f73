"""A desk over a list, a firm, and the way to each state."""

import msgspec

from compliance.kyc.desk import KycDesk, KycRefused
from compliance.kyc.events import Basis, Hit, KycEvent
from compliance.kyc.institution import Document, Institution, Kind, Owner, Trader
from compliance.kyc.words import Act, Risk, Role, State

START = 1_800_000_000_000_000_000
HOUR = 3_600 * 1_000_000_000
ANNA, BEN, CORA = "p-anna", "p-ben", "p-cora"
ONBOARDING, COMPLIANCE, MLRO = Role
LEI = "5493001KJTIIGC8Y1R12"
PARENT = "7LTWFZYICNSX8D621K86"
OWNER, DIRECTOR, TRADER = (f"s-{k:032x}" for k in (1, 2, 3))
BASIS = Basis((("OFAC SDN", "a" * 64),), "names 1", 8_500)
NEWER = Basis((("OFAC SDN", "b" * 64),), "names 1", 8_500)
HIT = Hit("OFAC SDN", 25308, 9_000)
FIRM = Institution(
    LEI, "Acme Trading Ltd", "H0PO", "GB", "",
    owners=(Owner(OWNER, 6_000),),
    directors=(DIRECTOR, OWNER),
    traders=(Trader(TRADER, "T-7"),),
    documents=tuple(Document(kind, f"{k:064x}") for k, kind in enumerate(Kind)),
    house=("ACME-HOUSE",),
    market_maker=True,
)  # fmt: skip
NAMES = (FIRM.name, OWNER, DIRECTOR, TRADER)
decode_event = msgspec.msgpack.Decoder(KycEvent).decode


class ListStore:
    """Keeps events as their bytes, as a disk would."""

    def __init__(self):
        self.rows = []

    def read(self, after):
        return [decode_event(row) for row in self.rows[after:]]

    def append(self, after, event):
        if after != len(self.rows):
            raise KycRefused("others were faster")
        self.rows.append(msgspec.msgpack.encode(event))


def screen_all(desk, now, basis=BASIS, customer=1):
    for name in desk.customers[customer].names:
        desk.screened(customer, name, basis, (), ANNA, now)


def agree(desk, act, now, risk=None, customer=1):
    """What takes two: Anna of onboarding proposes it, Cora, the MLRO, agrees."""
    desk.propose(customer, act, ONBOARDING, "see the file", ANNA, now, risk)
    desk.decide(customer, True, MLRO, "agreed", BASIS, CORA, now)


def desk_with(state, risk=Risk.MEDIUM, firm=FIRM):
    """A desk with customer 1 in a state, an hour a step."""
    desk = KycDesk(ListStore())
    desk.invite("ACME", ANNA, START)
    state = State(state)
    if state is State.EDD:
        risk = Risk.HIGH
    at = START + HOUR
    for reached, step in (
        (State.INVITED, lambda: desk.submit(1, firm, ANNA, at)),
        (State.SUBMITTED, lambda: screen_all(desk, at)),
        (State.SCREENING, lambda: desk.assess(1, risk, "known for years", BASIS, BEN, at)),
        (desk.customers[1].state, lambda: agree(desk, Act.APPROVE, at)),
        (State.APPROVED, lambda: desk.activate(1, BASIS, BEN, at)),
    ):
        if state is State.REJECTED and reached is State.SCREENING:
            agree(desk, Act.REJECT, at)
        if desk.customers[1].state is state:
            return desk
        step()
    if state in (State.RESTRICTED, State.SUSPENDED, State.FROZEN):
        desk.move(1, state, "a court's order", BEN, at)
    if state in (State.OFFBOARDING, State.CLOSED):
        desk.move(1, State.OFFBOARDING, "they leave", BEN, at)
    if state is State.CLOSED:
        agree(desk, Act.CLOSE, at)
    assert desk.customers[1].state is state
    return desk
