"""What cannot be exported."""

from engine.model.errors import FixgateError


class ExportRefused(FixgateError):
    """What was asked for is no export that there is, or a manifest is not what it should be."""
