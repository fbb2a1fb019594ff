"""What the house writes is read rightly by every engine, and says what is needed to prune it."""

from __future__ import annotations

import io
from decimal import Decimal

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import (
    ParameterError,
    SchemaMismatchError,
    StorageError,
    UnknownColumnError,
)
from parquetry.files.encoding import Encoder, encode_table, writer_options
from parquetry.files.leaves import count_nans, list_leaves
from readings import ENGINES, as_rows

NAN = float("nan")
MANY = pa.table(
    {
        "i8": pa.array([1, None], pa.int8()),
        "u64": pa.array([1, 2**64 - 1], pa.uint64()),
        "half": pa.array(np.array([1.0, NAN], np.float16)),
        "float": pa.array([1.0, NAN], pa.float32()),
        "flag": pa.array([True, None]),
        "text": pa.array(["a", None]),
        "large": pa.array(["a", "b"], pa.large_string()),
        "view": pa.array(["a", "b"], pa.string_view()),
        "bytes": pa.array([b"a", b""]),
        "fixed": pa.array([b"aa", b"bb"], pa.binary(2)),
        "category": pa.array(["a", "b"]).dictionary_encode(),
        "numbers": pa.array([7, 8]).dictionary_encode(),
        "day": pa.array([1, None], pa.date32()),
        "stamp": pa.array([1, None], pa.timestamp("ns", "Europe/Zurich")),
        "time": pa.array([1, 2], pa.time64("us")),
        "span": pa.array([1, 2], pa.duration("ms")),
        "money": pa.array([Decimal("1.25"), None], pa.decimal128(10, 2)),
        "long": pa.array([Decimal("1.25"), None], pa.decimal128(30, 2)),
        "null": pa.nulls(2),
        "list": pa.array([[1.5, NAN], None]),
        "lists": pa.array([[[1], []], []], pa.large_list(pa.list_(pa.int32()))),
        "pair": pa.array([(1.0, 2.0), (3.0, 4.0)], pa.list_(pa.float32(), 2)),
        "map": pa.array([[("k", 1.0)], []], pa.map_(pa.string(), pa.float64())),
        "struct": pa.array([{"x": NAN, "y": {"z": 1}}, None]),
        "a.dot": pa.array([1.0, 2.0]),
    }
)


def metadata(data: bytes) -> pq.FileMetaData:
    return pq.read_metadata(io.BytesIO(data))


def chunks(data: bytes, group: int = 0) -> dict[str, pq.ColumnChunkMetaData]:
    found = metadata(data).row_group(group)
    return {(one := found.column(n)).path_in_schema: one for n in range(found.num_columns)}


def test_every_type_comes_back():
    data = encode_table(MANY)
    read = pq.read_table(io.BytesIO(data))
    assert read.drop_columns("numbers").schema.equals(MANY.drop_columns("numbers").schema)
    assert read["numbers"].type == pa.int64()  # PyArrow reads dictionaries of text alone
    assert as_rows(read) == as_rows(MANY)


def test_leaves_are_named_as_the_writer_names_them():
    schema = pq.ParquetFile(io.BytesIO(encode_table(MANY))).schema
    paths = [schema.column(n).path for n in range(len(schema))]
    assert [leaf.path for leaf in list_leaves(MANY.schema)] == paths


def test_encodings_follow_the_types():
    data = encode_table(MANY)
    dictionaries = {"text", "large", "view", "bytes", "category", "map.key_value.key"}
    deltas = {"i8", "u64", "numbers", "day", "stamp", "time", "span", "money", "struct.y.z"}
    deltas.add("lists.list.element.list.element")
    found = {path: set(one.encodings) for path, one in chunks(data).items()}
    assert {path for path, kinds in found.items() if "RLE_DICTIONARY" in kinds} == dictionaries
    assert {path for path, kinds in found.items() if "DELTA_BINARY_PACKED" in kinds} == deltas
    pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True).read()


@pytest.mark.parametrize(("rows", "codec"), [(100, "SNAPPY"), (10_000, "ZSTD")])
def test_a_handful_of_rows_is_compressed_with_snappy_all_others_with_zstd(rows, codec):
    data = encode_table(pa.table({"a": range(rows)}))
    assert chunks(data)["a"].compression == codec


def test_files_of_many_rows_have_a_page_index_and_small_ones_do_without():
    for rows, has_index in ((10_000, True), (100, False)):
        data = encode_table(pa.table({"a": range(rows)}))
        assert chunks(data)["a"].has_offset_index == has_index


def test_a_damaged_page_is_noticed_by_its_checksum():
    data = bytearray(encode_table(pa.table({"a": ["x" * 100, "y" * 100]}), compression="none"))
    data[data.index(b"xxxx")] ^= 1
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(io.BytesIO(data), page_checksum_verification=True).read()


def test_floats_have_bounds_only_where_no_value_is_nan():
    table = pa.table(
        {
            "f": [1.0, NAN, 2.0, 3.0],
            "list": [[1.0], [2.0], [NAN], [3.0]],
            "half": np.array([1, 2, 3, NAN], np.float16),
        }
    )
    data = encode_table(table, row_group_rows=2)
    for group, without in enumerate([{"f"}, {"list.list.element", "half"}]):
        for path, one in chunks(data, group).items():
            assert one.statistics.has_min_max == (path not in without)
            assert one.has_column_index == (path not in without)
            assert one.statistics.null_count == 0


PREDICATES = {
    "f > 1.0": pl.col("f") > 1.0,
    "f = 1.0": pl.col("f") == 1.0,
    "f >= 3": pl.col("f") >= 3,
    "f < 2": pl.col("f") < 2,
    "f <> 1": pl.col("f") != 1,
    "isnan(f)": pl.col("f").is_nan(),
    "f = 'nan'": pl.col("f") == NAN,
    "f BETWEEN 1 AND 2": pl.col("f").is_between(1, 2),
}


@pytest.mark.parametrize("rows", [1, 2, 10])
@pytest.mark.parametrize("predicate", PREDICATES)
def test_every_engine_answers_rightly_where_values_are_nan(tmp_path, predicate, rows):
    table = pa.table({"f": [1.0, NAN, 2.0, 3.0, None, -0.0, 0.0]})
    path = tmp_path / "f.parquet"
    path.write_bytes(encode_table(table, row_group_rows=rows))
    count = "SELECT count(*) FROM {} WHERE " + predicate
    with duckdb.connect() as connection:
        connection.register("plain", table)
        expected = connection.sql(count.format("plain")).fetchall()
        assert connection.sql(count.format(f"'{path}'")).fetchall() == expected
    chosen = PREDICATES[predicate]
    found = pl.scan_parquet(path).filter(chosen).collect()
    assert found.equals(pl.DataFrame(table).filter(chosen))


def test_nan_is_counted_by_leaf():
    leaves = [leaf.path for leaf in list_leaves(MANY.schema)]
    counts = {leaves[number]: count for number, count in count_nans(MANY).items()}
    assert counts == {
        "half": 1,
        "float": 1,
        "list.list.element": 1,
        "pair.list.element": 0,
        "map.key_value.value": 0,
        "struct.x": 1,
        "a.dot": 0,
    }
    assert set(count_nans(MANY.slice(1)).values()) == {0, 1}
    assert sum(count_nans(MANY.slice(1)).values()) == 2
    infinite = pa.table({"f": [float("inf"), -float("inf")]})
    assert count_nans(infinite) == {0: 0}
    maps = pa.table(
        {"m": pa.array([[("a", NAN)], [("b", 1.0)]], pa.map_(pa.string(), pa.float64()))}
    )
    assert [count_nans(maps.slice(n, 1)) for n in range(2)] == [{1: 1}, {1: 0}]


def test_row_groups_are_filled_whatever_the_pieces_are():
    table = pa.table({"a": range(25), "f": [float(n) for n in range(25)]})
    sink = io.BytesIO()
    with Encoder(sink, table.schema, writer_options(table.schema, row_group_rows=10)) as encoder:
        for start, size in ((0, 3), (3, 0), (3, 9), (12, 13)):
            encoder.write(table.slice(start, size))
    assert encoder.rows == 25
    found = metadata(sink.getvalue())
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [10, 10, 5]
    assert pq.read_table(io.BytesIO(sink.getvalue())).equals(table)
    sink = io.BytesIO()
    with Encoder(sink, table.schema) as encoder:
        for batch in table.to_batches(max_chunksize=4):
            encoder.write(batch)
    assert pq.read_table(io.BytesIO(sink.getvalue())).equals(table)


@pytest.mark.parametrize("table", [MANY.slice(0, 0), pa.table({"f": pa.array([], pa.float64())})])
def test_a_table_without_rows_has_its_schema(tmp_path, table):
    path = tmp_path / "empty.parquet"
    path.write_bytes(encode_table(table))
    assert pq.read_table(path).schema.names == table.schema.names
    assert [reads(path) for reads in ENGINES.values()] == [[], [], []]


def test_decimals_are_stored_as_others_store_them():
    table = pa.table({"d": pa.array([Decimal("1.25")], pa.decimal128(10, 2))})

    def stored(**options) -> str:
        sink = io.BytesIO()
        with Encoder(sink, table.schema, writer_options(table.schema, **options)) as encoder:
            encoder.write(table)
        return metadata(sink.getvalue()).schema.column(0).physical_type

    assert stored() == "INT64"
    assert stored(decimals_as_integers=False) == "FIXED_LEN_BYTE_ARRAY"


def test_bloom_filters_are_written_where_they_are_asked_for(tmp_path):
    table = pa.table({"id": range(1000), "pair": [{"x": str(n), "y": n} for n in range(1000)]})
    data = encode_table(table, bloom_columns=["id", "pair.x"])
    lengths = {path: one.bloom_filter_length for path, one in chunks(data).items()}
    assert {path for path, length in lengths.items() if length} == {"id", "pair.x"}
    assert lengths["id"] < 2_000
    both = chunks(encode_table(table, bloom_columns=["pair"]))
    assert [bool(one.bloom_filter_length) for one in both.values()] == [False, True, True]
    path = tmp_path / "a.parquet"
    path.write_bytes(data)
    with duckdb.connect() as connection:
        probe = f"FROM parquet_bloom_probe('{path}', 'id', 5000000)"
        assert connection.sql(probe).fetchall()[0][-1] is True


def test_the_sort_order_is_said():
    table = pa.table({"p": [{"x": 1, "y": 2}], "a": [1], "b": [2]})
    data = encode_table(table, sorting=["b", ("a", "descending"), "p.y"])
    found = metadata(data).row_group(0).sorting_columns
    assert [(one.column_index, one.descending) for one in found] == [
        (3, False),
        (2, True),
        (1, False),
    ]


def test_columns_with_nan_can_be_named_to_a_bare_writer():
    table = pa.table({"f": [1.0, NAN], "g": [1.0, 2.0]})
    sink = io.BytesIO()
    options = writer_options(table.schema, nan_columns=["f"])
    with pq.ParquetWriter(sink, table.schema, **options.arguments) as writer:
        writer.write_table(table)
    found = chunks(sink.getvalue())
    assert [found[name].is_stats_set for name in "fg"] == [False, True]
    assert [found[name].has_column_index for name in "fg"] == [False, True]


def test_metadata_of_pandas_are_left_out():
    table = pa.table({"a": [1]}).replace_schema_metadata({"pandas": "{}", "who": "me"})
    assert pq.read_schema(io.BytesIO(encode_table(table))).metadata == {b"who": b"me"}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"compression": "zip"}, ParameterError, "no compression 'zip'"),
        ({"row_group_rows": 0}, ParameterError, "cannot have 0 rows"),
        ({"row_group_rows": -1}, ParameterError, "rows"),
        ({"bloom_columns": ["texd"]}, UnknownColumnError, "Did you mean 'text'"),
        ({"bloom_columns": ["flag"]}, ParameterError, "true or false"),
        ({"sorting": ["nothing"]}, UnknownColumnError, "nothing"),
        ({"sorting": [("i8", "up")]}, ParameterError, "ascending or descending, not 'up'"),
    ],
)
def test_what_cannot_be_written_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        encode_table(MANY, **options)


def test_types_that_parquet_lacks_are_refused_in_our_words():
    table = pa.table({"a": pa.array([(1, 2, 3)], pa.month_day_nano_interval())})
    with pytest.raises(SchemaMismatchError, match="cannot be written as Parquet"):
        encode_table(table)


def test_rows_of_another_schema_are_refused():
    with (
        pytest.raises(SchemaMismatchError, match=r"a \(string\); the file has a \(int64\)"),
        Encoder(io.BytesIO(), pa.schema({"a": pa.int64()})) as encoder,
    ):
        encoder.write(pa.table({"a": ["x"]}))


@pytest.mark.parametrize("compression", ["snappy", "gzip", "brotli", "lz4", "none"])
def test_other_codecs_come_back(compression):
    data = encode_table(MANY.select(["text"]), compression=compression)
    assert pq.read_table(io.BytesIO(data)).equals(MANY.select(["text"]))


class Full:
    """A sink on a disk that is full after some bytes."""

    def __init__(self, space: int) -> None:
        self.space = space
        self.taken = b""

    def write(self, data) -> int:
        if len(self.taken) + len(data) > self.space:
            raise OSError(28, "No space left on device")
        self.taken += bytes(data)
        return len(data)


@pytest.mark.parametrize("space", [0, 4, 100, 1_000])
def test_a_full_disk_is_told_in_our_words(space):
    sink = Full(space)
    with pytest.raises(StorageError, match="No space left"), Encoder(sink, MANY.schema) as encoder:
        encoder.write(MANY)


def test_an_error_of_the_caller_leaves_no_footer():
    sink = io.BytesIO()
    table = pa.table({"a": range(10)})
    with (
        pytest.raises(ZeroDivisionError),
        Encoder(sink, table.schema, writer_options(table.schema, row_group_rows=5)) as encoder,
    ):
        encoder.write(table.slice(0, table.num_rows // 0))
    assert sink.getvalue() == b"PAR1"
