"""What is signed, and what is not: all that is asked is checked again, from the signer's own
settings and its own memory. Nothing that custody, its database or its network says is believed.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec
from eth_utils.crypto import keccak
from msgspec import Struct

from custody.chains.calldata import MAX_UINT256, is_address
from custody.policy.decision import Facts, decide, standing
from custody.policy.intents import AllowAddress, canonical
from custody.policy.policy import Policy
from custody.signing.keys import Keys, KeysGone, Wallet, Which
from custody.signing.log import Entry, LogFull, SignerLog
from custody.signing.requests import (
    Allowed,
    Fuel,
    OwnWallets,
    Pay,
    Purpose,
    Refill,
    Refused,
    Reply,
    Request,
    Sign,
    Signed,
    Sweep,
    Wallets,
)
from custody.signing.transactions import Unsigned, digest_of, encode, payment
from engine.model.clock import NANOS_PER_SECOND, Clock

MAX_GAS: Final = 500_000
"""Most gas of a transaction, units: a token's transfer takes some 60,000."""

MAX_DEPOSIT_NUMBER: Final = 2**31 - 1
"""Children of an extended public key."""


CANCEL: Final = "cancel"
"""The kind of a transaction that pays nobody."""


class SignerRules(Struct, frozen=True):
    """tokens: by asset, the contract's address, empty for the chain's own coin. decimals: by asset,
    on the chain. cold: where the hot wallet is emptied to; empty: nowhere. max_fee: wei a unit.
    max_fuel: wei for one sweep."""

    chain: int
    tokens: dict[str, str]
    decimals: dict[str, int]
    policy: Policy
    cold: str
    max_fee: int
    max_fuel: int


class No(Exception):
    """Not signed. reason: a word."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Order(Struct, frozen=True):
    """What a purpose comes to. id: what it is for, once. content: all that it says."""

    which: Which
    id: str
    content: str
    target: str
    token: str
    amount: int
    account: str = ""
    asset: str = ""


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
        self._rules = rules
        self._keys = keys
        self._log = log
        self._clock = clock
        self._say = say
        self._gone = ""
        """Why there were no keys, as it was said last."""
        self._by_id: dict[tuple[str, str], Entry] = {}
        self._by_nonce: dict[tuple[str, int], Entry] = {}
        self._paid: dict[tuple[str, str], Entry] = {}
        """What was signed so that it pays; the rest only used its nonce up."""
        for entry in log.entries:
            self._note(entry)

    def handle(self, request: Request) -> Reply:
        """The answer. Never raises for what somebody asks."""
        try:
            if isinstance(request, Wallets):
                return self._wallets()
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
        keys = self._keys
        return OwnWallets(
            keys.address(Wallet.HOT), keys.address(Wallet.GAS_TANK), self._rules.cold, keys.xpub()
        )

    def _sign(self, request: Sign) -> Signed:
        purpose = request.purpose
        order = self._order_to_cancel(purpose) if request.cancels else self._order(purpose)
        wallet = self._keys.address(order.which)
        self._check_bound(order, wallet, request)
        self._check_gas(request)
        paid = (wallet, order.id) in self._paid
        if isinstance(purpose, Pay) and not request.cancels and not paid:
            self._check_withdrawal(purpose)
        return self._signed(order, wallet, request)

    # --- what it comes to -----------------------------------------------------------------

    def _order(self, purpose: Purpose) -> _Order:
        content = sha256(msgspec.json.encode(purpose, order="sorted")).hexdigest()
        match purpose:
            case Pay():
                intent = purpose.intent
                token = self._rules.tokens.get(intent.asset)
                if token is None or token != intent.token:
                    raise No("asset", f"{intent.asset} is not that token here")
                content = sha256(canonical(intent)).hexdigest()
                return _Order(
                    Wallet.HOT, f"withdrawal/{intent.id}", content, intent.destination, token,
                    intent.amount, intent.account, intent.asset,
                )  # fmt: skip
            case Sweep():
                self._check_number(purpose.number)
                hot = self._keys.address(Wallet.HOT)
                return _Order(
                    purpose.number, "", content, hot, self._token(purpose.token), purpose.amount
                )
            case Fuel():
                self._check_number(purpose.number)
                if purpose.amount > self._rules.max_fuel:
                    raise No("amount", f"fuel of {purpose.amount} wei is over its limit")
                target = self._keys.address(purpose.number)
                return _Order(Wallet.GAS_TANK, "", content, target, "", purpose.amount)
            case Refill():
                if not self._rules.cold:
                    raise No("destination", "there is no cold wallet in the signer's settings")
                return _Order(
                    Wallet.HOT, f"refill/{purpose.id}", content, self._rules.cold,
                    self._token(purpose.token), purpose.amount,
                )  # fmt: skip

    def _order_to_cancel(self, purpose: Purpose) -> _Order:
        """Of what is not to be paid only the wallet and the name count: a nonce that was given to
        something that no settings allow must not hold up all behind it."""
        content = sha256(msgspec.json.encode(purpose, order="sorted")).hexdigest()
        which: Which = Wallet.HOT
        name = ""
        match purpose:
            case Pay(intent):
                content = sha256(canonical(intent)).hexdigest()
                name = f"withdrawal/{intent.id}"
            case Refill():
                name = f"refill/{purpose.id}"
            case Sweep():
                self._check_number(purpose.number)
                which = purpose.number
            case Fuel():
                which = Wallet.GAS_TANK
        return _Order(which, name, content, self._keys.address(which), "", 1)

    def _token(self, token: str) -> str:
        if token not in self._rules.tokens.values():
            raise No("asset", f"{token[:42]} is no token of the signer's settings")
        return token

    def _check_number(self, number: int) -> None:
        if not 0 <= number <= MAX_DEPOSIT_NUMBER:
            raise No("destination", f"there is no deposit address {number}")

    # --- what is checked ------------------------------------------------------------------

    def _check_bound(self, order: _Order, wallet: str, request: Sign) -> None:
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

    def _check_withdrawal(self, pay: Pay) -> None:
        intent, now = pay.intent, self._clock.now()
        if intent.chain != self._rules.chain:
            raise No("chain", f"{intent.id} is for chain {intent.chain}")
        if not intent.requested <= now < intent.expires:
            raise No("expired", f"{intent.id} is not of now")
        decision = decide(self._rules.policy, intent, self._facts(pay.allowed, now), now)
        if decision.action == "block":
            raise No("policy", f"{intent.id} is blocked by {decision.rule or 'no rule matching'}")
        stand = standing(self._rules.policy, intent, pay.approvals, decision.needs)
        if stand.rejected_by or stand.missing:
            raise No(
                "approvals",
                f"{intent.id} is rejected by {stand.rejected_by}"
                if stand.rejected_by
                else f"{intent.id} lacks {stand.missing}",
            )

    def _facts(self, allowed: Allowed | None, now: int) -> Facts:
        def on_the_list(account: str, asset: str, destination: str) -> bool:
            if allowed is None:
                return False
            intent = allowed.intent
            where = (intent.account, intent.asset, intent.destination, intent.chain)
            if where != (account, asset, destination, self._rules.chain):
                return False
            return self._allows(allowed, intent, now)

        return Facts(self._rules.decimals, on_the_list, self._spent)

    def _allows(self, allowed: Allowed, intent: AllowAddress, now: int) -> bool:
        """Whether an address was allowed by those who may, long enough ago."""
        policy = self._rules.policy
        if intent.requested + policy.cool_down_s * NANOS_PER_SECOND > now:
            return False
        none = Facts(self._rules.decimals, lambda *_: False, lambda *_: 0)
        decision = decide(policy, intent, none, now)
        if decision.action == "block":
            return False
        stand = standing(policy, intent, allowed.approvals, decision.needs)
        return not stand.missing and not stand.rejected_by

    def _spent(self, asset: str, account: str, since: int) -> int:
        """What was signed for since then, by this signer's own log; each withdrawal once."""
        return sum(
            entry.amount
            for entry in self._paid.values()
            if entry.asset == asset and entry.time > since and account in ("", entry.account)
        )

    # --- signing --------------------------------------------------------------------------

    def _signed(self, order: _Order, wallet: str, request: Sign) -> Signed:
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
            kind = CANCEL if request.cancels else type(request.purpose).__name__.lower()
            return Entry(
                seq, now, kind, ident, order.content, wallet, request.nonce, order.account,
                order.asset, order.amount, gas.limit * gas.max_fee, name.hex(), before,
            )  # fmt: skip

        self._note(self._log.append(entry))
        self._gone = ""
        self._say(f"signed {ident} of {wallet}, nonce {request.nonce}: 0x{name.hex()}")
        return Signed(raw, name, wallet)

    def _raw(self, which: Which, tx: Unsigned) -> bytes:
        r, s, parity = self._keys.sign(which, digest_of(tx))
        return encode(tx, r, s, parity)

    def _note(self, entry: Entry) -> None:
        self._by_id.setdefault((entry.wallet, entry.id), entry)
        self._by_nonce.setdefault((entry.wallet, entry.nonce), entry)
        if entry.kind != CANCEL:
            self._paid.setdefault((entry.wallet, entry.id), entry)
