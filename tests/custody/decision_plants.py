"""Planted bugs in what people decide on: see plants.py."""

from custody.decisions.states import DecisionState
from custody.deposits import decided, releasing, returning, scanner
from custody.deposits.states import DECIDABLE, DepositState
from custody.ledger import chart
from custody.outgoing import store as outgoing
from custody.reconciling import booking, breaks
from custody.signing.orders import Orders
from custody.signing.signer import Signer
from custody.wallets.moves import Moves
from custody.withdrawals import giving_up
from tests.custody.plants import plant


@plant
def returned_and_credited(patch):
    """A deposit that was sent away may be released all the same."""
    sent_away = {DepositState.RETURNING, DepositState.RETURNED}
    patch.setattr(decided, "DECIDABLE", DECIDABLE | sent_away)


@plant
def returned_when_sent(patch):
    """A return counts as made once a form of it is signed."""
    real = outgoing.by_reference

    def by_reference(connection, reference):
        row = real(connection, reference)
        if row is not None and row.state == "sent":
            return _Changed(row, booked=True, state="done")
        return row

    patch.setattr(returning.outgoing, "by_reference", by_reference)


class _Changed:
    """A row with other values."""

    def __init__(self, row, **values):
        self._row, self._values = row, values

    def __getattr__(self, name):
        return self._values[name] if name in self._values else getattr(self._row, name)


@plant
def returned_where_it_failed(patch):
    """A return that was reverted or cancelled counts as made."""

    def back(self, connection, row, deposit, text):
        self._gone(connection, row, deposit, text)

    patch.setattr(returning.Returning, "_back", back)


@plant
def gas_kept_back_nowhere(patch):
    """What a return keeps for its gas stays in suspense."""
    real = Moves._returned

    def returned(self, row, purpose):
        return [move for move in real(self, row, purpose) if "/house/found" not in move[1]]

    patch.setattr(Moves, "_returned", returned)


@plant
def unused_gas_of_others(patch):
    """A return of coins takes its gas out of what else is at the address."""
    real = returning.Returning._plan

    async def plan_all(self, row, intent, approvals, _amount, gas, most):
        await real(self, row, intent, approvals, intent.amount, gas, most)

    patch.setattr(returning.Returning, "_plan", plan_all)


@plant
def released_to_anybody(patch):
    """A deposit to somebody's address may be released to another account."""
    real = decided.refusal_of_credit

    def refusal(row, asset, _account):
        return real(row, asset, row.account)

    patch.setattr(decided, "refusal_of_credit", refusal)


@plant
def released_by_its_event(patch):
    """What is mismatched is credited by what its event said."""
    patch.setattr(decided, "what_came", lambda row: int(row.amount))


@plant
def released_unfit(patch):
    """An intent is carried out whatever its deposit is by then."""
    patch.setattr(releasing.decided, "refusal", lambda _connection, _intent: "")


@plant
def what_we_sent_forgotten(patch):
    """What came is judged as if no payment of ours had left in the same block."""

    async def nothing(*_):
        return 0

    patch.setattr(scanner, "took_out", nothing)


@plant
def signer_returns_unapproved(patch):
    """The signer leaves the approvals of a return to custody."""
    real = Signer._check_decided

    def check(self, pay):
        if not hasattr(pay, "number"):
            real(self, pay)

    patch.setattr(Signer, "_check_decided", check)


@plant
def signer_returns_any_amount(patch):
    """The signer does not compare what goes with what was agreed on, nor with what went before."""
    patch.setattr(Signer, "_check_return", lambda _self, _purpose, _gas: None)


@plant
def signer_returns_from_anywhere(patch):
    """The signer does not look where the coins of a return are."""
    patch.setattr(Orders, "_source", Orders._where)


@plant
def break_booked_twice(patch):
    """A break is booked under the name of the moment, so that who books again makes another."""
    real = breaks.Breaks.is_booked
    patch.setattr(breaks.Breaks, "is_booked", lambda _self, _name: False)
    book = breaks.Breaks.book

    def again(self, name, asset, units):
        count = 1
        while real(self, f"{name}/{count}"):
            count += 1
        book(self, f"{name}/{count}", asset, units)

    patch.setattr(breaks.Breaks, "book", again)


@plant
def break_on_the_wrong_side(patch):
    """What the chain lacks is booked as found."""
    patch.setattr(chart, "loss", chart.found)


@plant
def break_booked_as_it_was(patch):
    """A break is booked by what it came to when it was asked for."""
    patch.setattr(booking.Booking, "refusal", lambda _self, _row, _intent: "")


@plant
def given_up_for_ever(patch):
    """A decision that was carried out is not written down as done."""
    real = giving_up.Endings.end

    def end(self, connection, row, to, text=""):
        return to == DecisionState.DONE or real(self, connection, row, to, text)

    patch.setattr(giving_up.Endings, "end", end)
