"""What a test needs that is not everywhere: it skips in one line, or fails if all is required."""

import os

import pytest


def needs(what, *, there):
    """Skip the test unless `there`; fail it under FIXGATE_REQUIRE_ALL=1."""
    if not there:
        assert os.environ.get("FIXGATE_REQUIRE_ALL") != "1", f"needs {what}"
        pytest.skip(f"needs {what}")
