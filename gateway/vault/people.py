"""Names of people in the vault, as one person asks for them, in one role and for one purpose."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final, TypeVar

from compliance.vault.errors import VaultBusy
from compliance.vault.events import Actor
from compliance.vault.policy import Purpose, Role
from compliance.vault.retention import Basis, kept_until
from engine.model.errors import OperatorError
from engine.secret import SecretBytes
from gateway.turns import by_turns
from gateway.vault.opening import configured_vault

NAME: Final = "name"
"""The field of a name, in the vault."""

Made = TypeVar("Made")


class People:
    """See above. Everything raises VaultRefused, OperatorError and OSError."""

    def __init__(self, data: Path, config: Path, who: str, role: str, purpose: str) -> None:
        self._vault = configured_vault(data, config)
        self._actor = Actor(who, Role(role), Purpose(purpose))

    def name(self, subject: str) -> str:
        """Somebody's name, once it is written down who reads it. Raises SubjectGone of those who
        were erased, SubjectUnknown."""
        return self._turn(lambda: self._vault.get(self._actor, subject, NAME)).decode()

    def keep(self, name: str) -> str:
        """Keep a new person's name, so that it can be found by it; the person's id."""
        try:
            value = SecretBytes(name.encode())
        except UnicodeEncodeError:
            raise OperatorError("a name is text in UTF-8: this one is not") from None
        return self._turn(lambda: self._vault.put(self._actor, "", NAME, value, indexed=True))

    def ended(self, subject: str, day: date) -> int:
        """Have somebody kept for as long as the law says from a day on; until when, ns UTC."""
        until = kept_until(Basis.AML, day)
        self._turn(lambda: self._vault.retain(self._actor, subject, Basis.AML, until))
        return until

    def _turn(self, act: Callable[[], Made]) -> Made:
        return by_turns(act, VaultBusy, lambda: None)
