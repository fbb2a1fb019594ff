"""Texts that stay in codes from decoding to encoding."""

from __future__ import annotations

import hashlib
import io

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.files.encoder import Encoder
from parquetry.files.text_codes import (
    constant_texts,
    declared,
    encoded,
    in_codes,
    repeated,
    text_in_codes,
    tidied,
)

SCHEMA = pa.schema([("side", pa.string()), ("n", pa.int64())], {"of": "trades"})
HASHES = [hashlib.sha256(b"%d" % number).hexdigest() for number in range(20_000)]
texts = st.lists(st.none() | st.sampled_from(["", "buy", "sell", "ä"]), min_size=1, max_size=40)


def table_of(side: list[str | None]) -> pa.Table:
    columns = [pa.array(side, pa.string()), pa.array(range(len(side)), pa.int64())]
    return pa.table(columns, schema=SCHEMA)


def coded(table: pa.Table) -> pa.Table:
    codes = encoded(table["side"])
    return table.set_column(0, in_codes(table.schema, ["side"]).field("side"), codes)


def written(*tables: pa.Table, codes: tuple[str, ...] = ()) -> bytes:
    sink = io.BytesIO()
    with Encoder(sink, SCHEMA, codes=codes) as encoder:
        for table in tables:
            encoder.write(table)
    return sink.getvalue()


@settings(max_examples=60, deadline=None)
@given(texts, texts)
def test_a_file_of_codes_is_as_one_of_texts(first, second):
    plain = pq.ParquetFile(io.BytesIO(written(table_of(first), table_of(second))))
    content = written(coded(table_of(first)), coded(table_of(second)), codes=("side",))
    found = pq.ParquetFile(io.BytesIO(content))
    assert found.schema_arrow.equals(plain.schema_arrow, check_metadata=True)
    assert found.metadata.metadata == plain.metadata.metadata
    assert found.schema.equals(plain.schema)
    assert found.read().equals(plain.read())
    assert pl.read_parquet(content)["side"].to_list() == first + second
    ours, theirs = (one.metadata.row_group(0).column(0).statistics for one in (found, plain))
    assert (ours.null_count, ours.has_min_max) == (theirs.null_count, theirs.has_min_max)
    assert not ours.has_min_max or (ours.min, ours.max) == (theirs.min, theirs.max)


def test_nothing_of_a_text_that_left_stays_in_the_file():
    rows = coded(table_of(["keep", "a-secret-to-forget", "keep"]))
    left = rows.filter(pl.Series([True, False, True]).to_arrow())
    assert b"a-secret-to-forget" not in written(left, codes=("side",))


def test_several_dictionaries_become_one():
    rows = pa.concat_tables([coded(table_of(["x", "y"])), coded(table_of(["y", "z", None]))])
    column = tidied(rows, ["side"])["side"]
    assert column.num_chunks == 1
    assert column.to_pylist() == ["x", "y", "y", "z", None]


@pytest.mark.parametrize(
    ("side", "wanted"),
    [(["buy", "sell"] * 50, ("side",)), (HASHES, ())],
    ids=["few", "as many as rows"],
)
def test_only_columns_with_a_small_dictionary_stay_in_codes(side, wanted):
    file = pq.ParquetFile(io.BytesIO(written(table_of(side))))
    assert text_in_codes(file.metadata, file.schema_arrow) == wanted


def test_what_a_file_says_of_its_rows_is_what_pyarrow_would_say():
    """Schemas are equal, for PyArrow, whatever their metadata are."""
    for schema in (SCHEMA, SCHEMA.with_metadata({"of": "others"})):
        sink = io.BytesIO()
        pq.write_table(table_of(["x"]).cast(schema).replace_schema_metadata(schema.metadata), sink)
        assert declared(schema) == pq.read_metadata(sink).metadata


@settings(max_examples=60, deadline=None)
@given(texts)
def test_a_text_that_is_the_same_in_all_rows_is_told(side):
    footer = pq.read_metadata(io.BytesIO(written(table_of(side))))
    expected = {"side": side[0]} if len(set(side)) == 1 and side[0] is not None else {}
    assert constant_texts(footer, 0, ["side"]) == expected


@pytest.mark.parametrize("length", [16, 17, 32, 100])
def test_texts_whose_bounds_may_have_been_cut_are_not_told(length):
    """A writer that cuts them leaves the same beginning of different texts."""
    footer = pq.read_metadata(io.BytesIO(written(table_of(["x" * length] * 3))))
    assert constant_texts(footer, 0, ["side"]) == {}
    assert constant_texts(
        pq.read_metadata(io.BytesIO(written(table_of(["x" * 15] * 3)))), 0, ["side"]
    ) == {"side": "x" * 15}


def test_texts_of_which_no_bounds_are_told_are_not_told():
    sink = io.BytesIO()
    pq.write_table(table_of(["x"] * 3), sink, write_statistics=False)
    assert constant_texts(pq.read_metadata(sink), 0, ["side"]) == {}


@pytest.mark.parametrize("text", ["", "ä", "buy"])
def test_a_text_is_repeated_as_codes(text):
    found = repeated(text, 3)
    found.validate(full=True)
    assert found.to_pylist() == [text] * 3
    assert found.equals(encoded(pa.chunked_array([[text] * 3])).combine_chunks())
