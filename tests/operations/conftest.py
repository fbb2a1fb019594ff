"""Few files are read and rewritten together here, as many are."""

from __future__ import annotations

import pytest

from parquetry.files import footer_table
from parquetry.operations import bundled_joining, bundled_rewriting, rewriting_together


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
    for module in (bundled_rewriting, rewriting_together, bundled_joining):
        monkeypatch.setattr(module, "WORTH_A_BUNDLE", 2)
