"""What Python tells of literals and partition values is what Polars tells."""

from __future__ import annotations

import datetime as dt
import operator
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pytest

from parquetry import Store
from parquetry.model.changes import FileState
from parquetry.operations import pruning
from parquetry.operations.literals import is_sure, value_of
from parquetry.operations.parsing import is_arithmetic, parse
from parquetry.operations.pruning import Units, outcomes
from parquetry.operations.scope import Constants, ScopedFile
from parquetry.operations.types import polars_type

LITERALS: list[Any] = [
    "x",
    "",
    'say "so"',
    "two\nlines",
    '"',
    "dyn int: 5",
    "2025-01-02",
    5,
    -5,
    2**40,
    2**63,
    5.5,
    float("nan"),
    True,
    None,
    dt.date(2025, 1, 2),
    dt.datetime(2025, 1, 2, 3, 4, 5, 678),
    dt.datetime(2025, 1, 2),
    dt.datetime(2025, 1, 2, tzinfo=dt.UTC),
    dt.timedelta(hours=1),
    dt.time(1, 2),
    b"x",
    Decimal("1.50"),
]


@pytest.mark.parametrize("value", LITERALS, ids=repr)
def test_the_value_of_a_literal_is_that_which_polars_evaluates(value):
    literal = pl.lit(value)
    found, wanted = value_of(literal), pl.select(literal).to_series()[0]
    assert type(found) is type(wanted)
    assert found == wanted or (found != found and wanted != wanted)


@pytest.mark.parametrize("kind", [pl.Int8, pl.UInt64, pl.Float32, pl.String, pl.Date])
def test_a_literal_of_a_declared_type_has_that_types_value(kind):
    literal = pl.lit(5).cast(pl.Int32).cast(kind, strict=False)
    assert value_of(literal) == pl.select(literal).to_series()[0]
    literal = pl.lit(5, dtype=kind)
    assert value_of(literal) == pl.select(literal).to_series()[0]


def test_the_value_of_a_list_is_a_series():
    found = value_of(pl.lit(pl.Series([["a", "b"]])))
    assert found.to_list() == ["a", "b"]


def test_a_literal_of_several_values_has_none():
    with pytest.raises(ValueError, match="3 values"):
        value_of(pl.lit(pl.Series([1, 2, 3])))


NUMBERS = pl.Series([1.0, 2.0])


@pytest.mark.parametrize(
    ("expr", "reckons"),
    [
        (pl.col("a") * 2, True),
        (1.5 - (pl.col("a") + pl.col("b")) / 3, True),
        (pl.col("a"), True),
        (pl.lit("x"), True),
        (pl.col("a") * NUMBERS, False),
        (pl.lit(NUMBERS), False),
        (pl.col("a") - pl.col("a").mean(), False),
        (pl.col("a").shift(1), False),
        (pl.col("a") * pl.col("b").sum(), False),
        (pl.len() + 1, False),
        (pl.all() * 2, False),
        (pl.col("^a.*$") * 2, False),
        (pl.col("a", "b") * 2, False),
    ],
    ids=str,
)
def test_what_reckons_with_single_values_looks_at_no_other_row(expr, reckons):
    assert is_arithmetic(expr) == reckons


KEYS: dict[str, tuple[pa.DataType, list[Any], list[Any]]] = {
    "text": (
        pa.string(),
        ["", "a", "b", "ä", "Z", "\U0001f600", "\uffff", None],
        ["a", "ä", "\uffff"],
    ),
    "number": (pa.int64(), [-(2**40), -1, 0, 5, 2**40, None], [-1, 5, 2**31 - 1]),
    "short": (pa.int32(), [-(2**31), 0, 5, 2**31 - 1, None], [5, 2**31 - 1]),
    "day": (pa.date32(), [dt.date(1, 1, 1), dt.date(2025, 1, 2), None], [dt.date(2025, 1, 2)]),
    "flag": (pa.bool_(), [True, False, None], [True, False]),
}
COMPARISONS = [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge]


def told(expr: pl.Expr, key: str) -> list[list[bool]]:
    kind, values, _ = KEYS[key]
    files = [
        ScopedFile(
            FileState(f"{n}.parquet", 1, 1, n), "/d", pa.schema([]), {key: value}, frozenset()
        )
        for n, value in enumerate(values)
    ]
    kinds = {key: kind}
    tree = parse(expr, {key: polars_type(kind)})
    return [flags.tolist() for flags in outcomes(tree, Units(Constants(files, kinds), kinds))]


def told_by_polars(expr: pl.Expr, key: str) -> list[list[bool]]:
    with patch.object(pruning.Leaf, "is_sure", lambda *_: False):
        return told(expr, key)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("compare", COMPARISONS)
def test_python_compares_partition_values_as_polars_does(key, compare):
    _, _, wanted = KEYS[key]
    for value in wanted:
        for expr in (compare(pl.col(key), value), compare(pl.lit(value), pl.col(key))):
            assert told(expr, key) == told_by_polars(expr, key), expr


@pytest.mark.parametrize("key", KEYS)
def test_python_finds_null_where_polars_does(key):
    for expr in (pl.col(key).is_null(), pl.col(key).is_not_null()):
        assert told(expr, key) == told_by_polars(expr, key), expr


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, pl.Int64()),
        (5, pl.Boolean()),
        (5, pl.Int8()),
        (5, pl.Float64()),
        (2**31, pl.Int64()),
        (5.0, pl.Int64()),
        ("5", pl.Int64()),
        (dt.datetime(2025, 1, 1), pl.Date()),
        (dt.date(2025, 1, 1), pl.Datetime("us")),
        ("a", pl.Categorical()),
        (None, pl.String()),
        ("a", None),
    ],
)
def test_python_has_no_word_where_types_differ(value, kind):
    assert not is_sure(value, kind)


_COUNT_THREADS = """
import os, sys
import polars as pl
from parquetry import Store

events = Store(sys.argv[1]).dataset("events")

def started(condition):
    before = len(os.listdir("/proc/self/task"))
    assert events.delete(condition).rows_deleted == 1
    return len(os.listdir("/proc/self/task")) - before

print(started((pl.col("day") == "b") & (pl.col("number") >= 3)), started(pl.col("v") * 2 == 2))
"""


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="the system shows no threads")
def test_a_condition_on_partition_keys_starts_no_engine(tmp_path):
    rows = pl.DataFrame({"day": ["a", "b", "b"], "number": [3, 3, 2], "v": [1, 2, 3]})
    Store(tmp_path).dataset("events").append(rows, partition_by=["day", "number"])
    run = [sys.executable, "-c", _COUNT_THREADS, str(tmp_path)]
    done = subprocess.run(run, check=True, capture_output=True, text=True)
    by_keys, by_rows = map(int, done.stdout.split())
    assert by_keys == 0
    assert by_rows > 0, "what counts threads sees those of the engine"
