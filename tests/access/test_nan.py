"""Comparisons with NaN are right, whoever wrote the files and whatever their statistics say."""

from __future__ import annotations

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from access.trees import DUCK, ask, source_of
from parquetry.access.polars_scan import scan
from parquetry.files.encoding import encode_table

NAN = float("nan")
COLUMNS = [[1.0, 2.0], [100.0, NAN], [NAN, NAN], [None, None], [-0.0, 0.5], [1.0, NAN]]
CONDITIONS = [
    "f = 1",
    "f > 1",
    "f >= 100",
    "f < 1",
    "f <= 1",
    "f <> 1",
    "isnan(f)",
    "NOT isnan(f)",
    "NOT (f <= 1)",
    "f BETWEEN 1 AND 100",
    "f IN (1, 100)",
    "f = 'NaN'::DOUBLE",
    "f > 1e9",
    "f IS NULL",
    "f = 0",
    "f > 100 OR f < 0",
]
EXPRESSIONS = [
    pl.col("f") == 1,
    pl.col("f") > 1,
    pl.col("f") >= 100,
    pl.col("f") != 1,
    ~(pl.col("f") <= 1),
    pl.col("f").is_nan(),
    pl.col("f").is_not_nan(),
    pl.col("f") > 1e9,
    pl.col("f").is_between(1, 100),
    pl.col("f").is_in([1.0, NAN]),
    pl.col("f") == 0,
    pl.col("f").is_null(),
]


def by_pyarrow(table, path):
    pq.write_table(table, path)


def by_polars(table, path):
    pl.DataFrame(pl.from_arrow(table)).write_parquet(path)


def by_us(table, path):
    path.write_bytes(encode_table(table))


@pytest.fixture(params=[by_pyarrow, by_polars, by_us])
def files(request, tmp_path):
    root = tmp_path / "t"
    root.mkdir()
    tables = [pa.table({"f": pa.array(values, pa.float64())}) for values in COLUMNS]
    for number, table in enumerate(tables):
        request.param(table, root / f"{number}.parquet")
    return source_of(root), pa.concat_tables(tables)


@pytest.mark.parametrize("condition", CONDITIONS)
def test_sql_compares_as_in_memory(files, condition):
    source, rows = files
    with duckdb.connect() as connection:
        connection.register("t", rows)
        sql = f"SELECT count(*) FROM t WHERE {condition}"
        assert ask(source, sql).fetchall() == connection.execute(sql).fetchall()


@pytest.mark.parametrize("expression", EXPRESSIONS, ids=str)
@pytest.mark.parametrize("engine", ["in-memory", "streaming"])
def test_scans_compare_as_in_memory(files, expression, engine):
    source, rows = files
    expected = pl.DataFrame(pl.from_arrow(rows)).filter(expression).height
    assert scan(source).filter(expression).collect(engine=engine).height == expected


def test_files_of_ours_are_pruned_by_open_comparisons_all_the_same(tmp_path):
    root = tmp_path / "t"
    root.mkdir()
    values = [number / 4000 for number in range(400_000)]
    (root / "x.parquet").write_bytes(encode_table(pa.table({"f": values})))
    sql = "SELECT count(*) FROM t WHERE f > 99.9"
    answer = DUCK.run(sql, {"t": source_of(root)}, profile=True)
    assert answer.fetchone() == (399,)
    assert answer.stats.row_groups_total == 4
    assert answer.stats.row_groups_read < 4
    assert 0 < answer.stats.bytes_read < (root / "x.parquet").stat().st_size
