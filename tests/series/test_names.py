"""The names that the contract promises can be imported from one place."""

from __future__ import annotations

import pickle
from concurrent.futures import ProcessPoolExecutor
from inspect import signature

import pytest

from parquetry import series

PROMISED = {
    "AbstractDataStructure": ["get_value", "check_requirement"],
    "ConstantData": ["get_value", "check_requirement"],
    "TimeSeriesData": ["get_value", "check_requirement"],
    "ScenarioSeriesData": ["get_value", "check_requirement"],
    "TimeScenarioSeriesData": ["get_value", "check_requirement"],
    "LazyTimeSeriesData": ["get_value", "check_requirement", "materialize"],
    "LazyScenarioSeriesData": ["get_value", "check_requirement", "materialize"],
    "LazyTimeScenarioSeriesData": ["get_value", "check_requirement", "materialize"],
    "MaterializedTimeScenarioSeriesData": ["get_value", "check_requirement"],
    "DataBase": ["add_data", "get_data", "get_values", "get_value", "materialize"],
    "ScenarioBuilder": ["load"],
    "ResolutionConfig": [],
    "SimulationSession": ["run"],
    "MaterializationStrategy": ["NONE", "UPFRONT", "PER_WORKER", "MMAP"],
}


def test_all_is_sorted_and_true():
    assert series.__all__ == sorted(series.__all__, key=lambda name: (not name[0].isupper(), name))
    for name in series.__all__:
        assert hasattr(series, name)


@pytest.mark.parametrize("name", PROMISED)
def test_what_the_contract_promises_is_there(name):
    assert name in series.__all__
    for member in PROMISED[name]:
        assert hasattr(getattr(series, name), member)


def test_signatures_are_those_of_the_contract():
    names = list(signature(series.AbstractDataStructure.get_value).parameters)
    assert names == ["self", "timestep", "scenario"]
    names = list(signature(series.DataBase.add_data).parameters)
    assert names == ["self", "component_id", "parameter_name", "data", "scenario_group"]
    names = list(signature(series.DataBase.materialize).parameters)
    assert names == ["self", "mc_scenario_ids", "timesteps"]
    names = list(signature(series.MaterializedTimeScenarioSeriesData).parameters)
    assert names[:2] == ["data", "columns"]
    names = list(signature(series.SimulationSession).parameters)
    assert names[:4] == ["study", "config", "solve", "executor"]


def test_an_executor_is_never_inside_what_travels():
    with ProcessPoolExecutor(1) as executor:
        study = series.Study(series.DataBase(), series.TimeScope(0, 1))
        session = series.SimulationSession(study, series.ResolutionConfig(), print, executor)
        with pytest.raises(TypeError):
            pickle.dumps(session)
        pickle.dumps(study)
