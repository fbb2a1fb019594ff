"""Whatever is copied, dropped, reordered and replaced: three engines read the expected rows."""

from __future__ import annotations

import datetime as dt
import io
import tempfile
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from parquetry.files.encoding import encode_rows, encode_table, writer_options
from parquetry.files.splicing import Source, Splicer, is_extendable
from parquetry.files.writer_options import CODECS
from readings import as_rows

WHOLE = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(width=32)
TEXT = st.text(max_size=5)
STAMP = st.datetimes(*(dt.datetime.fromisoformat(f"{year}-01-01") for year in (1900, 2200)))
VALUES: list[tuple[pa.DataType, st.SearchStrategy[Any]]] = [
    (pa.int8(), st.integers(-128, 127)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.uint64(), st.integers(0, 2**64 - 1)),
    (pa.float32(), FLOAT),
    (pa.float64(), st.floats()),
    (pa.bool_(), st.booleans()),
    (pa.string(), TEXT),
    (pa.binary(), st.binary(max_size=5)),
    (pa.date32(), STAMP.map(dt.datetime.date)),
    (pa.timestamp("us"), STAMP),
    (pa.timestamp("us", "UTC"), STAMP.map(lambda one: one.replace(tzinfo=dt.UTC))),
    (pa.decimal128(10, 2), WHOLE.map(lambda n: Decimal(n).scaleb(-2))),
    (pa.list_(pa.int32()), st.lists(WHOLE | st.none(), max_size=3)),
    (pa.list_(pa.list_(pa.string())), st.lists(st.lists(TEXT, max_size=2), max_size=2)),
    (
        pa.struct({"x": pa.float64(), "y": pa.list_(pa.string())}),
        st.fixed_dictionaries({"x": FLOAT, "y": st.lists(TEXT, max_size=2) | st.none()}),
    ),
    (
        pa.map_(pa.string(), pa.int64()),
        st.dictionaries(TEXT, WHOLE, max_size=3).map(lambda entries: list(entries.items())),
    ),
]


def pyarrow_file(table: pa.Table, rows: int) -> bytes:
    sink = io.BytesIO()
    # Decimals as the house stores them: bytes and numbers cannot stand in one column.
    pq.write_table(table, sink, row_group_size=rows, store_decimal_as_integer=True)
    return sink.getvalue()


def second_pages(table: pa.Table, rows: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(
        table,
        sink,
        row_group_size=rows,
        store_decimal_as_integer=True,
        data_page_version="2.0",
        compression="none",
        write_page_index=True,
        max_rows_per_page=2,
        write_batch_size=1,
    )
    return sink.getvalue()


# What bounds and indexes say must not hide a row from a predicate.
LARGEST = """
    SELECT count(*) FROM {table} WHERE {name} >= (SELECT max({name}) FROM {table})
"""


def in_full(table: pa.Table, rows: int) -> bytes:
    """Encode as large tables are: with a page index and counts of NaN, which small files leave out."""
    return encode_rows([table], table.schema, writer_options(table.schema, row_group_rows=rows))


WRITERS = [
    in_full,
    lambda table, rows: encode_table(table, row_group_rows=rows),
    lambda table, rows: encode_table(table, row_group_rows=rows, compression="snappy"),
    pyarrow_file,
    second_pages,
]


def without_dictionaries(table: pa.Table, codec: str) -> bytes:
    options = writer_options(table.schema, compression=codec)
    arguments = {**options.arguments, "use_dictionary": False}
    return encode_rows([table], table.schema, replace(options, arguments=arguments))


def columns(draw: st.DrawFn, schema: pa.Schema, rows: int) -> pa.Table:
    values = dict(zip((str(kind) for kind, _ in VALUES), (one for _, one in VALUES), strict=True))
    arrays = []
    for field in schema:
        one = values[str(field.type)] | st.none() if field.nullable else values[str(field.type)]
        arrays.append(pa.array(draw(st.lists(one, min_size=rows, max_size=rows)), field.type))
    return pa.Table.from_arrays(arrays, schema=schema)


@st.composite
def cases(draw: st.DrawFn) -> tuple[bytes, pa.Table]:
    """Draw a spliced file, and the table it should hold."""
    kinds = draw(st.lists(st.sampled_from([kind for kind, _ in VALUES]), min_size=1, max_size=5))
    nullable = draw(st.lists(st.booleans(), min_size=5, max_size=5))
    schema = pa.schema([pa.field(f"c{n}", kind, nullable[n]) for n, kind in enumerate(kinds)])
    sources: list[tuple[Source, list[pa.Table]]] = []
    for _ in range(draw(st.integers(1, 3))):
        table = columns(draw, schema, draw(st.integers(1, 9)))
        size = draw(st.integers(1, 9))
        shuffled = table.select(draw(st.permutations(schema.names)))
        data = draw(st.sampled_from(WRITERS))(shuffled, size)
        pieces = [table.slice(start, size) for start in range(0, table.num_rows, size)]
        sources.append((Source.from_buffer(data), pieces))
    sink = io.BytesIO()
    splicer = Splicer(sink, sources[0][0].footer)
    names = [column.name for column in sources[0][0].footer.columns]
    expected = []
    for _ in range(draw(st.integers(0, 4))):
        source, pieces = draw(st.sampled_from(sources))
        number = draw(st.integers(0, len(pieces) - 1))
        piece = pieces[number]
        replaced = {}
        behind = None
        setting = draw(st.sets(st.sampled_from(schema.names)))
        others = [name for name in names if name not in setting]
        codec = draw(st.sampled_from(["zstd", "snappy", "none"]))
        if draw(st.booleans()) and is_extendable(source, number, others, CODECS[codec]):
            more = columns(draw, schema, draw(st.integers(1, 5)))
            piece = pa.concat_tables([piece, more])
            behind = (Source.from_buffer(without_dictionaries(more.select(others), codec)), 0)
        for name in setting:
            field = schema.field(name)
            new = columns(draw, pa.schema([field]), piece.num_rows)
            data = draw(st.sampled_from(WRITERS))(new, piece.num_rows)
            replaced[name] = (Source.from_buffer(data), 0)
            piece = piece.set_column(schema.get_field_index(name), field, new[name])
        splicer.copy_row_group(source, number, replaced, behind)
        expected.append(piece)
    splicer.finish()
    whole = pa.concat_tables(expected) if expected else schema.empty_table()
    return sink.getvalue(), whole.select(names)


@given(cases())
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_three_engines_read_what_was_spliced(case):
    data, expected = case
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spliced.parquet"
        path.write_bytes(data)
        found = pq.ParquetFile(path, page_checksum_verification=True).read()
        assert found.schema.equals(expected.schema)
        assert as_rows(found) == as_rows(expected)
        assert_frame_equal(pl.read_parquet(path, glob=False), pl.DataFrame(expected))
        with duckdb.connect() as connection:
            connection.register("expected", expected)
            rows = connection.sql(f"FROM read_parquet('{path}')").fetchall()
            assert repr(rows) == repr(connection.sql("FROM expected").fetchall())
            for name in expected.column_names:
                asked = [
                    connection.sql(LARGEST.format(name=name, table=table)).fetchall()
                    for table in (f"read_parquet('{path}')", "expected")
                ]
                assert asked[0] == asked[1]
