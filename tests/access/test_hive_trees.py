"""The ten odd trees by which DuckDB tests its own Hive partitioning."""

from __future__ import annotations

import datetime as dt

import pytest

from access.trees import by_scan, by_sql, source_of
from parquetry.errors import LayoutError, SchemaMismatchError

pytestmark = pytest.mark.data
BOTH = pytest.mark.parametrize("read", [by_sql, by_scan], ids=["sql", "scan"])
DAYS = [dt.date(2012 + number, 1, 1) for number in range(4)]


@pytest.fixture
def trees(real_data):
    return real_data / "hive-trees" / "duckdb"


@BOTH
@pytest.mark.parametrize(
    ("tree", "rows"),
    [
        ("simple", [(1, "value1", "a", DAYS[0]), (2, "value2", "b", DAYS[1])]),
        ("missing", [(3, "value3", "c", DAYS[2]), (4, "value4", "d", DAYS[3])]),
        ("empty_string", [("a", "a"), ("b", ""), ("c", "NULL")]),
        ("hive_col_also_in_file", [(5, 2), (6, 4)]),
        ("union_by_name", [(42, 84, 1, None), (42, 84, 1, None), (None, 128, 2, 33)]),
    ],
)
def test_a_tree_that_can_be_understood_is_read(trees, read, tree, rows):
    assert read(source_of(trees / tree)) == rows


@BOTH
@pytest.mark.parametrize(
    "tree", ["different_order", "duplicate_names", "mismatching_count", "mismatching_names"]
)
def test_a_tree_that_is_ambiguous_is_refused_with_a_path(trees, read, tree):
    with pytest.raises(LayoutError, match=r"test\.parquet"):
        read(source_of(trees / tree))


def test_a_key_that_differs_from_a_column_by_case_is_refused_by_sql_and_scanned(trees):
    source = source_of(trees / "ci-column-names")
    with pytest.raises(SchemaMismatchError, match="'col1' and 'COL1'"):
        by_sql(source)
    assert by_scan(source) == [("Hannes", 2, "Hannes"), ("Mark", 1, "Mark")]
