"""Few files are read and rewritten together here, as many are."""

from __future__ import annotations

import pytest

from parquetry.files import footer_table
from parquetry.operations import (
    bundled_joining,
    bundled_rewriting,
    joints,
    reading_together,
    rewriting_together,
    running,
)


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    monkeypatch.setattr(reading_together, "FEWEST", 2)
    monkeypatch.setattr(running, "MANY_FOLDERS", 2)
    for module in (bundled_rewriting, rewriting_together, bundled_joining):
        monkeypatch.setattr(module, "WORTH_A_BUNDLE", 2)


@pytest.fixture
def alone(monkeypatch) -> list[str]:
    """Note which files were staged each by itself, and not together with others."""
    found: list[str] = []
    before = joints.Joint.stage

    def stage(joint, *others):
        found.append(joint.folder)
        return before(joint, *others)

    monkeypatch.setattr(joints.Joint, "stage", stage)
    return found
