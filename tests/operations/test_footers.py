"""What is told of footers that are read together is what PyArrow says of each."""

from __future__ import annotations

import dataclasses
import datetime as dt
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parquetry.errors import ConflictError, CorruptionError, ParquetryError
from parquetry.files.encoding import Encoder, encode_table
from parquetry.files.footers import KnownFooters, read_footer, read_schema
from parquetry.files.splicing import Source, Splicer
from parquetry.model.changes import FileState
from parquetry.model.schema import normal_schema
from parquetry.operations.bounds import GroupPlace, read_bounds
from parquetry.operations.footers import Footers
from parquetry.operations.scope import ScopedFile
from parquetry.operations.types import polars_type

MOMENTS = st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2200, 1, 1)).map(
    lambda one: one.replace(microsecond=one.microsecond // 1000 * 1000)
)
VALUES = {
    pa.int8(): st.integers(-128, 127),
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint16(): st.integers(0, 2**16 - 1),
    pa.uint32(): st.integers(0, 2**32 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=20),
    pa.binary(): st.binary(max_size=20),
    pa.date32(): MOMENTS.map(dt.datetime.date),
    pa.timestamp("ms"): MOMENTS,
    pa.timestamp("us"): MOMENTS,
    pa.timestamp("ns"): MOMENTS,
    pa.timestamp("us", "Europe/Berlin"): MOMENTS.map(lambda one: one.replace(tzinfo=dt.UTC)),
    pa.decimal128(10, 2): st.integers(-(2**31), 2**31).map(lambda n: Decimal(n).scaleb(-2)),
    pa.list_(pa.int32()): st.lists(st.integers(0, 9), max_size=3),
    pa.struct({"x": pa.int64()}): st.fixed_dictionaries({"x": st.integers(0, 9)}),
}
SCHEMA = pa.schema([(f"c{number}", kind) for number, kind in enumerate(VALUES)])


@st.composite
def tables(draw):
    rows = draw(st.integers(0, 5))
    columns = [
        pa.array(draw(st.lists(values | st.none(), min_size=rows, max_size=rows)), kind)
        for kind, values in VALUES.items()
    ]
    return pa.table(columns, schema=SCHEMA)


def scoped(path) -> ScopedFile:
    facts = path.stat()
    state = FileState(path.name, facts.st_size, facts.st_mtime_ns, facts.st_ino)
    columns = normal_schema(read_schema(str(path)))
    return ScopedFile(state, str(path.parent), columns, {}, frozenset())


def footers_of(files) -> Footers:
    (found,) = Footers.of_files(files, KnownFooters())
    return found


def by_pyarrow(files, name, kind):
    places = [
        GroupPlace(file.path, footer, number, file.columns)
        for file in files
        for footer in [read_footer(file.path)]
        for number in range(footer.num_row_groups)
    ]
    return read_bounds(places, name, kind)


def as_lists(bounds) -> dict[str, list]:
    return {
        one.name: getattr(bounds, one.name).to_list()
        if isinstance(getattr(bounds, one.name), pl.Series)
        else getattr(bounds, one.name).tolist()
        for one in dataclasses.fields(bounds)
    }


def assert_alike(files, schema) -> None:
    footers = footers_of(files)
    for field in schema:
        if polars_type(field.type) is None:
            continue
        found = as_lists(footers.bounds(field.name, field.type))
        expected = as_lists(by_pyarrow(files, field.name, field.type))
        # counts of NaN that PyArrow does not tell may rule out more of them, never fewer
        expected["nans"] = [a and b for a, b in zip(found["nans"], expected["nans"], strict=True)]
        assert found == expected, field


@settings(deadline=None, max_examples=60, suppress_health_check=list(HealthCheck))
@given(st.lists(tables(), min_size=2, max_size=6), st.integers(1, 3))
def test_bounds_are_those_that_pyarrow_tells(tmp_path_factory, found, group_rows):
    folder = tmp_path_factory.mktemp("footers")
    files = []
    for number, table in enumerate(found):
        path = folder / f"{number}.parquet"
        match number % 3:
            case 0:
                path.write_bytes(encode_table(table))
            case 1:
                pq.write_table(table, path, row_group_size=group_rows)
            case _:
                pl.from_arrow(table.drop_columns(["c16", "c17"])).write_parquet(
                    path, row_group_size=group_rows
                )
        files.append(scoped(path))
    assert_alike(files, SCHEMA)


def test_a_count_of_nan_is_told_without_another_look(tmp_path):
    files = []
    for number in range(4):
        path = tmp_path / f"{number}.parquet"
        values = [1.0, float("nan") if number == 2 else 2.0]
        table = pa.table({"x": values})
        with path.open("wb") as sink, Encoder(sink, table.schema) as encoder:
            encoder.write(table)
        files.append(scoped(path))
    assert footers_of(files).bounds("x", pa.float64()).nans.tolist() == [False, False, True, False]


def test_texts_are_certain_by_their_bytes(tmp_path):
    """Writers cut bounds by bytes: eight letters of two bytes each may be the beginning of more."""
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"x": ["é" * 7, "é" * (7 + number)]}), path)
        files.append(scoped(path))
    assert footers_of(files).bounds("x", pa.string()).certain.tolist() == [True, False, False]
    assert_alike(files, files[0].columns)


def test_row_groups_are_counted_through_all_files(tmp_path):
    files = []
    for number, rows in enumerate([4, 0, 5, 4, 4]):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"x": list(range(rows))}), path, row_group_size=2)
        files.append(scoped(path))
    empty = tmp_path / "none.parquet"
    with Source.open(files[0].path) as source, empty.open("wb") as sink:
        Splicer(sink, source.footer).finish()
    files.insert(1, scoped(empty))
    footers = footers_of(files)
    assert footers.group_rows == [
        [read_footer(file.path).row_group(n).num_rows for n in range(groups)]
        for file in files
        for groups in [read_footer(file.path).num_row_groups]
    ]
    places = [footers.place(number) for number in range(int(footers.counts.sum()))]
    assert [(one.path, one.index) for one in places] == [
        (file.path, index)
        for file, rows in zip(files, footers.group_rows, strict=True)
        for index in range(len(rows))
    ]


def test_a_file_that_is_none_is_named(tmp_path):
    files = []
    for number in range(3):
        path = tmp_path / f"{number}.parquet"
        pq.write_table(pa.table({"x": [number]}), path)
        files.append(scoped(path))
    (tmp_path / "1.parquet").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(CorruptionError, match=r"1\.parquet"):
        footers_of(files)


def test_files_of_other_writers_are_understood_alike(real_data):
    understood = 0
    for path in sorted(real_data.rglob("*.parquet")):
        try:
            file = scoped(path)
        except ParquetryError:  # some are there to be refused
            continue
        assert_alike([file, file, file], file.columns)
        understood += 1
    assert understood


def test_a_small_file_that_was_exchanged_since_its_footer_was_read_is_a_conflict(tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"n": [1, 2, 3]}), path)
    opened = footers_of([scoped(path)]).opened(0)
    assert opened.read(0)["n"].to_pylist() == [1, 2, 3]
    opened.close()
    pq.write_table(pa.table({"n": [1, 2]}), path)
    with pytest.raises(ConflictError, match="is not what it was"):
        opened.read(0)
