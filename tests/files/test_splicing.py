"""Row groups and columns copied as bytes are read as if they had been decoded and encoded."""

from __future__ import annotations

import contextlib
import io
import os
import random
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import (
    CorruptionError,
    NotFoundError,
    ParameterError,
    ParquetryError,
    RequestError,
    SchemaMismatchError,
    StorageError,
    UnknownColumnError,
)
from parquetry.files.encoding import Encoder, writer_options
from parquetry.files.splicing import (
    Reason,
    Source,
    Splicer,
    concatenate,
    drop_row_groups,
    find_differences,
    find_distrust,
    find_refusals,
)
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnMetaData,
    FileMetaData,
    OffsetIndex,
    PageLocation,
    RowGroup,
    SchemaElement,
)
from parquetry.files.splicing.footer import seal
from parquetry.files.splicing.structs import I16, I32, LIST, STRUCT, Struct, zigzag
from parquetry.files.splicing.thrift import decode_struct, decode_structs
from readings import ENGINES, UNREADABLE, as_rows

CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "parquet-testing" / "data"
CONFORMANCE_NAMES = sorted(path.name for path in CONFORMANCE.glob("*.parquet")) or ["(absent)"]

UNFIT = {
    ("Polars", "repeated_no_annotation.parquet"): "its footer says 0 rows, and Polars believes it",
} | dict.fromkeys(
    [(engine, "large_string_map.brotli.parquet") for engine in ENGINES],
    "it holds strings of a gigabyte",
)
REFUSED = {
    "lz4_raw_compressed.parquet": Reason.WRITER,
    "lz4_raw_compressed_larger.parquet": Reason.WRITER,
    "list_columns.parquet": Reason.WRITER,
    "nan_in_stats.parquet": Reason.WRITER,
    "nation.dict-malformed.parquet": Reason.WRITER,
    "non_hadoop_lz4_compressed.parquet": Reason.WRITER,
    "single_nan.parquet": Reason.WRITER,
}


def encode_in_full(table: pa.Table, **options) -> bytes:
    """Encode as large tables are: with a page index and counts of NaN, which small files leave out."""
    sink = io.BytesIO()
    with Encoder(sink, table.schema, writer_options(table.schema, **options)) as encoder:
        encoder.write(table)
    return sink.getvalue()


@pytest.fixture
def trades() -> pa.Table:
    return pa.table(
        {
            "id": pa.array(range(12)),
            "price": pa.array([float(n) / 3 for n in range(12)]),
            "side": pa.array(["buy", "sell", None] * 4),
            "tags": pa.array([[n, n + 1] for n in range(12)]),
        }
    )


def spliced(*parts, reference=None, **options) -> bytes:
    """Return the file of some `(source, index)` or `(source, index, replaced)`."""
    sink = io.BytesIO()
    splicer = Splicer(sink, (reference or parts[0][0]).footer, **options)
    for part in parts:
        splicer.copy_row_group(*part)
    splicer.finish()
    return sink.getvalue()


def source_of(table: pa.Table, name: str = "a buffer", **options) -> Source:
    return Source.from_buffer(encode_in_full(table, **options), name)


def mended(data: bytes, mend) -> bytes:
    """Return a file whose footer a test has changed."""
    source = Source.from_buffer(data)
    mend(source.footer.struct)
    return data[: source.footer.start] + seal(source.footer.struct)


def first_chunk(footer: Struct) -> Struct:
    return footer.structs(FileMetaData.ROW_GROUPS)[0].structs(RowGroup.COLUMNS)[0]


def read(data: bytes) -> pa.Table:
    return pq.ParquetFile(io.BytesIO(data)).read()


def sql(data: bytes, tmp_path: Path, query: str) -> list:
    path = tmp_path / "asked.parquet"
    path.write_bytes(data)
    with duckdb.connect() as connection:
        return connection.sql(query.format(f"'{path}'")).fetchall()


# --- files that others wrote -------------------------------------------------------------------


@pytest.mark.data
@pytest.mark.parametrize("name", CONFORMANCE_NAMES)
@pytest.mark.parametrize("engine", ENGINES)
def test_the_formats_own_files_survive_being_spliced(real_data, tmp_path, name, engine):
    if (engine, name) in UNFIT:
        pytest.skip(UNFIT[engine, name])
    path = real_data / "parquet-testing" / "data" / name
    try:
        rows = ENGINES[engine](path)
    except UNREADABLE as error:
        pytest.skip(f"{engine} cannot read it: {type(error).__name__}")
    if name in REFUSED:
        with Source.open(path) as source:
            assert {one.reason for one in find_refusals(source.footer)} == {REFUSED[name]}
        return
    with Source.open(path) as source:
        sizes = [group.rows for group in source.footer.row_groups]
        order = [*range(len(sizes)), *random.Random(name).sample(range(len(sizes)), len(sizes))]
        if len(sizes) > 1:
            order.pop()
        target = tmp_path / "spliced.parquet"
        with target.open("wb") as sink:
            splicer = Splicer(sink, source.footer)
            splicer.copy_row_groups(source, order)
            facts = splicer.finish()
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    expected = [row for n in order for row in rows[starts[n] : starts[n] + sizes[n]]]
    assert ENGINES[engine](target) == expected
    assert (facts.rows, facts.bytes) == (sum(sizes[n] for n in order), target.stat().st_size)


@pytest.mark.data
@pytest.mark.parametrize("name", CONFORMANCE_NAMES)
def test_the_formats_own_files_keep_sound_page_indexes(real_data, name):
    if name in REFUSED:
        pytest.skip("refused")
    path = real_data / "parquet-testing" / "data" / name
    sink = io.BytesIO()
    concatenate([path, path], sink)
    check_page_indexes(Source.from_buffer(sink.getvalue()))


@pytest.mark.data
def test_encrypted_files_are_refused(real_data):
    paths = sorted((real_data / "parquet-testing" / "data").glob("*.encrypted"))
    assert paths
    for path in paths:
        with pytest.raises(RequestError, match="encrypted"):
            concatenate([path], io.BytesIO())


@pytest.mark.data
def test_a_month_of_taxi_trips_survives(real_data, tmp_path):
    path = real_data / "taxi" / "green_tripdata_2024-01.parquet"
    target = tmp_path / "two.parquet"
    with target.open("wb") as sink:
        facts = concatenate([path, path], sink)
    once = pl.read_parquet(path)
    assert facts.rows == 2 * once.height
    assert pl.read_parquet(target).equals(pl.concat([once, once]))


def check_page_indexes(source: Source) -> int:
    """Hold every offset index against the pages it speaks of; return how many there are."""
    found = 0
    for group in source.footer.row_groups:
        for chunk in group.chunks:
            at = chunk.struct.integer(ColumnChunk.OFFSET_INDEX_OFFSET)
            if at is None:
                assert ColumnChunk.COLUMN_INDEX_OFFSET not in chunk.struct
                continue
            raw = source.read(at, chunk.struct.integer(ColumnChunk.OFFSET_INDEX_LENGTH))
            pages = decode_struct(raw, {OffsetIndex.PAGE_LOCATIONS: {}}).structs(1)
            places = [(page.integer(PageLocation.OFFSET), page.integer(2)) for page in pages]
            # Some writers say that the data begin where their dictionary does.
            assert places[0][0] >= chunk.metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET)
            ends = [start + size for start, size in places]
            assert ends == [*(start for start, _ in places[1:]), chunk.end]
            for start, size in places:
                header = decode_struct(source.read(start, size))
                assert header.integer(3) < size  # the compressed size stands in the page's header
            found += 1
    return found


@pytest.mark.parametrize("column", ["i64", "f64", "text", "day", "stamp", "flag", "many", "pair"])
def test_files_of_three_writers_become_one(tmp_path, column):
    table = pa.table(
        {
            "i64": pa.array([1, None, 3]),
            "f64": pa.array([1.0, 2.5, float("nan")]),
            "text": pa.array(["a", None, "ü"]),
            "day": pa.array([1, 2, None], pa.date32()),
            "stamp": pa.array([1, 2, None], pa.timestamp("us")),
            "flag": pa.array([True, None, False]),
            "many": pa.array([[1, 2], [], None]),
            "pair": pa.array([{"x": 1, "y": "a"}, None, {"x": None, "y": None}]),
        }
    ).select([column])
    paths = [tmp_path / f"{name}.parquet" for name in ("arrow", "polars", "duckdb")]
    pq.write_table(table, paths[0])
    pl.DataFrame(table).write_parquet(paths[1])
    with duckdb.connect() as connection:
        connection.register("rows", table)
        connection.sql(f"COPY rows TO '{paths[2]}'")
    for order in (paths, paths[::-1], paths[1:] + paths[:1]):
        target = tmp_path / "all.parquet"
        with target.open("wb") as sink:
            concatenate(order, sink)
        for engine, reads in ENGINES.items():
            assert reads(target) == [row for path in order for row in reads(path)], engine


# --- what the new footer says ------------------------------------------------------------------


def test_row_groups_come_in_the_order_that_was_asked_for(trades):
    source = source_of(trades, row_group_rows=4)
    data = spliced((source, 2), (source, 0), (source, 2))
    wanted = pa.concat_tables([trades.slice(8), trades.slice(0, 4), trades.slice(8)])
    assert read(data).equals(wanted)
    footer = Source.from_buffer(data).footer
    assert [group.rows for group in footer.row_groups] == [4, 4, 4]
    assert footer.struct.integer(FileMetaData.NUM_ROWS) == 12
    assert footer.created_by.startswith("parquetry version ")


def test_statistics_stand_with_their_row_groups(trades, tmp_path):
    source = source_of(trades, row_group_rows=4)
    data = spliced((source, 2), (source, 1))
    found = sql(
        data,
        tmp_path,
        "SELECT row_group_id, stats_min_value, stats_max_value FROM parquet_metadata({}) "
        "WHERE path_in_schema = 'id' ORDER BY 1",
    )
    assert found == [(0, "8", "11"), (1, "4", "7")]
    assert sql(data, tmp_path, "SELECT count(*) FROM {} WHERE id > 9 OR price < 1.5") == [(3,)]


def test_page_indexes_stand_with_their_pages(trades):
    sink = io.BytesIO()
    pq.write_table(
        trades,
        sink,
        row_group_size=6,
        write_page_index=True,
        max_rows_per_page=2,
        write_batch_size=1,
    )
    source = Source.from_buffer(sink.getvalue())
    data = Source.from_buffer(spliced((source, 1), (source, 0), float_bounds="all"))
    assert check_page_indexes(data) == 8
    for group, old in zip(data.footer.row_groups, (1, 0), strict=True):
        for chunk, before in zip(group.chunks, source.footer.row_groups[old].chunks, strict=True):
            place = (ColumnChunk.COLUMN_INDEX_OFFSET, ColumnChunk.COLUMN_INDEX_LENGTH)
            now, then = (
                opened.read(*(one.struct.integer(field) for field in place))
                for opened, one in ((data, chunk), (source, before))
            )
            assert now == then


def test_row_groups_say_where_they_stand_and_how_large_they_are(trades):
    source = source_of(trades, row_group_rows=4)
    footer = Source.from_buffer(spliced((source, 1), (source, 0))).footer
    at = 4
    for number, (group, old) in enumerate(zip(footer.row_groups, (1, 0), strict=True)):
        before = source.footer.row_groups[old].struct
        assert group.struct.integer(RowGroup.FILE_OFFSET) == group.chunks[0].start == at
        assert group.struct.integer(RowGroup.ORDINAL) == number
        for same in (RowGroup.TOTAL_BYTE_SIZE, RowGroup.TOTAL_COMPRESSED_SIZE):
            assert group.struct.integer(same) == before.integer(same)
        at = group.chunks[-1].end


def test_numbers_are_left_out_where_one_would_not_fit():
    source = source_of(pa.table({"a": [1]}))
    data = spliced(*[(source, 0)] * (2**15 + 1))
    footer = Source.from_buffer(data).footer
    assert len(footer.row_groups) == 2**15 + 1
    assert not any(RowGroup.ORDINAL in group.struct for group in footer.row_groups)
    assert pq.read_metadata(io.BytesIO(data)).num_rows == 2**15 + 1


def test_bloom_filters_come_along(trades, tmp_path):
    source = source_of(trades, row_group_rows=4, bloom_columns=["id", "side"])
    data = spliced((source, 2), (source, 0))
    probe = "SELECT * FROM parquet_bloom_probe({}, 'id', %d)"
    excludes = {n: [row[-1] for row in sql(data, tmp_path, probe % n)] for n in (1, 9)}
    assert excludes == {1: [True, False], 9: [False, True]}


def test_a_bloom_filter_without_a_length_stays_behind(trades):
    def forget(footer: Struct) -> None:
        first_chunk(footer).struct(3).drop(ColumnMetaData.BLOOM_FILTER_LENGTH)

    data = mended(encode_in_full(trades, bloom_columns=["id", "side"]), forget)
    group = Source.from_buffer(spliced((Source.from_buffer(data), 0))).footer.row_groups[0]
    has = [ColumnMetaData.BLOOM_FILTER_OFFSET in chunk.metadata for chunk in group.chunks]
    assert has == [False, False, True, False]


@pytest.mark.parametrize("length", [10**6, -1, 0])
def test_a_bloom_filter_outside_its_file_stays_behind(trades, length):
    def lie(footer: Struct) -> None:
        first_chunk(footer).struct(3).put_integer(ColumnMetaData.BLOOM_FILTER_LENGTH, length)

    data = mended(encode_in_full(trades, bloom_columns=["id"]), lie)
    chunk = (
        Source.from_buffer(spliced((Source.from_buffer(data), 0))).footer.row_groups[0].chunks[0]
    )
    assert ColumnMetaData.BLOOM_FILTER_OFFSET not in chunk.metadata


def test_an_index_that_points_elsewhere_stays_behind(trades):
    def lie(footer: Struct) -> None:
        first_chunk(footer).put_integer(ColumnChunk.OFFSET_INDEX_OFFSET, 4)

    data = spliced((Source.from_buffer(mended(encode_in_full(trades), lie)), 0))
    chunks = Source.from_buffer(data).footer.row_groups[0].chunks
    assert [ColumnChunk.OFFSET_INDEX_OFFSET in one.struct for one in chunks] == [False] + [True] * 3
    assert read(data).equals(trades)


def test_metadata_come_from_the_reference_without_pandas(trades):
    source = source_of(trades)
    sink = io.BytesIO()
    marked = trades.replace_schema_metadata({"pandas": '{"index_columns": []}', "who": "me"})
    pq.write_table(marked, sink)
    other = Source.from_buffer(sink.getvalue())
    assert "pandas" in other.footer.key_values
    keys = Source.from_buffer(spliced((other, 0), (source, 0))).footer.key_values
    assert list(keys) == ["who", "ARROW:schema"]
    assert read(spliced((other, 0))).schema.metadata == {b"who": b"me"}
    assert list(Source.from_buffer(spliced((source, 0), (other, 0))).footer.key_values) == [
        "ARROW:schema"
    ]


def test_finish_adds_and_takes_away_metadata(trades):
    source = source_of(trades.replace_schema_metadata({"old": "1", "who": "me"}))
    sink = io.BytesIO()
    splicer = Splicer(sink, source.footer)
    splicer.copy_row_groups(source)
    splicer.finish({"new": "ü", "who": None})
    assert read(sink.getvalue()).schema.metadata == {b"old": b"1", b"new": "ü".encode()}


def test_unknown_fields_are_kept(trades):
    def add(footer: Struct) -> None:
        footer.put(99, I16, zigzag(-7))
        first_chunk(footer).put(98, STRUCT, Struct({1: (I16, zigzag(3))}))

    source = Source.from_buffer(mended(encode_in_full(trades), add))
    data = spliced((source, 0))
    footer = Source.from_buffer(data).footer.struct
    assert footer[99] == (I16, zigzag(-7))
    assert first_chunk(footer)[98] == (STRUCT, b"\x14\x06\x00")
    assert read(data).equals(trades)


def test_row_groups_without_rows_are_left_out(trades):
    sink = io.BytesIO()
    pq.write_table(trades.slice(0, 0), sink)
    empty, full = Source.from_buffer(sink.getvalue()), source_of(trades)
    assert len(empty.footer.row_groups) == 1
    data = spliced((empty, 0), (full, 0), (empty, 0))
    assert read(data).equals(trades)
    assert len(Source.from_buffer(data).footer.row_groups) == 1


def test_a_file_without_row_groups_can_be_read(trades, tmp_path):
    path, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    path.write_bytes(encode_in_full(trades))
    with target.open("wb") as sink:
        assert drop_row_groups(path, [], sink).rows == 0
    assert [reads(target) for reads in ENGINES.values()] == [[], [], []]
    assert pq.read_schema(target).equals(trades.schema)


def test_drop_row_groups_keeps_the_order_of_the_file(trades, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(encode_in_full(trades, row_group_rows=3))
    sink = io.BytesIO()
    assert drop_row_groups(path, {3, 0, 2}, sink).row_groups == 3
    assert read(sink.getvalue())["id"].to_pylist() == [0, 1, 2, 6, 7, 8, 9, 10, 11]


def test_columns_may_stand_in_another_order(trades):
    other = trades.select(["tags", "side", "id", "price"])
    one, two = source_of(trades), source_of(other, sorting=["side", "id"])
    data = spliced((one, 0), (two, 0))
    assert read(data).equals(pa.concat_tables([trades, trades]))
    sorting = pq.read_metadata(io.BytesIO(data)).row_group(1).sorting_columns
    assert [key.column_index for key in sorting] == [2, 0]


def test_a_splice_of_a_splice_says_the_same(trades):
    source = source_of(trades, row_group_rows=4, bloom_columns=["id"])
    once = spliced(*((source, n) for n in range(3)))
    again = Source.from_buffer(once)
    assert spliced(*((again, n) for n in range(3))) == once


# --- replaced columns --------------------------------------------------------------------------


def test_a_replaced_column_stands_beside_the_copied_ones(trades, tmp_path):
    source = source_of(trades, row_group_rows=4)
    new = pa.table({"price": pa.array([-1.0, None, 7.5, 2.0])})
    data = spliced((source, 0), (source, 1, {"price": (source_of(new), 0)}), (source, 2))
    wanted = trades["price"].to_pylist()
    wanted[4:8] = [-1.0, None, 7.5, 2.0]
    expected = trades.set_column(1, "price", pa.array(wanted))
    path = tmp_path / "spliced.parquet"
    path.write_bytes(data)
    assert read(data).equals(expected)
    assert pl.read_parquet(path).equals(pl.DataFrame(expected))
    assert ENGINES["DuckDB"](path) == [repr(tuple(row.values())) for row in expected.to_pylist()]
    sizes = Source.from_buffer(data).footer.row_groups[1]
    for total, part in (
        (RowGroup.TOTAL_BYTE_SIZE, ColumnMetaData.TOTAL_UNCOMPRESSED_SIZE),
        (RowGroup.TOTAL_COMPRESSED_SIZE, ColumnMetaData.TOTAL_COMPRESSED_SIZE),
    ):
        assert sizes.struct.integer(total) == sum(
            chunk.metadata.integer(part) for chunk in sizes.chunks
        )
    assert sql(data, tmp_path, "SELECT min(price), max(id) FROM {} WHERE price < 0") == [(-1.0, 4)]


def test_a_nested_column_is_replaced_with_all_its_leaves():
    table = pa.table({"a": [1, 2], "pair": [{"x": 1, "y": "a"}, None], "b": ["p", "q"]})
    new = pa.table({"pair": [None, {"x": 5, "y": "z"}]})
    data = spliced((source_of(table), 0, {"pair": (source_of(new), 0)}))
    assert read(data).equals(table.set_column(1, "pair", new["pair"]))


def test_a_column_that_a_file_lacks_can_be_given_to_it(trades):
    lacks = source_of(trades.drop_columns(["side"]))
    full = source_of(trades)
    data = spliced((lacks, 0, {"side": (full, 0)}), reference=full)
    assert read(data).equals(trades)


def test_sort_orders_hold_down_to_the_first_replaced_column(trades):
    new = source_of(pa.table({"price": pa.nulls(12, pa.float64())}))

    def orders(*keys: str) -> list[int]:
        source = source_of(trades, sorting=keys)
        data = spliced((source, 0, {"price": (new, 0)}))
        found = pq.read_metadata(io.BytesIO(data)).row_group(0).sorting_columns
        return [key.column_index for key in found]

    assert orders("id", "side") == [0, 2]
    assert orders("id", "price", "side") == [0]
    assert orders("price", "id") == []


def test_a_replaced_column_has_the_bloom_filter_of_its_replacement(trades):
    source = source_of(trades, bloom_columns=["id", "side"])
    bare, rich = (
        source_of(trades.select(["side"]), bloom_columns=columns) for columns in ([], ["side"])
    )
    for other, expected in ((bare, False), (rich, True)):
        data = spliced((source, 0, {"side": (other, 0)}))
        chunks = Source.from_buffer(data).footer.row_groups[0].chunks
        has = [ColumnMetaData.BLOOM_FILTER_OFFSET in one.metadata for one in chunks]
        assert has == [True, False, expected, False]


def test_a_replacement_of_another_length_is_refused(trades):
    short = source_of(trades.slice(1))
    with pytest.raises(RequestError, match="11 rows; column 'id' of it was to replace one of 12"):
        spliced((source_of(trades), 0, {"id": (short, 0)}))


def test_a_replacement_of_an_unknown_column_is_refused(trades):
    source = source_of(trades)
    with pytest.raises(UnknownColumnError, match="Did you mean 'price'"):
        spliced((source, 0, {"prize": (source, 0)}))


# --- bounds that must not be believed ----------------------------------------------------------


def floats(footer) -> list[bool]:
    """Whether bounds of the second column stand in each row group, in chunk and page index."""
    found = []
    for group in footer.row_groups:
        statistics = decode_struct(group.chunks[1].metadata.raw(ColumnMetaData.STATISTICS))
        found.append({5, 6} <= statistics.keys())
        assert (ColumnChunk.COLUMN_INDEX_OFFSET in group.chunks[1].struct) == found[-1]
    return found


def test_float_bounds_stay_where_no_value_is_known_to_be_nan(trades):
    source = source_of(trades, row_group_rows=6)
    assert floats(Source.from_buffer(spliced((source, 0), (source, 1))).footer) == [True, True]


def test_float_bounds_of_writers_that_count_no_nan_stay_behind(trades, tmp_path):
    table = trades.set_column(1, "price", pa.array([1.0] + [float("nan")] * 11))
    sink = io.BytesIO()
    pq.write_table(table, sink, write_page_index=True)
    foreign = Source.from_buffer(sink.getvalue())
    assert floats(foreign.footer) == [True]
    data = spliced((foreign, 0), (source_of(trades), 0))
    assert floats(Source.from_buffer(data).footer) == [False, True]
    assert sql(data, tmp_path, "SELECT count(*) FROM {} WHERE price > 1.0") == [(11 + 8,)]
    kept = spliced((foreign, 0), float_bounds="all")
    assert floats(Source.from_buffer(kept).footer) == [True]


def test_null_counts_stay_where_bounds_do_not(trades):
    sink = io.BytesIO()
    pq.write_table(trades.set_column(1, "price", pa.nulls(12, pa.float64())), sink)
    data = spliced((Source.from_buffer(sink.getvalue()), 0))
    assert pq.read_metadata(io.BytesIO(data)).row_group(0).column(1).statistics.null_count == 12


def set_writer(name: str | None):
    def mend(footer: Struct) -> None:
        footer.drop(FileMetaData.CREATED_BY)
        if name is not None:
            footer.put_text(FileMetaData.CREATED_BY, name)

    return mend


@pytest.mark.parametrize(
    ("created_by", "believed"),
    [
        ("parquet-mr version 1.9.1 (build abc)", False),
        ("parquet-mr version 1.10.0", True),
        ("parquet-mr", False),
        ("parquet-cpp version 1.2.9", False),
        ("parquet-cpp-arrow version 1.0.0", True),
        ("DuckDB", True),
        (None, False),
    ],
)
def test_bounds_of_distrusted_writers_stay_behind(trades, created_by, believed):
    source = Source.from_buffer(mended(encode_in_full(trades), set_writer(created_by)))
    assert (find_distrust(source.footer) is None) == believed
    if any(one.reason is Reason.WRITER for one in find_refusals(source.footer)):
        return
    data = spliced((source, 0))
    statistics = pq.read_metadata(io.BytesIO(data)).row_group(0).column(0).statistics
    assert statistics.has_min_max == believed
    chunk = Source.from_buffer(data).footer.row_groups[0].chunks[0].struct
    assert (ColumnChunk.COLUMN_INDEX_OFFSET in chunk) == believed


def test_bounds_without_an_order_stay_behind_among_those_that_have_one(trades):
    def forget(footer: Struct) -> None:
        footer.drop(FileMetaData.COLUMN_ORDERS)

    ordered = source_of(trades)
    unordered = Source.from_buffer(mended(encode_in_full(trades), forget))
    metadata = pq.read_metadata(io.BytesIO(spliced((ordered, 0), (unordered, 0))))
    assert metadata.row_group(0).column(0).statistics.has_min_max
    assert not metadata.row_group(1).column(0).statistics.has_min_max
    alone = Source.from_buffer(spliced((unordered, 0))).footer
    assert alone.column_orders == ()
    statistics = decode_struct(alone.row_groups[0].chunks[0].metadata.raw(12))
    assert {5, 6} <= statistics.keys()


# --- refusals ----------------------------------------------------------------------------------


def put_path(footer: Struct) -> None:
    first_chunk(footer).put_text(ColumnChunk.FILE_PATH, "elsewhere.parquet")


def hide_metadata(footer: Struct) -> None:
    first_chunk(footer).put(ColumnChunk.CRYPTO_METADATA, STRUCT, Struct())


def encrypt_footer(footer: Struct) -> None:
    footer.put(FileMetaData.ENCRYPTION_ALGORITHM, STRUCT, Struct())


def put_number(field: int, value: int):
    def mend(footer: Struct) -> None:
        first_chunk(footer).struct(3).put_integer(field, value)

    return mend


def overlap(footer: Struct) -> None:
    one, other = footer.structs(FileMetaData.ROW_GROUPS)[0].structs(RowGroup.COLUMNS)[:2]
    at = one.struct(3).integer(ColumnMetaData.DATA_PAGE_OFFSET)
    other.struct(3).put_integer(ColumnMetaData.DATA_PAGE_OFFSET, at + 1)


@pytest.mark.parametrize(
    ("mend", "reason"),
    [
        (put_path, Reason.OTHER_FILE),
        (hide_metadata, Reason.ENCRYPTED),
        (encrypt_footer, Reason.ENCRYPTED),
        (put_number(ColumnMetaData.TOTAL_COMPRESSED_SIZE, 10**9), Reason.PLACE),
        (put_number(ColumnMetaData.TOTAL_COMPRESSED_SIZE, -1), Reason.PLACE),
        (put_number(ColumnMetaData.DATA_PAGE_OFFSET, 0), Reason.PLACE),
        (put_number(ColumnMetaData.DATA_PAGE_OFFSET, 2**60), Reason.PLACE),
        (overlap, Reason.PLACE),
        (set_writer("parquet-mr version 1.2.8"), Reason.WRITER),
    ],
)
def test_what_cannot_be_copied_is_refused(trades, mend, reason):
    source = Source.from_buffer(mended(encode_in_full(trades), mend), "the file")
    assert reason in {refusal.reason for refusal in find_refusals(source.footer)}
    with pytest.raises(RequestError, match=r"Row group 0 of the file cannot be copied") as caught:
        spliced((source, 0))
    assert caught.value.outcome == "unchanged"


def test_a_refusal_names_its_row_group_and_the_others_can_be_copied(trades):
    source = Source.from_buffer(mended(encode_in_full(trades, row_group_rows=6), put_path))
    assert [one.row_group for one in find_refusals(source.footer)] == [0]
    assert read(spliced((source, 1))).equals(trades.slice(6))


@pytest.mark.parametrize("created_by", ["parquet-mr version 1.7.0", "parquet-mr version 1.8.0"])
def test_delta_strings_of_a_writer_that_got_them_wrong_are_refused(created_by):
    sink = io.BytesIO()
    encodings = {"a": "DELTA_BYTE_ARRAY"}
    pq.write_table(pa.table({"a": ["x"]}), sink, use_dictionary=False, column_encoding=encodings)
    footer = Source.from_buffer(mended(sink.getvalue(), set_writer(created_by))).footer
    assert bool(find_refusals(footer)) == ("1.7" in created_by)


@pytest.mark.parametrize("compression", ["none", "snappy"])
def test_compressed_pages_of_a_writer_that_marked_them_wrong_are_refused(compression):
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": ["x"]}), sink, compression=compression)
    data = mended(sink.getvalue(), set_writer("parquet-cpp version 1.5.1-SNAPSHOT"))
    assert bool(find_refusals(Source.from_buffer(data).footer)) == (compression == "snappy")


def test_two_columns_of_one_name_are_refused():
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]), sink)
    reasons = [one.reason for one in find_refusals(Source.from_buffer(sink.getvalue()).footer)]
    assert reasons == [Reason.DUPLICATE_COLUMN]


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        (pa.array([1]), pa.array([1], pa.int32()), "INT64, and is optional INT32"),
        (pa.array([1]), pa.array([1], pa.uint64()), "INTEGER/64/False"),
        (pa.array([b"a"]), pa.array(["a"]), "STRING"),
        (pa.array([1], pa.timestamp("us")), pa.array([1], pa.timestamp("ms")), "MILLIS"),
        (pa.array([1], pa.timestamp("us")), pa.array([1], pa.timestamp("us", "UTC")), "True"),
        (pa.array([b"a"], pa.binary(1)), pa.array([b"ab"], pa.binary(2)), r"ARRAY\(2\)"),
        (pa.array([[1]]), pa.array([1]), "nests in another way"),
        (pa.array([{"x": 1}]), pa.array([{"y": 1}]), "c.y instead of c.x"),
        (pa.array([1], pa.duration("us")), pa.array([1], pa.duration("ns")), r"duration\[us\]"),
        (pa.array([1], pa.duration("us")), pa.array([1]), "means duration"),
        (pa.nulls(1), pa.nulls(1, pa.int32()), "NULL"),
        (pa.array([[1]], pa.list_(pa.int64(), 1)), pa.array([[1]]), r"\('size', 1\)"),
    ],
)
def test_columns_that_mean_something_else_are_refused(one, other, message):
    a, b = (source_of(pa.table({"c": column})) for column in (one, other))
    for first, second in ((a, b), (b, a)):
        assert find_differences(first.footer, second.footer)
        with pytest.raises(SchemaMismatchError):
            spliced((first, 0), (second, 0))
    with pytest.raises(SchemaMismatchError, match=message):
        spliced((a, 0), (b, 0))


def test_two_spellings_of_one_type_are_no_difference():
    table = pa.table(
        {
            "text": ["a"],
            "number": pa.array([1], pa.uint16()),
            "stamp": pa.array([1], pa.timestamp("us", "UTC")),
            "money": pa.array([1], pa.decimal128(9, 2)),
            "map": pa.array([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
        }
    )

    def spell_as_of_old(elements: list[Struct]) -> None:
        for element in elements:
            element.drop(SchemaElement.LOGICAL_TYPE)
            if element.text(SchemaElement.NAME) == "key_value":
                element.put_integer(SchemaElement.CONVERTED_TYPE, 2, I32)

    data = encode_in_full(table)
    old = Source.from_buffer(mended(data, mend_schema(spell_as_of_old)))
    new = Source.from_buffer(data)
    assert old.footer.raw_schema != new.footer.raw_schema
    assert find_differences(old.footer, new.footer) == ()
    assert read(spliced((new, 0), (old, 0))).equals(pa.concat_tables([table, table]))


def test_another_repetition_field_id_or_enum_is_refused():
    def schemas():
        yield pa.field("c", pa.int64())
        yield pa.field("c", pa.int64(), nullable=False)
        yield pa.field("c", pa.int64(), metadata={"PARQUET:field_id": "7"})
        yield pa.field("c", pa.int64(), metadata={"_PL_ENUM_VALUES": "1;a"})

    sources = [source_of(pa.table([pa.array([1])], pa.schema([field]))) for field in schemas()]
    for n, one in enumerate(sources):
        for m, other in enumerate(sources):
            assert bool(find_differences(one.footer, other.footer)) == (n != m)


@pytest.mark.parametrize(
    "kind", [pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_variants_of_one_type_in_memory_are_no_difference(kind):
    one = pa.table({"c": pa.array(["a", "b"])})
    other = pa.table(
        {
            "c": pa.array(["c", "c"]).cast(kind)
            if "dict" not in str(kind)
            else pa.array(["c", "c"]).dictionary_encode()
        }
    )
    data = spliced((source_of(one), 0), (source_of(other), 0))
    assert read(data)["c"].to_pylist() == ["a", "b", "c", "c"]
    back = spliced((source_of(other), 0), (source_of(one), 0))
    assert read(back)["c"].to_pylist() == ["c", "c", "a", "b"]


def test_metadata_that_change_how_values_are_read_must_agree(trades):
    marked = source_of(trades.replace_schema_metadata({"org.apache.spark.legacyDateTime": ""}))
    with pytest.raises(SchemaMismatchError, match="legacyDateTime"):
        spliced((source_of(trades), 0), (marked, 0))


def test_missing_and_additional_columns_are_refused(trades):
    less = source_of(trades.drop_columns(["side"]), "less")
    with pytest.raises(SchemaMismatchError, match="column 'side' is missing in less"):
        spliced((source_of(trades), 0), (less, 0))
    with pytest.raises(SchemaMismatchError, match="column 'side' stands only in"):
        spliced((less, 0), (source_of(trades), 0))


def test_what_is_not_there_is_not_found(trades, tmp_path):
    source = source_of(trades)
    for index in (1, -1):
        with pytest.raises(NotFoundError, match="has 1 row groups"):
            spliced((source, index))
    with pytest.raises(NotFoundError, match="does not exist"):
        Source.open(tmp_path / "nothing.parquet")
    with pytest.raises(ParameterError, match="no files"):
        concatenate([], io.BytesIO())
    with pytest.raises(StorageError, match="directory"):
        Source.open(tmp_path)


def test_a_finished_file_takes_no_more(trades):
    source = source_of(trades)
    splicer = Splicer(io.BytesIO(), source.footer)
    splicer.finish()
    for call in (splicer.finish, lambda: splicer.copy_row_groups(source)):
        with pytest.raises(RequestError, match="is finished"):
            call()


# --- damaged and hostile files -----------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [b"", b"PAR1", b"PAR1PAR1", b"x" * 100, b"PAR1" + b"\xff\xff\xff\x7fPAR1", b"PAR1\0\0\0\0PAR1"],
)
def test_what_is_no_parquet_file_is_corrupt(data):
    with pytest.raises(CorruptionError, match="the file cannot be read as Parquet"):
        Source.from_buffer(data, "the file")


def drop_chunk(footer: Struct) -> None:
    group = footer.structs(FileMetaData.ROW_GROUPS)[0]
    group.structs(RowGroup.COLUMNS).pop()


def negative_rows(footer: Struct) -> None:
    footer.structs(FileMetaData.ROW_GROUPS)[0].put_integer(RowGroup.NUM_ROWS, -5)


def mend_schema(change):
    def mend(footer: Struct) -> None:
        elements = decode_structs(footer.raw(FileMetaData.SCHEMA))
        change(elements)
        footer.put(FileMetaData.SCHEMA, LIST, elements)

    return mend


@pytest.mark.parametrize(
    "mend",
    [
        drop_chunk,
        negative_rows,
        mend_schema(lambda elements: elements.clear()),
        mend_schema(lambda elements: elements.pop()),
        mend_schema(lambda elements: elements.append(elements[-1])),
        mend_schema(lambda elements: elements[0].put_integer(SchemaElement.NUM_CHILDREN, 2**31)),
        mend_schema(lambda elements: elements[0].put_integer(SchemaElement.NUM_CHILDREN, -1)),
        mend_schema(
            lambda elements: [
                one.put_integer(SchemaElement.NUM_CHILDREN, 1) for one in elements * 50
            ]
        ),
        mend_schema(lambda elements: elements.extend([Struct(elements[0])] * 1000)),
    ],
)
def test_a_footer_that_contradicts_itself_is_corrupt(trades, mend):
    with pytest.raises(CorruptionError, match="the file cannot be read as Parquet") as caught:
        Source.from_buffer(mended(encode_in_full(trades), mend), "the file")
    assert caught.value.path == "the file"


def test_footers_with_any_byte_changed_raise_nothing_foreign(trades):
    data = encode_in_full(trades, row_group_rows=4, bloom_columns=["id"], sorting=["id"])
    start = Source.from_buffer(data).footer.start
    chance = random.Random(7)
    copied = 0
    for _ in range(3_000):
        hurt = bytearray(data)
        for _ in range(chance.choice([1, 1, 2, 5])):
            hurt[chance.randrange(start - 200, len(hurt) - 4)] = chance.randrange(256)
        try:
            source = Source.from_buffer(bytes(hurt))
            spliced_into(io.BytesIO(), source)
            copied += 1
        except ParquetryError:
            continue
    assert copied > 100


def test_a_file_that_shrinks_meanwhile_is_noticed(tmp_path):
    path, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    random_bytes = [random.Random(n).randbytes(100) for n in range(5_000)]
    path.write_bytes(encode_in_full(pa.table({"a": random_bytes}), compression="none"))
    for make in (lambda: target.open("wb"), io.BytesIO):
        with Source.open(path) as source, make() as sink:
            whole = path.read_bytes()
            os.truncate(path, 200_000)
            splicer = Splicer(sink, source.footer)
            with pytest.raises(CorruptionError, match="ends before"):
                splicer.copy_row_groups(source)
            path.write_bytes(whole)


# --- sinks -------------------------------------------------------------------------------------


class Watching:
    """A sink that offers a descriptor, takes few bytes at once, and must see every one."""

    def __init__(self, file) -> None:
        self.file = file
        self.seen = bytearray()

    def fileno(self) -> int:
        return self.file.fileno()

    def write(self, data) -> int:
        self.seen += data[:1_000]
        return min(1_000, len(data))


def test_every_kind_of_sink_gets_the_same_bytes(trades, tmp_path):
    paths = [tmp_path / f"{n}.parquet" for n in range(3)]
    for n, path in enumerate(paths):
        path.write_bytes(encode_in_full(trades.slice(n * 3), row_group_rows=2))
    memory = io.BytesIO()
    facts = concatenate(paths, memory)
    for buffering in (-1, 0):
        target = tmp_path / "target.parquet"
        with target.open("wb", buffering) as sink:
            assert concatenate(paths, sink) == facts
            assert sink.tell() == facts.bytes
        assert target.read_bytes() == memory.getvalue()
        assert as_rows(pq.read_table(target)) == [
            row for path in paths for row in as_rows(pq.read_table(path))
        ]
    with target.open("wb") as file:
        watching = Watching(file)
        concatenate(paths, watching)
    assert watching.seen == memory.getvalue()
    assert target.read_bytes() == b""


@pytest.mark.parametrize("refusal", ["EXDEV", "ENOSYS", "EOPNOTSUPP"])
def test_a_kernel_that_does_not_copy_is_done_without(trades, tmp_path, monkeypatch, refusal):
    import errno

    def refuse(*_args, **_options):
        raise OSError(getattr(errno, refusal), "no")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    path, target = tmp_path / "a.parquet", tmp_path / "b.parquet"
    path.write_bytes(encode_in_full(trades))
    with target.open("wb") as sink:
        concatenate([path, path], sink)
    assert pq.read_table(target).equals(pa.concat_tables([trades, trades]))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("buffering", [-1, 0])
def test_a_full_disk_is_told_in_our_words(trades, buffering):
    file = open("/dev/full", "wb", buffering)  # noqa: SIM115 - its buffer cannot be flushed
    source = source_of(pa.table({"a": [random.Random(1).randbytes(100_000)]}))
    with pytest.raises(StorageError, match="No space left"):
        spliced_into(file, source)
    with contextlib.suppress(OSError):
        file.close()


def spliced_into(sink, source: Source) -> None:
    splicer = Splicer(sink, source.footer)
    splicer.copy_row_groups(source)
    splicer.finish()


def test_a_source_that_is_closed_says_so(trades, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(encode_in_full(trades))
    source = Source.open(path)
    source.close()
    source.close()
    source._tail = None
    with pytest.raises(StorageError, match="is closed already"):
        source.read(0, 4)
