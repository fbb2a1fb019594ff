"""A series of many scenarios is a folder of files, of which only those that are needed are opened."""

from __future__ import annotations

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import SchemaMismatchError
from parquetry.series import LazyTimeScenarioSeriesData, write_series
from parquetry.series.reader import open_files

VALUES = np.random.default_rng(5).random((30, 450))


@pytest.fixture
def series(folder):
    write_series(folder / "s.parquet", VALUES, block_length=5)
    return folder / "s.parquet"


def opened(series):
    return sorted(file.path[-14:-8] for file in open_files() if file.path.startswith(str(series)))


def test_only_the_files_that_are_needed_are_opened(series):
    data = LazyTimeScenarioSeriesData(series)
    data.get_value(range(5), np.array([310]))
    assert opened(series) == ["000149", "000449"]  # the first tells how many steps there are
    assert data.get_value([0], np.array([160]))[0, 0] == VALUES[0, 160]
    assert opened(series) == ["000149", "000299", "000449"]


def test_a_missing_file_in_the_middle_is_found(series):
    (series / "scenarios-000150-000299.parquet").unlink()
    with pytest.raises(SchemaMismatchError, match="column 150 is missing"):
        LazyTimeScenarioSeriesData(series).get_value([0], np.array([0]))


def test_a_file_that_holds_other_columns_than_its_name_says_is_found(series):
    shutil.copyfile(
        series / "scenarios-000000-000149.parquet", series / "scenarios-000300-000449.parquet"
    )
    data = LazyTimeScenarioSeriesData(series)
    assert data.get_value([0], np.array([0]))[0, 0] == VALUES[0, 0]
    with pytest.raises(SchemaMismatchError, match="must hold the columns 300 to 449"):
        data.get_value([0], np.array([400]))


def test_a_file_with_other_steps_is_found(series, folder):
    write_series(folder / "t.parquet", VALUES[:20], block_length=5)
    name = "scenarios-000150-000299.parquet"
    shutil.copyfile(folder / "t.parquet" / name, series / name)
    with pytest.raises(SchemaMismatchError, match="different numbers of steps: 30 and 20"):
        LazyTimeScenarioSeriesData(series).get_value([0], np.array([200]))


def test_an_empty_folder_is_no_series(folder):
    (folder / "s.parquet").mkdir()
    with pytest.raises(SchemaMismatchError, match="holds no Parquet file"):
        LazyTimeScenarioSeriesData(folder / "s.parquet").get_value([0], np.array([0]))


def test_files_of_others_with_names_and_row_groups_of_their_own_are_read(folder):
    path = folder / "s.parquet"
    path.mkdir()
    for number, (columns, rows) in enumerate([(range(3, 8), 7), (range(3), 4)]):
        table = pa.table({str(column): VALUES[:, column] for column in columns})
        pq.write_table(table, path / f"{number}.parquet", row_group_size=rows)
    data, every = LazyTimeScenarioSeriesData(path), np.array([7, 0, 3, 2, 7])
    for steps in (range(2, 25), [29, 0, 29], range(30)):
        expected = VALUES[np.ix_(steps, every)]
        assert np.array_equal(data.get_value(steps, every), expected)
        assert np.array_equal(data.materialize(every, range(30)).get_value(steps, every), expected)
