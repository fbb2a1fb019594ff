"""Which partitions are looked at never changes an answer."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.trees import DUCK, put, source_of
from parquetry.access.polars_scan import scan
from parquetry.access.source import Source
from parquetry.model.hive import partition_folder

KEYS = {"k": pa.string(), "seed": pa.int64(), "day": pa.date32(), "x": pa.float64()}
VALUES: dict[str, list[Any]] = {
    "k": ["a", "b", "ab", "", "01", None],
    "seed": [-1, 0, 1, 10, None],
    "day": [dt.date(2024, 1, 1), dt.date(2024, 2, 29), None],
    "x": [0.0, 1.5, float("nan"), float("inf"), None],
}
ANCHOR = {"k": "z", "seed": 7, "day": dt.date(2023, 1, 1), "x": 2.0}  # tells the types of paths
SETTINGS = settings(deadline=None, max_examples=120, suppress_health_check=[HealthCheck.too_slow])

partitions = st.fixed_dictionaries({key: st.sampled_from(VALUES[key]) for key in VALUES})
trees = st.lists(partitions, min_size=1, max_size=5)


@cache
def _folder() -> Path:
    return Path(mkdtemp(prefix="pruned-"))


_counter = itertools.count()


def plant(tree: list[dict[str, Any]], *, in_files: bool) -> tuple[Source, pa.Table]:
    """A dataset of these partitions, three rows each, and the same rows in memory."""
    root = _folder() / f"t{next(_counter)}"
    tables = []
    for number, values in enumerate([*tree, ANCHOR]):
        columns = {key: pa.array([values[key]] * 3, kind) for key, kind in KEYS.items()}
        whole = pa.table(columns | {"v": pa.array(range(number * 3, number * 3 + 3))})
        tables.append(whole)
        kept = whole if in_files else whole.select(["x", "v"])  # only files know that x is a float
        folder = partition_folder({key: values[key] for key in KEYS})
        put(root, f"{folder}/part-{number}.parquet", kept)
    return source_of(root), pa.concat_tables(tables)


def told(rows: Iterable[Any]) -> list[str]:
    """Rows in one order, as texts, in which NaN is NaN."""
    return sorted(map(repr, rows))


def literal(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case str():
            return f"'{value}'"
        case float():
            return f"'{value}'::DOUBLE"
        case dt.date():
            return f"DATE '{value}'"
    return str(value)


@st.composite
def comparisons(draw: st.DrawFn, prefix: str = "") -> str:
    key = draw(st.sampled_from([*VALUES, "v"]))
    values = VALUES.get(key, [0, 4, 7, None])
    one = literal(draw(st.sampled_from(values)))
    other = literal(draw(st.sampled_from(values)))
    column = draw(st.sampled_from([key, key.upper(), f'"{key}"']))
    shapes = [
        f"{prefix}{column} {operator} {one}"
        for operator in ("=", "<>", "<", "<=", ">", ">=", "is distinct from")
    ]
    shapes += [
        f"{one} < {prefix}{column}",
        f"{prefix}{column} IN ({one}, {other})",
        f"{prefix}{column} NOT IN ({one}, {other})",
        f"{prefix}{column} BETWEEN {one} AND {other}",
        f"{prefix}{column} IS NULL",
        f"{prefix}{column} IS NOT NULL",
    ]
    if key == "k":
        shapes += [f"{prefix}k LIKE '%b'", f"upper({prefix}k) = 'A'"]
    return draw(st.sampled_from(shapes))


def conditions(prefix: str = "") -> st.SearchStrategy[str]:
    return st.recursive(
        comparisons(prefix),
        lambda inner: st.one_of(
            st.tuples(inner, inner).map(lambda two: f"({two[0]} AND {two[1]})"),
            st.tuples(inner, inner).map(lambda two: f"({two[0]} OR {two[1]})"),
            inner.map(lambda one: f"(NOT {one})"),
        ),
        max_leaves=4,
    )


def reference(tables: dict[str, pa.Table], sql: str) -> list[str]:
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        return told(connection.execute(sql).fetchall())


@SETTINGS
@given(trees, st.booleans(), conditions())
def test_a_filtered_query_answers_as_if_all_were_read(tree, in_files, condition):
    source, rows = plant(tree, in_files=in_files)
    sql = f"SELECT k, seed, day, x, v FROM t WHERE {condition}"
    found = told(DUCK.run(sql, {"t": source}).fetchall())
    assert found == reference({"t": rows}, sql)


@st.composite
def joined_queries(draw: st.DrawFn) -> str:
    kind = draw(
        st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "SEMI JOIN", "ANTI JOIN"])
    )
    sides = ["t."] if kind in {"SEMI JOIN", "ANTI JOIN"} else ["t.", "u."]
    both = ["t.", "u."]
    on = draw(st.sampled_from(["t.seed = u.seed", "t.v = u.v", "t.k = u.k"]))
    extra = draw(conditions(draw(st.sampled_from(both))))
    where = draw(conditions(draw(st.sampled_from(sides))))
    shape = draw(st.sampled_from(["plain", "on", "subquery", "with"]))
    clause = f"{on} AND {extra}" if shape == "on" else on
    columns = ", ".join(f"{side}v AS {side[0]}v" for side in sides)
    if shape == "subquery":
        return (
            f"SELECT {columns} FROM t {kind} (SELECT * FROM u AS i WHERE "
            f"{extra.replace('t.', 'i.').replace('u.', 'i.')}) AS u ON {clause} WHERE {where}"
        )
    if shape == "with":
        return (
            f"WITH c AS (SELECT k, seed, day, x, max(v) AS v FROM u GROUP BY ALL) "
            f"SELECT {columns} FROM t {kind} c AS u ON {clause} WHERE {where}"
        )
    return f"SELECT {columns} FROM t {kind} u ON {clause} WHERE {where}"


@SETTINGS
@given(trees, trees, joined_queries())
def test_a_join_answers_as_if_all_were_read(left, right, sql):
    t, t_rows = plant(left, in_files=True)
    u, u_rows = plant(right, in_files=False)
    found = told(DUCK.run(sql, {"t": t, "u": u}).fetchall())
    assert found == reference({"t": t_rows, "u": u_rows}, sql)


@st.composite
def expressions(draw: st.DrawFn) -> pl.Expr:
    key = draw(st.sampled_from(list(VALUES)))
    column = pl.col(key)
    kind = {"k": pl.String, "seed": pl.Int64, "day": pl.Date, "x": pl.Float64}[key]
    one, other = (pl.lit(draw(st.sampled_from(VALUES[key])), dtype=kind) for _ in range(2))
    values = draw(st.lists(st.sampled_from(VALUES[key]), max_size=3))
    return draw(
        st.sampled_from(
            [
                column == one,
                column != one,
                column < one,
                column >= one,
                one > column,
                column.eq_missing(one),
                column.ne_missing(one),
                column.is_in(pl.Series(values, dtype=kind).implode()),
                ~column.is_in(pl.Series(values, dtype=kind).implode()),
                column.is_between(one, other),
                column.is_between(one, other, closed="left"),
                column.is_null(),
                column.is_not_null(),
                column.cast(pl.String) == "1",
            ]
        )
    )


predicates = st.recursive(
    expressions(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: two[0] & two[1]),
        st.tuples(inner, inner).map(lambda two: two[0] | two[1]),
        inner.map(lambda one: ~one),
    ),
    max_leaves=4,
)


@SETTINGS
@given(trees, st.booleans(), predicates, st.sampled_from(["in-memory", "streaming"]))
def test_a_filtered_scan_answers_as_if_all_were_read(tree, in_files, predicate, engine):
    source, rows = plant(tree, in_files=in_files)
    columns = ["k", "seed", "day", "x", "v"]
    expected = pl.DataFrame(pl.from_arrow(rows)).select(columns).filter(predicate)
    found = scan(source).select(columns).filter(predicate).collect(engine=engine)
    assert told(found.rows()) == told(expected.rows())
