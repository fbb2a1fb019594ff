"""Schemas as they were released: they are read for ever, and change only by a declared version."""

from __future__ import annotations

from pathlib import Path

import pytest

from parquetry.tables import TableSchema, squiggle
from parquetry.tables.diff import diff

RELEASED = sorted((Path(__file__).resolve().parents[1] / "formats" / "tables").glob("*.json"))


def test_every_table_was_released():
    assert {path.name.partition("@")[0] for path in RELEASED} == {t.name for t in squiggle.TABLES}


@pytest.mark.parametrize("path", RELEASED, ids=lambda path: path.stem)
def test_a_released_schema_is_read_and_changes_are_declared(path):
    released = TableSchema.from_json(path.read_text(encoding="utf-8"))
    assert released.identifier == path.stem
    found = diff(released, squiggle.TABLES[released.name])
    assert found.is_declared, found.describe()
