"""Made-up workloads run on the tables that they are for, and repeat themselves by seed."""

from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from parquetry import Store
from parquetry.errors import NotFoundError, RequestError
from parquetry.tuning.datasets.generating import generate
from parquetry.tuning.workloads.choosing import draw_workload


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    made = Store(tmp_path_factory.mktemp("data"))
    generate(made, "events", 5_000)
    return made


def test_every_question_to_events_can_be_asked_and_most_find_something(store):
    drawn = list(draw_workload(store, "events", 150, seed=1))
    rows = [store.sql(one.sql).stats.rows for one in drawn]
    assert {one.template for one in drawn} >= {"recent days", "one customer", "segments"}
    assert sum(1 for count in rows if count) > 100


def test_the_same_seed_asks_the_same(store):
    once, again, other = (list(draw_workload(store, "events", 30, seed=s)) for s in (1, 1, 2))
    assert once == again
    assert once != other


def test_without_customers_nothing_is_joined(tmp_path, store):
    alone = Store(tmp_path)
    alone.dataset("events").append(store.dataset("events").scan())
    drawn = draw_workload(alone, "events", 200, seed=0)
    assert "segments" not in {one.template for one in drawn}


@pytest.mark.parametrize(
    "names",
    [
        ("tpep_pickup_datetime", "PULocationID", "DOLocationID", "trip_distance", "total_amount"),
        (
            "pickup_datetime",
            "pickup_location_id",
            "dropoff_location_id",
            "trip_miles",
            "fare_amount",
        ),
    ],
)
def test_trips_are_known_under_the_names_of_every_year(tmp_path, names):
    day = dt.datetime(2023, 1, 1)
    columns = {
        names[0]: [day + dt.timedelta(hours=n) for n in range(100)],
        **{name: [n % 7 for n in range(100)] for name in names[1:]},
        "payment_type": [n % 2 for n in range(100)],
    }
    store = Store(tmp_path)
    store.dataset("trips").append(pl.DataFrame(columns))
    for one in draw_workload(store, "trips", 60, seed=0, kind="taxi"):
        store.sql(one.sql)


def test_what_is_no_trip_is_refused_with_what_is_missing(store):
    with pytest.raises(RequestError, match="pickup: tpep_pickup_datetime or"):
        list(draw_workload(store, "events", 1, seed=0, kind="taxi"))


@pytest.mark.parametrize(
    "columns",
    [
        {"a": [1, 2, 3], "odd name": ["x", "y's", None], "f": [1.5, float("nan"), 2.5]},
        {"day": [dt.date(2024, 1, n) for n in (1, 2, 3)], "flag": [True, False, None]},
        {"same": [7, 7, 7]},
        {"nested": [[1], [2], []], "k": [1, 2, 3]},
        {"t": [dt.datetime(2024, 1, 1, n, tzinfo=dt.UTC) for n in range(3)], "empty": [None] * 3},
    ],
)
def test_any_table_can_be_asked_something(tmp_path, columns):
    store = Store(tmp_path)
    store.dataset("some table").append(pl.DataFrame(columns))
    for one in draw_workload(store, "some table", 40, seed=0):
        store.sql(one.sql)


def test_an_unknown_table_is_refused_with_the_nearest(store):
    with pytest.raises(NotFoundError, match="Did you mean 'events'"):
        list(draw_workload(store, "event", 1, seed=0))


@pytest.mark.data
def test_real_trips_are_asked_about_the_year_that_they_are_of(tmp_path, real_data):
    from parquetry.tuning.datasets.loading import load

    store = Store(tmp_path)
    load(store.dataset("nyc_taxi"), real_data / "taxi", pattern="yellow*")
    drawn = list(draw_workload(store, "nyc_taxi", 60, seed=0, kind="taxi"))
    windows = [one for one in drawn if one.template == "rush hours"]
    assert all("'2019-" in one.sql for one in windows)  # some trips claim 2001 and 2088
    assert all(store.sql(one.sql).stats.rows for one in windows)
