"""Files of a few rows: what is compressed, what is said, and that all readers get the rows back."""

from __future__ import annotations

import datetime as dt
import io
import math

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.files.few_rows import encode_few, nan_columns

ROWS = {
    "id": pa.array([1, 2, None, 4], pa.int64()),
    "day": pa.array([dt.date(2025, 1, 1)] * 4),
    "text": pa.array(["a", "b", "b", None]),
    "number": pa.array([0.5, 1.5, -2.0, 4.0]),
    "many": pa.array([[1, 2], [], None, [3]], pa.list_(pa.int32())),
}


def footer(content):
    return pq.read_metadata(pa.BufferReader(content))


def codecs(content):
    group = footer(content).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return {chunk.path_in_schema: chunk.compression for chunk in chunks}


def test_beside_zstd_whole_numbers_times_and_constants_are_left_as_they_are():
    found = codecs(encode_few(pa.table(ROWS), "zstd", ("text",)))
    assert found == {
        "id": "UNCOMPRESSED",
        "day": "UNCOMPRESSED",
        "text": "UNCOMPRESSED",
        "number": "ZSTD",
        "many.list.element": "UNCOMPRESSED",
    }


@pytest.mark.parametrize(("rows", "codec"), [(700, "SNAPPY"), (7000, "ZSTD")])
def test_a_codec_is_chosen_by_the_size_of_the_rows(rows, codec):
    table = pa.table(
        {"number": [n / 3 for n in range(rows)], "other": [n / 7 for n in range(rows)]}
    )
    assert set(codecs(encode_few(table, None)).values()) == {codec}


@pytest.mark.parametrize("codec", ["snappy", "gzip", "none"])
def test_any_other_codec_is_that_of_all_columns(codec):
    wanted = "UNCOMPRESSED" if codec == "none" else codec.upper()
    assert set(codecs(encode_few(pa.table(ROWS), codec, ("text",))).values()) == {wanted}


@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(),
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
        ),
        max_size=30,
    )
)
@settings(max_examples=50, deadline=None)
def test_all_readers_get_the_rows_back(rows):
    kinds = {"i": pa.int64(), "f": pa.float64(), "t": pa.string()}
    columns = zip(*rows, strict=True) if rows else ([], [], [])
    table = pa.table(
        {
            name: pa.array(column, kind)
            for (name, kind), column in zip(kinds.items(), columns, strict=True)
        }
    )
    content = encode_few(table, "zstd")
    assert footer(content).num_rows == table.num_rows
    read = pq.read_table(pa.BufferReader(content))
    assert repr(read.to_pylist()) == repr(table.to_pylist())
    frame = pl.read_parquet(io.BytesIO(content))
    assert frame.equals(pl.DataFrame(pl.from_arrow(table)))


def test_a_column_with_a_nan_has_no_bounds_and_is_found_by_duckdb(tmp_path):
    table = pa.table({"a": [1.0, math.nan], "b": [1.0, 2.0], "c": [[math.nan], []]})
    assert nan_columns(table) == ("a", "c")
    (tmp_path / "x.parquet").write_bytes(encode_few(table, "zstd"))
    group = pq.read_metadata(tmp_path / "x.parquet").row_group(0)
    assert [group.column(number).is_stats_set for number in range(3)] == [False, True, False]
    found = duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/x.parquet' WHERE a > 1.5").fetchall()
    assert found == [(1,)]  # a NaN is larger than all numbers
