"""Rows come in many forms and leave as Arrow tables in normal types."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from parquetry.errors import ParameterError, SchemaMismatchError
from parquetry.model.frames import iterate_tables, one_table
from parquetry.model.splitting import split

RECORDS = [{"a": 1, "b": "x"}, {"a": 2, "c": 0.5}]


@pytest.mark.parametrize(
    "rows",
    [
        RECORDS,
        iter(RECORDS),
        pl.DataFrame(RECORDS),
        pl.DataFrame(RECORDS).lazy(),
        pd.DataFrame({"a": [1, 2], "b": ["x", None], "c": [np.nan, 0.5]}),
        pa.Table.from_pylist([{"a": 1, "b": "x", "c": None}, {"a": 2, "b": None, "c": 0.5}]),
        [pl.DataFrame(RECORDS[:1]), pa.Table.from_pylist(RECORDS[1:])],
    ],
    ids=["dicts", "iterator", "polars", "lazy", "pandas", "arrow", "batches"],
)
def test_every_form_gives_the_same_table(rows):
    table = one_table(rows)
    assert table.schema.field("b").type == pa.string()
    assert table.select(["a", "b", "c"]).to_pylist() == [
        {"a": 1, "b": "x", "c": None},
        {"a": 2, "b": None, "c": 0.5},
    ]


def test_a_text_that_is_none_is_refused():
    with pytest.raises(SchemaMismatchError, match="column 'a' cannot be stored"):
        one_table([{"a": "\ud800"}])


def test_batches_stay_batches():
    batches = pa.RecordBatchReader.from_batches(
        pa.schema([("a", pa.int64())]), [pa.record_batch({"a": [n]}) for n in range(3)]
    )
    assert [table.num_rows for table in iterate_tables(batches)] == [1, 1, 1]


def test_polars_categories_are_text():
    frame = pl.DataFrame({"a": pl.Series(["x", "y"], dtype=pl.Categorical)})
    assert one_table(frame).schema.field("a").type == pa.string()


@pytest.mark.parametrize("rows", [3, "text", None, object()])
def test_what_is_no_rows_is_refused(rows):
    with pytest.raises(ParameterError, match="Rows cannot be taken from"):
        one_table(rows)


def test_mixed_types_and_objects_are_refused_by_column():
    with pytest.raises(SchemaMismatchError, match=r"'a'.*int, str"):
        one_table([{"a": 1}, {"a": "x"}])
    with pytest.raises(SchemaMismatchError, match="'a' holds Python objects"):
        one_table(pl.DataFrame({"a": pl.Series([object()], dtype=pl.Object)}))


def test_a_column_that_occurs_twice_is_refused():
    twice = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(SchemaMismatchError, match="'a' occurs twice"):
        one_table(twice)


def test_a_table_is_split_by_its_keys_and_null_and_nan_are_values():
    table = pa.table({"k": [1.0, None, float("nan"), 1.0, None], "v": range(5)})
    parts = [(values["k"], part["v"].to_pylist()) for values, part in split(table, ["k"])]
    assert [rows for _, rows in parts] == [[0, 3], [1, 4], [2]]
    assert parts[1][0] is None
    assert parts[2][0] != parts[2][0]


def test_rows_that_stand_together_are_sliced_in_order():
    table = pa.table({"k": ["a", "a", "b", "b"], "v": range(4)})
    assert [part["v"].to_pylist() for _, part in split(table, ["k"])] == [[0, 1], [2, 3]]


def test_a_frame_in_pieces_is_what_polars_makes_of_it_as_a_whole():
    frame = pl.DataFrame(
        {
            "whole": [1, None],
            "text": ["x", None],
            "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
            "one": pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])),
            "money": pl.Series(["1.50", "2.25"]).cast(pl.Decimal(10, 2)),
            "time": pl.Series([0, 1]).cast(pl.Datetime("us", "UTC")),
            "none": [None, None],
            "many": [[1.5], []],
            "both": [{"x": 1, "y": "z"}, None],
            "bytes": [b"\0", None],
            "fixed": pl.Series([[1, 2], [3, 4]], dtype=pl.Array(pl.Int16, 2)),
        }
    )
    pieces = pl.concat([frame, frame[:1], frame[:0]], rechunk=False)
    assert pieces.n_chunks() > 1
    (table,) = iterate_tables(pieces)
    assert table.equals(one_table(pieces.rechunk().to_arrow()))
    assert {column.num_chunks for column in table.columns} == {1}
    (empty,) = iterate_tables(frame[:0])
    assert empty.schema.equals(table.schema)
    assert one_table(pl.DataFrame()).num_columns == 0
