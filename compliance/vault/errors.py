"""What the vault refuses."""

from engine.model.errors import FixgateError


class VaultRefused(FixgateError):
    """It may not be done, or not by this principal, or not now: the text says why, and names no
    value."""


class VaultBusy(VaultRefused):
    """Another process is at work on it: try again."""


class SubjectUnknown(VaultRefused):
    """There is nobody of that id, or nothing of that field."""


class SubjectGone(VaultRefused):
    """The subject's key is destroyed: nobody reads it again."""
