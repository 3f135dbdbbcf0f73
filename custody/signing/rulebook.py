"""What lasts, as the signer has it: the policy in force and the addresses on the list.

Both are folded from the signer's own log, in which each change has its intent with its approvals.
They count from when the signer wrote them down, by its own clock: nobody can date them back, and
custody's database can neither make them nor take them away. At a start every change is checked
again, so that a line which somebody added to the log proves nothing without signatures.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from custody.chains.calldata import is_address
from custody.policy.decision import Facts, decide, standing
from custody.policy.history import PolicyHistory
from custody.policy.intents import (
    AllowAddress,
    Approval,
    ChangePolicy,
    ForbidAddress,
    Intent,
)
from custody.policy.policy import Policy, check_policy
from custody.signing.log import Entry
from custody.signing.requests import No, Note
from engine.model.clock import NANOS_PER_SECOND
from engine.model.errors import ConfigError, OperatorError

MAX_NOTES: Final = 100_000
"""Changes in all: some 100 MB of the log, and a minute of checking at a start."""

Place = tuple[str, str, str]
"""An account, an asset, an address."""


class Rulebook:
    """chain, decimals: of the signer's settings. policy: the settings', which is the first one if
    the log has none yet."""

    def __init__(
        self,
        chain: int,
        decimals: Mapping[str, int],
        policy: Policy,
        entries: Iterable[Entry],
        now: int,
    ) -> None:
        """Raises OperatorError if the settings' policy is another one, or if the log has a change
        that nobody approved."""
        self._chain = chain
        self._decimals = decimals
        self._nothing = Facts(decimals, lambda *_: False, lambda *_: 0)
        self._notes: dict[str, Entry] = {}
        self._listed: dict[Place, int] = {}
        self._forbidden: dict[Place, int] = {}
        entries = list(entries)
        first = next((entry.policy for entry in entries if entry.policy is not None), None)
        self.history = PolicyHistory(first or policy)
        self.written = first is not None
        """Whether the log has the first policy."""
        for entry in entries:
            if entry.note is not None:
                self._again(entry, entry.note)
        self.history.check_configured(policy, now)

    def policy(self, now: int) -> Policy:
        """The one in force."""
        return self.history.at(now)

    def allows(self, account: str, asset: str, address: str, now: int) -> bool:
        """Whether an address is on an account's list, and its cool-down over."""
        since = self._listed.get((account, asset, address))
        if since is None:
            return False
        return since + self.policy(now).cool_down_s * NANOS_PER_SECOND <= now

    def noted(self, ident: str) -> Entry | None:
        """What was written down under an intent's name."""
        return self._notes.get(ident)

    def check(self, note: Note, now: int) -> None:
        """Whether it may be written down. Raises No."""
        intent = note.intent
        if len(self._notes) >= MAX_NOTES:
            raise No("full", f"{MAX_NOTES} changes are written down: the signer takes no more")
        if intent.requested > now:
            raise No("expired", f"{intent.id} is not of now")
        # Forbidding is never too late: custody may have had to wait for this signer.
        if not isinstance(intent, ForbidAddress) and now >= intent.expires:
            raise No("expired", f"{intent.id} is not of now")
        if isinstance(intent, ChangePolicy):
            self._check_policy(note)
        else:
            self._check_place(intent)
        self._check_word(note, now)

    def take(self, entry: Entry, note: Note) -> None:
        """It is on disk, and counts."""
        intent = note.intent
        self._notes[intent.id] = entry
        match intent:
            case AllowAddress():
                self._listed.setdefault(_place(intent), entry.time)
            case ForbidAddress():
                self._listed.pop(_place(intent), None)
                self._forbidden[_place(intent)] = entry.time
            case ChangePolicy():
                assert note.policy is not None
                self.history.change(note.policy, entry.time)

    # --- what is checked ------------------------------------------------------------------

    def _check_place(self, intent: AllowAddress | ForbidAddress) -> None:
        if intent.chain != self._chain:
            raise No("chain", f"{intent.id} is for chain {intent.chain}")
        if intent.asset not in self._decimals:
            raise No("asset", f"{intent.asset[:40]} is no asset here")
        if not is_address(intent.destination):
            raise No("destination", f"{intent.destination[:60]!r} is no address")

    def _check_policy(self, note: Note) -> None:
        if note.policy is None:
            raise No("policy", f"{note.intent.id} came without its policy")
        try:
            check_policy(note.policy, dict(self._decimals))
        except ConfigError as error:
            raise No("policy", f"{note.intent.id}: {error}") from None

    def _check_word(self, note: Note, now: int) -> None:
        """Whether those who have to agree with it at that time do. Raises No."""
        intent, policy = note.intent, self.policy(now)
        if isinstance(intent, ChangePolicy):
            if note.policy is None:
                raise No("policy", f"{intent.id} came without its policy")
            if refusal := self.history.refusal(intent, note.policy, now):
                raise No("policy", refusal)
        elif note.policy is not None:
            raise No("content", f"{intent.id} changes no policy")
        if isinstance(intent, AllowAddress):
            forbidden = self._forbidden.get(_place(intent))
            if forbidden is not None and intent.requested <= forbidden:
                raise No("forbidden", f"{intent.id} was asked for before the address was forbidden")
        check_decided(policy, intent, note.approvals, self._nothing, now)

    def _again(self, entry: Entry, note: Note) -> None:
        """A change of the log, which has to hold as it did when it was written."""
        try:
            self._check_word(note, entry.time)
        except No as no:
            raise OperatorError(
                f"line {entry.seq} of the signer's log is none that it wrote: {no}. Nothing is"
                " signed until somebody has found out who did. Compare the log with its copy"
            ) from None
        self.take(entry, note)


def check_decided(
    policy: Policy, intent: Intent, approvals: Iterable[Approval], facts: Facts, now: int
) -> None:
    """Whether a policy lets an intent through, and those who have to approve do. Raises No."""
    decision = decide(policy, intent, facts, now)
    if decision.action == "block":
        raise No("policy", f"{intent.id} is blocked by {decision.rule or 'no rule matching'}")
    stand = standing(policy, intent, approvals, decision.needs)
    if stand.rejected_by:
        raise No("approvals", f"{intent.id} is rejected by {stand.rejected_by}")
    if stand.missing:
        raise No("approvals", f"{intent.id} lacks {stand.missing}")


def _place(intent: AllowAddress | ForbidAddress) -> Place:
    return intent.account, intent.asset, intent.destination
