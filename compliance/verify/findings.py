"""What checks find: each is ok, failed with a code, or was not done, and why. Pure."""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

ALL_WELL: Final = 0
TAMPERED: Final = 10
"""Something is another thing than what was signed, or contradicts the venue's rules."""
INCOMPLETE: Final = 11
"""Something that was signed is not there."""
UNKNOWN_KEY: Final = 12
"""Nobody has signed whose key was given, or too few witnesses have."""
UNREADABLE: Final = 13
"""A file is not what it should be at all."""

WORDS: Final = {
    ALL_WELL: "all well",
    TAMPERED: "tampered with",
    INCOMPLETE: "incomplete",
    UNKNOWN_KEY: "unknown key, or quorum not met",
    UNREADABLE: "not readable as what it should be",
}
"""Exit codes of `fixgate verify`. From 10 on, because 1 and 2 are those of every command that could
not do its work or was misused: a script must not take a mistyped path for a forged log."""

OK: Final = "ok"
FAILED: Final = "FAILED"
NOT_DONE: Final = "not checked"


class Failed(Exception):
    """A check has found something. code: one of WORDS; where: a file or a record, "" for none."""

    def __init__(self, code: int, text: str, where: str = "") -> None:
        super().__init__(f"{where}: {text}" if where else text)
        self.code = code
        self.text = text
        self.where = where


class Outcome(Struct, frozen=True):
    """What became of a check. text: what was found, or why it was not done."""

    check: str
    result: str
    text: str
    code: int = ALL_WELL
    where: str = ""


class Report:
    """The outcomes of checks, in the order in which they rest on each other."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.unchecked: list[str] = []
        """What nobody looked at, beside the checks that were not done."""

    def ok(self, check: str, text: str) -> None:
        """A check has found nothing wrong."""
        self.outcomes.append(Outcome(check, OK, text))

    def failed(self, check: str, failure: Failed) -> None:
        """A check has found something."""
        self.outcomes.append(Outcome(check, FAILED, failure.text, failure.code, failure.where))

    def not_done(self, checks: Iterable[str], why: str) -> None:
        """Checks were left out."""
        self.outcomes += (Outcome(check, NOT_DONE, why) for check in checks)

    def settle(self, check: str, failure: Failed | None, text: str) -> bool:
        """A check has ended, with or without a failure; whether it is ok."""
        if failure is None:
            self.ok(check, text)
            return True
        self.failed(check, failure)
        return False

    @property
    def code(self) -> int:
        """Of the first check that failed: those after it rest on what it found."""
        codes = (outcome.code for outcome in self.outcomes if outcome.result == FAILED)
        return next(codes, ALL_WELL)
