"""Files spliced together are, byte for byte, what a splicer makes of each by itself."""

from __future__ import annotations

import io
import random
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.errors import ParquetryError
from parquetry.files.bundles import joined_indexes, page_indexes
from parquetry.files.bundles.alike import Alike, LooseGroups, read_alike, read_raw_footer
from parquetry.files.bundles.extending import Tails
from parquetry.files.bundles.splicing import (
    change_files,
    concatenate_alike,
    joined,
    leaves_of,
    read_change,
    write_new,
)
from parquetry.files.encoding import Encoder, writer_options
from parquetry.files.lockstep import UnusualError, each_shape
from parquetry.files.splicing import Source, Splicer, is_extendable
from parquetry.files.splicing.file_bytes import FileBytes
from parquetry.files.writer_options import CODECS

CONFORMANCE = Path(__file__).resolve().parents[3] / "shared" / "data" / "parquet-testing" / "data"
CONFORMANCE_NAMES = sorted(path.name for path in CONFORMANCE.glob("*.parquet")) or ["(absent)"]

# --- the two ways --------------------------------------------------------------------------------


def one_by_one(data: bytes, new: dict[int, tuple[Source, int]], names, **options) -> bytes:
    """Return what a splicer makes of a file, with columns of some row groups taken from elsewhere."""
    source, sink = Source.from_buffer(data), io.BytesIO()
    splicer = Splicer(sink, source.footer, **options)
    for group in range(len(source.footer.row_groups)):
        replaced = dict.fromkeys(names, new[group]) if group in new else {}
        splicer.copy_row_group(source, group, replaced)
    splicer.finish()
    return sink.getvalue()


def shapes_of(contents: list[bytes], reference=None, worth=1, **options) -> list[Alike]:
    files = [FileBytes(f"file {n}", data=data) for n, data in enumerate(contents)]
    footers = [read_raw_footer(file) for file in files]
    return list(
        each_shape(
            len(files),
            lambda numbers: read_alike(files, footers, numbers, reference, **options),
            worth,
        )
    )


def encoded_together(tables: list[pa.Table], codec="zstd", *, text_codes: bool = True) -> bytes:
    sink = io.BytesIO()
    options = writer_options(tables[0].schema, compression=codec)
    if not text_codes:
        options = replace(options, arguments={**options.arguments, "use_dictionary": False})
    with Encoder(sink, tables[0].schema, options) as encoder:
        for table in tables:
            encoder.write(table)
            encoder.end_row_group()
    return sink.getvalue()


# --- files to do it with -------------------------------------------------------------------------

MAKERS = {
    "i64": lambda r: r.choice([0, 1, -1, 2**40, -(2**63), r.getrandbits(20)]),
    "i8": lambda r: r.randint(-128, 127),
    "f64": lambda r: r.choice([0.0, -1.5, r.random(), 1e300]),
    "nan": lambda r: r.choice([1.0, float("nan")]),
    "text": lambda r: r.choice(["", "a", "ü" * 70, "long" * r.randint(0, 60)]),
    "flag": lambda r: r.random() < 0.5,
    "many": lambda r: [r.random() for _ in range(r.randint(0, 3))],
    "pair": lambda r: {"x": r.random(), "y": r.choice(["p", "q", None])},
}
TYPES = {
    "i64": pa.int64(),
    "i8": pa.int8(),
    "f64": pa.float64(),
    "nan": pa.float32(),
    "text": pa.string(),
    "flag": pa.bool_(),
    "many": pa.list_(pa.float64()),
    "pair": pa.struct({"x": pa.float64(), "y": pa.string()}),
}


def table_of(names: list[str], rows: int, seed: int, nulls: float) -> pa.Table:
    chance = random.Random(seed)
    columns = {
        name: pa.array(
            [None if chance.random() < nulls else MAKERS[name](chance) for _ in range(rows)],
            TYPES[name],
        )
        for name in names
    }
    return pa.table(columns)


def by_arrow(table: pa.Table, rows: int, **options) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=rows, **options)
    return sink.getvalue()


def by_polars(table: pa.Table, rows: int) -> bytes:
    sink = io.BytesIO()
    pl.DataFrame(table).write_parquet(sink, row_group_size=rows)
    return sink.getvalue()


def by_house(table: pa.Table, rows: int, **options) -> bytes:
    sink = io.BytesIO()
    options = writer_options(table.schema, row_group_rows=rows, **options)
    with Encoder(sink, table.schema, options) as encoder:
        encoder.write(table)
    return sink.getvalue()


def with_pages(table: pa.Table, rows: int) -> bytes:
    return by_arrow(
        table,
        rows,
        write_page_index=True,
        max_rows_per_page=2,
        write_batch_size=1,
        compression="none",
    )


def with_order(table: pa.Table, rows: int) -> bytes:
    sorting = [pq.SortingColumn(0), pq.SortingColumn(table.num_columns - 1)]
    return by_arrow(table, rows, sorting_columns=sorting, version="1.0")


def with_blooms(table: pa.Table, rows: int) -> bytes:
    return by_house(table, rows, bloom_columns=[n for n in table.column_names if n != "flag"])


def with_pandas(table: pa.Table, rows: int) -> bytes:
    metadata = {"pandas": "as many rows as ever", "other": "the same"}
    return by_arrow(table.replace_schema_metadata(metadata), rows, compression="gzip")


WRITERS = [by_arrow, by_polars, by_house, with_pages, with_order, with_blooms, with_pandas]


@st.composite
def bundles(draw, most_groups: int = 2) -> tuple[list[bytes], list[pa.Table], int]:
    """Draw files of one writer and schema, and how many rows a full row group of theirs has."""
    names = draw(st.lists(st.sampled_from([*MAKERS]), min_size=1, max_size=4, unique=True))
    write = draw(st.sampled_from(WRITERS))
    size = draw(st.integers(1, 40))
    groups = draw(st.integers(1, most_groups))
    nulls = draw(st.sampled_from([0.0, 0.0, 0.3, 1.0]))
    tables = [
        table_of(names, draw(st.integers(size * (groups - 1) + 1, size * groups)), seed, nulls)
        for seed in range(draw(st.integers(1, 12)))
    ]
    return [write(table, size) for table in tables], tables, size


# --- what is held --------------------------------------------------------------------------------


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_columns_are_replaced_as_by_a_splicer(data):
    contents, tables, size = data.draw(bundles())
    options = {"float_bounds": data.draw(st.sampled_from(["proven", "all"]))}
    names = data.draw(st.sets(st.sampled_from(tables[0].column_names), min_size=1))
    names = [name for name in tables[0].column_names if name in names]
    setting = data.draw(st.sets(st.integers(0, -(-tables[0].num_rows // size) - 1)))
    codec = data.draw(st.sampled_from(["zstd", "none"]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page_indexes, "_FEWEST", data.draw(st.sampled_from([1, 8])))
        for files in shapes_of(contents, **options):
            encoded = {
                group: encoded_together(
                    [tables[n].select(names).slice(group * size, size) for n in files.members],
                    codec,
                )
                for group in setting
            }
            sources = {group: Source.from_buffer(one) for group, one in encoded.items()}
            for row, content in together(files, encoded):
                replaced = {group: (source, row) for group, source in sources.items()}
                before = contents[files.members[row]]
                assert content == one_by_one(before, replaced, names, **options)


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_rows_come_behind_as_by_a_splicer(data):
    contents, tables, _ = data.draw(bundles(most_groups=1))
    options = {"float_bounds": data.draw(st.sampled_from(["proven", "all"]))}
    columns = tables[0].column_names
    names = data.draw(st.sets(st.sampled_from(columns), max_size=len(columns) - 1))
    names = [name for name in columns if name in names]
    kept = [name for name in columns if name not in names]
    codec = data.draw(st.sampled_from(["zstd", "none", "snappy"]))
    more = [
        table_of(
            columns, data.draw(st.integers(1, 3)), 100 + n, data.draw(st.sampled_from([0.0, 0.5]))
        )
        for n in range(len(tables))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(joined_indexes, "_FEWEST", data.draw(st.sampled_from([1, 8])))
        for files in shapes_of(contents, **options):
            members = files.members.tolist()
            groups = encoded_together(
                [more[n].select(kept) for n in members], codec, text_codes=False
            )
            tails = LooseGroups.of(FileBytes("tails", data=groups))
            encoded = {}
            if names:
                both = [pa.concat_tables([tables[n], more[n]]).select(names) for n in members]
                encoded[0] = encoded_together(both, codec)
            wanted = Tails(tails, leaves_of(files.example, kept), CODECS[codec])
            behind = Source.from_buffer(groups)
            set_ones = Source.from_buffer(encoded[0]) if names else behind
            for row, content in together(files, encoded, wanted):
                source, sink = Source.from_buffer(contents[members[row]]), io.BytesIO()
                assert is_extendable(source, 0, kept, CODECS[codec])
                splicer = Splicer(sink, source.footer, **options)
                replaced = dict.fromkeys(names, (set_ones, row))
                splicer.copy_row_group(source, 0, replaced, (behind, row))
                splicer.finish()
                assert content == sink.getvalue()


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_files_become_one_as_by_a_splicer(data):
    contents, _, _ = data.draw(bundles())
    options = {"float_bounds": data.draw(st.sampled_from(["proven", "all"]))}
    reference = Source.from_buffer(data.draw(st.sampled_from(contents))).footer
    for files in shapes_of(contents, reference, **options):
        count = len(files.members)
        ends = np.array(sorted({count, *data.draw(st.sets(st.integers(1, count)))}))
        begin = 0
        for end, one in zip(ends, concatenate_alike(files, ends, reference), strict=True):
            sink = io.BytesIO()
            splicer = Splicer(sink, reference, **options)
            for member in files.members[begin:end]:
                splicer.copy_row_groups(Source.from_buffer(contents[member]))
            facts = splicer.finish()
            written = io.BytesIO()
            write_new(one, written)
            assert written.getvalue() == joined(one) == sink.getvalue()
            assert (one.rows, one.size) == (facts.rows, facts.bytes)
            begin = end


@settings(deadline=None, max_examples=300)
@given(st.data())
def test_a_spoiled_file_is_left_to_the_splicer_or_spliced_as_by_it(data):
    names = ["f64", "text", "nan"]
    write = data.draw(st.sampled_from(WRITERS))
    contents = [write(table_of(names, 9, seed, 0.2), 5) for seed in range(3)]
    starts = [Source.from_buffer(one).footer.start for one in contents]
    for _ in range(data.draw(st.integers(1, 2))):
        which = data.draw(st.integers(0, 2))
        spoiled = bytearray(contents[which])
        at = data.draw(st.integers(starts[which] - 150, len(spoiled) - 9))
        spoiled[at] = data.draw(st.integers(0, 255))
        contents[which] = bytes(spoiled)
    for files in shapes_of(contents):
        for row, content in together(files, {}):
            assert content == one_by_one(contents[files.members[row]], {}, [])


@pytest.mark.data
@pytest.mark.parametrize("name", CONFORMANCE_NAMES)
def test_the_formats_own_files_are_spliced_as_by_a_splicer(real_data, name):
    data = (real_data / "parquet-testing" / "data" / name).read_bytes()
    try:
        expected = one_by_one(data, {}, [])
    except ParquetryError:
        expected = None
    found = [content for files in shapes_of([data] * 2) for _, content in together(files, {})]
    assert found in ([], [expected] * 2)


@pytest.mark.data
def test_most_of_the_formats_own_files_are_not_unusual(real_data):
    folder = real_data / "parquet-testing" / "data"
    known = [path for path in folder.glob("*.parquet") if shapes_of([path.read_bytes()] * 2)]
    assert len(known) > 40


def test_most_rows_that_come_behind_do_so_together():
    names = [name for name in MAKERS if name != "nan"]  # of which there is no column index
    tables = [table_of(names, 30, seed, 0.2) for seed in range(6)]
    more = [table.slice(0, 2) for table in tables]
    (files,) = shapes_of([by_house(table, 100) for table in tables])
    groups = encoded_together(more, text_codes=False)
    tails = LooseGroups.of(FileBytes("tails", data=groups))
    wanted = Tails(tails, leaves_of(files.example, names), CODECS["zstd"])
    found = dict(together(files, {}, wanted))
    assert len(found) == 6
    for row, content in found.items():
        read = pq.read_table(io.BytesIO(content))
        assert repr(read.to_pylist()) == repr(
            pa.concat_tables([tables[row], more[row]]).to_pylist()
        )


# --- what is alike -------------------------------------------------------------------------------


def house_files(*tables: pa.Table, rows: int = 100, **options) -> list[bytes]:
    return [by_house(table, rows, **options) for table in tables]


def test_files_that_differ_in_numbers_and_texts_are_alike():
    files = house_files(*[table_of([*MAKERS], 30 + n, n, 0.0) for n in range(6)])
    (alike,) = shapes_of(files)
    assert alike.members.tolist() == [*range(6)]


def test_counts_of_pages_may_differ():
    tables = [table_of(["i64", "text"], rows, rows, 0.0) for rows in (2, 9, 40, 9, 80)]
    (alike,) = shapes_of([with_pages(table, 100) for table in tables])
    assert alike.members.tolist() == [*range(5)]


def test_bounds_of_floats_fall_file_by_file():
    values = [[1.0, 2.0], [1.0, float("nan")], [3.0, 4.0], [float("nan"), 0.0]]
    files = house_files(*[pa.table({"f": one, "n": [1, 2]}) for one in values])
    assert [alike.members.tolist() for alike in shapes_of(files)] == [[0, 2], [1, 3]]


def test_other_schemas_sort_orders_and_metadata_are_other_shapes():
    table = pa.table({"a": [1, 2], "b": ["x", "y"]})
    files = [
        by_house(table, 9),
        by_house(table.rename_columns(["a", "c"]), 9),
        by_house(table, 9, sorting=["a"]),
        by_house(table, 9, sorting=["b"]),
        by_house(table.replace_schema_metadata({"note": "x"}), 9),
        by_house(table.replace_schema_metadata({"note": "y"}), 9),
        by_house(table, 9),
    ]
    found = [alike.members.tolist() for alike in shapes_of(files)]
    assert found == [[0, 6], [1], [2], [3], [4], [5]]


def test_files_of_writers_who_are_not_believed_are_left_to_the_splicer():
    old = b"parquet-cpp version 1.3.0  "
    data = by_arrow(pa.table({"a": [1, 2]}), 9)
    created = pq.read_metadata(io.BytesIO(data)).created_by.encode()
    assert shapes_of([data.replace(created, old.ljust(len(created)))] * 2) == []


def test_columns_with_other_row_counts_are_refused():
    (files,) = shapes_of(house_files(*[pa.table({"a": [1, 2], "b": [3, 4]})] * 2))
    encoded = encoded_together([pa.table({"a": [1]})] * 2)
    with pytest.raises(UnusualError):
        list(together(files, {0: encoded}))


def together(files: Alike, encoded: dict[int, bytes], tails: Tails | None = None):
    """Yield the files that can be spliced together, with their places among those that are alike."""
    new = {group: LooseGroups.of(FileBytes("new", data=one)) for group, one in encoded.items()}
    for change in each_shape(len(files.members), partial(read_change, files, new, tails), 1):
        yield from zip(
            change.members.tolist(), map(joined, change_files(files, change)), strict=True
        )
