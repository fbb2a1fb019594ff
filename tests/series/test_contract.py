"""What every kind of data answers, for every combination of time and scenario."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from parquetry.errors import ParquetryError, RequestError, SchemaMismatchError
from parquetry.series.converting import write_series
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.materialized import (
    MaterializedTimeScenarioSeriesData,
    MaterializedTimeSeriesData,
)
from parquetry.series.structures import (
    ConstantData,
    ScenarioSeriesData,
    TimeScenarioSeriesData,
    TimeSeriesData,
)

STEPS = [3, 1, 1, 0]
COLUMNS = np.array([2, 0, 2])
TIME = np.array([10.0, 11.0, 12.0, 13.0, 14.0])
ROW = np.array([5.0, 6.0, 7.0])
BOTH = np.arange(15.0).reshape(5, 3)
TIME_ANSWER = TIME[STEPS]
ROW_ANSWER = ROW[COLUMNS]
BOTH_ANSWER = BOTH[np.ix_(STEPS, COLUMNS)]


@pytest.fixture
def kinds(folder):
    write_series(folder / "time.parquet", TIME[:, None], block_length=2)
    write_series(folder / "row.parquet", ROW[None, :], block_length=2)
    write_series(folder / "both.parquet", BOTH, block_length=2)
    lazy_time = LazyTimeSeriesData(folder / "time.parquet")
    lazy_row = LazyScenarioSeriesData(folder / "row.parquet")
    lazy_both = LazyTimeScenarioSeriesData(folder / "both.parquet")
    every = np.arange(3)
    return {
        "constant": ConstantData(4),
        "time": TimeSeriesData(TIME),
        "lazy time": lazy_time,
        "mapped time": lazy_time.mapped(None),
        "materialized time": lazy_time.materialize(),
        "cut time": lazy_time.materialize(steps=range(4)),
        "scattered time": MaterializedTimeSeriesData(TIME[[3, 0, 1]], np.array([3, 0, 1])),
        "row": ScenarioSeriesData(ROW),
        "lazy row": lazy_row,
        "mapped row": lazy_row.mapped(None),
        "materialized row": lazy_row.materialize(every, range(1, 3)),
        "both": TimeScenarioSeriesData(BOTH),
        "lazy both": lazy_both,
        "mapped both": lazy_both.mapped(None),
        "materialized both": lazy_both.materialize(),
        "cut both": lazy_both.materialize(np.array([2, 0, 2]), range(4)),
        "scattered both": lazy_both.materialize({2, 0}, [3, 1, 0]),
        "given both": MaterializedTimeScenarioSeriesData(BOTH[:, [2, 0]], np.array([2, 0])),
    }


NAMES = [
    "constant", "time", "lazy time", "mapped time", "materialized time", "cut time", "scattered time",
    "row", "lazy row", "mapped row", "materialized row",
    "both", "lazy both", "mapped both", "materialized both", "cut both", "scattered both", "given both",
]  # fmt: skip


def kind_of(name):
    return name.split()[-1]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_time_is_an_error_where_the_data_varies_over_time(kinds, name):
    data = kinds[name]
    if kind_of(name) in ("time", "both"):
        with pytest.raises(KeyError):
            data.get_value(None, COLUMNS)
    elif kind_of(name) == "row":
        assert np.array_equal(data.get_value(None, COLUMNS), ROW_ANSWER)
    else:
        assert data.get_value(None, COLUMNS) == 4.0


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_scenario_is_an_error_where_the_data_varies_over_scenarios(kinds, name):
    data = kinds[name]
    if kind_of(name) in ("row", "both"):
        with pytest.raises(KeyError):
            data.get_value(STEPS, None)
    elif kind_of(name) == "time":
        assert np.array_equal(data.get_value(STEPS, None), TIME_ANSWER)
    else:
        assert data.get_value(STEPS, None) == 4.0


@pytest.mark.parametrize("name", NAMES)
def test_with_both_the_answer_is_steps_by_scenarios(kinds, name):
    value = kinds[name].get_value(STEPS, COLUMNS)
    expected = {
        "constant": 4.0,
        "time": np.broadcast_to(TIME_ANSWER[:, None], (4, 3)),
        "row": np.broadcast_to(ROW_ANSWER, (4, 3)),
        "both": BOTH_ANSWER,
    }[kind_of(name)]
    assert np.array_equal(value, expected)
    assert np.shape(value) == np.shape(expected)
    if kind_of(name) == "constant":
        assert type(value) is float
    else:
        assert value.dtype == np.float64


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) in ("time", "row")])
def test_what_does_not_vary_is_a_view_and_not_a_copy(kinds, name):
    value = kinds[name].get_value(STEPS, COLUMNS)
    assert 0 in value.strides
    assert not value.flags.writeable


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("time", [False, True])
@pytest.mark.parametrize("scenario", [False, True])
def test_a_model_must_know_what_the_data_varies_over(kinds, name, time, scenario):
    expected = {"constant": True, "time": time, "row": scenario, "both": time and scenario}
    assert kinds[name].check_requirement(time, scenario) is expected[kind_of(name)]


@pytest.mark.parametrize("name", NAMES)
def test_data_answers_the_same_after_pickling(kinds, name):
    data = kinds[name]
    data.get_value(STEPS, COLUMNS)
    again = pickle.loads(pickle.dumps(data))
    assert np.array_equal(again.get_value(STEPS, COLUMNS), data.get_value(STEPS, COLUMNS))


@pytest.mark.parametrize(
    "name", ["lazy time", "lazy row", "lazy both", "mapped time", "mapped both"]
)
def test_data_on_disk_travels_as_a_path_alone(kinds, name):
    data = kinds[name]
    data.get_value(STEPS, COLUMNS)
    assert len(pickle.dumps(data)) < len(data.path) + 200


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) in ("time", "both")])
@pytest.mark.parametrize("steps", [[-1], range(-1, 2), [5], range(3, 6), [0, 5, 1], range(5, 6)])
def test_steps_outside_are_errors_and_never_wrap_around(kinds, name, steps):
    with pytest.raises(KeyError) as caught:
        kinds[name].get_value(steps, COLUMNS)
    assert isinstance(caught.value, ParquetryError)


@pytest.mark.parametrize("name", [name for name in NAMES if kind_of(name) in ("row", "both")])
@pytest.mark.parametrize("columns", [[-1], [3], [0, -1], [0, 3, 1], [-3, 0]])
@pytest.mark.parametrize("steps", [range(2), [1, 0]])
def test_columns_outside_are_errors_and_never_wrap_around(kinds, name, columns, steps):
    kinds[name].get_value(steps, COLUMNS)  # whatever is cached now
    with pytest.raises(KeyError):
        kinds[name].get_value(steps, np.array(columns))


def test_a_column_that_was_not_loaded_is_a_key_error(kinds):
    with pytest.raises(KeyError, match="scenario column 1"):
        kinds["given both"].get_value([0], np.array([1]))


def test_a_step_that_was_not_loaded_is_a_key_error(kinds):
    with pytest.raises(KeyError, match="time step 4"):
        kinds["cut both"].get_value([4], np.array([0]))
    with pytest.raises(KeyError, match="time step 2"):
        kinds["scattered time"].get_value([2], None)


@pytest.mark.parametrize("name", NAMES)
def test_no_steps_and_no_scenarios_give_empty_arrays(kinds, name):
    if kind_of(name) == "constant":
        return
    data, nothing = kinds[name], np.array([], np.intp)
    assert data.get_value([], COLUMNS).shape == (0, 3)
    assert data.get_value([0, 1], nothing).shape == (2, 0)


@pytest.mark.parametrize("steps", [[0.5], ["a"], [[0]], [[0], [0, 1]], [True]])
def test_steps_that_are_no_whole_numbers_are_refused(kinds, steps):
    with pytest.raises(RequestError, match="whole numbers"):
        kinds["lazy both"].get_value(steps, COLUMNS)


def test_an_answer_can_be_changed_without_changing_the_data(kinds):
    for name in ("both", "lazy both", "mapped both", "materialized both"):
        for steps in (range(2), range(5), [0, 1]):
            for columns in (np.array([1]), COLUMNS):
                kinds[name].get_value(steps, columns)[:] = -1
        assert np.array_equal(kinds[name].get_value(STEPS, COLUMNS), BOTH_ANSWER), name


def test_words_are_refused_as_eager_data():
    with pytest.raises(SchemaMismatchError, match="must be numbers"):
        TimeSeriesData(np.array(["a"]))
    with pytest.raises(SchemaMismatchError, match="2 dimension"):
        TimeScenarioSeriesData(TIME)


def test_a_materialized_series_names_every_row_and_column():
    with pytest.raises(SchemaMismatchError, match="shape"):
        MaterializedTimeScenarioSeriesData(BOTH, np.array([0, 1]))
