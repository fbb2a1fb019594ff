"""Sorted files that become one stay sorted, however they overlap and however large they are."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.dataset import Dataset
from parquetry.operations import merging
from parquetry.operations.decoding import CHUNK_ROWS
from parquetry.operations.joined_output import sort_rows


def write(path, table, sorting, group_rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    ordered = sort_rows(table, sorting)
    claims = [
        pq.SortingColumn(table.schema.get_field_index(name), descending=down, nulls_first=first)
        for name, down, first in sorting
    ]
    pq.write_table(ordered, path, sorting_columns=claims, row_group_size=group_rows)


def read(folder):
    (path,) = folder.glob("*.parquet")
    return pq.ParquetFile(path)


def test_a_file_of_many_row_groups_that_overlap_is_sorted_as_a_whole(tmp_path):
    rows = 300_000
    folder = tmp_path / "ds"
    random = np.random.default_rng(3)
    for number in range(4):
        values = random.integers(0, 10**12, rows)
        table = pa.table({"v": values, "text": [f"{v:040}" for v in values]})
        write(folder / f"{number}.parquet", table, [("v", False, False)], 100_000)
    assert sum(path.stat().st_size for path in folder.glob("*.parquet")) > 16 << 20
    Dataset(folder).compact()
    file = read(folder)
    values = file.read()["v"].to_numpy()
    assert len(values) == 4 * rows
    assert (np.diff(values) >= 0).all()
    assert file.num_row_groups > 1
    assert all(
        file.metadata.row_group(n).sorting_columns == (pq.SortingColumn(0),)
        for n in range(file.num_row_groups)
    )


def test_only_files_that_overlap_are_decoded(tmp_path):
    folder = tmp_path / "ds"
    spans = [(0, 100), (50, 150), (200, 300)]
    for number, (low, high) in enumerate(spans):
        values = np.sort(np.random.default_rng(number).integers(low, high, 40_000))
        values[0], values[-1] = low, high
        write(folder / f"{number}.parquet", pa.table({"v": values}), [("v", False, False)], 40_000)
    last = pq.ParquetFile(folder / "2.parquet").metadata.row_group(0).column(0)
    content = (folder / "2.parquet").read_bytes()
    start = (
        last.data_page_offset
        if last.dictionary_page_offset is None
        else last.dictionary_page_offset
    )
    chunk = content[start : start + last.total_compressed_size]
    Dataset(folder).compact()
    (path,) = folder.glob("*.parquet")
    assert chunk in path.read_bytes()
    assert (np.diff(pq.read_table(path)["v"].to_numpy()) >= 0).all()


def test_null_in_files_whose_bounds_do_not_overlap_goes_to_the_end(tmp_path):
    folder = tmp_path / "ds"
    for number in range(2):
        values = pa.array([number * 10 + 1, number * 10 + 2, None])
        write(folder / f"{number}.parquet", pa.table({"v": values}), [("v", False, False)], 3)
    Dataset(folder).compact()
    assert read(folder).read()["v"].to_pylist() == [1, 2, 11, 12, None, None]


sorted_files = st.lists(
    st.lists(st.tuples(st.none() | st.integers(0, 9), st.integers(0, 3)), max_size=30),
    min_size=2,
    max_size=5,
)


@settings(deadline=None, max_examples=60)
@given(
    sorted_files,
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=2),
    st.integers(1, 12),
)
def test_any_sorted_files_become_a_sorted_file_of_the_same_rows(contents, how, group_rows):
    sorting = [(name, *one) for name, one in zip("vw", how, strict=False)]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "ds"
        tables = []
        for number, rows in enumerate(contents):
            table = pa.table(
                {
                    "v": pa.array([v for v, _ in rows], pa.int64()),
                    "w": pa.array([w for _, w in rows], pa.int64()),
                    "n": pa.array([number * 100 + n for n in range(len(rows))], pa.int64()),
                }
            )
            write(folder / f"{number}.parquet", table, sorting, group_rows)
            tables.append(table)
        Dataset(folder).compact()
        (path,) = folder.glob("*.parquet")
        found = pq.ParquetFile(path).read()
    assert found.sort_by("n").equals(pa.concat_tables(tables).sort_by("n"))
    assert found.select(["v", "w"]).equals(sort_rows(found, sorting).select(["v", "w"]))


@pytest.mark.parametrize("descending", [False, True])
def test_a_merge_sorts_few_rows_at_once(tmp_path, monkeypatch, descending):
    folder = tmp_path / "ds"
    count = 3 * CHUNK_ROWS
    for number in range(3):
        values = np.arange(count, dtype=np.int64) * 3 + number
        table = pa.table({"v": values})
        write(folder / f"{number}.parquet", table, [("v", descending, False)], CHUNK_ROWS)
    most = []

    def sorted_places(table, sorting):
        most.append(table.num_rows)
        return real(table, sorting)

    real = merging.sorted_places
    monkeypatch.setattr(merging, "sorted_places", sorted_places)
    Dataset(folder).compact()
    assert max(most) <= merging._ROWS_AT_ONCE
    steps = np.diff(read(folder).read()["v"].to_numpy())
    assert (steps == (-1 if descending else 1)).all()
