"""What a purpose comes to: whose key signs, and whom the transaction pays. Every target is worked
out here, of the signer's own settings and keys, or is an approved intent's.
"""

from hashlib import sha256
from typing import Final

import msgspec
from msgspec import Struct

from custody.policy.intents import Restock, ReturnDeposit, Withdrawal, canonical
from custody.signing.keys import Keys, Wallet, Which
from custody.signing.requests import (
    FROM_HOT,
    Fuel,
    No,
    Pay,
    Purpose,
    Refill,
    Return,
    Sweep,
    WarmFuel,
    WarmPay,
    Way,
)
from custody.signing.rules import SignerRules

MAX_DEPOSIT_NUMBER: Final = 2**31 - 1
"""Children of an extended public key."""


class Order(Struct, frozen=True):
    """What a purpose comes to. id: what it is for, once. content: all that it says. subject: the
    deposit that is returned, once."""

    which: Which
    id: str
    content: str
    target: str
    token: str
    amount: int
    account: str = ""
    asset: str = ""
    subject: str = ""


class Orders:
    """Everything raises No for what the settings do not allow, and KeysGone."""

    def __init__(self, rules: SignerRules, keys: Keys) -> None:
        self._rules = rules
        self._keys = keys

    def of(self, purpose: Purpose) -> Order:
        """Of what is to be paid."""
        content = sha256(msgspec.json.encode(purpose, order="sorted")).hexdigest()
        match purpose:
            case Pay():
                intent = purpose.intent
                self._check_token(intent)
                content = sha256(canonical(intent)).hexdigest()
                return Order(
                    Wallet.HOT, f"withdrawal/{intent.id}", content, intent.destination,
                    intent.token, intent.amount, intent.account, intent.asset,
                )  # fmt: skip
            case WarmPay():
                restock = purpose.intent
                self._check_token(restock)
                self._warm()
                content = sha256(canonical(restock)).hexdigest()
                return Order(
                    Wallet.WARM, f"restock/{restock.id}", content, self._keys.address(Wallet.HOT),
                    restock.token, restock.amount, "", restock.asset,
                )  # fmt: skip
            case Sweep():
                self._check_number(purpose.number)
                hot = self._keys.address(Wallet.HOT)
                return Order(
                    purpose.number, "", content, hot, self._token(purpose.token), purpose.amount
                )
            case Fuel():
                self._check_number(purpose.number)
                return self._fuel(content, self._keys.address(purpose.number), purpose.amount)
            case WarmFuel():
                return self._fuel(content, self._warm(), purpose.amount)
            case Refill():
                source, target = self._ends(purpose.way)
                return Order(
                    source, f"refill/{purpose.id}", content, target, self._token(purpose.token),
                    purpose.amount,
                )  # fmt: skip
            case Return():
                return self._to_return(purpose)

    def _to_return(self, purpose: Return) -> Order:
        intent = purpose.intent
        self._check_token(intent)
        return Order(
            self._source(purpose), f"return/{intent.id}", _content_of(purpose), intent.destination,
            intent.token, purpose.amount, intent.account, intent.asset, intent.deposit,
        )  # fmt: skip

    def to_cancel(self, purpose: Purpose) -> Order:
        """Of what is not to be paid only the wallet and the name count: a nonce that was given to
        something that no settings allow must not hold up all behind it."""
        content = sha256(msgspec.json.encode(purpose, order="sorted")).hexdigest()
        which: Which = Wallet.HOT
        name = ""
        match purpose:
            case Pay(intent):
                content = sha256(canonical(intent)).hexdigest()
                name = f"withdrawal/{intent.id}"
            case WarmPay(restock):
                content = sha256(canonical(restock)).hexdigest()
                name, which = f"restock/{restock.id}", Wallet.WARM
            case Refill():
                name = f"refill/{purpose.id}"
                which = Wallet.WARM if purpose.way == "warm-cold" else Wallet.HOT
            case Sweep():
                self._check_number(purpose.number)
                which = purpose.number
            case Fuel() | WarmFuel():
                which = Wallet.GAS_TANK
            case Return():
                which, content = self._where(purpose), _content_of(purpose)
                name = f"return/{purpose.intent.id}"
        return Order(which, name, content, self._keys.address(which), "", 1)

    def _fuel(self, content: str, target: str, amount: int) -> Order:
        if amount > self._rules.max_fuel:
            raise No("amount", f"fuel of {amount} wei is over its limit")
        return Order(Wallet.GAS_TANK, "", content, target, "", amount)

    def _ends(self, way: Way) -> tuple[Wallet, str]:
        """Whose key signs, and where it goes."""
        match way:
            case "hot-cold":
                return Wallet.HOT, self._cold()
            case "hot-warm":
                return Wallet.HOT, self._warm()
            case "warm-cold":
                self._warm()
                return Wallet.WARM, self._cold()

    def _cold(self) -> str:
        if not self._rules.cold:
            raise No("destination", "there is no cold wallet in the signer's settings")
        return self._rules.cold

    def _warm(self) -> str:
        if not self._rules.warm:
            raise No("destination", "there is no warm wallet in the signer's settings")
        return self._keys.address(Wallet.WARM)

    def _source(self, purpose: Return) -> Which:
        """Where the coins of a return are, which is where its intent says."""
        which = self._where(purpose)
        if self._keys.address(which) != purpose.intent.source:
            raise No("destination", f"{purpose.intent.id} is of coins at another address")
        return which

    def _where(self, purpose: Return) -> Which:
        if purpose.number == FROM_HOT:
            return Wallet.HOT
        self._check_number(purpose.number)
        return purpose.number

    def _check_token(self, intent: Withdrawal | ReturnDeposit | Restock) -> None:
        if self._rules.tokens.get(intent.asset) != intent.token:
            raise No("asset", f"{intent.asset} is not that token here")

    def _token(self, token: str) -> str:
        if token not in self._rules.tokens.values():
            raise No("asset", f"{token[:42]} is no token of the signer's settings")
        return token

    def _check_number(self, number: int) -> None:
        if not 0 <= number <= MAX_DEPOSIT_NUMBER:
            raise No("destination", f"there is no deposit address {number}")


def kind_of(purpose: Purpose) -> str:
    """What the log calls it; from its lines it can be told whether a wallet was ever in use."""
    if isinstance(purpose, Refill) and purpose.way != "hot-cold":
        return f"refill/{purpose.way}"
    return type(purpose).__name__.lower()


def _content_of(purpose: Return) -> str:
    """All that a return says, whoever has approved it."""
    words = canonical(purpose.intent) + f"\n{purpose.number}\n{purpose.amount}".encode()
    return sha256(words).hexdigest()
