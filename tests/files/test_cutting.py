"""Files that are cut out of one are, byte for byte, those that a writer makes of each table alone."""

from __future__ import annotations

import datetime as dt
import io
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.files import few_rows
from parquetry.files.cutting import cut_apart
from parquetry.files.few_rows import encode_each, encode_few
from parquetry.files.footer_shape import FooterShape
from parquetry.model.schema import shared

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    pa.binary(): st.binary(max_size=300),
    pa.date32(): st.dates(),
    pa.timestamp("us", "UTC"): st.datetimes(timezones=st.just(dt.UTC)),
    pa.decimal128(9, 2): st.decimals(-(10**6), 10**6, places=2),
    pa.decimal128(30, 2): st.decimals(-(10**6), 10**6, places=2),
    pa.list_(pa.string()): st.lists(st.none() | st.text("ab", max_size=3), max_size=3),
    pa.struct({"x": pa.float32(), "y": pa.list_(pa.int16())}): st.fixed_dictionaries(
        {"x": st.none() | st.floats(width=32), "y": st.none() | st.lists(st.integers(0, 9))}
    ),
    pa.null(): st.none(),
}
CODECS = ["snappy", "zstd", "none", "gzip"]


@st.composite
def parted(draw) -> list[pa.Table]:
    """Return tables of one schema, none of which is empty."""
    kinds = draw(st.lists(st.sampled_from(list(VALUES)), min_size=1, max_size=5))
    counts = draw(st.lists(st.integers(1, 9), min_size=3, max_size=6))
    names = draw(st.permutations(["a", "b c", "ä", "d.e", "f" * 200]))
    rows = sum(counts)
    columns = {
        name: pa.array(draw(st.lists(st.none() | VALUES[kind], min_size=rows, max_size=rows)), kind)
        for name, kind in zip(names, kinds, strict=False)
    }
    return slices(pa.table(columns), counts)


def slices(table: pa.Table, counts: list[int]) -> list[pa.Table]:
    starts = [sum(counts[:number]) for number in range(len(counts))]
    return [table.slice(start, count) for start, count in zip(starts, counts, strict=True)]


def alone(tables, codec, constant=(), with_nan=()):
    return [encode_few(one, codec, constant, with_nan, one.schema).to_pybytes() for one in tables]


def together(tables, codec, constant=(), with_nan=()):
    return encode_each(tables, codec, constant, with_nan, shared(tables[0].schema))


@given(parted(), st.sampled_from(CODECS), st.booleans())
@settings(max_examples=150, deadline=None)
def test_they_are_what_a_writer_makes_of_each(tables, codec, is_constant):
    names = tuple(tables[0].column_names)
    nans = tuple(sorted({name for one in tables for name in few_rows.nan_columns(one)}))
    constant = names[:1] if is_constant else ()
    assert together(tables, codec, constant, nans) == alone(tables, codec, constant, nans)


@pytest.fixture
def trades() -> pa.Table:
    count = 3000
    return pa.table(
        {
            "id": range(count),
            "day": [dt.date(2025, 1, 1 + number // 100) for number in range(count)],
            "side": pa.array(["buy", "sell", None] * (count // 3)),
            "price": [number / 7 if number % 5 else None for number in range(count)],
            "money": pa.array(
                [Decimal(number) / 4 for number in range(count)], pa.decimal128(9, 2)
            ),
            "tags": [["x"] * (number % 3) for number in range(count)],
        }
    )


def test_every_reader_gets_rows_and_statistics(trades, tmp_path):
    tables = slices(trades.replace_schema_metadata({"owner": "somebody"}), [100, 1, 899, 2000])
    for number, (table, content) in enumerate(zip(tables, together(tables, "zstd"), strict=True)):
        path = tmp_path / f"{number}.parquet"
        path.write_bytes(content)
        assert pq.read_table(path, page_checksum_verification=True).equals(table)
        assert pl.read_parquet(path).to_dicts() == table.to_pylist()
        read = duckdb.sql(f"FROM '{path}'").arrow().read_all()
        assert read.to_pylist() == table.to_pylist()
        footer = pq.read_metadata(path)
        said = footer.row_group(0).column(0).statistics
        ids = table["id"].to_pylist()
        assert (said.min, said.max, said.null_count) == (ids[0], ids[-1], 0)
        assert footer.row_group(0).column(2).statistics.null_count == table["side"].null_count
        assert footer.metadata[b"owner"] == b"somebody"


def test_they_are_cut_and_not_encoded_one_by_one(trades, monkeypatch):
    tables = slices(trades, [1000, 1000, 1000])
    expected = alone(tables, "snappy")
    together(tables, "snappy")  # which has now seen an example
    written = []
    write = few_rows._written
    monkeypatch.setattr(
        few_rows, "_written", lambda some, way: written.append(len(some)) or write(some, way)
    )
    assert together(tables, "snappy") == expected
    assert written == [3]


def test_texts_too_long_for_a_dictionary_in_one_of_them():
    texts = ["short"] * 50 + [f"{number:0100000}" for number in range(50)] + ["short"] * 50
    tables = slices(pa.table({"text": texts, "id": range(150)}), [50, 50, 50])
    assert together(tables, "snappy") == alone(tables, "snappy")


def test_more_files_than_one_writer_takes(monkeypatch):
    monkeypatch.setattr(few_rows, "_MOST_GROUPS", 4)
    tables = slices(pa.table({"id": range(9)}), [1] * 9)
    assert together(tables, "snappy") == alone(tables, "snappy")


def test_tables_without_rows():
    table = pa.table({"id": range(6)})
    tables = slices(table, [2, 0, 2, 2])
    assert together(tables, "snappy") == alone(tables, "snappy")


def written_together(tables: list[pa.Table], **options) -> bytes:
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, tables[0].schema, **options) as writer:
        for table in tables:
            writer.write_table(table)
    return sink.getvalue()


def test_values_that_look_like_a_piece_of_the_footer(trades):
    table = trades.select(["id", "side"]).slice(0, 40)
    options = {"use_dictionary": ["side"]}
    shape = FooterShape.of(written_together([table], **options))
    footer = written_together([table], **options)[-400:-8]
    traps = [table.slice(0, 10), table.slice(10, 10)]
    texts = pa.array([footer[at:].decode("latin-1") for at in range(0, 390, 10)] + [None])
    traps.append(table.slice(0, 40).set_column(1, "side", texts))
    single = [written_together([one], **options) for one in traps]
    found = cut_apart(shape, memoryview(written_together(traps, **options)), [10, 10, 40])
    assert found in (None, single)


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_a_footer_that_does_not_add_up_is_not_cut(data):
    table = pa.table({"id": range(300), "text": ["a", "b", "c"] * 100})
    tables = [table.slice(start, 100) for start in range(0, 300, 100)]
    whole = written_together(tables)
    shape = FooterShape.of(written_together(tables[:1]))
    single = [written_together([one]) for one in tables]
    assert cut_apart(shape, memoryview(whole), [100] * 3) == single
    length = int.from_bytes(whole[-8:-4], "little")
    at = data.draw(st.integers(len(whole) - 8 - length, len(whole) - 9))
    spoiled = bytearray(whole)
    spoiled[at] ^= data.draw(st.integers(1, 255))
    found = cut_apart(shape, memoryview(bytes(spoiled)), [100] * 3)
    if found is not None:  # what is only carried along: bounds, sizes, counts
        assert [one[:100] for one in found] == [one[:100] for one in single]
        assert [len(one) for one in found] == [len(one) for one in single]


@pytest.mark.parametrize("rows", [[100, 100], [100, 100, 100, 100], [100, 101, 99]])
def test_other_rows_than_it_is_told_are_not_cut(rows):
    table = pa.table({"id": range(300)})
    whole = written_together([table.slice(start, 100) for start in range(0, 300, 100)])
    shape = FooterShape.of(written_together([table.slice(0, 100)]))
    assert cut_apart(shape, memoryview(whole), rows) is None


@pytest.mark.parametrize(
    "options",
    [
        {"write_page_index": True},
        {"sorting_columns": [pq.SortingColumn(0)]},
        {"bloom_filter_options": {"id": {"ndv": 100, "fpp": 0.1}}},
    ],
    ids=str,
)
def test_files_with_more_than_pages_are_left_alone(options):
    table = pa.table({"id": range(300)})
    tables = [table.slice(start, 100) for start in range(0, 300, 100)]
    shape = FooterShape.of(written_together(tables[:1], **options))
    whole = memoryview(written_together(tables, **options))
    assert shape is None or cut_apart(shape, whole, [100] * 3) is None
