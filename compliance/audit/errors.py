"""What the audit log refuses, and what it cannot go on with."""

from engine.model.errors import FixgateError, OperatorError


class AuditRefused(FixgateError):
    """A note, a proof, a key or a tile that was given to us is not what it should be."""


class SignerUnknown(AuditRefused):
    """A note that nobody has signed whose key is known."""


class LogForked(OperatorError):
    """What was signed and what the journal says are two histories: nothing more is signed until a
    person has looked."""
