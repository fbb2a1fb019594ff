"""What would stop a simulation is said before it starts."""

from __future__ import annotations

import os

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from parquetry.errors import NotFoundError, ParameterError, SchemaMismatchError
from parquetry.series.converting import write_series
from parquetry.series.database import DataBase
from parquetry.series.facts import check_series
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.scenarios import ScenarioBuilder
from parquetry.series.structures import TimeScenarioSeriesData, TimeSeriesData


def problems(data, last_step=99, ids=(0,), group=None, builder=None, *, refuse_nan=False):
    database = DataBase(builder)
    database.add_data("farm", "wind", data, group)
    return [str(f) for f in database.find_problems(last_step, list(ids), refuse_nan=refuse_nan)]


def test_a_sound_series_has_no_findings(wind):
    assert problems(LazyTimeScenarioSeriesData(wind[0]), 99, range(7), refuse_nan=True) == []


def test_too_few_steps_are_found(wind):
    for data in (LazyTimeScenarioSeriesData(wind[0]), TimeScenarioSeriesData(wind[1])):
        (found,) = problems(data, 100)
        assert "step 100 is needed, but there are 100 rows (steps 0 to 99)" in found
        assert found.startswith("farm.wind")


def test_too_few_columns_are_found_after_the_scenario_builder(wind):
    builder = ScenarioBuilder({"g": np.array([0, 9])})
    (found,) = problems(LazyTimeScenarioSeriesData(wind[0]), 99, [0, 1], "g", builder)
    assert "scenario column 9 is needed, but there are 7 columns" in found
    assert problems(LazyTimeScenarioSeriesData(wind[0]), 99, [0], "g", builder) == []


def test_an_unknown_group_is_found(wind):
    builder = ScenarioBuilder({"g": np.array([0])})
    (found,) = problems(LazyTimeScenarioSeriesData(wind[0]), 99, [0], "h", builder)
    assert "Its groups are: g" in found


def test_a_missing_file_is_found(folder):
    (found,) = problems(LazyTimeScenarioSeriesData(folder / "no.parquet"))
    assert "does not exist" in found


@pytest.mark.parametrize("values", [["a", "b"], [True, False], [[1], [2]]])
def test_columns_that_are_no_numbers_are_found(folder, values):
    pl.DataFrame({"0": values}).write_parquet(folder / "x.parquet")
    (found,) = problems(LazyTimeScenarioSeriesData(folder / "x.parquet"), 1)
    assert "where numbers are needed" in found


def test_columns_that_are_not_named_by_scenario_are_found(folder):
    pl.DataFrame({"wind": [1.0]}).write_parquet(folder / "x.parquet")
    (found,) = problems(LazyTimeScenarioSeriesData(folder / "x.parquet"), 0)
    assert "named by scenario" in found


def test_a_gap_between_columns_is_found(folder):
    pl.DataFrame({"0": [1.0], "2": [1.0]}).write_parquet(folder / "x.parquet")
    (found,) = problems(LazyTimeScenarioSeriesData(folder / "x.parquet"), 0)
    assert "column 1 is missing" in found


@pytest.mark.parametrize("statistics", [True, False])
def test_nulls_are_found_and_never_become_numbers(folder, statistics):
    table = pa.table({"0": [1.0, 2.0, 3.0], "1": [1.0, None, 3.0]})
    pq.write_table(table, folder / "x.parquet", write_statistics=statistics, row_group_size=2)
    data = LazyTimeScenarioSeriesData(folder / "x.parquet")
    (found,) = problems(data, 2, [0, 1])
    assert "null(s) in column '1'" in found
    assert problems(data, 2, [0]) == []
    with pytest.raises(SchemaMismatchError, match="between the steps 0 and 1"):
        data.get_value([0], np.array([1]))
    assert data.get_value([2], np.array([1]))[0, 0] == 3.0


@pytest.mark.parametrize("ours", [True, False])
def test_nan_is_found_where_it_is_refused(folder, ours):
    values = np.array([[1.0, np.nan], [2.0, 3.0]])
    if ours:
        write_series(folder / "x.parquet", values)
    else:
        pl.DataFrame(values, schema=["0", "1"]).write_parquet(folder / "x.parquet")
    for data in (
        LazyTimeScenarioSeriesData(folder / "x.parquet"),
        LazyTimeScenarioSeriesData(folder / "x.parquet").mapped(None),
        TimeScenarioSeriesData(values),
    ):
        (found,) = problems(data, 1, [0, 1], refuse_nan=True)
        assert "1 value(s) are NaN" in found
        assert problems(data, 1, [0, 1]) == []


def test_the_wrong_shape_for_its_kind_is_found(wind, folder):
    assert "exactly one column" in problems(LazyTimeSeriesData(wind[0]))[0]
    assert "exactly one row" in problems(LazyScenarioSeriesData(wind[0]))[0]


def test_eager_and_materialized_data_are_checked_too(wind):
    assert "step 5 is needed" in problems(TimeSeriesData(np.ones(5)), 5)[0]
    lazy = LazyTimeScenarioSeriesData(wind[0])
    assert "were not loaded" in problems(lazy.materialize([0], range(5)), 5)[0]
    assert "were not loaded" in problems(lazy.materialize([0], range(6)), 5, [1])[0]
    assert problems(lazy.materialize([1], range(6)), 5, [1]) == []


def test_a_folder_is_checked_file_by_file(folder, wind):
    assert check_series(folder) == []
    (folder / "bad.txt").write_text("x\n")
    (folder / "wind.txt").write_text("1\n")
    later = wind[0].stat().st_mtime_ns + 10**9
    os.utime(folder / "wind.txt", ns=(later, later))
    (folder / "cut.parquet").write_bytes(b"PAR1")
    found = check_series(folder)
    assert [os.path.basename(finding.where) for finding in found] == [
        "bad.txt",
        "cut.parquet",
        "wind.txt",
    ]
    assert len(check_series(folder, last_step=100)) == 4


def test_text_without_a_twin_is_checked_like_parquet(folder):
    np.savetxt(folder / "wind.txt", np.array([[1.0, 2.0], [3.0, np.nan]]))
    np.savetxt(folder / "price.tsv", np.array([[1.0], [2.0]]))
    assert check_series(folder, last_step=1, mc_scenario_ids=[0, 1]) == []
    (found,) = check_series(folder, last_step=1, mc_scenario_ids=[2])
    assert "scenario column 2 is needed" in found.problem
    assert [os.path.basename(f.where) for f in check_series(folder, last_step=2)] == [
        "price.tsv",
        "wind.txt",
    ]
    (found,) = check_series(folder, refuse_nan=True)
    assert "1 value(s) are NaN" in found.problem


def test_a_database_is_checked_for_steps_and_scenarios_that_are_named(wind, folder):
    database = DataBase()
    database.add_data("farm", "wind", LazyTimeScenarioSeriesData(wind[0]))
    assert check_series(database, last_step=99, mc_scenario_ids=range(7)) == []
    assert len(check_series(database, last_step=100, mc_scenario_ids=[7])) == 2
    with pytest.raises(ParameterError, match="give both"):
        check_series(database)
    with pytest.raises(NotFoundError):
        check_series(folder / "nowhere")
