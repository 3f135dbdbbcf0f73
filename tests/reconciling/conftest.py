"""Worlds whose reconciler looks at every step."""

import pytest

from custody.reconciling import reconciler
from tests.custody.conftest import new_world, template, world

__all__ = ["new_world", "template", "world"]


@pytest.fixture(autouse=True)
def always_looking(monkeypatch):
    monkeypatch.setattr(reconciler, "LOOK_NANOS", 0)
    monkeypatch.setattr(reconciler, "PAUSE_NANOS", 0)
