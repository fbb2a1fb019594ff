"""A cast is made only if every value survives it."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.errors import SchemaMismatchError
from parquetry.model.casting import cast_lossless

US = dt.timedelta(microseconds=1)


def cast(values: pa.Array, kind: pa.DataType) -> list[object]:
    table = cast_lossless(pa.table({"x": values}), pa.schema([("x", kind)]), "the dataset")
    assert table.schema.field("x").type == kind
    return table["x"].to_pylist()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1.0, None]), pa.int64(), [1, None]),
        (pa.array([1, 2]), pa.float64(), [1.0, 2.0]),
        (
            pa.array([1.5, float("nan")]),
            pa.float32(),
            [1.5, pytest.approx(float("nan"), nan_ok=True)],
        ),
        (pa.array([300]), pa.int16(), [300]),
        (pa.array([1]), pa.decimal128(10, 2), [Decimal("1.00")]),
        (pa.array([None, None]), pa.string(), [None, None]),
        (pa.array(["a"], pa.large_string()), pa.string(), ["a"]),
        (pa.array(["a"]).dictionary_encode(), pa.string(), ["a"]),
        (pa.array([[1]]), pa.list_(pa.int32()), [[1]]),
    ],
)
def test_values_that_survive_are_cast(values, kind, expected):
    assert cast(values, kind) == expected


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([1.5]), pa.int64()),
        (pa.array([2**53 + 1]), pa.float64()),
        (pa.array([0.1]), pa.float32()),
        (pa.array([300]), pa.int8()),
        (pa.array(["2"]), pa.int64()),
        (pa.array([2]), pa.string()),
        (pa.array([True]), pa.int64()),
        (pa.array([1001], pa.timestamp("ns")), pa.timestamp("us")),
        (pa.array([1], pa.timestamp("us")), pa.timestamp("us", "UTC")),
        (pa.array([dt.date(2024, 1, 1)]), pa.timestamp("us")),
        (pa.array([Decimal("1.234")]), pa.decimal128(10, 2)),
    ],
)
def test_values_that_would_change_are_refused_by_name(values, kind):
    with pytest.raises(SchemaMismatchError, match=r"'x' is .* in the dataset") as caught:
        cast(values, kind)
    assert caught.value.outcome == "unchanged"


@given(st.lists(st.one_of(st.none(), st.floats()), min_size=1))
def test_floats_are_narrowed_exactly_or_not_at_all(values):
    column = pa.array(values, pa.float64())
    try:
        narrow = cast(column, pa.float32())
    except SchemaMismatchError:
        return
    same = [a == b or (a != a and b != b) for a, b in zip(values, narrow, strict=True)]
    assert all(same)


def test_missing_columns_become_null_and_others_are_left_out():
    schema = pa.schema([("a", pa.int64()), ("b", pa.string())])
    table = cast_lossless(pa.table({"a": [1], "z": [2]}), schema, "here")
    assert table.to_pylist() == [{"a": 1, "b": None}]
