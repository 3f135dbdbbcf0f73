"""The policy: ordered rules, of which the first that matches decides; what none matches is blocked.

It is written in YAML, and checked as a whole before any of it is in force: a rule that can never
match, or that nobody can satisfy, is a mistake that would be found on the wrong day.
"""

from collections.abc import Iterable
from hashlib import sha256
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from engine.model.errors import ConfigError
from engine.model.money import parse_scaled

MAX_RULES: Final = 200
"""Rules of a policy: more than anybody has read in one sitting."""

MAX_APPROVERS: Final = 100

MAX_POLICY_BYTES: Final = 65_536
"""Longest text of a policy: it goes to the signer in one message, and into its log."""

AN_AMOUNT: Final = (
    'a number such as "0.01", in quotes: at most 18 digits before and 18 behind the point'
)
AN_ADDRESS: Final = "an address: 0x and 40 digits 0-9 a-f, without capitals"

Name = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9._-]{1,64}\Z", description="1 to 64 of A-Z a-z 0-9 . _ -")
]
Amount = Annotated[str, Meta(pattern=r"^[0-9]{1,18}(\.[0-9]{1,18})?\Z", description=AN_AMOUNT)]
Address = Annotated[str, Meta(pattern=r"^0x[0-9a-f]{40}\Z", description=AN_ADDRESS)]
PublicKey = Annotated[
    str,
    Meta(pattern=r"^[0-9a-f]{64}\Z", description="an Ed25519 public key: 64 digits 0-9 a-f"),
]
Kind = Literal[
    "withdrawal", "allow-address", "forbid-address", "change-policy", "give-up", "release-deposit",
    "return-deposit", "book-break", "restock",
]  # fmt: skip
"""See custody.policy.intents.kind_of_type."""


class _Strict(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A mapping in the file: a key that is not listed is an error."""


class Approver(_Strict, frozen=True):
    """A person who approves. key: their Ed25519 public key (RFC 8032), 64 hex digits."""

    name: Name
    key: PublicKey
    groups: Annotated[tuple[Name, ...], Meta(min_length=1)]


class Velocity(_Strict, frozen=True):
    """What intents of one kind may come to in a sliding window, in the asset's units, this one
    included: of withdrawals, what leaves. per: counted for each account by itself, or for all
    together."""

    amount: Amount
    hours: Annotated[int, Meta(ge=1, le=8_784)]
    per: Literal["account", "venue"] = "account"


class Quorum(_Strict, frozen=True):
    """So many different people of a group."""

    group: Name
    quorum: Annotated[int, Meta(ge=1, le=MAX_APPROVERS)]


class Rule(_Strict, frozen=True):
    """What is not given matches everything. Of the amounts, `amount_up_to` and `velocity` match
    what stays within them; both need exactly one asset.

    destinations: `any`; `allowed`: addresses on the account's list whose cool-down is over; or
    addresses. approve: all of these; with action `approve`.
    """

    name: Name
    action: Literal["allow", "approve", "block"]
    kinds: tuple[Kind, ...] = ("withdrawal",)
    initiators: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    assets: tuple[str, ...] = ()
    destinations: Literal["any", "allowed"] | tuple[Address, ...] = "any"
    amount_up_to: Amount | None = None
    velocity: Velocity | None = None
    approve: tuple[Quorum, ...] = ()


class Policy(_Strict, frozen=True):
    """All of it. cool_down_s: of an address that was just allowed. delay_s: before a policy that
    takes the place of this one is in force. Both count from when the signer wrote the change down.
    intent_life_s: how long an intent waits for its approvals."""

    approvers: Annotated[tuple[Approver, ...], Meta(max_length=MAX_APPROVERS)] = ()
    rules: Annotated[tuple[Rule, ...], Meta(max_length=MAX_RULES)] = ()
    cool_down_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 86_400
    delay_s: Annotated[int, Meta(ge=0, le=31_536_000)] = 86_400
    intent_life_s: Annotated[int, Meta(ge=60, le=31_536_000)] = 86_400


def policy_text(policy: Policy) -> bytes:
    """The one text of a policy: JSON, keys sorted, no blanks, UTF-8."""
    return _encode(policy)


def read_policy(text: bytes) -> Policy:
    """The policy of a text that `policy_text` made."""
    return _decode(text)


def digest_of(policy: Policy) -> str:
    """The SHA-256 of a policy's one text, in hex: what people agree on when they agree on it."""
    return sha256(policy_text(policy)).hexdigest()


def check_policy(policy: Policy, decimals: dict[str, int]) -> None:
    """decimals: by asset code, of its amounts. Raises ConfigError with the path of the mistake."""
    if (size := len(policy_text(policy))) > MAX_POLICY_BYTES:
        raise ConfigError("rules", f"{size} bytes as JSON; at most {MAX_POLICY_BYTES}")
    members: dict[str, set[str]] = {}
    seen: set[str] = set()
    for k, approver in enumerate(policy.approvers):
        if approver.name in seen or approver.key in seen:
            raise ConfigError(f"approvers[{k}]", f"{approver.name} or the key is there twice")
        seen |= {approver.name, approver.key}
        for group in approver.groups:
            members.setdefault(group, set()).add(approver.name)
    names: set[str] = set()
    for k, rule in enumerate(policy.rules):
        path = f"rules[{k}]"
        if rule.name in names:
            raise ConfigError(f"{path}.name", f"{rule.name} is there twice")
        names.add(rule.name)
        _check_rule(rule, path, members, decimals)
        for j, earlier in enumerate(policy.rules[:k]):
            if _covers(earlier, rule):
                raise ConfigError(path, f"never matches: rules[{j}] ({earlier.name}) comes before")


def _check_rule(
    rule: Rule, path: str, members: dict[str, set[str]], decimals: dict[str, int]
) -> None:
    if (rule.action == "approve") != bool(rule.approve):
        raise ConfigError(f"{path}.approve", "belongs to the action approve, which needs it")
    if not rule.kinds:
        raise ConfigError(f"{path}.kinds", "matches nothing")
    for k, quorum in enumerate(rule.approve):
        there = members.get(quorum.group, set())
        # An initiator's own approval never counts, so that one more has to be there.
        spare = bool(there.intersection(rule.initiators) or not rule.initiators)
        if quorum.quorum > len(there) - (1 if spare and len(there) > 1 else 0):
            raise ConfigError(
                f"{path}.approve[{k}].quorum",
                f"{quorum.quorum} of {quorum.group}, which has {len(there)}: an initiator among"
                " them could never be approved",
            )
    if len(rule.approve) > 1:
        _check_apart([quorum.group for quorum in rule.approve], path, members)
    for k, code in enumerate(rule.assets):
        if code not in decimals:
            raise ConfigError(f"{path}.assets[{k}]", f"{code} is not on the chain")
    limits = [("amount_up_to", rule.amount_up_to)]
    limits.append(("velocity.amount", rule.velocity.amount if rule.velocity else None))
    for name, text in limits:
        if text is None:
            continue
        if len(rule.assets) != 1:
            raise ConfigError(f"{path}.{name}", "needs exactly one asset in `assets`")
        if parse_scaled(text.encode(), decimals[rule.assets[0]]) is None:
            raise ConfigError(f"{path}.{name}", f"{text} has too many decimals")


def _check_apart(groups: list[str], path: str, members: dict[str, set[str]]) -> None:
    """Where several groups have to agree, nobody may agree with themselves."""
    seen: set[str] = set()
    for group in groups:
        both = seen & members.get(group, set())
        if both:
            raise ConfigError(f"{path}.approve", f"{min(both)} is in two of the groups")
        seen |= members.get(group, set())


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether whatever a rule matches, an earlier one has matched already."""
    return (
        set(later.kinds) <= set(earlier.kinds)
        and _all_of(earlier.initiators, later.initiators)
        and _all_of(earlier.accounts, later.accounts)
        and _all_of(earlier.assets, later.assets)
        and earlier.destinations in ("any", later.destinations)
        and earlier.amount_up_to is None
        and earlier.velocity is None
    )


def _all_of(earlier: Iterable[str], later: Iterable[str]) -> bool:
    wide, narrow = set(earlier), set(later)
    return not wide or bool(narrow and narrow <= wide)


_encode: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder(Policy).decode
