"""What a workload is about: kinds by their time, columns by what hangs on them."""

from __future__ import annotations

import datetime as dt

import pyarrow as pa
import pytest

from parquetry.access.conditions import Comparison, Demand
from parquetry.tuning.records import (
    ColumnName,
    LoggedQuery,
    LoggedScan,
    PredicateUse,
    Shape,
)
from parquetry.tuning.samples import Sample
from parquetry.tuning.workload import Workload

NOW = dt.datetime(2024, 5, 1, tzinfo=dt.UTC)


def name(column, table="events"):
    return ColumnName(table, column)


BY_X = Shape("by_x", ("events",), (PredicateUse(name("x"), "equality"),), grouped=(name("g"),))
BY_Y = Shape(
    "by_y",
    ("events", "other"),
    (PredicateUse(name("y"), "other"), PredicateUse(name("z", "other"), "range")),
    ordered=(name("x"),),
    joined=(name("k"),),
)


def query(number, cluster, latency_ms, *, days=0.0, x=None, rows=None):
    demands = ((Demand(Comparison("x", "=", x)),),) if x is not None else ((),)
    scan = LoggedScan("events", demands=demands, rows=rows)
    at = NOW - dt.timedelta(days=days)
    return LoggedQuery(str(number), at, "sql", "", cluster, latency_ms, 1, (scan,))


def test_a_kind_counts_by_its_time_which_halves_every_seven_days():
    queries = [
        query(1, "by_x", 100.0, days=7),
        query(2, "by_x", 100.0),
        query(3, "by_y", 50.0),
    ]
    workload = Workload.of("events", queries, [BY_X, BY_Y], NOW)
    one, other = workload.clusters
    assert (one.shape, one.queries, one.weight) == (BY_X, 2, pytest.approx(1.5))
    assert one.seconds == pytest.approx(0.15)
    assert one.share == pytest.approx(0.75)
    assert one.mean_latency_ms == pytest.approx(100.0)
    assert other.share == pytest.approx(0.25)
    assert (workload.since, workload.until) == (NOW - dt.timedelta(days=7), NOW)


def test_columns_are_used_by_the_share_of_time():
    queries = [query(1, "by_x", 75.0), query(2, "by_y", 25.0)]
    workload = Workload.of("events", queries, [BY_X, BY_Y], NOW)
    used = {one.column: one for one in workload.columns}
    assert set(used) == {"x", "y", "g", "k"}
    assert (used["x"].filters, used["x"].orders) == (pytest.approx(0.75), pytest.approx(0.25))
    assert used["g"].groups == pytest.approx(0.75)
    assert used["k"].joins == pytest.approx(0.25)
    assert used["x"].operators == {"equality": pytest.approx(0.75)}
    assert used["x"].heat == pytest.approx(0.75)
    assert used["y"].heat == 0
    assert workload.hot_columns == ("x",)


def test_selectivities_come_from_the_sample_and_from_the_log():
    table = pa.table({"x": [1, 1, 2, 3], "y": [1, 2, 3, 4]})
    sample = Sample(table, 4_000, 100, {"x": 10, "y": 10})
    queries = [query(1, "by_x", 10.0, x=1, rows=2_000), query(2, "by_x", 10.0, x=3, rows=1_000)]
    workload = Workload.of("events", queries, [BY_X], NOW, sample=sample)
    [kind] = workload.clusters
    assert kind.selectivity == pytest.approx(0.375)
    used = {one.column: one for one in workload.columns}
    assert used["x"].selectivity == pytest.approx(0.375)
    assert used["x"].heat == pytest.approx(0.625)


def test_a_kind_that_nobody_described_still_counts():
    workload = Workload.of("events", [query(1, "unheard", 10.0)], [], NOW)
    assert workload.clusters[0].shape == Shape("unheard", ("events",))
    assert workload.columns == ()


def test_nothing_asked_is_a_workload_too():
    workload = Workload.of("events", [], [], NOW)
    assert (workload.queries, workload.clusters, workload.hot_columns) == (0, (), ())
    assert workload.since is None
