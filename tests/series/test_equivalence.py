"""However the data is held, the answer is the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from parquetry.series.converting import write_series
from parquetry.series.lazy import (
    LazyScenarioSeriesData,
    LazyTimeScenarioSeriesData,
    LazyTimeSeriesData,
)
from parquetry.series.structures import (
    ScenarioSeriesData,
    TimeScenarioSeriesData,
    TimeSeriesData,
)
from parquetry.series.tiles import set_cache_budget

COMPRESSIONS = st.sampled_from(["none", "lz4", "zstd", "snappy"])


@st.composite
def questions(draw):
    rows = draw(st.integers(1, 60))
    columns = draw(st.integers(1, 9))
    start = draw(st.integers(0, rows - 1))
    block = range(start, draw(st.integers(start, rows)))
    scattered = draw(st.lists(st.integers(0, rows - 1), max_size=20))
    scenario = draw(st.lists(st.integers(0, columns - 1), max_size=12))
    return rows, columns, block, scattered, np.array(scenario, np.intp)


@settings(max_examples=150, deadline=None)
@given(
    question=questions(),
    block_length=st.integers(1, 20),
    compression=COMPRESSIONS,
    budget=st.sampled_from([0, 500, 1 << 20]),
)
def test_every_way_of_holding_a_series_gives_the_same_values(
    question, block_length, compression, budget
):
    rows, columns, block, scattered, scenario = question
    values = np.random.default_rng(rows * 100 + columns).normal(size=(rows, columns))
    set_cache_budget(budget)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "series" / "s.parquet"
        path.parent.mkdir()
        write_series(path, values, block_length, compression=compression)
        lazy = LazyTimeScenarioSeriesData(path)
        eager = TimeScenarioSeriesData(values)
        for steps in (block, list(block), scattered, np.array(scattered, np.int32)):
            expected = eager.get_value(steps, scenario)
            ways = {
                "lazy": lazy,
                "lazy again": lazy,
                "mapped": lazy.mapped(None),
                "materialized": lazy.materialize(),
                "cut": lazy.materialize(scenario, _unique(steps)),
            }
            for way, data in ways.items():
                found = data.get_value(steps, scenario)
                assert found.shape == (len(steps), len(scenario)), way
                assert np.array_equal(found, expected), way


@settings(max_examples=40, deadline=None)
@given(
    kinds=st.lists(
        st.sampled_from([pa.float64(), pa.float32(), pa.int64(), pa.int16(), pa.uint8()]),
        min_size=1,
        max_size=5,
    ),
    row_group_rows=st.integers(1, 30),
    shuffle=st.randoms(),
)
def test_files_of_others_are_read_whatever_their_number_types_and_order(
    kinds, row_group_rows, shuffle
):
    values = np.random.default_rng(len(kinds)).integers(0, 200, (25, len(kinds)))
    columns = {str(n): pa.array(values[:, n], kind) for n, kind in enumerate(kinds)}
    names = list(columns)
    shuffle.shuffle(names)
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "s.parquet"
        table = pa.table({"label": ["x"] * 25} | {name: columns[name] for name in names})
        pq.write_table(table, path, row_group_size=row_group_rows)
        lazy = LazyTimeScenarioSeriesData(path)
        every = np.arange(len(kinds))
        assert np.array_equal(lazy.get_value(range(20, 25), every[:1]), values[20:, :1])
        assert np.array_equal(lazy.get_value(range(25), every), values)
        assert np.array_equal(lazy.materialize().get_value([3, 24], every), values[[3, 24]])


def answer(data, steps, scenario):
    """Return what data answers: an array, or the kind of error."""
    try:
        return data.get_value(steps, scenario)
    except KeyError as error:
        return type(error)


@settings(max_examples=100, deadline=None)
@given(
    kind=st.sampled_from(["time", "scenario", "both"]),
    question=questions(),
    asked=st.tuples(st.booleans(), st.booleans()),
    outside=st.sampled_from([(0, 0), (60, 0), (0, 9), (-61, 0), (0, -10)]),
    compression=COMPRESSIONS,
)
def test_lazy_and_eager_data_of_every_kind_answer_alike_with_and_without_time_and_scenario(
    kind, question, asked, outside, compression
):
    rows, columns, block, scattered, scenario = question
    rows, columns = (1 if kind == "scenario" else rows), (1 if kind == "time" else columns)
    values = np.random.default_rng(rows * 100 + columns).normal(size=(rows, columns))
    eager_kind, lazy_kind, held = {
        "time": (TimeSeriesData, LazyTimeSeriesData, values[:, 0]),
        "scenario": (ScenarioSeriesData, LazyScenarioSeriesData, values[0]),
        "both": (TimeScenarioSeriesData, LazyTimeScenarioSeriesData, values),
    }[kind]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "s.parquet"
        write_series(path, values, 7, compression=compression)
        eager, lazy = eager_kind(held), lazy_kind(path)
        for steps in (block, [step + outside[0] for step in scattered]):
            given_steps = steps if asked[0] else None
            given_scenario = scenario + outside[1] if asked[1] else None
            expected = answer(eager, given_steps, given_scenario)
            for data in (lazy, lazy.materialize(), lazy.mapped(None)):
                found = answer(data, given_steps, given_scenario)
                if isinstance(expected, type):
                    assert found is expected
                else:
                    assert found.shape == expected.shape
                    assert np.array_equal(found, expected)


def _unique(steps):
    found = np.unique(np.asarray(steps, np.intp))
    if len(found) and isinstance(steps, range):
        return steps
    return found
