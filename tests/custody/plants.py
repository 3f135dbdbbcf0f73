"""Planted bugs: what a good engineer may get wrong in custody, each as a patch of the product.

`with planted(NAME)` the product has that bug. The tests of the folder find each, or they are blind:
see test_plants.py.
"""

from contextlib import contextmanager
from hashlib import sha256
from types import SimpleNamespace

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from msgspec.structs import replace
from sqlalchemy import select, update

from custody import chain_books, desk, screening
from custody.answers import Step
from custody.assets import ChainAsset
from custody.chains import quorum
from custody.chains.node import NodeFailed, NodeRefused
from custody.deposits import crediting, judge, returning, scanner
from custody.deposits import store as deposits
from custody.deposits.states import DepositState
from custody.holds import Holds
from custody.ledger.postings import JournalPostings
from custody.outgoing import sender
from custody.outgoing import store as outgoing
from custody.outgoing.fees import Offer, first_offer, next_offer
from custody.outgoing.states import OutgoingState
from custody.policy import decision, intents
from custody.poster import LedgerPoster
from custody.screening import ScreeningFailed, Verdict
from custody.signing import orders
from custody.signing.log import SignerLog
from custody.signing.requests import Refill, WarmPay
from custody.signing.signer import Signer
from custody.store import ledger_store
from custody.store.custody_schema import withdrawals as withdrawal_table
from custody.store.schema import cursor
from custody.wallets import moves, refills, restocks, stock, surplus, sweeps
from custody.withdrawals import lifecycle, rulings
from custody.withdrawals import store as withdrawals
from custody.withdrawals.states import WithdrawalState
from engine.model.commands import HoldWithdrawal, SetHold
from tests.custody import people

PLANTS = {}
"""By its name, what puts a bug into the product; its first line says which."""


def plant(put):
    PLANTS[put.__name__] = put
    return put


@contextmanager
def planted(name):
    """The product with a bug."""
    with pytest.MonkeyPatch.context() as patch:
        PLANTS[name](patch)
        yield


async def _always(*_):
    return True


# --- what nodes say ----------------------------------------------------------------------------


@plant
def credit_before_finality(patch):
    """The latest block is taken for a final one."""

    async def finalized(self):
        heads = await self._ask(lambda node: node.head())
        numbers = sorted((block.number for block in heads.values()), reverse=True)
        return await self.header(numbers[self.needed - 1]) if len(numbers) >= self.needed else None

    patch.setattr(quorum.Witnesses, "finalized", finalized)


@plant
def one_nodes_word(patch):
    """The first node that answers is believed."""

    def agreed(_self, _what, answers):
        return next((answer for answer in answers.values() if answer is not None), None)

    patch.setattr(quorum.Witnesses, "_agreed", agreed)


@plant
def logs_by_range(patch):
    """Events are asked for by numbers, of which a node that has not the block says: none."""
    by_hash = quorum.Witnesses.movements

    async def movements(self, block, targets):
        asked = [_ByRange(node) for node in self.nodes]
        patched = quorum.Witnesses(asked, self.needed)
        return await by_hash(patched, block, targets)

    patch.setattr(quorum.Witnesses, "movements", movements)


class _ByRange:
    """A node that is asked for what came between two numbers."""

    def __init__(self, node):
        self.name = node.name
        self._node = node

    async def movements(self, block, targets):
        return await self._node.movements(block, targets) or ()


@plant
def broadcast_retried(patch):
    """The transport says a broadcast again when its answer is lost."""

    async def broadcast(node, raw):
        for _ in range(5):
            try:
                await node.broadcast(raw)
            except NodeFailed:
                continue
            except NodeRefused:
                return quorum.Heard.REFUSED
            return quorum.Heard.TAKEN
        raise NodeFailed("not in five times")

    patch.setattr(quorum, "_broadcast", broadcast)


@plant
def event_believed_over_the_balance(patch):
    """A token's event is taken for what has moved."""

    async def changes(_self, _block, movements):
        return judge.expected_changes(movements)

    patch.setattr(scanner.Scanner, "_changes", changes)


# --- deposits ----------------------------------------------------------------------------------


@plant
def key_by_block_index(patch):
    """A deposit is called by its place in its block."""
    real = judge.judge

    def by_index(chain, block, *words):
        found = real(chain, block, *words)
        return [
            replace(r, reference=f"deposit/{chain}/{block.number}/{k}") for k, r in enumerate(found)
        ]

    patch.setattr(scanner, "judge", by_index)


@plant
def key_by_transaction(patch):
    """A deposit is called by its transaction, of which there may be several."""
    patch.setattr(judge, "reference_of", lambda chain, m: f"deposit/{chain}/{m.tx.hex()}")


@plant
def dust_dropped(patch):
    """What the venue's units are too coarse for is booked nowhere."""
    whole = crediting.Crediting._shares
    patch.setattr(crediting.Crediting, "_shares", lambda *words: whole(*words)[:1])


@plant
def rounding_up(patch):
    """A part of the smallest unit is credited as a whole one."""

    def minor(self, atomic):
        factor = 10 ** (self.decimals - self.scale) if self.decimals > self.scale else 1
        return -(-atomic // factor) * 10 ** max(self.scale - self.decimals, 0)

    patch.setattr(ChainAsset, "minor", minor)


@plant
def silence_is_clear(patch):
    """Screening that does not answer has nothing against it."""

    async def verdict_of(asked):
        try:
            return await asked, ""
        except (TimeoutError, OSError, ScreeningFailed):
            return Verdict.CLEAR, ""

    for module in (screening, crediting, lifecycle):
        patch.setattr(module, "verdict_of", verdict_of)


@plant
def credited_when_told(patch):
    """A deposit is credited once the venue is told of it, and not when its journal has it."""

    def credit(self, rows):
        self._arrive(rows)
        for row in rows:
            self._telling.tell(self._deposit(row))
        with self._database.begin() as connection:
            deposits.move(connection, [row.reference for row in rows], DepositState.CREDITED)

    patch.setattr(crediting.Crediting, "_credit", credit)


@plant
def reversal_forgotten(patch):
    """A chain that takes final blocks back calls a person, and their deposits stand."""
    patch.setattr(deposits, "above", lambda _connection, _block: [])


@plant
def reversed_before_credited(patch):
    """A deposit that the venue may have been told of is taken back without asking its journal."""

    def reverse(self, rows):
        for row in rows:
            if self._answered(row.reference, Step.CREDIT):
                self._telling.tell(self._reversal(row))
            self._unpost(row)

    patch.setattr(crediting.Crediting, "_reverse", reverse)


@plant
def withheld_coins_swept(patch):
    """Coins that screening has not let in are swept to the hot wallet."""
    patch.setattr(sweeps, "_undecided", lambda _connection: set())


# --- the wallets -------------------------------------------------------------------------------


@plant
def promised_coins_go_down(patch):
    """What withdrawals wait for counts as surplus."""
    patch.setattr(stock, "promised", lambda _connection, _asset, _states: 0)


@plant
def warm_pays_anybody(patch):
    """What the warm wallet has too much of goes to an address that is none of ours."""
    ends = orders.Orders._ends

    def elsewhere(self, way):
        source, target = ends(self, way)
        return source, people.STRANGER.address.lower() if way == "warm-cold" else target

    patch.setattr(orders.Orders, "_ends", elsewhere)


@plant
def booked_as_cold(patch):
    """Whatever goes down is booked as if it had come to the cold wallet."""
    real = moves.carried

    def carried(purpose, wallets, deposit_address):
        if isinstance(purpose, Refill):
            return purpose.token, wallets.cold, purpose.amount
        return real(purpose, wallets, deposit_address)

    patch.setattr(moves, "carried", carried)


@plant
def fuel_goes_down(patch):
    """Coins that came for a token's gas go on to the cold wallet before the token does."""

    def coins_first(*words):
        return sorted(surpluses(*words), key=lambda found: bool(found.asset.token))

    surpluses = surplus.surpluses
    patch.setattr(refills, "surpluses", coins_first)


@plant
def restock_to_anybody(patch):
    """The signer pays a restock to an address that is none of ours."""
    real = orders.Orders.of

    def of(self, purpose):
        made = real(self, purpose)
        theirs = people.STRANGER.address.lower()
        return replace(made, target=theirs) if isinstance(purpose, WarmPay) else made

    patch.setattr(orders.Orders, "of", of)


@plant
def restock_unsigned(patch):
    """The signer leaves the approvals of a restock to custody."""
    real = Signer._check_decided

    def check(self, pay):
        if not isinstance(pay, WarmPay):
            real(self, pay)

    patch.setattr(Signer, "_check_decided", check)


@plant
def restock_counted_twice(patch):
    """A velocity counts each restock two times."""
    real = rulings.counted
    patch.setattr(rulings, "counted", lambda *words: 2 * real(*words))


@plant
def restock_sent_again(patch):
    """A restock that has a nonce gets another."""
    patch.setattr(restocks.outgoing, "by_reference", lambda _connection, _reference: None)


@plant
def agreed_coins_go_down(patch):
    """What is agreed to go up counts as surplus of the warm wallet."""
    patch.setattr(stock, "agreed", lambda _connection, _asset: 0)


@plant
def asked_for_ever(patch):
    """What the policy blocked is asked for again and again."""
    patch.setattr(restocks, "_refused", lambda _before: 0)


# --- withdrawals -------------------------------------------------------------------------------


@plant
def held_when_told(patch):
    """A withdrawal is held once the venue is told, and not when its journal says so."""

    def hold(self, row):
        asset = self._number_of(row.asset)
        name = lifecycle.reference_of(row.id)
        self._telling.tell(HoldWithdrawal(row.account, asset, row.amount, row.fee, name))
        self._move(row, WithdrawalState.HELD)

    patch.setattr(lifecycle.Lifecycle, "_hold", hold)


@plant
def fee_forgotten(patch):
    """The fee of a withdrawal is not held, and so never taken."""
    patch.setattr(lifecycle, "HoldWithdrawal", lambda a, b, c, _, e: HoldWithdrawal(a, b, c, 0, e))


@plant
def released_while_in_the_pool(patch):
    """A withdrawal may be taken back while a signed form of it waits for a block."""
    patch.setattr(desk, "CANCELLABLE", {*desk.CANCELLABLE, WithdrawalState.SENDING})


@plant
def velocity_of_what_has_settled(patch):
    """A velocity does not count what is on its way."""

    def spent(connection, asset, account, since, but):
        table = withdrawal_table.c
        query = select(table.amount).where(
            table.asset == asset, table.state == "settled", table.requested > since, table.id != but
        )
        if account is not None:
            query = query.where(table.account == account)
        return [row.amount for row in connection.execute(query)]

    patch.setattr(withdrawals, "spent", spent)


@plant
def approval_of_a_name(patch):
    """Approvers sign the name of an intent, and not what it says."""

    def signed_text(intent, *, approves):
        return f"{'approve' if approves else 'reject'} {intent.id}".encode()

    for module in (decision, intents, people):
        patch.setattr(module, "signed_text", signed_text)


@plant
def initiator_approves(patch):
    """Whoever asked for a withdrawal may approve it."""

    def refusal_of(policy, intent, approval):
        approver = next((a for a in policy.approvers if a.name == approval.approver), None)
        if approver is None:
            return f"{approval.approver} approves nothing here"
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(approver.key))
        try:
            text = decision.signed_text(intent, approves=approval.approves)
            key.verify(approval.signature, text)
        except InvalidSignature:
            return f"the signature is not {approver.name}'s over this very intent"
        return ""

    for module in (decision, rulings):
        patch.setattr(module, "refusal_of", refusal_of)


@plant
def not_screened_on_the_way_out(patch):
    """Where coins go to is not screened."""
    patch.setattr(lifecycle.Lifecycle, "_may_go", _always)


@plant
def venue_units_on_the_chain(patch):
    """A payment is made in the venue's units instead of the chain's."""
    patch.setattr(ChainAsset, "atomic", lambda _self, minor: minor)


# --- holds -------------------------------------------------------------------------------------


@plant
def hold_of_an_old_view(patch):
    """Custody goes by the holds that it has posted, however late it is."""
    patch.setattr(LedgerPoster, "catch_up", lambda _: True)


@plant
def hold_looked_at_once(patch):
    """An account is looked at before others are asked, and not again behind that."""
    real = lifecycle.Lifecycle._plan

    def plan(self, *words):
        known, self._holds = self._holds, SimpleNamespace(frozen=lambda _: False)
        try:
            real(self, *words)
        finally:
            self._holds = known

    patch.setattr(lifecycle.Lifecycle, "_plan", plan)


@plant
def a_nonce_is_a_promise(patch):
    """What has a nonce is signed, whoever was frozen meanwhile."""
    patch.setattr(Holds, "frozen_of", lambda *_: False)


@plant
def holds_forgotten_at_a_restart(patch):
    """A start in the middle of the journal knows of no hold."""
    real = ledger_store.LedgerStore.reference

    def reference(self):
        return [command for command in real(self) if not isinstance(command, SetHold)]

    patch.setattr(ledger_store.LedgerStore, "reference", reference)


@plant
def a_lift_by_one(patch):
    """A lift counts in custody when the first of two has asked for it."""
    real = JournalPostings.defines

    def defines(whole):
        return real(whole) or isinstance(whole.command, SetHold)

    patch.setattr(JournalPostings, "defines", staticmethod(defines))


@plant
def returned_though_frozen(patch):
    """A deposit is sent away again whoever it came to."""
    patch.setattr(returning.Returning, "_frozen", lambda *_: False)


# --- sending -----------------------------------------------------------------------------------


@plant
def second_nonce(patch):
    """A payment that is stuck is made again under the wallet's next nonce."""

    async def again(self, row, forms, *, cancels):
        fees = await self._network.fees()
        newest = forms[-1]
        offer = next_offer(Offer(newest.max_fee, newest.tip), fees, int(row.most))
        nonce = await self.nonce_for(row.wallet)
        other = SimpleNamespace(**{**row._asdict(), "nonce": nonce})
        await self._sign(other, offer, cancels=cancels)

    patch.setattr(sender.Sender, "_replace", again)


@plant
def fee_bump_of_one_field(patch):
    """A replacement offers a higher fee, and the same tip."""

    def bumped(last, fees, cap):
        now = first_offer(fees, cap)
        max_fee = max(now.max_fee, -(-last.max_fee * 9 // 8))
        return Offer(max_fee, last.tip) if max_fee <= cap else None

    patch.setattr(sender, "next_offer", bumped)


@plant
def broadcast_before_kept(patch):
    """A signed form is broadcast first, and then written down."""

    async def sign(self, row, offer, *, cancels):
        if cancels:
            signed = await self._signer.sign_cancel(row.request, row.nonce, offer)
        else:
            signed = await self._signer.sign(row.request, row.nonce, row.gas, offer)
        await self._broadcast(signed.tx, signed.raw)
        with self._database.begin() as connection:
            outgoing.keep_attempt(
                connection, row, signed.raw, signed.tx, offer.max_fee, offer.tip,
                self._clock.now(), cancels=cancels,
            )  # fmt: skip

    patch.setattr(sender.Sender, "_sign", sign)


@plant
def settled_before_final(patch):
    """A payment counts as made once it is in a block."""
    patch.setattr(sender.Sender, "_is_final", _always)


@plant
def no_receipt_is_a_failure(patch):
    """A transaction that no node has a receipt of has failed."""

    async def failed(self, forms):
        with self._database.begin() as connection:
            state = OutgoingState.FAILED
            outgoing.end(connection, forms[-1], state, forms[-1].tx, 0, 0, self._clock.now())

    patch.setattr(sender.Sender, "_broadcast_again", failed)


@plant
def nonce_left_open(patch):
    """What the signer refuses ends at once, and the nonces behind it wait for ever."""
    real = sender.Sender._tell_a_person

    def told(self, row, text, name):
        real(self, row, text, name)
        if name == row.reference:
            self._cancelling.discard(name)
            with self._database.begin() as connection:
                outgoing.end(connection, row, OutgoingState.CANCELLED, b"", 0, 0, self._clock.now())

    patch.setattr(sender.Sender, "_tell_a_person", told)


@plant
def cancelled_counts_as_paid(patch):
    """Whatever form of a payment is final has paid it, the one that pays nobody included."""
    real = sender.Sender._end

    def end(self, row, form, receipt):
        real(self, row, SimpleNamespace(**{**form._asdict(), "cancels": False}), receipt)

    patch.setattr(sender.Sender, "_end", end)


@plant
def alarm_that_stops_nothing(patch):
    """Somebody else has the key: a person is told, and the wallet pays on."""
    real = sender.raise_alarm
    patch.setattr(sender, "raise_alarm", lambda c, name, text, now, _="": real(c, name, text, now))


# --- the signer --------------------------------------------------------------------------------


@plant
def signer_forgets(patch):
    """What the signer has signed is in its memory alone."""

    def append(self, make):
        entry = make(len(self.entries) + 1, self._digest)
        self.entries.append(entry)
        self._digest = sha256(repr(entry).encode()).hexdigest()
        return entry

    patch.setattr(SignerLog, "append", append)


@plant
def signer_believes_custody(patch):
    """The signer leaves the policy and the approvals to custody."""
    patch.setattr(Signer, "_check_decided", lambda _self, _pay: None)


# --- the ledger --------------------------------------------------------------------------------


@plant
def gas_never_booked(patch):
    """What a payment cost for its gas is in no account."""
    patch.setattr(lifecycle.Lifecycle, "_gas", lambda _self, _row, _sent: None)


@plant
def key_of_the_moment(patch):
    """An entry is called by when it is posted, so that who posts it again makes another."""
    real = chain_books.ChainBooks.post

    def post(self, batches):
        moment = self._poster.ledger.head.seq
        real(
            self,
            [(f"{key}/{moment}" if "/paid" in key else key, moves) for key, moves in batches],
        )

    patch.setattr(chain_books.ChainBooks, "post", post)


@plant
def cursor_first(patch):
    """The cursor is committed before what was posted up to it."""
    real = ledger_store.LedgerStore.flush

    def flush(self, ledger, to):
        with self._database.begin() as connection:
            self._claim(connection)
            connection.execute(update(cursor).values(record=to.record, salt=to.salt))
        self._cursor = to
        real(self, ledger, to)

    patch.setattr(ledger_store.LedgerStore, "flush", flush)


@plant
def holds_lost_at_a_restart(patch):
    """What is reserved is not read back from the disk."""
    real = ledger_store.LedgerStore._account

    def account(self, row):
        made = real(self, row)
        made.pending_debits = made.pending_credits = 0
        return made

    patch.setattr(ledger_store.LedgerStore, "_account", account)
