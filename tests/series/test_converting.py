"""Text becomes Parquet once, cut for blocks."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from parquetry.errors import (
    ConflictError,
    CorruptionError,
    NotFoundError,
    ParameterError,
    SchemaMismatchError,
)
from parquetry.series.converting import convert_series, write_series
from parquetry.series.facts import check_series, series_info
from parquetry.series.finding import open_series
from parquetry.series.layout import MAX_CHUNKS, SeriesLayout
from parquetry.series.lazy import LazyTimeScenarioSeriesData
from parquetry.series.texts import read_text


def test_every_text_of_a_folder_gets_a_twin_with_the_same_numbers(folder):
    (folder / "a.txt").write_text("1 2\n3 4\n")
    (folder / "b.v2.csv").write_text("0.1\n0.2\n")
    report = convert_series(folder, block_length=1)
    assert [series.name for series in report.series] == ["a", "b.v2"]
    assert report.written == 2
    assert np.array_equal(open_series(folder, "a").get_value([0, 1], [0, 1]), [[1, 2], [3, 4]])
    assert pl.read_parquet(folder / "b.v2.parquet").rows() == [(0.1,), (0.2,)]


def test_a_twin_that_is_up_to_date_is_left_alone(folder):
    (folder / "a.txt").write_text("1\n")
    convert_series(folder)
    before = (folder / "a.parquet").stat()
    report = convert_series(folder)
    assert report.written == 0
    assert (folder / "a.parquet").stat() == before
    assert convert_series(folder, overwrite=True).written == 1


def test_a_stale_twin_is_replaced(folder):
    (folder / "a.txt").write_text("1\n")
    convert_series(folder)
    (folder / "a.txt").write_text("2\n")
    later = (folder / "a.parquet").stat().st_mtime_ns + 10**9
    os.utime(folder / "a.txt", ns=(later, later))
    assert convert_series(folder).written == 1
    assert open_series_value(folder / "a.parquet") == 2.0


def open_series_value(path):
    return float(LazyTimeScenarioSeriesData(path).get_value([0], np.array([0]))[0, 0])


def test_one_bad_text_stops_the_conversion_before_anything_is_written(folder):
    (folder / "a.txt").write_text("1\n")
    (folder / "b.txt").write_text("x\n")
    with pytest.raises(SchemaMismatchError, match=r"b\.txt"):
        convert_series(folder)
    assert sorted(os.listdir(folder)) == ["a.txt", "b.txt"]


def test_two_texts_of_one_name_are_refused(folder):
    (folder / "a.txt").write_text("1\n")
    (folder / "a.csv").write_text("1\n")
    with pytest.raises(ParameterError, match=r"would both become a\.parquet"):
        convert_series(folder)


def test_a_missing_folder_and_an_empty_block_are_refused(folder):
    with pytest.raises(NotFoundError):
        convert_series(folder / "nowhere")
    with pytest.raises(ParameterError, match="at least one step"):
        convert_series(folder, 0)


def test_nothing_but_the_series_is_left_in_their_folder(folder):
    write_series(folder / "a.parquet", np.ones((5, 2)))
    write_series(folder / "a.parquet", np.zeros((5, 2)))
    assert os.listdir(folder) == ["a.parquet"]
    state = folder.parent / ".parquetry" / "datasets" / "data-series" / "staging"
    assert os.listdir(state) == []


@pytest.mark.parametrize(
    ("rows", "columns", "groups", "files"),
    [(8760, 1, 53, 1), (8760, 200, 9, 1), (8760, 2000, 9, 10), (8760, 20, 53, 1), (1, 5000, 1, 25)],
)
def test_row_groups_hold_whole_blocks_and_footers_stay_small(rows, columns, groups, files):
    layout = SeriesLayout.of(rows, columns, 168)
    assert layout.row_group_rows % 168 == 0
    assert -(-rows // layout.row_group_rows) == groups
    assert len(layout.column_ranges()) == files
    assert layout.file_columns * groups <= MAX_CHUNKS


def test_many_scenarios_go_to_files_by_scenario_range(folder):
    values = np.random.default_rng(3).random((40, 450))
    layout = write_series(folder / "s.parquet", values, block_length=4)
    assert layout.file_columns == 150
    names = [
        "scenarios-000000-000149.parquet",
        "scenarios-000150-000299.parquet",
        "scenarios-000300-000449.parquet",
    ]
    assert sorted(os.listdir(folder / "s.parquet")) == names
    lazy = LazyTimeScenarioSeriesData(folder / "s.parquet")
    columns = np.array([449, 0, 150, 149, 449])
    for steps in (range(3, 30), [39, 0], range(40)):
        assert np.array_equal(lazy.get_value(steps, columns), values[np.ix_(steps, columns)])
        assert np.array_equal(
            lazy.mapped(None).get_value(steps, columns), values[np.ix_(steps, columns)]
        )
    assert check_series(folder) == []
    write_series(folder / "s.parquet", values[:, :3], block_length=4)
    assert series_info(folder / "s.parquet").files == 1
    write_series(folder / "s.parquet", values, block_length=4)
    assert series_info(folder / "s.parquet").files == 3


def test_values_are_plain_floats_without_nulls_or_statistics(folder):
    write_series(folder / "a.parquet", np.array([[1.0, np.nan]]))
    metadata = pq.read_metadata(folder / "a.parquet")
    chunk = metadata.row_group(0).column(0)
    assert chunk.statistics is None
    assert chunk.compression == "UNCOMPRESSED"
    assert metadata.schema.column(0).max_definition_level == 0
    info = series_info(folder / "a.parquet")
    assert (info.rows, info.columns, info.nan_values) == (1, 2, 1)


def test_a_series_makes_its_folder(tmp_path):
    write_series(tmp_path / "new" / "study" / "x.parquet", np.ones((2, 1)))
    assert series_info(tmp_path / "new" / "study" / "x.parquet").rows == 2


@pytest.mark.parametrize("compression", ["none", "lz4", "zstd", "snappy"])
def test_a_compression_can_be_chosen(folder, compression):
    values = np.ones((500, 3))
    write_series(folder / "a.parquet", values, compression=compression)
    assert series_info(folder / "a.parquet").compression == compression
    found = LazyTimeScenarioSeriesData(folder / "a.parquet").get_value(range(500), np.arange(3))
    assert np.array_equal(found, values)


def test_readers_see_the_old_series_or_the_new_one_and_nothing_between(folder):
    path = folder / "a.parquet"
    write_series(path, np.zeros((50, 3)), block_length=5)
    stop = threading.Event()
    seen = set()

    mixed = []

    def read():
        while not stop.is_set():
            with suppress(ConflictError):
                data = LazyTimeScenarioSeriesData(path)
                found = set(np.unique(data.get_value(range(50), np.arange(3))).tolist())
                seen.update(found)
                mixed.extend([found] if len(found) > 1 else [])

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 30):
        write_series(path, np.full((50, 3), float(number)), block_length=5)
    stop.set()
    reader.join()
    assert len(seen) > 1
    assert mixed == []
    assert open_series_value(path) == 29.0


def test_a_real_wind_series_comes_through_unchanged(power, folder):
    text = power / "gems" / "wind_ts_base028.txt"
    (folder / "wind.txt").write_bytes(text.read_bytes())
    convert_series(folder)
    values = read_text(str(text))
    assert values.shape == (8760, 100)
    found = open_series(folder, "wind").get_value(range(8760), np.arange(100))
    assert np.array_equal(found, values)


@pytest.mark.parametrize(
    "values", [np.ones(3), np.array([["a"]]), np.ones((3, 0)), np.ones((1, 1, 1))]
)
def test_what_is_no_table_of_numbers_is_not_written(folder, values):
    with pytest.raises(SchemaMismatchError):
        write_series(folder / "a.parquet", values)
    assert os.listdir(folder) == []


def test_a_mapped_file_that_was_cut_is_named(folder):
    write_series(folder / "a.parquet", np.ones((5, 2)))
    mapped = LazyTimeScenarioSeriesData(folder / "a.parquet").mapped(None)
    with open(mapped.path, "r+b") as file:
        file.truncate(40)
    with pytest.raises(CorruptionError, match="Remove it; it is made again"):
        mapped.get_value([0], np.array([0]))
    os.unlink(mapped.path)
    with pytest.raises(NotFoundError, match="run the session again"):
        mapped.get_value([0], np.array([0]))


def test_a_mapped_file_is_written_once_for_one_content(folder):
    write_series(folder / "a.parquet", np.ones((5, 2)))
    write_series(folder / "b.parquet", np.ones((5, 2)))
    paths = {
        LazyTimeScenarioSeriesData(folder / f"{name}.parquet").mapped(None).path for name in "ab"
    }
    (path,) = paths
    before = os.stat(path)
    assert LazyTimeScenarioSeriesData(folder / "a.parquet").mapped(None).path == path
    assert os.stat(path) == before
    assert pl.read_ipc(path).shape == (5, 2)
    write_series(folder / "a.parquet", np.zeros((5, 2)))
    assert LazyTimeScenarioSeriesData(folder / "a.parquet").mapped(None).path != path
    assert sorted(os.listdir(folder)) == ["a.parquet", "b.parquet"]
