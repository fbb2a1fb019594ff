"""From a log to priced proposals: layouts that fit what was asked are found."""

from __future__ import annotations

import datetime as dt

import pytest

from parquetry import Store
from parquetry.access.conditions import Comparison, Demand
from parquetry.tuning.config import Config
from parquetry.tuning.datasets.generating import generate
from parquetry.tuning.metadata.store import MetadataStore
from parquetry.tuning.proposing import propose_for
from parquetry.tuning.records import LayoutRecord, LoggedQuery, LoggedScan

NOW = dt.datetime.now(dt.UTC)


def question(number, column, value, latency_ms=10.0, days_ago=0.0, kind=None):
    demands = ((Demand(Comparison(column, "=", value)),),)
    return LoggedQuery(
        query_id=f"{column}-{number}",
        at=NOW - dt.timedelta(days=days_ago, milliseconds=number),
        language="sql",
        text=f"SELECT count(*) FROM events WHERE {column} = {value!r}",
        cluster_id=kind or column,
        latency_ms=latency_ms,
        rows_returned=1,
        scans=(LoggedScan("events", demands=demands),),
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    generate(store, "events", 200_000)
    return store.dataset("events")


@pytest.fixture
def metadata(tmp_path):
    return MetadataStore(tmp_path / "metadata.db")


def test_the_column_that_is_asked_for_is_what_rows_are_sorted_by(dataset, metadata):
    metadata.log_queries([question(n, "customer_id", n * 7) for n in range(100)])
    found = propose_for(dataset, metadata, Config())
    assert found.queries == 100
    assert found.own.layout_id == "initial"
    assert found.best.layout.columns[0] == "customer_id"
    assert found.best.row_groups < 0.1 * found.own.row_groups
    assert found.best.seconds < found.own.seconds
    assert found.best.rewrite_seconds > 0


def test_layouts_that_are_there_are_priced_and_not_proposed_again(dataset, metadata):
    metadata.log_queries([question(n, "customer_id", n * 7) for n in range(100)])
    best = propose_for(dataset, metadata, Config()).best
    metadata.save_layout(
        LayoutRecord(best.layout_id, "events", best.layout, "replica", "ready", NOW)
    )
    found = propose_for(dataset, metadata, Config())
    assert [one.layout_id for one in found.present] == ["initial", best.layout_id]
    assert best.layout_id not in {one.layout_id for one in found.candidates}
    assert found.present[1].seconds < found.own.seconds


def test_without_questions_nothing_is_proposed(dataset, metadata):
    found = propose_for(dataset, metadata, Config())
    assert (found.candidates, found.best, found.queries) == ((), None, 0)
