"""A study's data, found by component and parameter."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from parquetry.series.converting import write_series
from parquetry.series.database import ComponentParameterIndex, DataBase
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.materialized import (
    MaterializedTimeScenarioSeriesData,
    MaterializedTimeSeriesData,
)
from parquetry.series.scenarios import ScenarioBuilder
from parquetry.series.structures import ConstantData, ScenarioSeriesData, TimeSeriesData
from parquetry.series.tiles import cache_info

BUILDER = ScenarioBuilder({"odd": np.array([1, 3, 5]), "even": np.array([0, 2, 4])})


@pytest.fixture
def database(wind, folder):
    path, values = wind
    write_series(folder / "price.parquet", values[:, :1], block_length=10)
    write_series(folder / "share.parquet", values[:1], block_length=10)
    made = DataBase(BUILDER)
    made.add_data("farm", "wind", LazyTimeScenarioSeriesData(path), "odd")
    made.add_data("market", "price", LazyTimeSeriesData(folder / "price.parquet"))
    made.add_data("farm", "share", LazyScenarioSeriesData(folder / "share.parquet"), "even")
    made.add_data("plant", "cost", ConstantData(30.0))
    return made


def test_values_are_found_by_monte_carlo_scenario(database, wind):
    _, values = wind
    found = database.get_values("farm", "wind", range(5), [2, 0, 2])
    assert np.array_equal(found, values[:5][:, [5, 1, 5]])


def test_one_number_is_found_by_index(database, wind):
    _, values = wind
    at = ComponentParameterIndex
    assert database.get_value(at("farm", "wind"), 42, 1) == values[42, 3]
    assert database.get_value(at("market", "price"), 42, None) == values[42, 0]
    assert database.get_value(at("farm", "share"), None, 2) == values[0, 4]
    assert database.get_value(at("plant", "cost"), None, None) == 30.0


def test_a_parameters_group_goes_before_its_components(wind):
    path, values = wind
    database = DataBase(BUILDER)
    database.set_scenario_group("farm", "even")
    database.add_data("farm", "a", LazyTimeScenarioSeriesData(path))
    database.add_data("farm", "b", LazyTimeScenarioSeriesData(path), "odd")
    assert np.array_equal(database.get_values("farm", "a", [0], [1]), values[:1, [2]])
    assert np.array_equal(database.get_values("farm", "b", [0], [1]), values[:1, [3]])


def test_unknown_data_names_the_nearest(database):
    with pytest.raises(KeyError) as caught:
        database.get_data("farm", "wimd")
    assert "Did you mean 'farm.wind'?" in str(caught.value)


def test_an_unknown_group_is_a_value_error(wind):
    database = DataBase(BUILDER)
    database.add_data("farm", "wind", LazyTimeScenarioSeriesData(wind[0]), "none")
    with pytest.raises(ValueError, match="even, odd"):
        database.get_values("farm", "wind", [0], [0])


def test_materializing_gives_a_new_database_in_memory_and_leaves_the_old_one(database):
    made = database.materialize([0, 2])
    assert type(made.get_data("farm", "wind")) is MaterializedTimeScenarioSeriesData
    assert made.get_data("farm", "wind").columns.tolist() == [1, 5]
    assert type(made.get_data("market", "price")) is TimeSeriesData
    assert type(made.get_data("farm", "share")) is ScenarioSeriesData
    assert made.get_data("plant", "cost") is database.get_data("plant", "cost")
    assert type(database.get_data("farm", "wind")) is LazyTimeScenarioSeriesData


def test_a_materialized_database_answers_like_the_lazy_one(database):
    for made in (database.materialize([0, 2]), database.mapped()):
        for component, parameter in [("farm", "wind"), ("market", "price"), ("farm", "share")]:
            for steps in (range(7, 31), [99, 0, 0]):
                expected = database.get_values(component, parameter, steps, [2, 0, 0])
                found = made.get_values(component, parameter, steps, [2, 0, 0])
                assert np.array_equal(found, expected)


def test_a_scenario_that_was_not_materialized_is_a_key_error(database):
    with pytest.raises(KeyError):
        database.materialize([0, 2]).get_values("farm", "wind", [0], [1])


def test_materializing_some_steps_loads_those_and_no_others(database, wind):
    _, values = wind
    made = database.materialize([1], range(20, 30))
    assert made.get_data("farm", "wind").data.shape == (10, 1)
    assert type(made.get_data("market", "price")) is MaterializedTimeSeriesData
    found = made.get_values("farm", "wind", range(22, 25), [1])
    assert np.array_equal(found, values[22:25, [3]])
    with pytest.raises(KeyError):
        made.get_values("farm", "wind", [30], [1])


def test_materializing_does_not_fill_the_cache(database):
    before = cache_info().decoded_bytes
    database.materialize([0, 1, 2])
    assert cache_info().decoded_bytes == before


def test_a_lazy_database_travels_light(database):
    database.get_values("farm", "wind", range(100), [0, 1, 2])
    sent = pickle.dumps(database)
    assert len(sent) < 3000
    again = pickle.loads(sent)
    expected = database.get_values("farm", "wind", [5], [0])
    assert np.array_equal(again.get_values("farm", "wind", [5], [0]), expected)
