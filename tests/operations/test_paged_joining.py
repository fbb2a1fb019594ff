"""Small files whose pages are put together give the rows, and say the truth of them."""

from __future__ import annotations

import datetime as dt
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.dataset import Dataset
from parquetry.errors import CorruptionError
from parquetry.files.encoding import encode_rows, encode_table, writer_options
from parquetry.files.pages import choosing
from parquetry.files.splicing import Source
from parquetry.files.splicing.fields import (
    ColumnChunk,
    ColumnIndex,
    ColumnMetaData,
    OffsetIndex,
    PageLocation,
)
from parquetry.files.splicing.thrift import decode_list, decode_struct
from parquetry.operations import paged_joining
from readings import ENGINES

FILES = 6  # of a partition
WRITERS = ("parquetry", "pyarrow", "polars", "duckdb")
COPIED, MERGED, DECODED = "DELTA_BINARY_PACKED", "PLAIN", "RLE_DICTIONARY"


@pytest.fixture(autouse=True)
def pages_of_any_size(monkeypatch):
    monkeypatch.setattr(choosing, "FEWEST_VALUES", 1)
    monkeypatch.setattr(choosing, "MOST_LOST", 100.0)
    monkeypatch.setattr(paged_joining, "FEWEST_ROWS", 1)
    monkeypatch.setattr(paged_joining, "WORTH_A_BUNDLE", 2)


def table_of(seed: int, rows: int, start: int = 0) -> pa.Table:
    chance = np.random.default_rng(seed)
    return pa.table(
        {
            "id": pa.array(range(start, start + rows), pa.int64()),
            "t": pa.array(np.sort(chance.integers(0, 10**15, rows)), pa.timestamp("us", "UTC")),
            "day": pa.array([dt.date(2025, 1, 1 + seed % 9)] * rows),
            "key": [f"k{seed % 3}"] * rows,
            "side": [random.Random(seed + n).choice(["buy", "sell"]) for n in range(rows)],
            "price": chance.normal(0, 1, rows).round(2),
            "f": pa.array(chance.normal(0, 1, rows), pa.float32()),
            "u": pa.array(chance.integers(2**63, 2**64, rows, np.uint64), pa.uint64()),
            "small": pa.array(chance.integers(-9, 9, rows), pa.int16()),
            "holes": pa.array([None if n % 5 == seed % 5 else n for n in range(rows)], pa.int32()),
            "yes": pa.array(chance.integers(0, 2, rows).astype(bool)),
        }
    )


def write(path: Path, table: pa.Table, writer: str = "parquetry") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if writer == "parquetry":
        path.write_bytes(encode_table(table))
    elif writer == "pyarrow":
        pq.write_table(table, path, use_dictionary=False, compression="zstd")
    elif writer == "polars":
        pl.DataFrame(table).write_parquet(path)
    else:
        with duckdb.connect() as connection:
            connection.register("rows", table)
            connection.execute(f"COPY rows TO '{path}' (CODEC zstd)")


def made(root: Path, writer: str = "parquetry", rows: int = 50, folders: int = 3) -> Path:
    for number in range(folders):
        for file in range(FILES):
            seed = number * FILES + file
            some = table_of(seed, rows + file, file * 1000)
            write(root / f"part={number}" / f"{file}.parquet", some, writer)
    return root


def readings(root: Path) -> dict[str, dict[str, list[Any]]]:
    """Return all rows of each folder in the order of its files, as three engines read them."""
    found: dict[str, dict[str, list[Any]]] = {}
    for path in sorted(root.glob("*/*.parquet")):
        for engine, read in ENGINES.items():
            found.setdefault(path.parent.name, {}).setdefault(engine, []).extend(read(path))
    return found


def the_file(root: Path, folder: str = "part=0") -> Path:
    (path,) = (root / folder).glob("*.parquet")
    return path


def encodings(path: Path) -> dict[str, set[str]]:
    group = pq.read_metadata(path).row_group(0)
    chunks = [group.column(number) for number in range(group.num_columns)]
    return {chunk.path_in_schema: set(chunk.encodings) for chunk in chunks}


def hold_statistics_true(path: Path) -> None:
    """Hold bounds and counts of each chunk against its values."""
    footer = pq.read_metadata(path)
    whole = pq.ParquetFile(path)
    for number in range(footer.num_row_groups):
        rows = whole.read_row_group(number)
        for leaf in range(footer.num_columns):
            chunk = footer.row_group(number).column(leaf)
            values = rows.column(leaf)
            said = chunk.statistics
            assert chunk.num_values == len(values)
            if said is None:
                continue
            assert said.null_count == values.null_count
            if said.has_min_max:
                known = values.drop_null().to_pylist()
                assert (said.min, said.max) == (min(known), max(known)), chunk.path_in_schema


def hold_page_indexes_true(path: Path) -> int:
    """Hold each page index against the pages and values; return how many pages there are."""
    pages = 0
    with Source.open(path) as source:
        whole = pq.ParquetFile(path, page_checksum_verification=True)
        for number, group in enumerate(source.footer.row_groups):
            rows = whole.read_row_group(number)
            for leaf, chunk in enumerate(group.chunks):
                if ColumnChunk.OFFSET_INDEX_OFFSET in chunk.struct:
                    pages += _hold_page_index_true(source, chunk, rows.column(leaf))
    return pages


def _hold_page_index_true(source, chunk, values) -> int:
    place = [chunk.struct.integer(field) for field in ColumnChunk.INDEX_PLACES]
    index = decode_struct(source.read(*place[:2]), {OffsetIndex.PAGE_LOCATIONS: {}})
    pages = index.structs(OffsetIndex.PAGE_LOCATIONS)
    offsets = [page.integer(PageLocation.OFFSET) for page in pages]
    ends = [
        at + page.integer(PageLocation.COMPRESSED_PAGE_SIZE)
        for at, page in zip(offsets, pages, strict=True)
    ]
    firsts = [page.integer(PageLocation.FIRST_ROW_INDEX) for page in pages]
    assert offsets[0] == chunk.metadata.integer(ColumnMetaData.DATA_PAGE_OFFSET)
    assert offsets[1:] == ends[:-1]
    assert ends[-1] == chunk.end
    assert firsts[0] == 0
    if place[2] is None or pa.types.is_nested(values.type):
        return len(pages)
    bounds = decode_struct(source.read(*place[2:]))
    _, nulls = decode_list(bounds.raw(ColumnIndex.NULL_COUNTS))
    _, lows = decode_list(bounds.raw(ColumnIndex.MIN_VALUES))
    cuts = pairwise([*firsts, len(values)])
    parts = [values.slice(start, end - start) for start, end in cuts]
    assert [len(one) for one in (nulls, lows)] == [len(pages)] * 2
    assert [raw[0] >> 1 for raw in nulls] == [part.null_count for part in parts]
    kind = values.type
    if pa.types.is_float64(kind) or pa.types.is_int64(kind):
        for part, raw in zip(parts, lows, strict=True):
            if part.null_count < len(part):
                known = part.drop_null().to_numpy()
                assert np.frombuffer(raw[1:], known.dtype)[0] == np.fmin.reduce(known)
    return len(pages)


@pytest.mark.parametrize("compression", [None, "zstd", "snappy"])
@pytest.mark.parametrize("writer", WRITERS)
def test_rows_are_the_same_to_three_engines(tmp_path, writer, compression):
    root = made(tmp_path / "ds", writer)
    before = readings(root)
    result = Dataset(root).compact(compression=compression)
    assert result.files_after == 3
    assert readings(root) == before
    for path in root.glob("*/*.parquet"):
        hold_statistics_true(path)
        hold_page_indexes_true(path)


def test_whole_numbers_are_copied_plain_ones_merged_and_texts_encoded(tmp_path, alone):
    root = made(tmp_path / "ds")
    Dataset(root).compact()
    assert alone == []
    found = encodings(the_file(root))
    assert COPIED in found["id"] & found["t"] & found["u"] & found["holes"] & found["small"]
    assert MERGED in found["price"] & found["f"]
    assert DECODED in found["side"] & found["key"]
    assert hold_page_indexes_true(the_file(root)) == FILES * 6 + 5


def test_merged_pages_are_the_bytes_that_encoding_the_rows_gives(tmp_path):
    root = made(tmp_path / "ds", rows=300)
    rows = pa.concat_tables(
        [pq.ParquetFile(path).read() for path in sorted((root / "part=0").iterdir())]
    )
    (tmp_path / "anew.parquet").write_bytes(encode_rows([rows], rows.schema))
    Dataset(root).compact()
    with Source.open(the_file(root)) as one, Source.open(tmp_path / "anew.parquet") as other:
        pages = []
        for source in (one, other):
            leaves = {column.name: column.first_leaf for column in source.footer.columns}
            chunk = source.footer.row_groups[0].chunks[leaves["price"]]
            pages.append(source.read(chunk.start, chunk.size))
        assert pages[0] == pages[1]


def test_columns_with_nan_are_encoded_anew_and_have_no_bounds(tmp_path, alone):
    root = made(tmp_path / "ds")
    some = table_of(3, 40).set_column(
        5, "price", pa.array([float("nan"), *range(39)], pa.float64())
    )
    write(root / "part=1" / "nan.parquet", some)
    before = readings(root)
    Dataset(root).compact()
    assert "part=0" not in alone
    assert readings(root) == before
    group = pq.read_metadata(the_file(root, "part=1")).row_group(0)
    assert not group.column(5).statistics.has_min_max
    group = pq.read_metadata(the_file(root, "part=0")).row_group(0)
    assert group.column(5).statistics.has_min_max


def test_bounds_of_zeros_are_the_outer_ones(tmp_path):
    root = tmp_path / "ds"
    for number, zero in enumerate((0.0, -0.0, 0.0)):
        table = pa.table({"v": pa.array([zero] * 5), "n": range(5)})
        write(root / "part=0" / f"{number}.parquet", table, "pyarrow")
    Dataset(root).compact()
    said = pq.read_metadata(the_file(root)).row_group(0).column(0).statistics
    assert [str(bound) for bound in (said.min, said.max)] == ["-0.0", "0.0"]


@pytest.mark.parametrize("kind", ["nested", "other type", "empty", "two row groups", "only NULL"])
def test_files_that_are_otherwise_are_decoded(tmp_path, alone, kind):
    root = made(tmp_path / "ds", folders=2)
    table = table_of(1, 60)
    if kind == "nested":
        table = table.append_column("more", pa.array([[1, 2]] * 60))
    elif kind == "other type":
        table = table.set_column(0, "id", table["id"].cast(pa.int32()))
    elif kind == "empty":
        table = table.slice(0, 0)
    elif kind == "only NULL":
        table = table.set_column(9, "holes", pa.nulls(60, pa.int32()))
    content = encode_table(table, row_group_rows=20 if kind == "two row groups" else 100)
    (root / "part=1" / "odd.parquet").write_bytes(content)
    old = pl.concat(
        [pl.read_parquet(p, glob=False) for p in root.glob("*/*.parquet")], how="diagonal_relaxed"
    )
    Dataset(root).compact()
    assert "part=0" not in alone
    new = pl.concat(
        [pl.read_parquet(p, glob=False) for p in root.glob("*/*.parquet")], how="diagonal_relaxed"
    )
    assert new.select(old.columns).sort("id", "price").equals(old.sort("id", "price"))
    hold_statistics_true(the_file(root, "part=0"))


def test_row_groups_end_where_a_file_ends_and_have_like_sizes(tmp_path, monkeypatch, alone):
    monkeypatch.setattr(paged_joining, "ROW_GROUP_ROWS", 130)
    root = made(tmp_path / "ds", folders=2)
    before = readings(root)
    Dataset(root).compact()
    assert readings(root) == before
    footer = pq.read_metadata(the_file(root))
    groups = [footer.row_group(number).num_rows for number in range(footer.num_row_groups)]
    assert groups == [50 + 51, 52 + 53, 54, 55]
    assert hold_page_indexes_true(the_file(root)) == FILES * 6 + 5 * len(groups)


def test_small_pages_and_those_that_would_be_much_shorter_are_not_copied(tmp_path, monkeypatch):
    monkeypatch.setattr(choosing, "FEWEST_VALUES", 51)
    root = made(tmp_path / "few", rows=40)
    Dataset(root).compact()
    hold_page_indexes_true(the_file(root))
    with Source.open(the_file(root)) as source:
        assert _pages_of(source, 0) == 1
    monkeypatch.setattr(choosing, "FEWEST_VALUES", 1)
    monkeypatch.setattr(choosing, "MOST_LOST", 0.0)
    root = made(tmp_path / "long", rows=40)
    Dataset(root).compact()
    with Source.open(the_file(root)) as source:
        assert _pages_of(source, 0) == 1


def _pages_of(source: Source, leaf: int) -> int:
    chunk = source.footer.row_groups[0].chunks[leaf]
    place = [chunk.struct.integer(field) for field in ColumnChunk.INDEX_PLACES[:2]]
    index = decode_struct(source.read(*place), {OffsetIndex.PAGE_LOCATIONS: {}})
    return len(index.structs(OffsetIndex.PAGE_LOCATIONS))


def spoiled(root: Path, column: str) -> None:
    """Change some bytes of a page of a column in one file."""
    victim = root / "part=1" / "3.parquet"
    with Source.open(victim) as source:
        leaf = next(one.first_leaf for one in source.footer.columns if one.name == column)
        end = source.footer.row_groups[0].chunks[leaf].end
    content = bytearray(victim.read_bytes())
    content[end - 9 : end - 3] = bytes(255 - byte for byte in content[end - 9 : end - 3])
    victim.write_bytes(content)


@pytest.mark.parametrize(
    ("writer", "column"),
    [*(("parquetry", column) for column in ("price", "side", "yes")), ("pyarrow", "price")],
)
def test_a_damaged_page_is_told_before_it_is_decoded(tmp_path, writer, column):
    root = made(tmp_path / "ds", writer, folders=2, rows=500)
    spoiled(root, column)
    held = {path: path.read_bytes() for path in root.glob("**/*.parquet")}
    with pytest.raises(CorruptionError, match=r"3\.parquet"):
        Dataset(root).compact()
    assert {path: path.read_bytes() for path in root.glob("**/*.parquet")} == held


def test_a_damaged_page_is_copied_with_the_checksum_that_shows_it(tmp_path, alone):
    root = made(tmp_path / "ds", folders=2, rows=500)
    spoiled(root, "id")
    Dataset(root).compact()
    assert alone == []
    with pytest.raises(OSError, match="CRC"):
        pq.ParquetFile(the_file(root, "part=1"), page_checksum_verification=True).read()


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("rows", [10, 25_000])
def test_keys_that_files_hold_are_the_pages_that_encoding_them_gives(
    tmp_path, alone, rows, optional
):
    root = tmp_path / "ds"
    field = pa.field("part", pa.string(), nullable=optional)
    whole: dict[str, list[pa.Table]] = {}
    for key, file in [(key, file) for key in ("é", "b") for file in range(3)]:
        numbers = pa.array(range(file, file + rows), pa.int64())
        table = pa.table(
            [numbers, pa.array([key] * rows, pa.string())],
            schema=pa.schema([pa.field("n", pa.int64()), field]),
        )
        whole.setdefault(key, []).append(table)
        write(root / f"part={key}" / f"{file}.parquet", table)
    before = readings(root)
    Dataset(root).compact()
    assert alone == []
    assert readings(root) == before
    for key, tables in whole.items():
        path = the_file(root, f"part={key}")
        hold_statistics_true(path)
        hold_page_indexes_true(path)
        anew = tmp_path / f"{key}.parquet"
        rows_of = pa.concat_tables(tables)
        options = writer_options(rows_of.schema, compression="none")
        anew.write_bytes(encode_rows([rows_of], rows_of.schema, options))
        with Source.open(path) as one, Source.open(anew) as other:
            pages = [
                source.read(chunk.start, chunk.size)
                for source in (one, other)
                for chunk in [source.footer.row_groups[0].chunks[1]]
            ]
        assert pages[0] == pages[1]


def test_long_keys_are_encoded(tmp_path, alone):
    root = tmp_path / "ds"
    key = "x" * 40
    for file in range(4):
        table = pa.table({"n": range(file, file + 9), "part": [key] * 9})
        write(root / f"part={key}" / f"{file}.parquet", table)
    before = readings(root)
    Dataset(root).compact()
    assert alone == []
    assert readings(root) == before
    hold_statistics_true(the_file(root, f"part={key}"))


@pytest.mark.parametrize("direction", ["ascending", "descending"])
def test_a_sort_order_is_kept(tmp_path, alone, direction):
    root = tmp_path / "ds"
    order = range(FILES) if direction == "ascending" else reversed(range(FILES))
    for folder in range(2):
        for number, file in enumerate(order if folder == 0 else range(FILES)):
            rows = table_of(file, 50, file * 1000).sort_by([("id", direction)])
            path = root / f"part={folder}" / f"{number}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encode_table(rows, sorting=[("id", direction)]))
    Dataset(root).compact()
    assert alone == []
    for folder in ("part=0", "part=1"):
        found = pq.ParquetFile(the_file(root, folder)).read()["id"].to_pylist()
        assert found == sorted(found, reverse=direction == "descending")
        (claim,) = pq.read_metadata(the_file(root, folder)).row_group(0).sorting_columns
        assert (claim.column_index, claim.descending) == (0, direction == "descending")


def test_files_that_overlap_are_merged(tmp_path):
    root = tmp_path / "ds" / "part=0"
    for number in range(4):
        rows = table_of(number, 50, number * 10)
        root.mkdir(parents=True, exist_ok=True)
        (root / f"{number}.parquet").write_bytes(encode_table(rows, sorting=["id"]))
    Dataset(root.parent).compact()
    found = pq.ParquetFile(the_file(root.parent)).read()["id"].to_pylist()
    assert found == sorted(found)
    assert len(found) == 200


KINDS = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.int8(): st.integers(-128, 127),
    pa.float64(): st.floats(),
    pa.float32(): st.floats(width=32),
    pa.bool_(): st.booleans(),
    pa.string(): st.text("ab\0é", max_size=3),
    pa.date32(): st.dates(),
    pa.decimal128(9, 2): st.decimals(-(10**6), 10**6, places=2),
    pa.list_(pa.int64()): st.lists(st.integers(0, 9), max_size=2),
}


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_any_rows_come_out_as_they_went_in(tmp_path_factory, data):
    root = tmp_path_factory.mktemp("paged") / "ds"
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=4))
    optional = data.draw(st.booleans())
    fields = [pa.field(f"c{n}", kind, nullable=optional) for n, kind in enumerate(kinds)]
    writer = data.draw(st.sampled_from(WRITERS[:3]))
    for folder in range(2):
        for file in range(data.draw(st.integers(1, 3))):
            rows = data.draw(st.integers(1, 9))
            columns = [
                data.draw(
                    st.lists(
                        KINDS[kind] | st.none() if optional else KINDS[kind],
                        min_size=rows,
                        max_size=rows,
                    )
                )
                for kind in kinds
            ]
            arrays = [pa.array(c, k) for c, k in zip(columns, kinds, strict=True)]
            table = pa.Table.from_arrays(arrays, schema=pa.schema(fields))
            write(root / f"part={folder}" / f"{file}.parquet", table, writer)
    before = readings(root)
    Dataset(root).compact()
    assert readings(root) == before
    for path in root.glob("*/*.parquet"):
        hold_page_indexes_true(path)


@pytest.mark.parametrize("kinds", [1, 2, 3, 5, 100, 250, 300])
@pytest.mark.parametrize("writer", ["parquetry", "polars"])
def test_texts_are_encoded_as_they_would_be_from_the_beginning(tmp_path, kinds, writer):
    root = tmp_path / "ds"
    chance = random.Random(kinds)
    tables = []
    for number in range(4):
        run = [f"é{chance.randrange(kinds)}" for _ in range(100) for _ in range(5)]
        texts = [text for text in run for _ in range(chance.choice([1, 1, 20]))]
        tables.append(pa.table({"n": range(len(texts)), "text": texts}))
        write(root / "part=0" / f"{number}.parquet", tables[-1], writer)
    Dataset(root).compact()
    whole = pa.concat_tables(tables)
    found = pq.ParquetFile(the_file(root)).read()
    assert found["text"].to_pylist() == whole["text"].to_pylist()
    if writer == "parquetry":
        (tmp_path / "anew.parquet").write_bytes(encode_rows([whole], whole.schema))
        chunks = [
            pq.read_metadata(path).row_group(0).column(1)
            for path in (the_file(root), tmp_path / "anew.parquet")
        ]
        assert chunks[0].total_compressed_size == chunks[1].total_compressed_size
        assert chunks[0].statistics == chunks[1].statistics
    hold_statistics_true(the_file(root))
