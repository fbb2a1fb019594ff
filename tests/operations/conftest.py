"""Footers of few files are read together here, as those of many are."""

from __future__ import annotations

import pytest

from parquetry.files import footer_table


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(footer_table, "WORTH_A_WALK", 2)
