"""What is signed, and what is not: all that is asked is checked again, from the signer's own
settings and its own memory. Nothing that custody, its database or its network says is believed.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

from eth_utils.crypto import keccak

from custody.chains.calldata import MAX_UINT256, is_address
from custody.policy.decision import Facts
from custody.policy.intents import (
    ChangePolicy,
    Restock,
    ReturnDeposit,
    Withdrawal,
    canonical,
    kind_of_type,
)
from custody.policy.policy import Policy
from custody.signing.keys import Keys, KeysGone, Wallet, Which
from custody.signing.log import Entry, LogFull, SignerLog
from custody.signing.orders import Order, Orders, kind_of
from custody.signing.requests import (
    Gas,
    No,
    Note,
    Noted,
    OwnWallets,
    Pay,
    Refused,
    Reply,
    Request,
    Return,
    Sign,
    Signed,
    Wallets,
    WarmPay,
)
from custody.signing.rulebook import Rulebook, check_decided
from custody.signing.rules import SignerRules
from custody.signing.transactions import Unsigned, digest_of, encode, payment
from engine.model.clock import Clock

MAX_GAS: Final = 500_000
"""Most gas of a transaction, units: a token's transfer takes some 60,000."""

CANCEL: Final = "cancel"
"""The kind of a transaction that pays nobody."""


NO_NONCE: Final = -1
"""Of a line that signs nothing."""

LOGGED: Final = {
    kind_of_type(Withdrawal): "pay",
    kind_of_type(ReturnDeposit): "return",
    kind_of_type(Restock): "warmpay",
}
"""By kind of intents that coins leave by, how the log calls what is signed for them."""


class Signer:
    """Answers requests, one at a time."""

    def __init__(
        self,
        rules: SignerRules,
        keys: Keys,
        log: SignerLog,
        clock: Clock,
        say: Callable[[str], None],
    ) -> None:
        """Raises OperatorError if settings and log do not belong together."""
        self._rules = rules
        self._keys = keys
        self._log = log
        self._rulebook = Rulebook(
            rules.chain, rules.decimals, rules.policy, log.entries, clock.now()
        )
        self._clock = clock
        self._say = say
        self._gone = ""
        """Why there were no keys, as it was said last."""
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._by_nonce: dict[tuple[str, int], Entry] = {}
        self._paid: dict[tuple[str, str], Entry] = {}
        """What was signed so that it pays; the rest only used its nonce up."""
        self._returned: dict[str, Entry] = {}
        """By deposit, what was signed so that it goes back."""
        for entry in log.entries:
            self._note(entry)

    def handle(self, request: Request) -> Reply:
        """The answer. Never raises for what somebody asks."""
        try:
            if isinstance(request, Wallets):
                return self._wallets()
            if isinstance(request, Note):
                return self._write_down(request)
            return self._sign(request)
        except No as no:
            self._say(f"refused ({no.reason}): {no}")
            return Refused(no.reason, str(no))
        except KeysGone as error:
            if str(error) != self._gone:  # it is asked many times a second
                self._say(f"no keys: {error}")
            self._gone = str(error)
            return Refused("keys", str(error))
        except LogFull as error:
            self._say(str(error))
            return Refused("log", str(error))

    def _wallets(self) -> OwnWallets:
        keys, rules = self._keys, self._rules
        warm = keys.address(Wallet.WARM) if rules.warm else ""
        return OwnWallets(
            keys.address(Wallet.HOT), keys.address(Wallet.GAS_TANK), rules.cold, keys.xpub(), warm
        )

    def _sign(self, request: Sign) -> Signed:
        purpose, orders = request.purpose, Orders(self._rules, self._keys)
        order = orders.to_cancel(purpose) if request.cancels else orders.of(purpose)
        wallet = self._keys.address(order.which)
        self._check_bound(order, wallet, request)
        self._check_gas(request)
        paid = (wallet, order.id) in self._paid
        if isinstance(purpose, Return) and not request.cancels:
            self._check_return(purpose, request.gas)
        if isinstance(purpose, Pay | WarmPay | Return) and not request.cancels and not paid:
            self._check_decided(purpose)
        return self._signed(order, wallet, request)

    # --- what is checked ------------------------------------------------------------------

    def _check_bound(self, order: Order, wallet: str, request: Sign) -> None:
        """What was signed before for the same thing said the same, under the same nonce."""
        if request.nonce < 0 or not 0 < order.amount <= MAX_UINT256:
            raise No("amount", "a nonce is not below 0, an amount above it and within a uint256")
        if not is_address(order.target):
            raise No("destination", f"{order.target[:60]!r} is no address")
        ident = order.id or f"nonce/{request.nonce}"
        before = self._by_id.get((wallet, ident))
        if before is not None and before.content != order.content:
            raise No("content", f"{ident} said something else before")
        if before is not None and before.nonce != request.nonce:
            raise No("nonce", f"{ident} has nonce {before.nonce}: it is paid once")
        there = self._by_nonce.get((wallet, request.nonce))
        if there is not None and there.id != ident:
            raise No("nonce", f"nonce {request.nonce} belongs to {there.id}")

    def _check_gas(self, request: Sign) -> None:
        gas = request.gas
        if not 0 < gas.limit <= MAX_GAS:
            raise No("fee", f"gas of {gas.limit} units; at most {MAX_GAS}")
        if not 0 <= gas.tip <= gas.max_fee <= self._rules.max_fee:
            raise No("fee", f"{gas.max_fee} wei a unit; at most {self._rules.max_fee}")

    def _check_return(self, purpose: Return, gas: Gas) -> None:
        """A deposit goes back once, whole, apart from what its gas may cost."""
        intent = purpose.intent
        before = self._returned.get(intent.deposit)
        if before is not None and before.id != f"return/{intent.id}":
            raise No("content", f"{intent.deposit} went back by {before.id} before")
        kept = intent.amount - purpose.amount
        if intent.token:
            fits = kept == 0
        else:
            fits = gas.limit * gas.max_fee <= kept <= gas.limit * self._rules.max_fee
        if not fits:
            raise No("amount", f"{intent.id} is to return {intent.amount}, not {purpose.amount}")

    def _check_decided(self, pay: Pay | WarmPay | Return) -> None:
        intent, now = pay.intent, self._clock.now()
        if intent.chain != self._rules.chain:
            raise No("chain", f"{intent.id} is for chain {intent.chain}")
        if not intent.requested <= now < intent.expires:
            raise No("expired", f"{intent.id} is not of now")
        policy = self._rulebook.policy(now)
        check_decided(policy, intent, pay.approvals, self._facts(now), now)

    def _facts(self, now: int) -> Facts:
        def on_the_list(account: str, asset: str, destination: str) -> bool:
            return self._rulebook.allows(account, asset, destination, now)

        return Facts(self._rules.decimals, on_the_list, self._spent)

    def _spent(self, kind: str, asset: str, account: str, since: int) -> int:
        """What was signed for since then, by this signer's own log; each intent once."""
        logged = LOGGED[kind]
        return sum(
            entry.amount
            for entry in self._paid.values()
            if (entry.kind, entry.asset) == (logged, asset)
            and entry.time > since
            and account in ("", entry.account)
        )

    # --- what lasts -----------------------------------------------------------------------

    def _write_down(self, note: Note) -> Noted:
        """Once under a name: what is asked again is answered as it was."""
        intent = note.intent
        content = sha256(canonical(intent)).hexdigest()
        before = self._rulebook.noted(intent.id)
        if before is not None:
            if before.content != content:
                raise No("content", f"{intent.id} said something else before")
            return Noted(before.time, before.seq)
        now = self._clock.now()
        self._rulebook.check(note, now)
        account, asset = "", ""
        if not isinstance(intent, ChangePolicy):
            account, asset = intent.account, intent.asset

        def entry(seq: int, digest: str) -> Entry:
            kind = str(type(intent).__struct_config__.tag)
            return Entry(
                seq, now, kind, intent.id, content, "", NO_NONCE, account, asset, 0, 0, "", digest,
                note, self._first_policy(),
            )  # fmt: skip

        written = self._append(entry)
        self._rulebook.take(written, note)
        self._say(f"wrote down {intent.id}: {written.kind}")
        return Noted(now, written.seq)

    def _first_policy(self) -> Policy | None:
        """What the log does not have yet, so that its next line does."""
        return None if self._rulebook.written else self._rulebook.history.first

    def _append(self, make: Callable[[int, str], Entry]) -> Entry:
        entry = self._log.append(make)
        self._rulebook.written = True
        return entry

    # --- signing --------------------------------------------------------------------------

    def _signed(self, order: Order, wallet: str, request: Sign) -> Signed:
        gas, chain = request.gas, self._rules.chain
        if request.cancels:
            tx = payment(chain, request.nonce, "", wallet, 0, gas.limit, gas.max_fee, gas.tip)
        else:
            tx = payment(
                chain, request.nonce, order.token, order.target, order.amount, gas.limit,
                gas.max_fee, gas.tip,
            )  # fmt: skip
        raw = self._raw(order.which, tx)
        name = keccak(raw)
        ident = order.id or f"nonce/{request.nonce}"
        now = self._clock.now()

        def entry(seq: int, before: str) -> Entry:
            kind = CANCEL if request.cancels else kind_of(request.purpose)
            return Entry(
                seq, now, kind, ident, order.content, wallet, request.nonce, order.account,
                order.asset, order.amount, gas.limit * gas.max_fee, name.hex(), before,
                policy=self._first_policy(), subject=order.subject,
            )  # fmt: skip

        self._note(self._append(entry))
        self._gone = ""
        self._say(f"signed {ident} of {wallet}, nonce {request.nonce}: 0x{name.hex()}")
        return Signed(raw, name, wallet)

    def _raw(self, which: Which, tx: Unsigned) -> bytes:
        r, s, parity = self._keys.sign(which, digest_of(tx))
        return encode(tx, r, s, parity)

    def _note(self, entry: Entry) -> None:
        if entry.note is not None:
            return
        self._by_id.setdefault((entry.wallet, entry.id), entry)
        self._by_nonce.setdefault((entry.wallet, entry.nonce), entry)
        if entry.kind != CANCEL:
            self._paid.setdefault((entry.wallet, entry.id), entry)
            if entry.subject:
                self._returned.setdefault(entry.subject, entry)
