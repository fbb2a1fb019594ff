"""What columns reckon by themselves is what the query engine of Polars gives."""

from __future__ import annotations

import datetime as dt
import pickle
from typing import Any
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal, assert_series_equal

from operations.folders import Folder
from parquetry.operations import assignments
from parquetry.operations.reckoning import reckoning_of
from parquetry.operations.updating import update

SPECIAL = [0.0, -0.0, 1.5, -2.5, 1e308, 5e-324, float("nan"), float("inf"), float("-inf"), None]
FRAME = pl.DataFrame(
    {
        "price": SPECIAL,
        "size": [*SPECIAL[3:], *SPECIAL[:3]],
        "count": list(range(10)),
        "narrow": pl.Series([1.5] * 10, dtype=pl.Float32),
        "name": ["x"] * 10,
        "day": [dt.date(2025, 1, 2)] * 10,
    }
)
PRICE, SIZE = pl.col("price"), pl.col("size")


@pytest.mark.parametrize(
    "expr",
    [
        PRICE,
        SIZE,
        PRICE * 2,
        2 - PRICE,
        PRICE / 0,
        1 / PRICE,
        PRICE + float("nan"),
        PRICE * SIZE,
        PRICE - SIZE,
        (PRICE + 1) * 0.1 - SIZE / (PRICE - 3),
    ],
    ids=str,
)
def test_arithmetic_of_floats_gives_what_the_engine_gives(expr):
    found = reckoning_of("price", expr, FRAME.schema)
    assert found is not None
    wanted = FRAME.select(expr).to_series()
    assert_series_equal(found.of(FRAME), wanted, check_names=False, check_exact=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [("name", "sold"), ("count", 7), ("day", dt.date(2024, 2, 29))],
)
def test_one_value_for_all_rows_is_that_value_in_the_type_of_the_column(name, value):
    found = reckoning_of(name, pl.lit(value), FRAME.schema)
    assert found is not None
    assert_series_equal(found.of(FRAME), pl.Series([value] * 10, dtype=FRAME.schema[name]))


@pytest.mark.parametrize(
    ("name", "expr"),
    [
        ("price", pl.col("narrow") * 2),
        ("price", pl.col("count") * 2),
        ("price", PRICE * pl.col("narrow")),
        ("price", PRICE * 2**31),
        ("price", PRICE * True),
        ("price", PRICE * pl.lit(2, dtype=pl.Float32)),
        ("price", PRICE * (pl.lit(2) * 3)),
        ("price", PRICE * pl.lit(pl.Series([1.0] * 10))),
        ("price", PRICE // 2),
        ("price", PRICE.round(1)),
        ("price", PRICE * pl.col("elsewhere")),
        ("price", pl.lit(2)),
        ("count", pl.lit(2**40)),
        ("name", pl.lit(None)),
        ("elsewhere", pl.lit("x")),
    ],
    ids=str,
)
def test_of_anything_else_the_engine_is_asked(name, expr):
    assert reckoning_of(name, expr, FRAME.schema) is None


def rows() -> pa.Table:
    return FRAME.select("price", "size", "count", "name").to_arrow()


UPDATES: dict[str, Any] = {"price": PRICE * SIZE - 1, "name": "sold", "count": 3}


def test_an_update_that_is_reckoned_asks_no_engine_and_leaves_the_same_rows(tmp_path):
    quick, slow = Folder(tmp_path / "quick"), Folder(tmp_path / "slow")
    for folder in (quick, slow):
        folder.append(rows())
    few = pl.col("count") > 2
    with patch.object(assignments, "evaluate", side_effect=AssertionError("the engine is asked")):
        ours = update(*quick.parts, few, UPDATES)
    with patch.object(assignments, "reckoning_of", return_value=None):
        theirs = update(*slow.parts, few, UPDATES)
    assert ours.rows_updated == theirs.rows_updated
    assert_frame_equal(read(quick), read(slow), check_exact=True)


def read(folder: Folder) -> pl.DataFrame:
    return pl.read_parquet(f"{folder.home.root}/**/*.parquet")


def test_what_reckons_survives_pickling_with_its_plan():
    found = reckoning_of("price", PRICE * 2 + SIZE, FRAME.schema)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
